package sourcetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

// Reads fails the test unless the payload in a file, of an event of that kind, is
// read as want, whose Payload is left for here. Nothing is the whole reason why
// nothing is planned, empty if something is, and ping whether the delivery only
// tries out the webhook.
func (r Reader) Reads(t *testing.T, kind, file string, want events.Event, nothing string, ping bool) {
	t.Helper()
	want.Payload = r.Payload(t, file)
	got, err := r.Parse(kind, want.Payload)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	none, ok := errors.AsType[*events.NothingError](err)
	switch {
	case nothing == "" && err != nil:
		t.Errorf("error %v", err)
	case nothing != "" && !ok:
		t.Errorf("error %v, want that there is nothing to plan", err)
	case ok && (none.Reason != nothing || none.Ping != ping):
		t.Errorf("reason %q, want %q; ping: %t", none.Reason, nothing, none.Ping)
	}
}

// ReadsTagByName fails the test unless pocketci's own name tag reads the push of a
// tag as the kind push does, and takes no push of a branch. The payloads are in the
// files push, push_deleted and push_tag.
func (r Reader) ReadsTagByName(t *testing.T) {
	t.Helper()
	byName, err := r.Parse("tag", r.Payload(t, "push_tag"))
	if err != nil {
		t.Fatal(err)
	}
	byHeader, err := r.Parse("push", r.Payload(t, "push_tag"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(byHeader, byName); diff != "" {
		t.Errorf("tag and push differ for the same payload (-push +tag):\n%s", diff)
	}
	for _, file := range []string{"push", "push_deleted"} {
		_, err = r.Parse("tag", r.Payload(t, file))
		if bad, ok := errors.AsType[*events.MalformedError](err); !ok || bad.Path != "ref" || !strings.Contains(bad.Reason, "is a branch") {
			t.Errorf("%s as tag: error %v, want that ref is a branch", file, err)
		}
	}
}

// NeverTrusts fails the test unless the payloads in all of the files are those of
// forks, and untrusted, under each of the kinds.
func (r Reader) NeverTrusts(t *testing.T, kinds, files []string) {
	t.Helper()
	for _, kind := range kinds {
		for _, file := range files {
			e, err := r.Parse(kind, r.Payload(t, file))
			if err != nil {
				t.Fatal(err)
			}
			if e.Trusted || e.Fork == "" {
				t.Errorf("%s as %s: trusted %t, fork %q", file, kind, e.Trusted, e.Fork)
			}
		}
	}
}

// PlansNothing fails the test unless nothing is planned for a payload, for a reason
// of which a part is given.
func (r Reader) PlansNothing(t *testing.T, kind string, payload []byte, reason string) {
	t.Helper()
	_, err := r.Parse(kind, payload)
	if nothing, ok := errors.AsType[*events.NothingError](err); !ok || !strings.Contains(nothing.Reason, reason) {
		t.Errorf("error %v, want that there is nothing to plan", err)
	}
}

// ReadsLongCommits fails the test unless the file push is read with the longer
// names that commits have in repositories that use SHA-256.
func (r Reader) ReadsLongCommits(t *testing.T) {
	t.Helper()
	long := strings.Repeat("1f", 32)
	if e, err := r.Parse("push", r.With(t, "push", "after", long)); err != nil || e.SHA != long {
		t.Errorf("sha %q, error %v", e.SHA, err)
	}
	if e, err := r.Parse("push", r.With(t, "push", "before", strings.Repeat("0", 64))); err != nil || e.Before != "" {
		t.Errorf("before %q, error %v", e.Before, err)
	}
}

// Ignores fails the test unless the payload in the file push, of an event of that
// kind, is read whatever stands at each of the paths: what is not read may have any
// shape.
func (r Reader) Ignores(t *testing.T, kind string, paths ...string) {
	t.Helper()
	for _, path := range paths {
		e, err := r.Parse(kind, r.With(t, "push", path, []any{true, nil, 1e300}))
		if err != nil || e.SHA != Commit("c2") {
			t.Errorf("%s of another shape: sha %q, error %v", path, e.SHA, err)
		}
	}
}
