package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// evil is what somebody may have put into any text that comes from outside.
const evil = `<img src=x onerror=alert(1)>"'{{.}}` + "\u202egpj.exe\x1b[31m"

// shownAsText fails if a page has evil text as anything but text, or not at all.
func shownAsText(t *testing.T, page *webtest.Page) {
	t.Helper()
	harmless(t, page)
	if !strings.Contains(page.Main(), "onerror=alert(1)") {
		t.Errorf("the text is not shown: %s", page.Main())
	}
}

func TestWithoutConfiguration(t *testing.T) {
	t.Parallel()
	b := webtest.New(t).SignIn(v1.ScopeRead)
	for path, snippet := range web.Snippets() {
		if _, err := settings.Parse("agent.yaml", []byte(snippet)); err != nil {
			t.Errorf("what %s proposes is no configuration: %v", path, err)
		}
		page := b.Page(path)
		codes := page.Tag("code")
		if !slices.ContainsFunc(codes, func(n *html.Node) bool { return n.FirstChild != nil && n.FirstChild.Data == snippet }) {
			t.Errorf("%s does not say how to configure it: %s", path, page.Main())
		}
		if forms := page.Actions(); len(forms) != 1 {
			t.Errorf("%s has forms %q", path, forms)
		}
	}
	if page := b.Page("/modules"); !strings.Contains(page.Main(), "pocketci module deploy") {
		t.Errorf("the page of modules is %s", page.Main())
	}
	for _, path := range []string{"/registries/shop", "/modules/greeter", "/modules/greeter/archive"} {
		if a := b.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s gives %d", path, a.Status)
		}
	}
}

func parse(t *testing.T, expression string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(expression, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchedulesPage(t *testing.T) {
	t.Parallel()
	daily := parse(t, "TZ=Europe/Berlin 30 2 * * *")
	k := webtest.Schedules{
		{Entry: schedules.Entry{Name: "nightly", Filter: "nightly", Schedule: daily, Of: schedule.OfAgent, Repository: "acme/shop"}},
		{Entry: schedules.Entry{Name: "acme/site#" + evil, Filter: evil, Schedule: parse(t, "@every 90s"), Of: schedule.OfFunctions,
			Repository: "acme/site", Paused: "disabled by mona: " + evil,
			Functions: []dispatcher.FunctionName{{Module: "ci", Function: "syncOnTimeTickOften"}, {Module: evil, Function: evil}}}},
		{Entry: schedules.Entry{Name: "greet", Filter: "greet", Schedule: parse(t, "@hourly"), Of: schedule.OfAgent, Module: "greeter"}, Error: "the branch is gone: " + evil},
		{Entry: schedules.Entry{Name: "past", Filter: "past", Schedule: parse(t, "2020-03-01T12:00:00Z"), Of: schedule.OfAgent, Repository: "acme/shop"}},
	}
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) { o.Schedules = k }})
	tick := daily.Event("nightly", time.Now().Add(-time.Hour), schedule.OfAgent, 0)
	tick.ID, tick.Repository, tick.Delivery = events.NewID(), &events.Repository{FullName: "acme/shop"}, "1"
	d := webtest.Push("acme/shop")
	d.Event, d.Hook = tick, poll.Hook(schedules.Kind, "nightly")
	w.PlannedOf(d, "cleanUp")
	k[0].Told = tick.OccurredAt

	page := w.SignIn(v1.ScopeRun).Page("/schedules")
	shownAsText(t, page)
	rows := page.Class("source")
	if len(rows) != 4 {
		t.Fatalf("there are %d schedules", len(rows))
	}
	for i, wants := range [][]string{
		{"on", "nightly", "each day at 02:30, 30 2 * * * in Europe/Berlin", "Last", "1 h ago", "run 1", "02:30:00 +0"},
		{"paused", "every 90 seconds", "disabled by mona", "syncOnTimeTickOften"},
		{"failing", "the branch is gone", "each hour", "module greeter", "none yet"},
		{"over", "never again"},
	} {
		for _, want := range wants {
			if text := webtest.Text(rows[i]); !strings.Contains(text, want) {
				t.Errorf("schedule %d has no %q: %s", i, want, text)
			}
		}
	}
	if n := strings.Count(webtest.Text(rows[0]), "02:30:00 +0"); n != 5 {
		t.Errorf("%d next times are shown, want 5", n)
	}
	links := page.Links()
	for _, want := range []string{"/runs/1", "/try?schedule=nightly", "/repositories/acme/shop", "/modules/greeter",
		"/functions/run?function=syncOnTimeTickOften&module=ci&repository=acme%2Fsite"} {
		if !slices.Contains(links, want) {
			t.Errorf("no link leads to %s: %q", want, links)
		}
	}
	reader := w.SignIn(v1.ScopeRead)
	for _, link := range reader.Page("/schedules").Links() {
		if strings.HasPrefix(link, "/try?") || strings.HasPrefix(link, "/functions/run") {
			t.Errorf("who may only read is led to %s", link)
		}
	}
	if text := reader.Page("/schedules?repository=acme/none").Main(); !strings.Contains(text, "No schedule calls functions of this repository.") {
		t.Errorf("of a repository without any: %s", text)
	}
}

func TestManySchedules(t *testing.T) {
	t.Parallel()
	var k webtest.Schedules
	for i := range 1000 {
		k = append(k, schedules.Listed{Entry: schedules.Entry{
			Name: "s" + strconv.Itoa(i), Filter: strings.Repeat("very-long-", 20), Schedule: parse(t, "@hourly"), Of: schedule.OfAgent, Repository: "acme/shop"}})
	}
	b := webtest.New(t, webtest.Options{API: func(o *api.Options) { o.Schedules = k }}).SignIn(v1.ScopeRead)
	path, seen := "/schedules", 0
	for path != "" {
		page := b.Page(path)
		seen += len(page.Class("source"))
		path = ""
		for _, a := range page.Tag("a") {
			if webtest.Attr(a, "rel") == "next" {
				path = webtest.Attr(a, "href")
			}
		}
	}
	if seen != 1000 {
		t.Errorf("the pages have %d schedules, want 1000", seen)
	}
}

func TestMirrorsPage(t *testing.T) {
	t.Parallel()
	at := time.Now().Add(-time.Minute)
	var synced []string
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Mirrors = func(context.Context) ([]v1.Mirror, error) {
			return []v1.Mirror{
				{Name: "shop", Agent: "agent-1", URL: "https://git.example.com/acme/shop.git", Directory: "/srv/" + evil, Ref: "refs/heads/main",
					SHA: webtest.SHA, Phase: "idle", LookedAt: &at, ChangedAt: &at, Failures: 3, Error: "refused: " + evil, FailedAt: &at},
				{Name: "far", Agent: "agent-2", URL: "https://git.example.com/acme/far.git", Directory: "/srv/far", Ref: "refs/heads/" + evil, SHA: webtest.SHA},
			}, nil
		}
		o.SyncMirror = func(name string, touch bool) error {
			if name != "shop" {
				return reaction.ErrUnknown
			}
			synced = append(synced, name+strconv.FormatBool(touch))
			return nil
		}
	}})
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/mirrors")
	shownAsText(t, page)
	for _, want := range []string{"failing", "Failed 3 times in a row", "Looked 1 min ago", "agent-2, another agent", "up to date"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("the page has no %q: %s", want, page.Main())
		}
	}
	if slices.Contains(page.Actions(), "/mirrors/far/sync") {
		t.Error("a mirror of another agent can be told to look")
	}
	for _, touch := range []string{"", "true"} {
		if a := b.Post("/mirrors/shop/sync", url.Values{"touch": {touch}}); a.Status != http.StatusSeeOther || a.Location != "/mirrors" {
			t.Errorf("syncing gives %d to %s: %s", a.Status, a.Location, a.Text)
		}
	}
	if note := b.Page("/mirrors").Main(); !strings.Contains(note, "touches its trigger") {
		t.Errorf("nothing is said about it: %s", note)
	}
	if strings.Join(synced, " ") != "shopfalse shoptrue" {
		t.Errorf("synced %q", synced)
	}
	if a := b.Post("/mirrors/far/sync", nil); a.Status != http.StatusNotFound || !strings.Contains(a.Text, "no mirror of this name") || !strings.Contains(a.Text, "/srv/far") {
		t.Errorf("a mirror of another agent gives %d: %s", a.Status, a.Text)
	}
	reader := w.SignIn(v1.ScopeRead)
	if forms := reader.Page("/mirrors").Actions(); len(forms) != 1 {
		t.Errorf("who may only read has forms %q", forms)
	}
	if a := reader.Post("/mirrors/shop/sync", nil); a.Status != http.StatusForbidden || len(synced) != 2 {
		t.Errorf("who may only read gets %d", a.Status)
	}
}

func TestSignedSourcesPage(t *testing.T) {
	t.Parallel()
	key, err := signed.ParseKey("ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:build")
	if err != nil {
		t.Fatal(err)
	}
	failing := false
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Signed = func(context.Context) ([]tokens.Status, error) {
			if failing {
				return nil, errors.New("hunter2")
			}
			return []tokens.Status{
				{Name: "web", Push: true, Keys: []signed.Key{key}, Newest: time.Now().Add(-time.Hour), AcceptedAt: time.Now().Add(-time.Minute)},
				{Name: "nightly", Keys: []signed.Key{key}, Paths: []string{"/srv/" + evil}, Every: 5 * time.Minute,
					Pulling: poll.State{Name: "nightly", Failures: 2, Error: "malformed: " + evil, LastPoll: time.Now()}},
			}, nil
		}
	}})
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/signed")
	shownAsText(t, page)
	for _, want := range []string{"signed 1 h ago , accepted 1 min ago", "pocketci push --source web FILE", "key build", "every 5 minutes", "Failed 2 times in a row"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("the page has no %q: %s", want, page.Main())
		}
	}
	failing = true
	if a := b.Get("/signed"); a.Status != http.StatusInternalServerError || strings.Contains(a.Text, "hunter2") {
		t.Errorf("an error of the inside gives %d: %s", a.Status, a.Text)
	}
}
