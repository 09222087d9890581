package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/web/webtest"
)

func shelf() *webtest.Shelf {
	at, later := time.Now().Add(-time.Hour), time.Now().Add(time.Minute)
	return &webtest.Shelf{Watches: []registries.Status{
		{
			Watch:        registry.Watch{Name: "shop", Host: "registry.example.com", Repository: "acme/shop", Interval: time.Minute},
			RegistryName: "images", Calls: settings.Target{Repository: "acme/deploy"}, Newest: "v1.1.0", Wanted: "v1.1.0",
			State: registry.State{
				Tags: []string{"main", "v1.0.0", "v1.1.0"}, AutoDeploy: true, Pinned: "main",
				Deployed: &registry.Deployed{Tag: "v1.0.0", Digest: "sha256:a", At: at, Run: 3},
				Attempt:  &registry.Attempt{Tag: "v1.1.0", Digest: "sha256:b", Cause: registry.CauseRelease, Number: 2, Progress: registry.Failing, Reason: "run 4 is failed: " + evil, Run: 4, Retry: &later},
			},
			Polled: poll.State{Name: "shop", LastPoll: at, Next: later, Failures: 1, Error: "no route: " + evil},
		},
		{Watch: registry.Watch{Name: "quiet", Host: "registry.example.com", Repository: "acme/quiet", Interval: 90 * time.Second}, RegistryName: "images",
			Calls: settings.Target{Module: "greeter"}},
	}}
}

func TestRegistriesPages(t *testing.T) {
	t.Parallel()
	s := shelf()
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) { o.Registries = s }})
	reader := w.SignIn(v1.ScopeRead)
	list := reader.Page("/registries")
	shownAsText(t, list)
	for _, want := range []string{"failing shop registry.example.com/acme/shop pinned to main", "run 4", "v1.0.0 deployed 1 h ago", "nothing deployed quiet", "no version yet · auto-deploy is off"} {
		if !strings.Contains(list.Main(), want) {
			t.Errorf("the list has no %q: %s", want, list.Main())
		}
	}
	one := reader.Page("/registries/shop")
	shownAsText(t, one)
	for _, want := range []string{"failing v1.1.0, attempt 2 for release", "v1.0.0 1 h ago by run 3 sha256:a", "Pinned main", "Newest v1.1.0", "every minute", "3 tags", "v1.1.0 newest", "Failed 1 time in a row"} {
		if !strings.Contains(one.Main(), want) {
			t.Errorf("the page has no %q: %s", want, one.Main())
		}
	}
	for _, want := range []string{"/runs/3", "/runs/4", "/repositories/acme/deploy"} {
		if !slices.Contains(one.Links(), want) {
			t.Errorf("no link leads to %s", want)
		}
	}
	if forms := one.Actions(); len(forms) != 1 || slices.Contains(one.Links(), "/registries/shop/reset") {
		t.Errorf("who may only read has forms %q", forms)
	}
	if quiet := reader.Page("/registries/quiet"); !slices.Contains(quiet.Links(), "/modules/greeter") || !strings.Contains(quiet.Main(), "every 90 seconds") {
		t.Errorf("the other one is %s", quiet.Main())
	}
	if a := reader.Post("/registries/shop/redeploy", nil); a.Status != http.StatusForbidden || len(s.Asked) > 0 {
		t.Errorf("who may only read deploys: %d", a.Status)
	}

	b := w.SignIn(v1.ScopeRun)
	if page := b.Page("/registries/shop"); len(page.Actions()) != 5 {
		t.Errorf("the forms are %q", page.Actions())
	}
	for _, c := range []struct {
		path string
		form url.Values
		want string
	}{
		{"pin", url.Values{"tag": {"v1.0.0"}}, "pin v1.0.0"},
		{"pin", url.Values{"tag": {""}}, "pin "},
		{"auto-deploy", url.Values{"on": {"false"}}, "off"},
		{"auto-deploy", url.Values{"on": {"true"}}, "on"},
		{"redeploy", nil, "redeploy"},
		{"reset", nil, "reset"},
	} {
		a := b.Post("/registries/shop/"+c.path, c.form)
		if a.Status != http.StatusSeeOther || a.Location != "/registries/shop" || s.Asked[len(s.Asked)-1] != c.want || s.By.Person != "key for run" {
			t.Errorf("%s gives %d to %s: asked is %q by %s", c.path, a.Status, a.Location, s.Asked, s.By.Person)
		}
	}
	if text := b.Page("/registries/shop").Main(); !strings.Contains(text, "Run 5 deploys v1.1.0. It deploys by itself.") {
		t.Errorf("nothing is said about it: %s", text)
	}
}

// What is refused is said above the form, with what was typed.
func TestRefusedPins(t *testing.T) {
	t.Parallel()
	s := shelf()
	b := webtest.New(t, webtest.Options{API: func(o *api.Options) { o.Registries = s }}).SignIn(v1.ScopeRun)
	for tag, c := range map[string]struct {
		status int
		want   string
	}{
		"none":      {http.StatusConflict, "no tag is pinned"},
		`a b "<i>"`: {http.StatusUnprocessableEntity, "pinned_tag"},
	} {
		a := b.Post("/registries/shop/pin", url.Values{"tag": {tag}})
		page := a.Page(t)
		if a.Status != c.status || len(page.Class("fault")) != 1 || !strings.Contains(webtest.Text(page.Class("fault")[0]), c.want) {
			t.Errorf("%q gives %d: %s", tag, a.Status, page.Main())
		}
		typed := slices.ContainsFunc(page.Tag("input"), func(n *html.Node) bool { return webtest.Attr(n, "name") == "tag" && webtest.Attr(n, "value") == tag })
		if !typed {
			t.Errorf("what was typed is gone: %q", tag)
		}
	}
	if a := b.Post("/registries/else/pin", url.Values{"tag": {"v1"}}); a.Status != http.StatusNotFound {
		t.Errorf("another watch gives %d", a.Status)
	}
	if len(s.Asked) > 0 {
		t.Errorf("asked for %q", s.Asked)
	}
}

// Nothing is done by looking at the question.
func TestResetAsks(t *testing.T) {
	t.Parallel()
	s := shelf()
	b := webtest.New(t, webtest.Options{API: func(o *api.Options) { o.Registries = s }}).SignIn(v1.ScopeRun)
	page := b.Page("/registries/shop/reset")
	if !strings.Contains(page.Main(), "Reset shop? The tag main is no longer pinned.") || !slices.Contains(page.Actions(), "/registries/shop/reset") || len(s.Asked) > 0 {
		t.Errorf("the question is %s, asked %q", page.Main(), s.Asked)
	}
}
