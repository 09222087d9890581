package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// malice is a text of somebody who means harm.
const malice = `<img src=x onerror=alert(1)>"'</script><script>alert(1)</script>` + "\u202e\x1b[31m"

// chain plans build, then test and lint behind it, and what is not called and why.
func chain(w *webtest.World) store.Receipt {
	w.T.Helper()
	r := w.Accept(webtest.Push("acme/shop"))
	view := dispatcher.View{
		Calls: []dispatcher.CallView{
			{Module: "ci", Function: "build", Command: "dagger -m ci call build", Why: "its name matches github push", Args: map[string]any{"filter": "main"}},
			{Module: "ci", Function: "test", Command: "dagger -m ci call test", After: []string{"ci:build"}, RunsOn: "big", Timeout: "10m0s"},
			{Module: "ci", Function: "lint", Command: "dagger -m ci call lint", After: []string{"ci:build"}},
		},
		Invalid:  []dispatcher.Invalid{{Module: "ci", Function: "deploy", Argument: "token", Error: "is required and has no value"}},
		Skipped:  []dispatcher.Skipped{{Module: "ci", Function: "onRelease", Reason: "it is for release"}, {Module: "web", Function: "docs", Reason: "no changed file matches docs/**", Filtered: true}},
		Warnings: []string{"httponPush ends in a trigger without a boundary"},
	}
	w.Plan(r, view, store.NewCall{Module: "ci", Function: "build", Spec: json.RawMessage(`{}`)},
		store.NewCall{Module: "ci", Function: "test", Spec: json.RawMessage(`{}`), After: []int{0}},
		store.NewCall{Module: "ci", Function: "lint", Spec: json.RawMessage(`{}`), After: []int{0}})
	return r
}

func says(t *testing.T, where, text string, want ...string) {
	t.Helper()
	for _, words := range want {
		if !strings.Contains(text, words) {
			t.Errorf("%s does not say %q: %s", where, words, text)
		}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := chain(w)
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/runs/1")
	says(t, "the head", section(page, "head"), "running Run 1 Mend the till", "octocat", "github push main", "acme/shop", "aaaaaaa")
	for _, to := range []string{"https://github.com/acme/shop/commit/" + webtest.SHA, "https://github.com/acme/shop/tree/main", "/events/" + r.Event, "/repositories/acme/shop",
		"/runs/1/calls/test?module=ci"} {
		if !slices.Contains(page.Links(), to) {
			t.Errorf("there is no link to %s: %v", to, page.Links())
		}
	}
	says(t, "the table", section(page, "calls"), "build", "its name matches github push", "dagger -m ci call test", "waits for build", "big", "10m0s", "filter")
	says(t, "the rest", section(page, "findings"), "deploy , argument token : is required and has no value", "Not called 2", "it is for release", "onRelease",
		"no changed file matches docs/**", "httponPush ends in a trigger")
	says(t, "local", section(page, "local"), "pocketci replay "+r.Event+" --local .")
	boxes := page.Class("box")
	if len(boxes) != 3 || len(page.Class("line")) < 2 {
		t.Errorf("there are %d boxes", len(boxes))
	}
	if !slices.ContainsFunc(page.Tag("title"), func(n *html.Node) bool {
		return webtest.Text(n) == "test of ci, queued, on runner big, level 2 of 2, after build"
	}) {
		t.Error("no box says what the picture shows")
	}
	if len(page.Actions()) > 1 { // signing out
		t.Errorf("a key that reads is offered %v", page.Actions())
	}
	// What is searched for is all that is shown of what was not called.
	found := b.Page("/runs/1?q=RELEASE")
	if text := section(found, "findings"); !strings.Contains(text, "onRelease") || strings.Contains(text, "docs/**") || !strings.Contains(text, "1 other function is not") {
		t.Errorf("a search shows %s", text)
	}
}

func TestRunWithoutCalls(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := w.Accept(webtest.Push("acme/shop"))
	b := w.SignIn(v1.ScopeRun)
	says(t, "a run that waits", b.Page("/runs/1").Main(), "queued Run 1", "The run waits to be taken by an agent")
	w.Plan(r, dispatcher.View{Skipped: []dispatcher.Skipped{{Module: "ci", Function: "*", Reason: "no changed file matches the module's paths"}}})
	page := b.Page("/runs/1")
	says(t, "a run of nothing", page.Main(), "skipped Run 1", "Nothing is called. Below is why.", "every function ci")
	if len(page.Class("box")) != 0 || page.ByID("abort") != nil {
		t.Error("it has a picture or can be aborted")
	}
}

// A module that cannot be loaded is a call without a function. It is said once, in lines
// that point at its code.
func TestRunOfAModuleThatCannotBeLoaded(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := w.Accept(webtest.Push("acme/shop"))
	const wrong = "load module ci: type mismatch\n  --> main.dang:3:5\n3 |     1\n  |     ^"
	w.Plan(r, dispatcher.View{Invalid: []dispatcher.Invalid{{Module: "ci", Error: wrong}}}, store.NewCall{Module: "ci", Invalid: wrong})
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/runs/1")
	if n := strings.Count(page.Main(), "type mismatch"); n != 1 {
		t.Errorf("the error is said %d times: %s", n, page.Main())
	}
	if pre := page.Class("wrong"); len(pre) != 1 || pre[0].Data != "pre" {
		t.Errorf("its columns are lost: %v", pre)
	}
	says(t, "the table", section(page, "calls"), "invalid module ci")
	says(t, "the picture", section(page, "picture"), "module ci")
	if text := page.Main(); strings.Contains(text, "How it is called") || strings.Contains(text, "·  ci") {
		t.Errorf("it seems to be callable: %s", text)
	}
	for _, to := range page.Links() {
		if strings.HasPrefix(to, "/runs/1/calls/") {
			t.Errorf("it has a page at %s", to)
		}
	}
	if text := b.Page("/functions").Main(); strings.Contains(text, "acme/shop") {
		t.Errorf("it is among the functions: %s", text)
	}
}

func TestRunIsChanged(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := chain(w)
	b := w.SignIn(v1.ScopeRun)
	if a := b.Post("/runs/1/restart", url.Values{"scope": {"all"}}); a.Status != http.StatusConflict {
		t.Errorf("restarting what runs gives %d", a.Status)
	} else {
		says(t, "the page", a.Page(t).Main(), "running Run 1", "it is running")
	}
	if a := b.Post("/runs/1/abort", url.Values{"reason": {"wrong " + malice}}); a.Status != http.StatusSeeOther || a.Location != "/runs/1" {
		t.Fatalf("aborting gives %d to %s: %s", a.Status, a.Location, a.Text)
	}
	page := b.Page("/runs/1")
	harmless(t, page)
	says(t, "the page", page.Main(), "The run is aborted.", "aborted Run 1", "wrong <img", "Restart failed calls")
	if a := b.Post("/runs/1/abort", url.Values{"reason": {"again"}}); a.Status != http.StatusConflict {
		t.Errorf("aborting twice gives %d", a.Status)
	}
	if a := b.Post("/runs/1/restart", url.Values{"scope": {"failed"}}); a.Status != http.StatusSeeOther {
		t.Fatalf("restarting gives %d: %s", a.Status, a.Text)
	}
	page = b.Page("/runs/1")
	says(t, "the page", page.Main(), "Attempt 2 has begun.", "attempt 2", "Earlier attempts aborted attempt 1")
	if got := w.SignIn(v1.ScopeRead).Post("/runs/1/abort", nil); got.Status != http.StatusForbidden {
		t.Errorf("a key that reads aborts: %d", got.Status)
	}
	_ = r
}

func TestRunIsApproved(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Accept(webtest.Fork("acme/shop"))
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/runs/1")
	says(t, "the page", page.Main(), "waits for approval Run 1", "from the fork stranger/app into main", "without secrets", webtest.SHA)
	if strings.Contains(page.Main(), "Trust it") {
		t.Error("a key that runs may trust")
	}
	a := b.Post("/runs/1/approve", url.Values{"sha": {webtest.SHA}})
	if a.Status != http.StatusForbidden {
		t.Errorf("a key of nobody approves: %d", a.Status)
	}
	says(t, "the page", a.Page(t).Main(), "somebody with write access to acme/shop has to approve this", "Approve this commit")
	admin := w.SignIn(v1.ScopeAdmin)
	says(t, "the page", admin.Page("/runs/1").Main(), "Trust it")
	for _, sha := range []string{"", "abc", strings.Repeat("c", 40)} {
		if a := admin.Post("/runs/1/approve", url.Values{"sha": {sha}}); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusConflict {
			t.Errorf("approving %q gives %d", sha, a.Status)
		}
	}
	if a := admin.Post("/runs/1/approve", url.Values{"sha": {webtest.SHA}, "trust": {"true"}}); a.Status != http.StatusSeeOther {
		t.Fatalf("approving gives %d: %s", a.Status, a.Text)
	}
	says(t, "the page", admin.Page("/runs/1").Main(), "is approved and trusted", "queued Run 1")
}

func TestRunThatIsNot(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	for _, path := range []string{"/runs/1", "/runs/0", "/runs/-1", "/runs/x", "/runs/99999999999999999999", "/runs/1/live", "/events/x", "/events/%3Cb%3E", "/events/x/payload"} {
		if a := b.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s gives %d", path, a.Status)
		}
	}
}

func TestRunOfAPublicRepository(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{Site: func(o *web.Options) { o.Public = func(name string) bool { return name == "acme/shop" } }})
	r := chain(w)
	w.Planned("acme/secret", "test")
	page := w.Stranger().Page("/runs/1")
	says(t, "the page", page.Main(), "Mend the till", "build", "Not called")
	for _, to := range append(page.Links(), page.Actions()...) {
		if strings.Contains(to, r.Event) || strings.HasSuffix(to, "/abort") {
			t.Errorf("a stranger is led to %s", to)
		}
	}
	if a := w.Stranger().Get("/runs/2"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
		t.Errorf("a run that is not public gives %d", a.Status)
	}
	if a := w.Stranger().Get("/runs/2/live"); a.Status != http.StatusSeeOther {
		t.Errorf("following it gives %d", a.Status)
	}
}

func TestRunOfHostilePeople(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	d := webtest.Fork("acme/" + malice)
	e := &d.Event
	e.Filter, e.Ref, e.Branch, e.Sender, e.Fork, e.BaseRef, d.Hold = malice, "refs/heads/"+malice, malice, malice, malice, malice, ""
	e.Repository.WebURL = "javascript:alert(1)//evil.example"
	e.Payload, _ = json.Marshal(map[string]any{"pull_request": map[string]string{"title": malice}, malice: []string{malice}})
	d.Headers = map[string]string{"User-Agent": malice}
	r := w.Accept(d)
	view := dispatcher.View{
		Calls: []dispatcher.CallView{{Module: malice, Function: malice, Command: malice, Why: malice, RunsOn: malice, Args: map[string]any{malice: malice},
			Concurrency: &dispatcher.ConcurrencyView{Group: malice}, Converge: &dispatcher.ConvergingView{ID: malice, Does: "check", Commit: malice, Needs: malice}}},
		Invalid:   []dispatcher.Invalid{{Module: malice, Function: malice, Argument: malice, Error: malice}},
		Skipped:   []dispatcher.Skipped{{Module: malice, Function: malice, Reason: malice}},
		Warnings:  []string{malice},
		Pinned:    []dispatcher.PinnedView{{Module: malice, Commit: malice}},
		Following: []dispatcher.FollowingView{{Module: malice, Why: malice}},
		Event:     dispatcher.EventView{Changes: []string{malice}},
	}
	w.Plan(r, view, store.NewCall{Module: malice, Function: malice, Spec: json.RawMessage(`{}`), RunsOn: ""})
	b := w.SignIn(v1.ScopeAdmin)
	for _, path := range []string{"/runs/1", "/runs/1?q=" + url.QueryEscape(malice), "/events", "/events?repository=" + url.QueryEscape(malice), "/events/" + r.Event,
		"/try", "/try?event=" + url.QueryEscape(malice)} {
		page := b.Page(path)
		harmless(t, page)
		if strings.HasPrefix(path, "/runs") && strings.Contains(page.Main(), "at the forge") {
			t.Errorf("%s leads to an address that is none", path)
		}
	}
}

// Large plans are still a page that a telephone loads.
func TestRunWithManyCalls(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 30, 200, 400} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := webtest.New(t)
			var names []string
			for i := range n {
				names = append(names, fmt.Sprintf("testNumber%dOfManyOnGithubPush", i))
			}
			w.Planned("acme/shop", names...)
			page := w.SignIn(v1.ScopeRead).Page("/runs/1")
			boxes := n
			if n > 300 {
				boxes = 0
			}
			if got := len(page.Class("box")); got != boxes {
				t.Errorf("%d boxes for %d calls", got, n)
			}
			if most := 20_000 + 2500*n; len(page.Source) > most {
				t.Errorf("the page has %d bytes, more than %d", len(page.Source), most)
			}
		})
	}
}

// What somebody searches for in a run that goes on is not replaced by all there is.
func TestRunLiveKeepsTheSearch(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := chain(w)
	b := w.SignIn(v1.ScopeRead)
	live := webtest.Attr(b.Page("/runs/1?q=release").Class("run-page")[0], "data-live")
	c := w.Claim(r)
	done := make(chan []string, 1)
	go func() { done <- follow(t, b, w.URL+live, "event: end") }()
	w.Finish(c, store.StateFailed)
	if sent := strings.Join(<-done, "\n"); !strings.Contains(sent, "onRelease") || strings.Contains(sent, "docs/**") {
		t.Errorf("what is sent is not what was searched for:\n%s", sent)
	}
}

func TestRunLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := chain(w)
	b := w.SignIn(v1.ScopeRun)
	if live := webtest.Attr(b.Page("/runs/1").Class("run-page")[0], "data-live"); live != "/runs/1/live" {
		t.Fatalf("the page is live at %q", live)
	}
	c := w.Claim(r)
	done := make(chan []string, 1)
	go func() { done <- follow(t, b, w.URL+"/runs/1/live", "event: end") }()
	w.Finish(c, store.StateFailed)
	lines := strings.Join(<-done, "\n")
	says(t, "what is sent", lines, `<header id="head"`, `<tr id="call-`+c.Call, "exit code 1", `<div id="picture">`)
	page := b.Page("/runs/1")
	if webtest.Attr(page.Class("run-page")[0], "data-live") != "" {
		t.Error("a run that has ended is followed")
	}
	under := page.Class("under")
	if len(under) != 3 || webtest.Text(under[1]) != "skipped · on big · ci" || webtest.Text(under[2]) != "skipped · ci" {
		t.Errorf("calls that never began are drawn with %d texts: %s", len(under), webtest.Text(page.ByID("picture")))
	}
}
