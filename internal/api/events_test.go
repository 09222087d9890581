package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestEventsComeInPages(t *testing.T) {
	f := newFixture(t)
	var want []string
	for range 5 {
		want = append(want, f.accept(push("a/b")).Event)
	}
	slices.Reverse(want)
	for _, limit := range []int{1, 2, 5, 50} {
		var got []string
		cursor := ""
		for {
			var page v1.Events
			f.get(fmt.Sprintf("/events?limit=%d&cursor=%s", limit, cursor), &page)
			for _, e := range page.Events {
				got = append(got, e.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
			// What comes meanwhile is on no later page.
			if limit == 2 && len(got) == 2 {
				want = append([]string{f.accept(push("a/b")).Event}, want...)
				got = append([]string{want[0]}, got...)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d there are %v, want %v", limit, got, want)
		}
	}
}

func TestEventsAreFiltered(t *testing.T) {
	f := newFixture(t)
	d := push("a/b")
	d.Event.Vendor, d.Event.Filter, d.Event.Ref, d.Event.ReceivedAt = "gitlab", "größe/1", "refs/heads/größe/1", noon
	one := f.accept(d).Event
	other := f.accept(fork("c/d")).Event
	d = push("e/f")
	d.Event.Vendor, d.Event.Name, d.Event.Filter, d.Event.Ref, d.Event.ReceivedAt, d.Event.Cause, d.Event.Depth = "mirror", "updated", "x", "", noon.Add(-time.Hour), other, 1
	follows := f.accept(d).Event
	d.Hook, d.Original, d.Event.ID, d.Event.Cause = "", one, events.NewID(), ""
	replay := f.accept(d).Event
	for query, want := range map[string][]string{
		"":                                 {replay, follows, other, one},
		"vendor=gitlab":                    {one},
		"event=pull_request":               {other},
		"filter=gr%C3%B6%C3%9Fe/1":         {one},
		"repository=c/d":                   {other},
		"ref=refs/heads/gr%C3%B6%C3%9Fe/1": {one},
		"until=" + url.QueryEscape(noon.Add(time.Second).Format(time.RFC3339)):                              {replay, follows, one},
		"since=" + url.QueryEscape(noon.Add(time.Second).In(time.FixedZone("", 7200)).Format(time.RFC3339)): {other},
		"vendor=gitlab&repository=c/d": {},
		"original=" + one:              {replay},
		"cause=" + other:               {follows},
		"cause=" + one:                 {},
	} {
		var page v1.Events
		f.get("/events?"+query, &page)
		got := []string{}
		for _, e := range page.Events {
			got = append(got, e.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", query, got, want)
		}
	}
}

func TestOneEvent(t *testing.T) {
	f := newFixture(t)
	d := push("a/b")
	d.Headers = map[string]string{"X-Github-Hook-Id": "7"}
	d.Event.Payload = []byte(`{"head_commit": {"message": "Mend the till\n\nIt rang."}}`)
	f.accept(d)
	again := d
	again.Event.ID = events.NewID()
	r := f.accept(again)
	var e v1.Event
	f.get("/events/"+r.Event, &e)
	if e.ID != d.Event.ID || e.Repository != "a/b" || e.WebURL != "https://github.com/a/b" || e.SHA != sha || e.Hook != "github" ||
		len(e.Redeliveries) != 1 || len(e.Runs) != 1 || e.Runs[0].ID != r.Run || !e.Trusted {
		t.Errorf("shows %+v", e)
	}
	if o := e.Origin; o == nil || o.Title != "Mend the till" || o.CommitURL != "https://github.com/a/b/commit/"+sha || e.Headers["X-Github-Hook-Id"] != "7" ||
		e.PayloadSize != len(d.Event.Payload) {
		t.Errorf("comes from %+v with the headers %v and %d bytes", o, e.Headers, e.PayloadSize)
	}
	if a := f.get("/events/"+r.Event+"/payload", nil); !bytes.Equal(a.body, d.Event.Payload) {
		t.Errorf("the payload is %s, want %s", a.body, d.Event.Payload)
	}
	// Before there is a plan the changes are not known.
	file, err := events.DecodeFile(f.get("/events/"+r.Event+"/file", nil).body)
	if err != nil {
		t.Fatal(err)
	}
	if file.ID != r.Event || file.Changes != nil || !bytes.Equal(file.Payload, d.Event.Payload) {
		t.Errorf("the file is %+v", file)
	}
	r = f.planned("a/b", "x")
	if file, err = events.DecodeFile(f.get("/events/"+r.Event+"/file", nil).body); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(file.Changes, []string{"README.md", "größe.go"}) {
		t.Errorf("the changes are %v", file.Changes)
	}
}

func TestEventWithoutPayload(t *testing.T) {
	f := newFixture(t)
	d := push("a/b")
	d.Event.Payload = nil
	r := f.accept(d)
	if a := f.get("/events/"+r.Event+"/payload", nil); string(a.body) != "null\n" {
		t.Errorf("the payload is %q", a.body)
	}
}

func TestReplay(t *testing.T) {
	f := newFixture(t)
	first := f.planned("a/b", "x")
	replay := func(id string) (v1.Accepted, store.Event, v1.Run) {
		t.Helper()
		var made v1.Accepted
		f.do(v1.ScopeRun, http.MethodPost, "/events/"+id+"/replay", nil, http.StatusAccepted, &made)
		e, err := f.store.Event(t.Context(), made.Event)
		if err != nil {
			t.Fatal(err)
		}
		var r v1.Run
		f.get("/runs/"+made.Run, &r)
		if r.Number != made.Number {
			t.Errorf("the run has the number %d, and %d was told", r.Number, made.Number)
		}
		return made, e, r
	}
	original, err := f.store.Event(t.Context(), first.Event)
	if err != nil {
		t.Fatal(err)
	}
	made, e, r := replay(first.Event)
	if made.Event == first.Event || e.Original != first.Event || e.Hook != "" || e.Delivery != "" || !bytes.Equal(e.Payload, original.Payload) ||
		e.SHA != sha || !e.ReceivedAt.After(original.ReceivedAt) || r.State != "queued" || r.Cause != "replay of event "+first.Event {
		t.Errorf("a replay is %+v with the run %+v", e, r)
	}
	if _, e, _ = replay(made.Event); e.Original != first.Event {
		t.Errorf("a replay of a replay names %s, want the first event %s", e.Original, first.Event)
	}
	// What nothing could be planned for is replayed as that.
	gone, err := os.ReadFile("../../testdata/payloads/github/push_deleted.json")
	if err != nil {
		t.Fatal(err)
	}
	deleted := push("a/b")
	deleted.Event.Payload, deleted.Skip = gone, "the push deletes it"
	if _, _, r = replay(f.accept(deleted).Event); r.State != "skipped" || !strings.Contains(r.Reason, "deletes") {
		t.Errorf("the replay of a deletion is %+v", r)
	}
	// Approved or not, nothing of that is taken over.
	held := f.accept(fork("a/b"))
	if err := f.store.Approve(t.Context(), held.Run, sha, false, store.Actor{Person: "test"}); err != nil {
		t.Fatal(err)
	}
	if _, e, r = replay(held.Event); e.Trusted || r.State != "waiting-approval" || r.Approval != "" {
		t.Errorf("the replay of a fork's event is %+v with the run %+v", e.Event, r)
	}
	var audit v1.Audit
	f.do(v1.ScopeAdmin, http.MethodGet, "/audit", nil, http.StatusOK, &audit)
	if a := audit.Entries[0]; a.Action != "replay" || a.Person != "runner" || a.Object != "event "+held.Event {
		t.Errorf("the audit log has %+v", a)
	}
}
