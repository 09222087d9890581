package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web"
	"github.com/franela/pocketci/internal/web/webtest"
)

// siteOf is another site over the API of a world.
func siteOf(t *testing.T, w *webtest.World, publicURL string) *web.Site {
	t.Helper()
	s, err := web.New(web.Options{API: w.API, PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sessionOf is the cookie of a session that an answer sets, nil if it sets none.
func sessionOf(t *testing.T, header http.Header) *http.Cookie {
	t.Helper()
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if strings.HasSuffix(c.Name, "pocketci-session") {
			return c
		}
	}
	return nil
}

// signIn sends the form as a browser does; change may be nil.
func signIn(t *testing.T, s *web.Site, form url.Values, change func(*http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/sign-in", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// Nobody reads the cookie on the way or by a script, and no other site has it sent.
func TestCookieOfASession(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	for name, c := range map[string]struct {
		publicURL string
		change    func(*http.Request)
		secure    bool
	}{
		"plain":                   {"", nil, false},
		"plain by its public URL": {"http://ci.example", nil, false},
		"https by its public URL": {"https://ci.example", nil, true},
		"in capitals":             {"HTTPS://ci.example", nil, true},
		"a proxy with TLS":        {"", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, true},
		"two proxies":             {"", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "HTTPS, http") }, true},
		"a proxy without TLS":     {"", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") }, false},
		"a header takes no TLS":   {"https://ci.example", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") }, true},
		"by TLS of its own": {"", func(r *http.Request) {
			r.URL.Scheme, r.TLS = "https", httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://x/", nil).TLS
		}, true},
		"something in the headers": {"", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "httpsx") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := siteOf(t, w, c.publicURL)
			res := signIn(t, s, url.Values{"key": {w.Keys[v1.ScopeRead]}}, c.change)
			got := sessionOf(t, res.Header)
			if res.StatusCode != http.StatusSeeOther || got == nil {
				t.Fatalf("signing in gives %d, %v", res.StatusCode, res.Header)
			}
			if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.MaxAge < 24*60*60 || got.MaxAge > 30*24*60*60 {
				t.Errorf("the cookie is %s", got)
			}
			if got.Secure != c.secure || strings.HasPrefix(got.Name, "__Host-") != c.secure {
				t.Errorf("the cookie is %s, secure is to be %t", got, c.secure)
			}
			if !regexp.MustCompile(`^pcs_[A-Za-z0-9_-]{43}$`).MatchString(got.Value) {
				t.Errorf("the token is %q", got.Value)
			}
			// It counts as it was set, and by that name alone.
			for sent, want := range map[string]int{got.Name: http.StatusOK, "pocketci-session": map[bool]int{true: http.StatusSeeOther, false: http.StatusOK}[c.secure]} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/settings", nil)
				if c.change != nil {
					c.change(r)
				}
				r.AddCookie(&http.Cookie{Name: sent, Value: got.Value})
				out := httptest.NewRecorder()
				s.ServeHTTP(out, r)
				if out.Code != want {
					t.Errorf("with the cookie %s it gives %d, want %d", sent, out.Code, want)
				}
			}
		})
	}
}

// What a page says once is the site's own, which nobody else can write where there is TLS.
func TestNotes(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	s := siteOf(t, w, "https://ci.example")
	ask := func(method, path string, cookie *http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		out := httptest.NewRecorder()
		s.ServeHTTP(out, r)
		return out
	}
	var note *http.Cookie
	for _, c := range ask(http.MethodPost, "/sign-out", nil).Result().Cookies() {
		if strings.HasSuffix(c.Name, "-note") {
			note = c
		}
	}
	if note == nil || note.Name != "__Host-pocketci-note" || !note.Secure || note.Path != "/" {
		t.Fatalf("the note is %v", note)
	}
	if page := ask(http.MethodGet, "/sign-in", note).Body.String(); !strings.Contains(page, "You have signed out.") {
		t.Errorf("the next page says %s", page)
	}
	note.Name = "pocketci-note"
	if page := ask(http.MethodGet, "/sign-in", note).Body.String(); strings.Contains(page, "You have signed out.") {
		t.Error("a note that another host can have written is shown")
	}
}

// Whoever signs in comes to where he wanted to go, and never to another site.
func TestWhereSigningInLeads(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	asked := url.Values{"to": {"/schedules?x=1&y=%2F"}}
	if a := w.Stranger().Get(asked.Get("to")); a.Location != "/sign-in?"+asked.Encode() {
		t.Errorf("a stranger is led to %q", a.Location)
	}
	for to, want := range map[string]string{
		"/runs?state=failed":      "/runs?state=failed",
		"/repositories/a/b?ref=x": "/repositories/a/b?ref=x",
		"":                        "/", "runs": "/", "//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/",
		"https://evil.example/": "/", "https:evil.example": "/", "javascript:alert(1)": "/", "/\t/evil.example": "/", "/\n/evil.example": "/",
		"http:///evil.example": "/", " //evil.example": "/", "/%zz": "/",
	} {
		b := w.Stranger()
		page := b.Page("/sign-in?" + url.Values{"to": {to}}.Encode())
		for _, n := range page.Tag("input") {
			if webtest.Attr(n, "name") == "to" && webtest.Attr(n, "value") != want {
				t.Errorf("%q: the form leads to %q, want %q", to, webtest.Attr(n, "value"), want)
			}
		}
		a := b.Post("/sign-in", url.Values{"key": {w.Keys[v1.ScopeRead]}, "to": {to}})
		if a.Status != http.StatusSeeOther || a.Location != want {
			t.Errorf("%q: signing in leads to %q (%d), want %q", to, a.Location, a.Status, want)
		}
		if a := b.Get("/sign-in?" + url.Values{"to": {to}}.Encode()); a.Status != http.StatusSeeOther || a.Location != want {
			t.Errorf("%q: who has signed in is led to %q (%d), want %q", to, a.Location, a.Status, want)
		}
	}
}

func TestWrongKeysAtTheForm(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.Stranger()
	a := b.Post("/sign-in", url.Values{"key": {"pci_guess" + evil}, "to": {"/runs"}})
	page := a.Page(t)
	if a.Status != http.StatusUnauthorized || !strings.Contains(page.Main(), "There is no such API key") || strings.Contains(page.Main(), "Bearer") {
		t.Errorf("a wrong key gives %d: %s", a.Status, page.Main())
	}
	if strings.Contains(a.Text, "pci_guess") || sessionOf(t, a.Header) != nil {
		t.Errorf("the key is repeated, or there is a session: %s", a.Text)
	}
	if !strings.Contains(a.Text, `value="/runs"`) {
		t.Error("where somebody wanted to go is forgotten")
	}
	// In the address it is not looked at, as that ends up in logs.
	if a := b.Post("/sign-in?key="+w.Keys[v1.ScopeRead], nil); a.Status != http.StatusUnauthorized || !strings.Contains(a.Text, "needs an API key") {
		t.Errorf("a key in the address gives %d: %s", a.Status, a.Text)
	}
	for range 20 {
		if a = b.Post("/sign-in", url.Values{"key": {"pci_guess"}}); a.Status != http.StatusUnauthorized {
			break
		}
	}
	if main := a.Page(t).Main(); a.Status != http.StatusTooManyRequests || !regexp.MustCompile(`^[1-9][0-9]*$`).MatchString(a.Header.Get("Retry-After")) ||
		!regexp.MustCompile(`Too many .*\. Try again in [0-9]+ s\.`).MatchString(main) {
		t.Errorf("many wrong keys end in %d, Retry-After %q: %s", a.Status, a.Header.Get("Retry-After"), main)
	}
}

// A token that somebody has planted is not the one of who signs in then, and what the
// browser had is over.
func TestSessionsAreNotFixed(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	s := siteOf(t, w, "")
	first := sessionOf(t, signIn(t, s, url.Values{"key": {w.Keys[v1.ScopeRead]}}, nil).Header)
	for name, planted := range map[string]string{"a made-up one": "pcs_planted", "somebody's own": first.Value} {
		second := sessionOf(t, signIn(t, s, url.Values{"key": {w.Keys[v1.ScopeAdmin]}}, func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "pocketci-session", Value: planted})
		}).Header)
		if second == nil || second.Value == planted {
			t.Errorf("%s: the cookie is %v", name, second)
		}
	}
	if _, err := w.Store.Session(t.Context(), first.Value); err == nil {
		t.Error("the session that was replaced counts still")
	}
}

// Signing out ends the session on the server.
func TestSignOut(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := w.SignIn(v1.ScopeRead)
	at, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	kept := b.Client.Jar.Cookies(at)
	if a := b.Get("/sign-out"); a.Status != http.StatusNotFound && a.Status != http.StatusMethodNotAllowed {
		t.Errorf("a link to it gives %d", a.Status)
	}
	if a := b.Get("/settings"); a.Status != http.StatusOK {
		t.Fatalf("a page gives %d", a.Status)
	}
	if a := b.Post("/sign-out", nil); a.Status != http.StatusSeeOther || a.Location != "/sign-in" {
		t.Errorf("signing out gives %d to %q", a.Status, a.Location)
	}
	if slices.ContainsFunc(b.Client.Jar.Cookies(at), func(c *http.Cookie) bool { return c.Name == "pocketci-session" }) {
		t.Error("the browser keeps the cookie")
	}
	again := w.Stranger()
	again.Client.Jar.SetCookies(at, kept)
	if a := again.Get("/settings"); a.Status != http.StatusSeeOther {
		t.Errorf("the cookie of before gives %d", a.Status)
	}
	if page := b.Page("/sign-in"); !strings.Contains(page.Main(), "You have signed out") {
		t.Errorf("nobody says so: %s", page.Main())
	}
	if a := b.Post("/sign-out", nil); a.Status != http.StatusSeeOther {
		t.Errorf("signing out again gives %d", a.Status)
	}
}
