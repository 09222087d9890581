package api_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestWithoutAKeyThatCounts(t *testing.T) {
	f := newFixture(t)
	by := store.Actor{Person: "test"}
	_, expired, err := f.store.CreateKey(t.Context(), store.NewKey{Name: "old", Scope: "admin", ExpiresAt: time.Now().Add(time.Hour)}, by)
	if err != nil {
		t.Fatal(err)
	}
	f.clock.ahead.Store(int64(2 * time.Hour))
	k, deleted, err := f.store.CreateKey(t.Context(), store.NewKey{Name: "gone", Scope: "admin"}, by)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.store.DeleteKey(t.Context(), k.ID, by); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ header, detail, challenge string }{
		"no header":      {"", "needs an API key", `Bearer realm="pocketci"`},
		"no secret":      {"Bearer ", "needs an API key", `Bearer realm="pocketci"`},
		"another scheme": {"Basic " + f.keys[v1.ScopeAdmin], "needs an API key", `Bearer realm="pocketci"`},
		"a made-up key":  {"Bearer pci_x", "no such API key", `error="invalid_token"`},
		"hostile bytes":  {"Bearer \xff\xfe'; --", "no such API key", `error="invalid_token"`},
		"an expired key": {"Bearer " + expired, "has expired", `error="invalid_token"`},
		"a deleted key":  {"Bearer " + deleted, "no such API key", `error="invalid_token"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := f.request("", http.MethodGet, "/me", nil)
			if tc.header != "" {
				r.Header.Set("Authorization", tc.header)
			}
			a := f.send(r)
			p := a.problem(t)
			if a.status != http.StatusUnauthorized || !strings.Contains(p.Detail, tc.detail) || !strings.Contains(p.Detail, "pocketci keys create NAME --data-dir DIR") {
				t.Errorf("gives %d: %s", a.status, a.body)
			}
			if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, tc.challenge) {
				t.Errorf("the challenge is %q, want %s in it", got, tc.challenge)
			}
		})
	}
	for _, ok := range []string{"Bearer ", "bearer ", "BEARER  "} {
		r := f.request("", http.MethodGet, "/me", nil)
		r.Header.Set("Authorization", ok+f.keys[v1.ScopeRead])
		if a := f.send(r); a.status != http.StatusOK {
			t.Errorf("%q gives %d", ok, a.status)
		}
	}
	if strings.Contains(f.log.String(), "pci_") {
		t.Errorf("a key is in the log: %s", f.log)
	}
}

// A key in the URL is not looked at: URLs end up in logs.
func TestKeysInURLs(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"access_token", "key", "token"} {
		if a := f.send(f.request("", http.MethodGet, "/me?"+name+"="+f.keys[v1.ScopeRead], nil)); a.status != http.StatusUnauthorized {
			t.Errorf("%s gives %d", name, a.status)
		}
	}
}

func TestWrongKeysAreLimitedByAddress(t *testing.T) {
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Remote = func(r *http.Request) string { return r.Header.Get("Test-Address") }
	})
	from := func(address, secret string) *answered {
		r := f.request(secret, http.MethodGet, "/me", nil)
		r.Header.Set("Test-Address", address)
		return f.send(r)
	}
	last := 0
	for range 30 {
		if last = from("192.0.2.1", "pci_guess").status; last != http.StatusUnauthorized {
			break
		}
	}
	if last != http.StatusTooManyRequests {
		t.Fatalf("30 wrong keys end in %d", last)
	}
	a := from("192.0.2.1", f.keys[v1.ScopeRead])
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.header.Get("Retry-After") == "0" {
		t.Errorf("the next request gives %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	if a := from("192.0.2.2", f.keys[v1.ScopeRead]); a.status != http.StatusOK {
		t.Errorf("another address gets %d", a.status)
	}
}

func TestLimiter(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := api.NewLimiter(func() time.Time { return now })
	for n := range 10 {
		if wait := l.Wait("2001:db8::1"); wait != 0 {
			t.Fatalf("after %d failures it waits for %s", n, wait)
		}
		l.Failed("2001:db8::1")
	}
	for address, limited := range map[string]bool{"2001:db8::2": true, "2001:db8:0:1::1": false, "192.0.2.1": false, "": false} {
		if wait := l.Wait(address); (wait > 0) != limited {
			t.Errorf("%q waits for %s", address, wait)
		}
	}
	now = now.Add(l.Wait("2001:db8::1"))
	if wait := l.Wait("2001:db8::1"); wait != 0 {
		t.Errorf("after it has waited it waits for %s", wait)
	}
	now = now.Add(-48 * time.Hour)
	if wait := l.Wait("192.0.2.1"); wait != 0 {
		t.Errorf("a clock that is set back has strangers wait for %s", wait)
	}
	for n := range 30_000 {
		l.Failed(fmt.Sprintf("10.%d.%d.1", n/200, n%200))
	}
	if n := l.Len(); n > 10_000 {
		t.Errorf("%d addresses are remembered", n)
	}
}

func TestKeys(t *testing.T) {
	f := newFixture(t)
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	var made v1.NewKey
	f.do(v1.ScopeAdmin, http.MethodPost, "/keys", v1.KeyRequest{Name: "bot ü", Scope: v1.ScopeRun, ExpiresAt: &expires}, http.StatusCreated, &made)
	if !strings.HasPrefix(made.Secret, "pci_") || made.Name != "bot ü" || made.CreatedBy != "admin" || !made.ExpiresAt.Equal(expires) {
		t.Errorf("made %+v", made.Key)
	}
	var me v1.Me
	a := f.send(f.request(made.Secret, http.MethodGet, "/me", nil))
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `"bot ü"`) || !strings.Contains(string(a.body), `"1.2.3"`) {
		t.Errorf("the new key gives %d: %s", a.status, a.body)
	}
	f.do(v1.ScopeRead, http.MethodGet, "/me", nil, http.StatusOK, &me)
	if me.Name != "reader" || me.Scope != v1.ScopeRead {
		t.Errorf("me is %+v", me)
	}
	list := f.do(v1.ScopeAdmin, http.MethodGet, "/keys", nil, http.StatusOK, nil)
	if strings.Contains(string(list.body), "pci_") || !strings.Contains(string(list.body), made.ID) {
		t.Errorf("the list of keys is %s", list.body)
	}
	past := time.Now().Add(-time.Hour)
	for name, body := range map[string]any{
		"expired": v1.KeyRequest{Name: "x", Scope: v1.ScopeRun, ExpiresAt: &past},
		"a line":  v1.KeyRequest{Name: "x\ny", Scope: v1.ScopeRun},
		"a login": v1.KeyRequest{Name: "x", Scope: v1.ScopeRun, Login: "x\ny"},
		"no name": v1.KeyRequest{Scope: v1.ScopeRun},
		"a scope": v1.KeyRequest{Name: "x", Scope: "root"},
	} {
		if a := f.send(f.request(f.keys[v1.ScopeAdmin], http.MethodPost, "/keys", body)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s gives %d: %s", name, a.status, a.body)
		}
	}
	f.do(v1.ScopeAdmin, http.MethodDelete, "/keys/"+made.ID, nil, http.StatusNoContent, nil)
	f.do(v1.ScopeAdmin, http.MethodDelete, "/keys/"+made.ID, nil, http.StatusNotFound, nil)
	if a := f.send(f.request(made.Secret, http.MethodGet, "/me", nil)); a.status != http.StatusUnauthorized {
		t.Errorf("a deleted key gives %d", a.status)
	}
	var audit v1.Audit
	f.do(v1.ScopeAdmin, http.MethodGet, "/audit?limit=1", nil, http.StatusOK, &audit)
	if len(audit.Entries) != 1 || audit.Entries[0].Action != "delete-key" || audit.Entries[0].Person != "admin" ||
		audit.Entries[0].Remote != "127.0.0.1" || audit.Next == "" {
		t.Errorf("the audit log has %+v", audit)
	}
	next := f.do(v1.ScopeAdmin, http.MethodGet, "/audit?limit=1&cursor="+audit.Next, nil, http.StatusOK, &audit)
	if len(audit.Entries) != 1 || audit.Entries[0].Action != "create-key" || strings.Contains(string(next.body), "pci_") {
		t.Errorf("its next page has %s", next.body)
	}
}

// What is served beside the API asks for the same keys, and counts the same
// failures.
func TestProtect(t *testing.T) {
	var protected http.Handler
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		a, err := api.New(*o)
		if err != nil {
			t.Fatal(err)
		}
		protected = a.Protect(v1.ScopeRun, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }))
	})
	get := func(secret string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		if secret != "" {
			r.Header.Set("Authorization", "Bearer "+secret)
		}
		protected.ServeHTTP(w, r)
		return w
	}
	for secret, want := range map[string]int{
		"": http.StatusUnauthorized, "pci_guess": http.StatusUnauthorized, f.keys[v1.ScopeRead]: http.StatusForbidden, f.keys[v1.ScopeAdmin]: http.StatusOK,
	} {
		w := get(secret)
		if w.Code != want {
			t.Errorf("gives %d, want %d: %s", w.Code, want, w.Body)
		}
		if ok := w.Body.String() == "metrics"; ok != (want == http.StatusOK) || !ok && w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("says %s", w.Body)
		}
	}
	for range 30 {
		get("pci_guess")
	}
	if w := get("pci_guess"); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("after 30 wrong keys it gives %d", w.Code)
	}
}

func TestOptionsThatAreMissing(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	plans := planner(func(context.Context, events.Event) (*dispatcher.View, error) { return nil, errors.New("no") })
	for name, o := range map[string]api.Options{
		"store": {Planner: plans}, "planner": {Store: s}, "parser": {Store: s, Planner: plans},
	} {
		if _, err := api.New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without a %s the error is %v", name, err)
		}
	}
}
