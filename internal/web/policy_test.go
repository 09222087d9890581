package web_test

import (
	"net/http"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// Every answer has the policy, and no page needs anything that it forbids.
func TestPolicy(t *testing.T) {
	t.Parallel()
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	w := webtest.New(t)
	w.Ran("acme/shop", "onGithubPush", store.StateFailed)
	b := w.SignIn(v1.ScopeAdmin)
	pages := 0
	for _, route := range web.Routes(t, web.Options{API: w.API}) {
		method, path := split(route)
		if method != http.MethodGet || strings.HasSuffix(path, "live") || path == "/runs/home" {
			continue
		}
		a := b.Get(path)
		if got := a.Header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s has the policy %q", path, got)
		}
		if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		pages++
		harmless(t, a.Page(t))
	}
	if pages < 15 {
		t.Errorf("%d pages were looked at", pages)
	}
}
