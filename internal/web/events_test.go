package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	says(t, "the empty list", b.Page("/events").Main(), "There are no events yet")
	w.Accept(webtest.Push("acme/shop"))
	d := webtest.Push("acme/till")
	d.Event.Vendor, d.Event.Ref, d.Event.Branch, d.Event.ReceivedAt = "gitlab", "refs/heads/next", "next", time.Now().UTC().Add(-72*time.Hour)
	w.Accept(d)
	today := time.Now().UTC().Format(time.DateOnly)
	for query, c := range map[string]struct{ with, without string }{
		"":                                     {"acme/till", "nobody"},
		"vendor=gitlab":                        {"acme/till", "acme/shop"},
		"repository=acme/shop":                 {"acme/shop", "acme/till"},
		"event=push&branch=next":               {"acme/till", "acme/shop"},
		"since=" + today:                       {"acme/shop", "acme/till"},
		"until=" + today + "&vendor=bitbucket": {"No event is as you ask for", "acme"},
	} {
		text := section(b.Page("/events?"+query), "list")
		if !strings.Contains(text, c.with) || strings.Contains(text, c.without) {
			t.Errorf("%q shows %s", query, text)
		}
	}
	if a := b.Get("/events?since=yesterday"); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none gives %d", a.Status)
	} else {
		says(t, "the page", a.Page(t).Main(), "Days are written like")
	}
}

func TestEventsComeInPages(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for range 120 {
		w.Accept(webtest.Push("acme/shop"))
	}
	b := w.SignIn(v1.ScopeRead)
	path, seen := "/events?vendor=github", map[string]bool{}
	for pages := 0; path != ""; pages++ {
		if pages > 10 {
			t.Fatal("the pages have no end")
		}
		page := b.Page(path)
		path = ""
		for _, to := range page.Links() {
			switch {
			case strings.Contains(to, "cursor="):
				path = to
			case strings.HasPrefix(to, "/events/"):
				seen[to] = true
			}
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d of 120 events are on the pages", len(seen))
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	d := webtest.Push("acme/shop")
	d.Headers = map[string]string{"User-Agent": "GitHub-Hookshot/1", "X-Github-Hook-Id": "7"}
	r := w.Accept(d)
	again := d
	again.Event.ID = events.NewID()
	w.Accept(again)
	follows := webtest.Push("acme/shop")
	follows.Event.Vendor, follows.Event.Name, follows.Event.Filter, follows.Event.Cause, follows.Event.Depth, follows.Hook = "mirror", "updated", "shop", r.Event, 1, "mirror:shop"
	w.Accept(follows)
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/events/" + r.Event)
	says(t, "the page", page.Main(), "github push main", "Mend the till", "octocat", d.Event.Delivery, "Further deliveries", "a duplicate",
		"X-Github-Hook-Id 7", "GitHub-Hookshot/1", "What followed mirror updated shop", "head_commit 1 member message “Mend the till”")
	says(t, "what followed", b.Page("/events/"+follows.Event.ID).Main(), "Follows from "+r.Event+" , 1 event leads to it")
	a := b.Post("/events/"+r.Event+"/replay", nil)
	if a.Status != http.StatusSeeOther || a.Location != "/runs/3" {
		t.Fatalf("a replay gives %d to %s", a.Status, a.Location)
	}
	says(t, "its run", b.Page("/runs/3").Main(), "The event is replayed as a new one", "replay of event "+r.Event)
	says(t, "the page", b.Page("/events/"+r.Event).Main(), "push main acme/shop", "replay")
	reader := w.SignIn(v1.ScopeRead)
	for _, action := range reader.Page("/events/" + r.Event).Actions() {
		if strings.HasPrefix(action, "/events") {
			t.Errorf("a key that reads is offered %s", action)
		}
	}
	a = b.Get("/events/" + r.Event + "/payload")
	if a.Text != string(d.Event.Payload) || a.Header.Get("Content-Disposition") != `attachment; filename=event-`+r.Event+`.json` {
		t.Errorf("the payload is %q, %v", a.Text, a.Header)
	}
}

func TestEventPayloads(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	for name, c := range map[string]struct{ payload, query, want string }{
		"none":      {"", "", "The event has no payload."},
		"not JSON":  {"a=b" + malice, "", "It is not JSON: a=b<img"},
		"too large": {`{"a": "` + strings.Repeat("x", 3<<20) + `"}`, "", "which is too much for a page"},
		"a part":    {`{"a": {"b": "here"}, "c": "elsewhere"}`, "?at=/a", "All of the payload · /a a 1 member b “here”"},
		"many":      {"[" + strings.TrimSuffix(strings.Repeat(`{"k": "v"},`, 50000), ",") + "]", "", "50000 items"},
	} {
		t.Run(name, func(t *testing.T) {
			d := webtest.Push("acme/shop")
			d.Event.Payload = []byte(c.payload)
			r := w.Accept(d)
			page := b.Page("/events/" + r.Event + c.query)
			harmless(t, page)
			says(t, "the page", page.Main(), c.want)
			if len(page.Source) > 300_000 {
				t.Errorf("the page has %d bytes", len(page.Source))
			}
			if name == "a part" {
				if a := b.Get("/events/" + r.Event + "?at=" + url.QueryEscape("/x")); a.Status != http.StatusNotFound {
					t.Errorf("a part that is not there gives %d", a.Status)
				}
			}
		})
	}
}

func TestEventsLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	w.Accept(webtest.Push("acme/shop"))
	lines := follow(t, b, w.URL+"/events/live", "data: </li></ol></div>")
	says(t, "what is sent", fmt.Sprint(lines), "acme/shop", `<div id="list">`)
}
