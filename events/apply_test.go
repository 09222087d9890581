package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

func TestApply(t *testing.T) {
	repository := &events.Repository{FullName: "acme/shop", DefaultBranch: "main"}
	push := events.Event{
		ID: "p", Vendor: events.VendorGithub, Name: events.NamePush, Filter: "main", Repository: repository, Depth: 2,
		Ref: "refs/heads/main", Branch: "main", SHA: "1111111111111111111111111111111111111111", Before: "2", Sender: "anna", Trusted: true,
	}
	want := events.Event{
		Delivery: "p deploy", Vendor: events.VendorConverge, Name: "apply", Kind: "apply", Filter: "deploy", Repository: repository,
		Ref: push.Ref, Branch: "main", SHA: push.SHA, Sender: "anna", Trusted: true, Cause: "p", Depth: 3,
		Payload: []byte(`{"module":"deploy","vendor":"github","event":"push","filter":"main"}`),
	}
	got := events.ApplyAfter(&push, "deploy")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after a push:\n%s", diff)
	}
	if !got.IsApply() || push.IsApply() {
		t.Error("one of the two is taken for the other")
	}
	want = events.Event{
		Vendor: events.VendorConverge, Name: "apply", Kind: "apply", Filter: "ci", Repository: repository, Ref: "refs/tags/v1", Tag: "v1",
		Sender: "ben", Trusted: true, Payload: []byte(`{"module":"ci"}`),
	}
	if diff := cmp.Diff(want, events.Apply(repository, "refs/tags/v1", "", "ben", "ci")); diff != "" {
		t.Errorf("by hand:\n%s", diff)
	}
}
