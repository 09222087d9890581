package web_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
	"github.com/franela/pocketci/modules"
)

// dangerous is what could be taken for something else in a name or a text.
const dangerous = "<script>alert(1)</script>\u202e\"'"

// withModules is a world in whose repository acme/shop one function was called that is
// declared and one that is not, and a module beside it cannot be loaded.
func withModules(t *testing.T) *webtest.World {
	t.Helper()
	m := &modules.Module{Path: "ci", Name: "ci", Functions: []modules.Function{
		{Name: "testOnGithubPushMain", Description: "Tests.\n" + dangerous, Returns: text, Args: []modules.Arg{
			{Name: "onChanges", Type: text, Default: []byte(`"**/*.go"`)},
			{Name: "mood", Type: optional(modules.Type{Kind: modules.KindEnum, Name: "Mood", Values: []string{dangerous}}), Description: dangerous},
			{Name: "token", Type: modules.Type{Kind: modules.KindObject, Name: "Secret"}},
		}},
		{Name: "changeNginx", Returns: text},
		{Name: "build", Returns: text},
	}}
	settings := config.Module{Path: "ci", Secrets: []config.Secret{{Name: "token", FromEnv: "TOKEN"}}, Converge: &config.Converge{IDs: []config.ConvergeID{{ID: "nginx"}}}}
	w := webtest.New(t, webtest.Options{
		API: func(o *api.Options) {
			o.Inspector = inspector{{Path: "ci", Module: m, Config: settings}, {Path: "web", Err: fmt.Errorf("main.go:7: %s", dangerous)}}
		},
		Site: func(o *web.Options) { o.PublicURL = "https://ci.example/" },
	})
	w.Ran("acme/shop", "testOnGithubPushMain", store.StateFailed)
	w.Ran("acme/shop", "testOnGithubPushMain", store.StateSucceeded)
	w.Ran("acme/shop", "gone", store.StateSucceeded)
	d := webtest.Push("acme/shop")
	d.Event.Ref, d.Event.Branch = "refs/heads/"+dangerous, dangerous
	w.PlannedOf(d, "testOnGithubPushMain")
	return w
}

const shop = "/repositories/acme/shop"

func TestRepository(t *testing.T) {
	t.Parallel()
	w := withModules(t)
	page := w.SignIn(v1.ScopeRun).Page(shop)
	if len(page.Class("run")) != 4 || len(page.Class("ref-row")) != 2 || len(page.Class("function")) != 2 {
		t.Errorf("it has %d runs, %d refs and %d functions", len(page.Class("run")), len(page.Class("ref-row")), len(page.Class("function")))
	}
	for _, want := range []string{"50 % of 2 in 7 days", "50 % of 2 in 30 days", "is being looked up", "[![pocketci](https://ci.example/badges/acme/shop.svg)](https://ci.example/repositories/acme/shop)"} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("%q is not in %s", want, page.Main())
		}
	}
	if strings.Contains(page.Source, "<script>alert") || strings.Contains(page.Source, "\u202e") {
		t.Error("a name of a branch is not shown as text")
	}
	main := w.SignIn(v1.ScopeRun).Page(shop + "?ref=main")
	if len(main.Class("run")) != 3 || !strings.Contains(main.Main(), "shop.svg?branch=main") {
		t.Errorf("main has %s", main.Main())
	}
	other := w.SignIn(v1.ScopeRun).Page(shop + "?" + url.Values{"ref": {dangerous}}.Encode())
	if len(other.Class("run")) != 1 {
		t.Errorf("another branch has %s", other.Main())
	}
	if empty := w.SignIn(v1.ScopeRun).Page("/repositories/acme/none"); !strings.Contains(empty.Main(), "There are no runs yet") {
		t.Errorf("one without events has %s", empty.Main())
	}
	reader := w.SignIn(v1.ScopeRead).Page(shop)
	if slices.ContainsFunc(reader.Actions(), func(a string) bool { return strings.HasPrefix(a, "/functions/") }) || !strings.Contains(reader.Main(), "a key with the scope run") {
		t.Errorf("with a key that only reads it has %v: %s", reader.Actions(), reader.Main())
	}
}

func TestDeclaredFunctionsOfRepository(t *testing.T) {
	t.Parallel()
	w := withModules(t)
	b := w.SignIn(v1.ScopeRun)
	page := b.Page(shop + "?wait=1")
	for _, want := range []string{
		"Called on every push to main at GitHub when **/*.go changed.", "Called when the module converges, which it does on a push to the default branch",
		"Called by hand only: its name is not a trigger", "Not declared at this commit", "env://TOKEN by pocketci.yaml", "The module web cannot be loaded: main.go:7",
		"Have ci converge", "50 % of 2 in 7 days",
	} {
		if !strings.Contains(page.Main(), want) {
			t.Errorf("%q is not in %s", want, page.Main())
		}
	}
	if len(page.Class("function")) != 4 || strings.Contains(page.Source, "<script>alert") {
		t.Errorf("functions are %s", page.Main())
	}
	if !slices.Contains(page.Links(), "/functions/run?function=build&module=ci&repository=acme%2Fshop") {
		t.Errorf("links are %v", page.Links())
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/functions/live?repository=acme/shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := b.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	var sent []string
	for lines.Scan() {
		sent = append(sent, lines.Text())
	}
	live := strings.Join(sent, "\n")
	if !strings.Contains(live, `data: <section id="functions"`) || !strings.Contains(live, "on every push to main") || !strings.Contains(live, "event: end") {
		t.Errorf("the live part is %s", live)
	}
}

func TestDisablingFromPages(t *testing.T) {
	t.Parallel()
	w := withModules(t)
	b := w.SignIn(v1.ScopeRun)
	function := url.Values{"repository": {"acme/shop"}, "module": {"ci"}, "function": {"testOnGithubPushMain"}, "ref": {"main"}, "reason": {dangerous}}
	if a := b.Post("/functions/disable", function); a.Status != http.StatusSeeOther || a.Location != shop+"?ref=main" {
		t.Fatalf("disabling gives %d to %s: %s", a.Status, a.Location, a.Text)
	}
	page := b.Page(shop)
	if !strings.Contains(page.Main(), "ci:testOnGithubPushMain is disabled") || !slices.Contains(page.Actions(), "/functions/enable") || strings.Contains(page.Source, "<script>alert") {
		t.Errorf("then it has %s", page.Main())
	}
	if list := b.Page("/functions?state=disabled"); len(list.Class("function")) != 1 {
		t.Errorf("disabled are %s", list.Main())
	}
	if a := b.Post("/functions/enable", function); a.Status != http.StatusSeeOther {
		t.Errorf("enabling gives %d: %s", a.Status, a.Text)
	}
	if a := b.Post("/functions/enable", function); a.Status != http.StatusNotFound || !strings.Contains(a.Text, "nothing of exactly these names") {
		t.Errorf("enabling again gives %d: %s", a.Status, a.Text)
	}
	function.Set("reason", strings.Repeat("long ", 300))
	if a := b.Post("/functions/disable", function); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Text, `value="long long`) {
		t.Errorf("a reason that is too long gives %d", a.Status)
	}
	if a := b.Post("/functions/disable", url.Values{"repository": {"acme/shop"}}); a.Status != http.StatusSeeOther {
		t.Errorf("disabling all of it gives %d: %s", a.Status, a.Text)
	}
	if page := b.Page(shop); !strings.Contains(page.Main(), "Nothing of it is called") {
		t.Errorf("then it has %s", page.Main())
	}
	if a := w.SignIn(v1.ScopeRead).Post("/functions/disable", function); a.Status != http.StatusForbidden {
		t.Errorf("with a key that only reads it gives %d", a.Status)
	}
}

// No form is larger than forms may be, however it is sent.
func TestFormsAreBounded(t *testing.T) {
	t.Parallel()
	w := withModules(t)
	b := w.SignIn(v1.ScopeRun)
	b.Post("/functions/disable", url.Values{"a": {strings.Repeat("x", 2<<20)}, "repository": {"acme/shop"}})
	if disabled, err := w.Store.Disabled(t.Context(), "acme/shop"); err != nil || len(disabled) > 0 {
		t.Errorf("a form of 2 MiB disables %v (%v)", disabled, err)
	}
}

func TestApplyFromPage(t *testing.T) {
	t.Parallel()
	w := withModules(t)
	b := w.SignIn(v1.ScopeRun)
	if a := b.Post("/functions/apply", url.Values{"repository": {"acme/shop"}, "module": {"ci"}, "ref": {"main"}}); a.Status != http.StatusSeeOther || a.Location != "/runs/5" {
		t.Errorf("it gives %d to %s: %s", a.Status, a.Location, a.Text)
	}
	if a := b.Post("/functions/apply", url.Values{"repository": {"acme/shop"}, "module": {"ci"}, "ref": {strings.Repeat("c", 40)}}); a.Status != http.StatusConflict || !strings.Contains(a.Text, "nothing converges to it") {
		t.Errorf("a commit that nobody pushed gives %d: %s", a.Status, a.Text)
	}
}

func TestPublicRepository(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{Site: func(o *web.Options) { o.Public = func(r string) bool { return r == "acme/shop" } }})
	w.Ran("acme/shop", "onGithubPush", store.StateSucceeded)
	w.Ran("acme/secret", "onGithubPush", store.StateSucceeded)
	page := w.Stranger().Page(shop)
	if len(page.Class("run")) != 1 || len(page.Class("function")) != 0 || len(page.Actions()) != 1 {
		t.Errorf("strangers see %s and %v", page.Main(), page.Actions())
	}
	if a := w.Stranger().Get("/repositories/acme/secret"); a.Status != http.StatusSeeOther {
		t.Errorf("what is not public gives %d", a.Status)
	}
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	w := withModules(t)
	for i := range 120 {
		w.Planned("acme/many", fmt.Sprintf("f%03d", i))
	}
	b := w.SignIn(v1.ScopeRun)
	for path, want := range map[string]int{
		"/functions": 100, "/functions?from=100": 22, "/functions?text=PUSHMAIN": 1, "/functions?text=acme/many&from=100": 20,
		"/functions?state=succeeded": 1, "/functions?text=nothing": 0,
	} {
		if page := b.Page(path); len(page.Class("function")) != want {
			t.Errorf("%s has %d functions, want %d: %s", path, len(page.Class("function")), want, page.Main())
		}
	}
}
