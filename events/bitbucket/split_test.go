package bitbucket_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
)

const secret = "correct horse battery staple"

func newSource(t testing.TB, secrets ...string) *bitbucket.Source {
	t.Helper()
	s, err := bitbucket.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func header(kind string, body []byte) map[string][]string {
	return map[string][]string{
		"X-Event-Key": {kind}, "X-Request-UUID": {"d1"}, "X-Attempt-Number": {"1"}, "X-Hub-Signature": {bitbucket.Sign(secret, body)},
	}
}

// A push of three refs is three things, and none of them is forgotten.
func TestReceiveAll(t *testing.T) {
	t.Parallel()
	body := read(t, "push_several")
	want := []events.Received{
		{Event: events.Event{
			Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main", SHA: commit("c2"), Before: commit("c0"), Trusted: true, Delivery: "d1/1",
		}},
		{Event: events.Event{Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", SHA: commit("c2"), Trusted: true, Delivery: "d1/2"}},
		{
			Event:   events.Event{Name: "push", Filter: "old", Ref: "refs/heads/old", Branch: "old", Delivery: "d1/3"},
			Nothing: &events.NothingError{Reason: "the push deletes refs/heads/old"},
		},
	}
	for i := range want {
		e := &want[i].Event
		e.Vendor, e.Kind, e.Repository, e.Sender, e.Payload = "bitbucket", "repo:push", shop(), deployToken, body
	}
	s := newSource(t, "another", secret)
	got, err := events.ReceiveAll(s, header("repo:push", body), body)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v; events (-want +got):\n%s", err, diff)
	}
	e, err := s.Receive(header("repo:push", body), body)
	if bad, ok := errors.AsType[*events.MalformedError](err); !ok || bad.Path != "push.changes" || e.Trusted || e.Delivery != "d1" {
		t.Errorf("as one event: %+v, %v", e, err)
	}
}

// One thing has the delivery's own id.
func TestReceiveAllOfOne(t *testing.T) {
	t.Parallel()
	s := newSource(t, secret)
	for file, kind := range map[string]string{"push": "repo:push", "push_nothing": "repo:push", "pullrequest_fork": "pullrequest:created", "project_updated": "project:updated"} {
		body := read(t, file)
		one, oneErr := s.Receive(header(kind, body), body)
		all, err := s.ReceiveAll(header(kind, body), body)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %d events, %v", file, len(all), err)
		}
		if diff := cmp.Diff(one, all[0].Event); diff != "" || one.Delivery != "d1" {
			t.Errorf("%s: alone and among all (-alone +all):\n%s", file, diff)
		}
		if (oneErr == nil) != (all[0].Nothing == nil) {
			t.Errorf("%s: alone %v, among all %v", file, oneErr, all[0].Nothing)
		}
	}
}

func TestReceiveAllRefuses(t *testing.T) {
	t.Parallel()
	s := newSource(t, secret)
	body := read(t, "push_several")
	for name, spoil := range map[string]func(h map[string][]string){
		"no signature": func(h map[string][]string) { delete(h, "X-Hub-Signature") },
		"empty":        func(h map[string][]string) { h["X-Hub-Signature"] = []string{""} },
		"no digits":    func(h map[string][]string) { h["X-Hub-Signature"] = []string{"sha256="} },
		"of another":   func(h map[string][]string) { h["X-Hub-Signature"] = []string{bitbucket.Sign("x", body)} },
		"another hash": func(h map[string][]string) {
			h["X-Hub-Signature"] = []string{"sha1=" + bitbucket.Sign(secret, body)[7:47]}
		},
		"two of them": func(h map[string][]string) { h["x-hub-signature"] = h["X-Hub-Signature"] },
		"GitHub's instead": func(h map[string][]string) {
			h["X-Hub-Signature-256"] = h["X-Hub-Signature"]
			delete(h, "X-Hub-Signature")
		},
	} {
		h := header("repo:push", body)
		spoil(h)
		all, err := s.ReceiveAll(h, body)
		if _, refused := errors.AsType[*events.UnauthenticatedError](err); !refused || len(all) != 0 {
			t.Errorf("%s: %d events, %v", name, len(all), err)
		}
	}
	for name, spoil := range map[string]func(h map[string][]string){
		"no key":   func(h map[string][]string) { delete(h, "X-Event-Key") },
		"two keys": func(h map[string][]string) { h["X-Event-Key"] = []string{"repo:push", "repo:push"} },
		"two ids":  func(h map[string][]string) { h["X-Request-UUID"] = []string{"a", "b"} },
	} {
		h := header("repo:push", body)
		spoil(h)
		if _, err := s.ReceiveAll(h, body); !isMalformed(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One faulty change spoils the whole push: nothing of it may be planned.
	faulty := []byte(strings.Replace(string(body), `"name": "v1.2.0"`, `"name": "v1..2"`, 1))
	all, err := events.ReceiveAll(s, header("repo:push", faulty), faulty)
	if !isMalformed(err) || len(all) != 1 || all[0].Event.Trusted {
		t.Errorf("%+v, %v", all, err)
	}
}

func isMalformed(err error) bool {
	_, ok := errors.AsType[*events.MalformedError](err)
	return ok
}
