package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
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

// Browsers that take compressed pages get them, and no others. What is followed is not
// held back for that.
func TestCompression(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for range 30 {
		w.Ran("acme/shop", "onGithubPush", store.StateFailed)
	}
	b := w.SignIn(v1.ScopeRead)
	b.Client.Transport = &http.Transport{DisableCompression: true}
	get := func(path, accept string) *webtest.Answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if accept != "" {
			r.Header.Set("Accept-Encoding", accept)
		}
		return b.Do(r)
	}
	style := webtest.Attr(b.Page("/").Tag("link")[1], "href")
	for _, path := range []string{"/", style} {
		plain, packed := get(path, ""), get(path, "gzip, deflate, br")
		if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v, %v", path, plain.Header, packed.Header)
		}
		unpack, err := gzip.NewReader(strings.NewReader(packed.Text))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(unpack)
		if err != nil {
			t.Fatal(err)
		}
		// Times go on between the two.
		if len(packed.Text) > len(plain.Text)/2 || len(text) < len(plain.Text)*9/10 {
			t.Errorf("%s: %d bytes became %d and then %d", path, len(plain.Text), len(packed.Text), len(text))
		}
		if refused := get(path, "gzip;q=0"); refused.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is compressed for a browser that refuses that", path)
		}
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	if n := web.Templates(t); n < 20 {
		t.Errorf("there are %d pages", n)
	}
}
