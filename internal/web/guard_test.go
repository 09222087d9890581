package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// split is the method and a path of a pattern.
func split(r web.Route) (method, path string) {
	method, path, _ = strings.Cut(r.Pattern, " ")
	return method, parameter.ReplaceAllString(strings.Replace(path, "{$}", "", 1), "1")
}

// What another site has a browser send is refused on every route that changes
// something, for whoever has signed in.
func TestOtherSitesCannotWrite(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeAdmin)
	before, err := w.Store.Audit(t.Context(), store.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	writes := 0
	for _, route := range web.Routes(t, web.Options{API: w.API}) {
		method, path := split(route)
		if method != http.MethodPost {
			continue
		}
		writes++
		for name, headers := range map[string]map[string]string{
			"cross-site":          {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
			"same-site":           {"Sec-Fetch-Site": "same-site", "Origin": "https://other.ci.example"},
			"by origin alone":     {"Origin": "https://evil.example"},
			"an opaque origin":    {"Origin": "null"},
			"another port":        {"Origin": "http://127.0.0.1:1"},
			"the path as a trick": {"Origin": "https://evil.example/" + strings.TrimPrefix(w.URL, "http://")},
		} {
			r, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(url.Values{"name": {"x"}, "scope": {"admin"}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range headers {
				r.Header.Set(k, v)
			}
			if a := b.Do(r); a.Status != http.StatusForbidden || !strings.Contains(a.Text, "Another site had your browser send this") {
				t.Errorf("%s, %s: gives %d: %s", route.Pattern, name, a.Status, a.Text)
			}
		}
	}
	if writes < 10 {
		t.Errorf("only %d routes were tried", writes)
	}
	after, err := w.Store.Audit(t.Context(), store.AuditFilter{})
	if err != nil || len(after) != len(before) {
		t.Errorf("the audit log has %d entries more (%v)", len(after)-len(before), err)
	}
	if a := b.Get("/settings"); a.Status != http.StatusOK {
		t.Errorf("the session is gone: %d", a.Status)
	}
}

// Every route, as a stranger and as each key: nobody gets what his scope does not allow,
// and whoever only reads sees no button that changes something.
func TestRoutesByScope(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Ran("acme/shop", "onGithubPush", store.StateFailed)
	stranger, reader, runner := w.Stranger(), w.SignIn(v1.ScopeRead), w.SignIn(v1.ScopeRun)
	send := func(b *webtest.Browser, method, path string) *webtest.Answer {
		if method == http.MethodPost {
			return b.Post(path, url.Values{})
		}
		return b.Get(path)
	}
	for _, route := range web.Routes(t, web.Options{API: w.API}) {
		method, path := split(route)
		if method == "/" || path == "/sign-in" || path == "/sign-out" || strings.HasSuffix(path, "live") || path == "/runs/home" {
			continue
		}
		if route.Scope != "" {
			if a := send(stranger, method, path); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/sign-in") {
				t.Errorf("%s gives a stranger %d to %q", route.Pattern, a.Status, a.Location)
			}
		}
		for _, c := range []struct {
			browser *webtest.Browser
			may     []string
		}{{reader, []string{"", "read"}}, {runner, []string{"", "read", "run"}}} {
			allowed := false
			for _, scope := range c.may {
				allowed = allowed || scope == route.Scope
			}
			if allowed {
				continue
			}
			a := send(c.browser, method, path)
			if a.Status != http.StatusForbidden || !strings.Contains(a.Text, "This needs a key with the scope "+route.Scope) {
				t.Errorf("%s gives %d to who may not", route.Pattern, a.Status)
			}
		}
		if method != http.MethodGet || route.Scope != "" && route.Scope != "read" {
			continue
		}
		a := reader.Get(path)
		if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, form := range a.Page(t).Tag("form") {
			if strings.EqualFold(webtest.Attr(form, "method"), "post") && webtest.Attr(form, "action") != "/sign-out" {
				t.Errorf("%s shows who only reads a form to %s", path, webtest.Attr(form, "action"))
			}
		}
		for _, link := range a.Page(t).Links() {
			if strings.HasPrefix(link, "/settings/") && link != "/settings/webhooks" || strings.HasSuffix(link, "/delete") {
				t.Errorf("%s leads who only reads to %s", path, link)
			}
		}
	}
}
