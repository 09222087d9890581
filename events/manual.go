package events

// Manual returns the event of a run that a person asked for: vendor manual,
// event run, without a filter, a payload, or anything to compare with. The
// repository may be nil on a laptop. Ref is a full ref and sha a full commit;
// either may be empty, as [Event] says. ID and ReceivedAt are the caller's to
// set.
//
// The event is trusted: whoever can ask for a run can choose what it runs.
func Manual(repository *Repository, ref, sha, sender string) Event {
	branch, tag := ShortRef(ref)
	return Event{
		Vendor:     VendorManual,
		Name:       NameRun,
		Kind:       NameRun,
		Repository: repository,
		Ref:        ref,
		Branch:     branch,
		Tag:        tag,
		SHA:        sha,
		Sender:     sender,
		Trusted:    true,
	}
}
