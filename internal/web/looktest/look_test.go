package looktest

import (
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// pages are the paths that are looked at, by the names of their pictures. The run is the
// first of the world.
var pages = []struct {
	name, path string
	// run says that the page is one of a run.
	run bool
}{
	{name: "home", path: "/"},
	{name: "runs", path: "/runs"},
	{name: "repositories", path: "/repositories"},
	{name: "nothing", path: "/settings/nothing"},
}

// worlds are the stores that pages are looked at with.
var worlds = []struct {
	name string
	seed func(*testing.T, *webtest.World)
	// functions are the first run's.
	functions []string
}{
	{"empty", func(*testing.T, *webtest.World) {}, nil},
	{"one", one, []string{"onGithubPush"}},
	{"many", many, []string{"testOnGithubPush"}},
	{"longest", longest, []string{longFunction}},
}

// Every page can be read and used by everybody, and nothing lies on anything else,
// whatever there is to show and wherever it is shown.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			t.Parallel()
			w := webtest.New(t)
			world.seed(t, w)
			b := browsertest.Start(t)
			b.SignIn(t, w.URL, w.Keys[v1.ScopeAdmin])
			for _, p := range pages {
				path := p.path
				if p.run {
					if len(world.functions) == 0 {
						continue
					}
					path = strings.ReplaceAll(path, "FUNCTION", world.functions[0])
				}
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
	b.Axe(t)
	b.Shot(t, name+"-dark")
	b.Size(t, browsertest.Phone)
	b.Open(t, path) // as a telephone opens it
	b.NoOverlap(t)
	b.Shot(t, name+"-phone-dark")
	b.Dark(t, false)
	b.Shot(t, name+"-phone")
}
