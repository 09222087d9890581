package web_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// said is what a badge says to those who do not see it.
func said(t *testing.T, a *webtest.Answer) string {
	t.Helper()
	var svg struct {
		Name string `xml:"aria-label,attr"`
	}
	if err := xml.Unmarshal([]byte(a.Text), &svg); err != nil || a.Header.Get("Content-Type") != "image/svg+xml" {
		t.Fatalf("%v: %d %s %s", err, a.Status, a.Header.Get("Content-Type"), a.Text)
	}
	return svg.Name
}

func TestBadges(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Ran("acme/shop", "test", store.StateFailed)
	w.Ran("acme/till", "test", store.StateSucceeded)
	b := w.SignIn(v1.ScopeRead)
	for path, want := range map[string]string{
		"/badges/acme/shop.svg":                                                  "pocketci: failed",
		"/badges/acme/till.svg":                                                  "pocketci: succeeded",
		"/badges/acme/shop.svg?branch=main":                                      "main: failed",
		"/badges/acme/shop.svg?branch=dev":                                       "dev: no runs",
		"/badges/acme/shop.svg?function=test":                                    "test: failed",
		"/badges/acme/shop.svg?function=test&module=ci&label=unit+tests":         "unit tests: failed",
		"/badges/acme/shop.svg?function=never":                                   "never: no runs",
		"/badges/acme/never.svg":                                                 "pocketci: no runs",
		"/badges/acme/shop.svg?label=":                                           "failed",
		"/badges/acme/shop.svg?" + query("label", `"><script>`, "branch", "<b>"): `"><script>: no runs`,
		"/badges/acme/" + strings.Repeat("x", 200) + ".svg":                      "pocketci: no runs",
	} {
		a := b.Get(path)
		if got := said(t, a); got != want || a.Status != http.StatusOK {
			t.Errorf("%s is %d, %s, want %s", path, a.Status, got, want)
		}
		if a.Header.Get("Cache-Control") != "private, max-age=60" || a.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" ||
			a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s has the headers %v", path, a.Header)
		}
	}
	first := b.Get("/badges/acme/shop.svg")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/badges/acme/shop.svg", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("If-None-Match", first.Header.Get("ETag"))
	if a := b.Do(r); a.Status != http.StatusNotModified || a.Text != "" {
		t.Errorf("the same badge is sent again: %d %s", a.Status, a.Text)
	}
	for _, path := range []string{"/badges/", "/badges/acme/shop", "/badges/.svg", "/badges/acme/shop.png"} {
		if a := b.Get(path); a.Status != http.StatusNotFound || a.Header.Get("Content-Type") == "image/svg+xml" {
			t.Errorf("%s gives %d, %s", path, a.Status, a.Header.Get("Content-Type"))
		}
	}
	for path, status := range map[string]int{"/badges/acme/" + strings.Repeat("x", 300) + ".svg": http.StatusUnprocessableEntity, "/badges/acme/shop.svg?module=ci": http.StatusUnprocessableEntity} {
		if a := b.Get(path); a.Status != status || said(t, a) != "pocketci: unknown" {
			t.Errorf("%.40s gives %d", path, a.Status)
		}
	}
}

// A stranger learns nothing of what is not public, not even whether it exists.
func TestBadgesOfWhatIsNotPublic(t *testing.T) {
	t.Parallel()
	w := webtest.New(t, webtest.Options{Site: func(o *web.Options) {
		o.Public = func(repository string) bool { return repository == "acme/open" }
	}})
	w.Ran("acme/shop", "test", store.StateFailed)
	w.Ran("acme/open", "test", store.StateFailed)
	stranger := w.Stranger()
	secret, none := stranger.Get("/badges/acme/shop.svg"), stranger.Get("/badges/acme/none.svg")
	if secret.Status != http.StatusNotFound || said(t, secret) != "pocketci: unknown" || secret.Text != none.Text || none.Status != secret.Status ||
		secret.Header.Get("Cache-Control") != none.Header.Get("Cache-Control") {
		t.Errorf("a stranger gets %d and %d: %s", secret.Status, none.Status, secret.Text)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/badges/acme/open.svg", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "pocketci-session=pcs_over")
	if a := stranger.Do(r); a.Header.Get("Set-Cookie") == "" || a.Header.Get("Cache-Control") != "private, max-age=60" {
		t.Errorf("that a session has ended may be kept for others: %v", a.Header)
	}
	open := stranger.Get("/badges/acme/open.svg")
	if said(t, open) != "pocketci: failed" || open.Status != http.StatusOK || open.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("of what is public he gets %d, kept %s: %s", open.Status, open.Header.Get("Cache-Control"), open.Text)
	}
}
