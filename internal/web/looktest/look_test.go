package looktest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// pages are the paths that are looked at, by the names of their pictures. What is in
// capitals depends on the world.
var pages = []struct{ name, path string }{
	{"home", "/"},
	{"runs", "/runs"},
	{"repositories", "/repositories"},
	{"form", "/functions/run?repository=REPOSITORY&function=greet"},
	{"runs-of-state", "/runs?state=failed&branch=main"},
	{"run", "/runs/NUMBER"},
	{"events", "/events"},
	{"event", "/events/EVENT"},
	{"try", "/try"},
	{"call", "/runs/NUMBER/calls/FUNCTION"},
	{"call-lines", "/runs/NUMBER/calls/FUNCTION?view=order"},
	{"repository", "/repositories/REPOSITORY"},
	{"functions", "/functions"},
	{"by-hand", "/functions/run?repository=REPOSITORY"},
	{"nothing", "/settings/nothing"},
	{"settings", "/settings"},
	{"keys", "/settings/keys"},
	{"audit", "/settings/audit"},
	{"configuration", "/settings/configuration"},
}

// worlds are the stores that pages are looked at with.
var worlds = []struct {
	name string
	seed func(*testing.T, *webtest.World)
	// repository, function and run are those of a run, if there is one.
	repository, function string
	run                  int
}{
	{"empty", func(*testing.T, *webtest.World) {}, "", "", 0},
	{"one", one, "acme/shop", "onGithubPush", 1},
	{"many", many, "acme/shop", "testOnGithubPush", 1001},
	{"longest", longest, longRepository, longFunction, 1},
}

// Every page can be read and used by everybody, and nothing lies on anything else,
// whatever there is to show and wherever it is shown.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			t.Parallel()
			w := webtest.New(t, webtest.Options{API: func(o *api.Options) { o.Inspector, o.Loaded = declared{}, loaded }})
			world.seed(t, w)
			b := browsertest.Start(t)
			b.SignIn(t, w.URL, w.Keys[v1.ScopeAdmin])
			event := ""
			if world.run > 0 {
				r, err := w.Store.RunByNumber(t.Context(), int64(world.run))
				if err != nil {
					t.Fatal(err)
				}
				event = r.Event
			}
			for _, p := range pages {
				if world.repository == "" && strings.ContainsAny(p.path, "RFNE") {
					continue
				}
				path := strings.NewReplacer("REPOSITORY", world.repository, "FUNCTION", world.function, "NUMBER", fmt.Sprint(world.run), "EVENT", event).Replace(p.path)
				t.Run(p.name, func(t *testing.T) { look(t, b, path, p.name+"-"+world.name) })
			}
		})
	}
}

// look judges a page in both colours and on both screens.
func look(t *testing.T, b *browsertest.Browser, path, name string) {
	b.Size(t, browsertest.Wide)
	b.Dark(t, false)
	b.Open(t, path)
	b.NoOverlap(t)
	b.Axe(t)
	b.Shot(t, name)
	b.Dark(t, true)
	b.Contrast(t)
	b.Shot(t, name+"-dark")
	b.Size(t, browsertest.Phone)
	b.Open(t, path) // as a telephone opens it
	b.NoOverlap(t)
	b.Shot(t, name+"-phone-dark")
	b.Dark(t, false)
	b.Shot(t, name+"-phone")
}
