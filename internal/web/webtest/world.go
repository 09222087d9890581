// Package webtest has the pages over a real store and the real API, without an engine:
// what an agent would write is written by the test.
package webtest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
)

// Planner is a function that plans, since loading modules needs an engine.
type Planner func(ctx context.Context, event events.Event) (*dispatcher.View, error)

// Plan implements [api.Planner].
func (p Planner) Plan(ctx context.Context, event events.Event) (*dispatcher.View, error) {
	return p(ctx, event)
}

// World is a site with its store.
type World struct {
	T     testing.TB
	Store *store.Store
	// Dir is the data directory of the store.
	Dir string
	// Agent is what claims and ends runs and calls.
	Agent *store.Agent
	API   *api.API
	// URL is where the pages and the API are, without a slash at the end.
	URL string
	// Keys are the secrets of a key for each scope.
	Keys map[v1.Scope]string
	// Actor does what tests do by hand.
	Actor store.Actor
}

// Options change what a world is made of.
type Options struct {
	API  func(*api.Options)
	Site func(*web.Options)
}

// New starts a world on a store of its own, which ends with the test.
func New(t testing.TB, change ...Options) *World {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &World{T: t, Store: s, Dir: dir, Keys: map[v1.Scope]string{}, Actor: store.Actor{Person: "test"}}
	if w.Agent, err = s.Join(t.Context(), "agent-1", false); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	options := api.Options{
		Store: s, PublicURL: "https://ci.example", Version: "1.2.3", Log: log, Parse: forges.Parse,
		Planner: Planner(func(_ context.Context, e events.Event) (*dispatcher.View, error) {
			return &dispatcher.View{
				Event: dispatcher.EventView{ID: e.ID, Vendor: e.Vendor, Event: e.Name, Filter: e.Filter},
				Calls: []dispatcher.CallView{}, Invalid: []dispatcher.Invalid{}, Skipped: []dispatcher.Skipped{}, Warnings: []string{},
			}, nil
		}),
		Checks: func(context.Context) map[string]string { return map[string]string{"engine": "ok"} },
	}
	site := web.Options{Log: log}
	for _, c := range change {
		if c.API != nil {
			c.API(&options)
		}
		if c.Site != nil {
			c.Site(&site)
		}
	}
	if w.API, err = api.New(options); err != nil {
		t.Fatal(err)
	}
	site.API = w.API
	pages, err := web.New(site)
	if err != nil {
		t.Fatal(err)
	}
	host := httptest.NewUnstartedServer(nil)
	host.Config = server.NewHTTPServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, v1.Prefix+"/") {
			w.API.ServeHTTP(out, r)
			return
		}
		if !pages.Serves(r.URL.Path) {
			http.Error(out, "not a path of the pages", http.StatusTeapot)
			return
		}
		pages.ServeHTTP(out, r)
	}), log)
	host.Start()
	t.Cleanup(host.Close)
	w.URL = host.URL
	for _, scope := range []v1.Scope{v1.ScopeRead, v1.ScopeRun, v1.ScopeAdmin} {
		_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "key for " + string(scope), Scope: string(scope)}, w.Actor)
		if err != nil {
			t.Fatal(err)
		}
		w.Keys[scope] = secret
	}
	return w
}

// Stranger is a browser that has not signed in, and keeps cookies. It follows no
// redirects.
func (w *World) Stranger() *Browser {
	w.T.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.T.Fatal(err)
	}
	return &Browser{w, w.URL, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// SignIn is a browser that has signed in with the key for a scope.
func (w *World) SignIn(scope v1.Scope) *Browser {
	w.T.Helper()
	return w.SignInAt(w.URL, scope)
}

// SignInAt does so at another site over the same API.
func (w *World) SignInAt(at string, scope v1.Scope) *Browser {
	w.T.Helper()
	b := w.Stranger()
	b.at = at
	if a := b.Post("/sign-in", url.Values{"key": {w.Keys[scope]}}); a.Status != http.StatusSeeOther {
		w.T.Fatalf("signing in gives %d: %s", a.Status, a.Text)
	}
	return b
}

// Browser asks for pages.
type Browser struct {
	world *World
	// at is the address of the site.
	at     string
	Client *http.Client
}

// Answer is a page as it was sent.
type Answer struct {
	Status int
	Header http.Header
	Text   string
	// Location is where a redirect leads.
	Location string
}

// Get asks for a path.
func (b *Browser) Get(path string) *Answer {
	b.world.T.Helper()
	r, err := http.NewRequestWithContext(b.world.T.Context(), http.MethodGet, b.at+path, nil)
	if err != nil {
		b.world.T.Fatal(err)
	}
	return b.Do(r)
}

// Page asks for a path and expects a page.
func (b *Browser) Page(path string) *Page {
	b.world.T.Helper()
	a := b.Get(path)
	if a.Status != http.StatusOK {
		b.world.T.Fatalf("GET %s gives %d to %s: %s", path, a.Status, a.Location, a.Text)
	}
	return a.Page(b.world.T)
}

// Post sends a form as a browser would that shows a page of the site.
func (b *Browser) Post(path string, form url.Values) *Answer {
	b.world.T.Helper()
	r, err := http.NewRequestWithContext(b.world.T.Context(), http.MethodPost, b.at+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.world.T.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.at)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(r)
}

// Do sends a request.
func (b *Browser) Do(r *http.Request) *Answer {
	b.world.T.Helper()
	res, err := b.Client.Do(r)
	if err != nil {
		b.world.T.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		b.world.T.Fatal(err)
	}
	return &Answer{res.StatusCode, res.Header, string(data), res.Header.Get("Location")}
}

// Page reads an answer as HTML.
func (a *Answer) Page(t testing.TB) *Page {
	t.Helper()
	node, err := html.Parse(strings.NewReader(a.Text))
	if err != nil {
		t.Fatal(err)
	}
	return &Page{Node: node, Source: a.Text}
}
