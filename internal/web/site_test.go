package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestHome(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Ran("acme/shop", "onGithubPush", store.StateFailed)
	page := w.SignIn(v1.ScopeRead).Page("/")
	if !slices.Contains(page.Links(), "/runs/1") || !strings.Contains(page.Main(), "acme/shop") {
		t.Errorf("the run is not there: %s", page.Main())
	}
}

func TestStrangersSignIn(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.Stranger()
	if a := b.Get("/"); a.Status != http.StatusSeeOther || a.Location != "/sign-in" {
		t.Errorf("home gives %d to %q", a.Status, a.Location)
	}
	if a := b.Post("/sign-in", url.Values{"key": {"pci_wrong"}}); a.Status != http.StatusUnauthorized || !strings.Contains(a.Text, "There is no such API key.") {
		t.Errorf("a wrong key gives %d: %s", a.Status, a.Text)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	page := w.Stranger().Page("/sign-in")
	for _, s := range append(page.Tag("script"), page.Tag("link")...) {
		path := webtest.Attr(s, "src") + webtest.Attr(s, "href")
		a := w.Stranger().Get(path)
		if a.Status != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s gives %d, kept %q", path, a.Status, a.Header.Get("Cache-Control"))
		}
	}
}
