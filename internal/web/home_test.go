package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/history"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// section is the text of a part of home, empty if it is hidden.
func section(p *webtest.Page, id string) string {
	n := p.ByID(id)
	if n == nil {
		return "there is no " + id
	}
	for _, a := range n.Attr {
		if a.Key == "hidden" {
			return ""
		}
	}
	return webtest.Text(n)
}

func TestHomeForTheFirstTime(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{Site: func(o *web.Options) { o.PublicURL = "https://ci.example/" }})
	b := w.SignIn(v1.ScopeRead)
	page := b.Page("/")
	text := section(page, "welcome")
	for _, want := range []string{"https://ci.example/webhooks/github", "pocketci.yaml", "module-path: ./ci", "onGithubPush"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %s: %s", want, text)
		}
	}
	for _, id := range []string{"running", "waiting", "repositories", "failed"} {
		if got := section(page, id); got != "" {
			t.Errorf("%s is shown: %s", id, got)
		}
	}
	w.Ran("acme/shop", "onGithubPush", store.StateSucceeded)
	if got := section(b.Page("/"), "welcome"); got != "Nothing is running, and nothing waits." {
		t.Errorf("after a run it says %s", got)
	}
}

func TestHomeShowsWhatIsGoingOn(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Ran("acme/old", "onGithubPush", store.StateFailed)
	fork := w.Accept(webtest.Fork("acme/shop"))
	planned := w.Planned("acme/shop", "test", "lint")
	w.Claim(planned)
	if err := w.Store.Disable(t.Context(), store.Disabled{Repository: "acme/old"}, w.Actor); err != nil {
		t.Fatal(err)
	}
	page := w.SignIn(v1.ScopeRead).Page("/")
	for id, want := range map[string][]string{
		"running":      {"acme/shop", "push", "main", "test"},
		"waiting":      {"#7", "waits for an approval: it comes from a fork", "waits to be taken by an agent", "lint"},
		"repositories": {"acme/shop", "acme/old", "failed", "disabled"},
		"failed":       {"acme/old"},
	} {
		text := section(page, id)
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("%s does not say %q: %s", id, words, text)
			}
		}
	}
	for _, to := range []string{
		fmt.Sprintf("/runs/%d", fork.Number), fmt.Sprintf("/runs/%d/calls/test?module=ci", planned.Number), "/repositories/acme/shop", "/runs/1",
	} {
		if !slices.Contains(page.Links(), to) {
			t.Errorf("nothing leads to %s: %q", to, page.Links())
		}
	}
	if n := len(page.Class("is-failed")); n == 0 {
		t.Error("nothing is marked as failed")
	}
}

// hostile are names that would be something else if they were not shown as text.
var hostile = []string{
	`<img src=x onerror=alert(1)>`, `"><b2>`, `' onmouseover='alert(1)`, "javascript:alert(1)", "{{.}}", "main\u202egnp.exe", "a\x1b[31mb",
	strings.Repeat("long", 60), "../../..", "?x=1#y", "%2e%2e", "größe 🚀",
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for i, name := range hostile {
		d := webtest.Push("acme/" + name)
		d.Event.Ref, d.Event.Branch, d.Event.Filter, d.Event.Sender, d.Event.Name = "refs/heads/"+name, name, name, name, name
		d.Event.Repository.DefaultBranch = name
		if i%3 == 0 {
			d.Hold = name
		}
		r := w.Accept(d)
		if i%3 == 1 {
			continue
		}
		if i%3 == 2 {
			if err := w.Store.Abort(t.Context(), r.Run, w.Actor, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := w.Planned("acme/shop", append([]string{"one"}, hostile...)...)
	w.Claim(r)
	b := w.SignIn(v1.ScopeRead)
	for _, path := range []string{"/", "/runs", "/repositories"} {
		page := b.Page(path)
		harmless(t, page)
		if text := page.Main(); !strings.Contains(text, "größe 🚀") || !strings.Contains(text, `"><b2>`) {
			t.Errorf("%s does not show names as they are", path)
		}
	}
	for _, name := range hostile {
		a := b.Get("/runs?" + query("repository", name, "branch", name, "event", name, "function", name, "sender", name))
		if a.Status != http.StatusOK && a.Status != http.StatusUnprocessableEntity {
			t.Errorf("asking for %q gives %d", name, a.Status)
		}
		page := a.Page(t)
		for _, f := range page.Tag("input") {
			if webtest.Attr(f, "name") == "branch" && strings.ToValidUTF8(name, "") != webtest.Attr(f, "value") && !strings.ContainsAny(name, "\x00") {
				t.Errorf("what was typed is kept as %q, want %q", webtest.Attr(f, "value"), name)
			}
		}
	}
}

// However much there is, home is a page that can be read, and does not take long.
func TestHomeOfThousands(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	if err := history.Fill(t.Context(), store.Options{DataDir: w.Dir}, 1000, time.Now()); err != nil {
		t.Fatal(err)
	}
	b := w.SignIn(v1.ScopeRead)
	a := b.Get("/")
	page := a.Page(t)
	if a.Status != http.StatusOK || len(a.Text) > 100_000 {
		t.Errorf("home gives %d with %d bytes", a.Status, len(a.Text))
	}
	for id, want := range map[string]string{"running": "and 35 more runs", "waiting": "more runs and calls", "repositories": "20 more repositories"} {
		if text := section(page, id); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q: %s", id, want, text)
		}
	}
	if n := len(page.Class("repo")); n != 20 {
		t.Errorf("there are %d repositories", n)
	}
	next := page.Links()[slices.IndexFunc(page.Links(), func(to string) bool { return strings.HasPrefix(to, "/repositories?cursor=") })]
	if n := len(b.Page(next).Class("repo")); n != 20 {
		t.Errorf("the next page has %d repositories", n)
	}
	if n := len(b.Page("/repositories").Class("repo")); n != 40 {
		t.Errorf("there are %d repositories on their own page", n)
	}
}

// A run appears on a page that is open.
func TestHomeIsLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	for _, path := range []string{webtest.Attr(b.Page("/").Class("home")[0], "data-live"), "/runs/live?branch=main"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := b.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s gives %d", path, res.StatusCode)
		}
		var run store.Receipt
		pushed := false
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if !pushed && strings.HasPrefix(lines.Text(), "data: ") {
				pushed = true
				run = w.Accept(webtest.Push("acme/shop"))
			}
			if pushed && strings.Contains(lines.Text(), fmt.Sprintf("/runs/%d\"", run.Number)) {
				cancel()
				break
			}
		}
		if ctx.Err() == nil {
			t.Errorf("%s ended before the run was there", path)
		}
	}
}

// A stranger sees what is public, and signs in for the rest.
func TestHomeOfStrangers(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{Site: func(o *web.Options) {
		o.Public = func(repository string) bool { return repository == "acme/open" }
	}})
	w.Ran("acme/secret", "test", store.StateFailed)
	stranger := w.Stranger()
	if a := stranger.Get("/"); a.Status != http.StatusSeeOther || a.Location != "/sign-in" {
		t.Errorf("where nothing is public home gives %d to %s", a.Status, a.Location)
	}
	w.Ran("acme/open", "test", store.StateFailed)
	for _, path := range []string{"/", "/repositories", "/runs?repository=acme/open"} {
		if page := stranger.Page(path); !strings.Contains(page.Main(), "acme/open") || strings.Contains(page.Source, "acme/secret") {
			t.Errorf("%s shows a stranger %s", path, page.Main())
		}
	}
	for _, path := range []string{"/runs", "/runs?repository=acme/secret", "/runs?repository=acme/none"} {
		if a := stranger.Get(path); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
			t.Errorf("%s gives a stranger %d", path, a.Status)
		}
	}
}
