package api_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// newVisited is a fixture and the API in its process.
func newVisited(t *testing.T, change ...func(*api.Options, *http.Server)) (*fixture, *api.API) {
	t.Helper()
	f := newFixture(t, change...)
	a, ok := f.server.Config.Handler.(*api.API)
	if !ok {
		t.Fatal("the server serves something else")
	}
	return f, a
}

// through makes a request in process and holds the answer to the document.
func (f *fixture) through(a *api.API, v api.Visitor, r *http.Request) *answered {
	f.t.Helper()
	response, err := a.As(v).RoundTrip(r)
	if err != nil {
		f.t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		f.t.Fatal(err)
	}
	out := &answered{response.StatusCode, response.Header, data}
	documented(f.t, r, out)
	return out
}

// signIn begins a session with the key for a scope.
func (f *fixture) signIn(a *api.API, scope v1.Scope) string {
	f.t.Helper()
	_, token, err := a.SignIn(f.t.Context(), "192.0.2.9", f.keys[scope])
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// A session may do what its key may, and what it does is the key's doing.
func TestSessionIsItsKey(t *testing.T) {
	f, a := newVisited(t)
	run := api.Visitor{Session: f.signIn(a, v1.ScopeRun), Remote: "192.0.2.9"}
	if got := f.through(a, run, f.request("", http.MethodGet, "/me", nil)); got.status != http.StatusOK || !strings.Contains(string(got.body), `"runner"`) {
		t.Errorf("me gives %d: %s", got.status, got.body)
	}
	if got := f.through(a, run, f.request("", http.MethodGet, "/keys", nil)); got.status != http.StatusForbidden {
		t.Errorf("the list of keys gives %d: %s", got.status, got.body)
	}
	// A key in a header takes nobody's place.
	if got := f.through(a, run, f.request(f.keys[v1.ScopeAdmin], http.MethodGet, "/keys", nil)); got.status != http.StatusForbidden {
		t.Errorf("with the key of somebody else it gives %d: %s", got.status, got.body)
	}
	if got := f.through(a, api.Visitor{}, f.request(f.keys[v1.ScopeAdmin], http.MethodGet, "/keys", nil)); got.status != http.StatusUnauthorized {
		t.Errorf("for a stranger with a key it gives %d: %s", got.status, got.body)
	}
	if got := f.through(a, run, f.request("", http.MethodPost, "/disable", v1.Enable{Repository: "a/b"})); got.status != http.StatusNoContent {
		t.Fatalf("disable gives %d: %s", got.status, got.body)
	}
	var audit v1.Audit
	f.do(v1.ScopeAdmin, http.MethodGet, "/audit", nil, http.StatusOK, &audit)
	for n, want := range []string{"disable", "sign-in"} {
		if e := audit.Entries[n]; e.Action != want || e.Person != "runner" || e.Remote != "192.0.2.9" || e.Key == "" {
			t.Errorf("the audit log has %+v, want %s of runner", e, want)
		}
	}
	// The token is not a key, wherever it is sent over the network.
	for _, name := range []string{"Authorization", "Cookie"} {
		r := f.request("", http.MethodGet, "/me", nil)
		r.Header.Set(name, map[string]string{"Authorization": "Bearer ", "Cookie": "pocketci-session="}[name]+run.Session)
		if got := f.send(r); got.status != http.StatusUnauthorized {
			t.Errorf("the token as %s gives %d", name, got.status)
		}
	}
	if err := a.SignOut(t.Context(), run.Session, "192.0.2.9"); err != nil {
		t.Fatal(err)
	}
	if got := f.through(a, run, f.request("", http.MethodGet, "/me", nil)); got.status != http.StatusUnauthorized || !strings.Contains(string(got.body), "the session has ended") {
		t.Errorf("after signing out it gives %d: %s", got.status, got.body)
	}
	if err := a.SignOut(t.Context(), run.Session, "192.0.2.9"); err != nil {
		t.Errorf("signing out again gives %v", err)
	}
	if strings.Contains(f.log.String(), "pcs_") || strings.Contains(f.log.String(), "pci_") {
		t.Errorf("a secret is in the log: %s", f.log)
	}
}

// Wrong secrets count together, whether somebody signs in with them or asks the
// API.
func TestSignInIsLimitedByAddress(t *testing.T) {
	f, a := newVisited(t, func(o *api.Options, _ *http.Server) {
		o.Remote = func(r *http.Request) string { return r.Header.Get("Test-Address") }
	})
	_, expired, err := f.store.CreateKey(t.Context(), store.NewKey{Name: "old", Scope: "read", ExpiresAt: time.Now().Add(time.Hour)}, store.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	f.clock.ahead.Store(int64(2 * time.Hour))
	from := func(address, secret string) (int, string, string) {
		_, token, err := a.SignIn(t.Context(), address, secret)
		if err == nil {
			return http.StatusOK, "", ""
		}
		var (
			status  huma.StatusError
			headers huma.HeadersError
			wait    string
		)
		if !errors.As(err, &status) || token != "" {
			t.Fatalf("signing in gives %q, %v", token, err)
		}
		if errors.As(err, &headers) {
			wait = headers.GetHeaders().Get("Retry-After")
		}
		return status.GetStatus(), status.Error(), wait
	}
	for secret, want := range map[string]string{"": "needs an API key", "pci_guess": "no such API key", expired: "has expired"} {
		if status, text, _ := from("192.0.2.3", secret); status != http.StatusUnauthorized || !strings.Contains(text, want) {
			t.Errorf("%q gives %d %s, want %s", secret, status, text, want)
		}
	}
	status, wait := 0, ""
	for range 30 {
		if status, _, wait = from("192.0.2.1", "pci_guess"); status != http.StatusUnauthorized {
			break
		}
	}
	if status != http.StatusTooManyRequests || wait == "" || wait == "0" {
		t.Fatalf("30 wrong keys end in %d, Retry-After %q", status, wait)
	}
	if status, _, _ := from("192.0.2.1", f.keys[v1.ScopeRead]); status != http.StatusTooManyRequests {
		t.Errorf("a right key gives %d then", status)
	}
	r := f.request(f.keys[v1.ScopeRead], http.MethodGet, "/me", nil)
	r.Header.Set("Test-Address", "192.0.2.1")
	if got := f.send(r); got.status != http.StatusTooManyRequests {
		t.Errorf("a request gives %d then", got.status)
	}
	if status, _, _ := from("192.0.2.2", f.keys[v1.ScopeRead]); status != http.StatusOK {
		t.Errorf("another address gets %d", status)
	}
}

// Streams that a session has opened end with it and with its key.
func TestStreamsEndWithTheSession(t *testing.T) {
	for name, end := range map[string]func(f *fixture, a *api.API, token string) error{
		"signed out": func(f *fixture, a *api.API, token string) error { return a.SignOut(f.t.Context(), token, "") },
		"key deleted": func(f *fixture, _ *api.API, token string) error {
			session, err := f.store.Session(f.t.Context(), token)
			if err != nil {
				return err
			}
			return f.store.DeleteKey(f.t.Context(), session.Key.ID, store.Actor{})
		},
		"unused for long": func(f *fixture, _ *api.API, _ string) error {
			f.clock.ahead.Store(int64(8 * 24 * time.Hour))
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, a := newVisited(t, func(o *api.Options, _ *http.Server) { o.KeepAlive = 10 * time.Millisecond })
			token := f.signIn(a, v1.ScopeRead)
			call := f.claimed(f.planned("a/b", "x"))
			for _, path := range []string{"/runs/" + call.Run + "/stream", "/calls/" + call.Call + "/log/stream"} {
				response, err := a.As(api.Visitor{Session: token}).RoundTrip(f.request("", http.MethodGet, path, nil))
				if err != nil || response.StatusCode != http.StatusOK {
					t.Fatalf("%s gives %v (%v)", path, response, err)
				}
				defer response.Body.Close()
				if _, err := response.Body.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				defer func() {
					rest, err := io.ReadAll(response.Body)
					if err != nil || strings.Contains(string(rest), "event: end") {
						t.Errorf("%s ends with %q (%v)", path, rest, err)
					}
				}()
			}
			if err := end(f, a, token); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A key that expires ends its sessions with an answer that says so.
func TestSessionOfAnExpiredKey(t *testing.T) {
	f, a := newVisited(t)
	_, secret, err := f.store.CreateKey(t.Context(), store.NewKey{Name: "short", Scope: "read", ExpiresAt: time.Now().Add(time.Hour)}, store.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	session, token, err := a.SignIn(t.Context(), "", secret)
	if err != nil || session.ExpiresAt.After(time.Now().Add(time.Hour)) {
		t.Fatalf("the session is %+v (%v)", session, err)
	}
	f.clock.ahead.Store(int64(2 * time.Hour))
	got := f.through(a, api.Visitor{Session: token}, f.request("", http.MethodGet, "/me", nil))
	if got.status != http.StatusUnauthorized || !strings.Contains(string(got.body), "the session has ended") {
		t.Errorf("gives %d: %s", got.status, got.body)
	}
}
