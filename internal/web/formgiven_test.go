package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
	"github.com/franela/pocketci/modules"
)

// A run of a repository that is no function's.
func TestManualRunFromForm(t *testing.T) {
	t.Parallel()
	w := withForm(t)
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/functions/run?repository=acme/shop&ref=main")
	if got := controls(page)["ref"]; got != "input" || !strings.Contains(page.Main(), "onManualRun") {
		t.Errorf("the form has %v: %s", controls(page), page.Main())
	}
	form := url.Values{"repository": {"acme/shop"}, "ref": {"main"}, "module": {""}, "function": {""}}
	if a := b.Post("/functions/run", form); a.Status != http.StatusSeeOther || a.Location != "/runs/2" {
		t.Fatalf("it gives %d to %s: %s", a.Status, a.Location, a.Text)
	}
	list, err := w.Store.Events(t.Context(), store.EventFilter{Limit: 1})
	if err != nil || list[0].Vendor != "manual" || list[0].Name != "run" || list[0].Ref != "refs/heads/main" {
		t.Errorf("the event is %+v (%v)", list, err)
	}
	form.Set("ref", "no branch")
	if a := b.Post("/functions/run", form); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Text, `value="no branch"`) {
		t.Errorf("a ref that is none gives %d: %s", a.Status, a.Text)
	}
}

// What pocketci.yaml gives is not asked for, and is said.
func TestFormWithWhatIsGiven(t *testing.T) {
	t.Parallel()
	m := &modules.Module{Path: "ci", Name: "ci", Functions: []modules.Function{{Name: "buildOnTag", Returns: text, Args: []modules.Arg{
		{Name: "token", Type: modules.Type{Kind: modules.KindObject, Name: "Secret"}},
		{Name: "strict", Type: modules.Type{Kind: modules.KindBoolean}},
		{Name: "level", Type: modules.Type{Kind: modules.KindEnum, Name: "Level", Values: []string{markup, "LOW"}}},
	}}}}
	settings := config.Module{
		Path: "ci", Secrets: []config.Secret{{Name: "token", FromAgent: "registry"}},
		Functions: map[string]config.Function{"build-on-tag": {Args: map[string]any{"strict": true}}},
	}
	w := webtest.New(t, webtest.Options{API: func(o *api.Options) {
		o.Inspector = inspector{dispatcher.Declared{Path: "ci", Module: m, Config: settings}}
	}})
	w.Ran("acme/shop", "buildOnTag", store.StateSucceeded)
	b := w.SignIn(v1.ScopeRun)
	page := b.Page("/functions/run?repository=acme/shop&function=buildOnTag")
	for _, want := range []string{"Otherwise called on every push of a tag.", "agent://registry , as pocketci.yaml has it", "true (pocketci.yaml)", markup} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("%q is not in %s", want, page.Main())
		}
	}
	var offered []string
	for o := range page.All(func(n *html.Node) bool { return n.Data == "option" && n.Parent.Data == "datalist" }) {
		offered = append(offered, webtest.Attr(o, "value"))
	}
	if !slices.Equal(offered, []string{"main", "agent://registry"}) {
		t.Errorf("offered are %q", offered)
	}
	for n := range page.All(func(n *html.Node) bool {
		return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "required" })
	}) {
		if id := webtest.Attr(n, "id"); id != "arg-2" {
			t.Errorf("%s is required", id)
		}
	}
	harmless(t, page)
	form := url.Values{"repository": {"acme/shop"}, "function": {"buildOnTag"}, "arg.level": {"LOW"}, "arg.strict": {""}, "arg.token": {""}}
	if a := b.Post("/functions/run", form); a.Status != http.StatusSeeOther {
		t.Errorf("it gives %d: %s", a.Status, a.Text)
	}
}
