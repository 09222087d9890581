package looktest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// gate is a proxy in front of an agent, which may be away.
type gate struct {
	*httptest.Server
	mu sync.Mutex
	// here ends when the agent goes away; there is none while it is.
	here  context.Context
	leave context.CancelFunc
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{}
	g.open()
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		here := g.here
		g.mu.Unlock()
		if here.Err() != nil {
			http.Error(w, "no agent is there", http.StatusBadGateway)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(here, cancel)()
		proxy.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.here, g.leave = context.WithCancel(context.Background())
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave()
}

// A page that is open says that its agent is away, also if a proxy answers in place of it,
// and is up to date when it has come back.
func TestTheAgentGoesAway(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	g := newGate(t, w.URL)
	r := w.Planned("acme/shop", "test")
	c := w.Claim(r)
	w.Log(c, said(0, "started", "1", "", "test", ""), printing(1, "1"))
	const mark = "document.body.dataset.loadedOnce"
	pages := map[string]*browsertest.Browser{}
	for _, path := range []string{"/", "/runs/1/calls/test", "/runs/1/calls/test?view=order"} {
		b := browsertest.Start(t)
		b.AllowErrors("Failed to load resource")
		b.SignIn(t, g.URL, w.Keys[v1.ScopeRead])
		b.Open(t, path)
		b.Until(t, "the page to be marked", "("+mark+" = 'yes') === 'yes'")
		pages[path] = b
	}
	g.shut()
	for _, b := range pages {
		b.See(t, "Not up to date")
	}
	w.Accept(webtest.Push("acme/else"))
	w.Log(c, printing(2, "1"))
	g.open()
	for path, b := range pages {
		b.Gone(t, "Not up to date")
		if path == "/" {
			b.See(t, "acme/else")
		} else {
			b.Find(t, "#L3", "")
			if n := b.Count(t, ".l[id=L2]"); n != 1 {
				t.Errorf("%s has a line %d times", path, n)
			}
		}
		b.Until(t, "the page to be the same", mark+" === 'yes'")
	}
	g.shut() // lest the server waits for what is followed
}
