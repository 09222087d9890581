package secrets

import "github.com/franela/pocketci/events"

// Scope is where a secret is asked for: in the run of an event.
type Scope struct {
	// Repository is the full name of the repository, empty if there is none.
	Repository string
	// Event is the event's name, such as push.
	Event string
	// Ref is the event's full ref, empty if it names none.
	Ref string
	// Trusted is false where somebody without write access has chosen the code.
	// No secret is given there.
	Trusted bool
}

// ScopeOf returns the scope of an event's run. It is not trusted if the event is
// of a fork, unless whoever made the event says that it is to be trusted. Runs of
// other events that are not trusted begin only after an approval of the event,
// and then as any other.
func ScopeOf(event *events.Event) Scope {
	s := Scope{Event: event.Name, Ref: event.Ref, Trusted: event.Trusted || event.Fork == ""}
	if event.Repository != nil {
		s.Repository = event.Repository.FullName
	}
	return s
}
