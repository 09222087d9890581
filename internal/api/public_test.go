package api_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// Whatever is asked for, by id or by number: what is of a repository that is not
// public looks as if there were no such thing.
func TestNothingOfOtherRepositoriesIsPublic(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine, theirs := f.claimed(f.planned("a/b", "x")), f.claimed(f.planned("secret/till", "x"))
	run, err := f.store.Run(t.Context(), theirs.Run)
	if err != nil {
		t.Fatal(err)
	}
	number := strconv.FormatInt(run.Number, 10)
	_, none := f.as(public, http.MethodGet, "/runs/nothing", nil)
	for path, want := range map[string]int{
		"/runs/" + theirs.Run:                           http.StatusNotFound,
		"/runs/" + number:                               http.StatusNotFound,
		"/runs/" + theirs.Run + "/stream":               http.StatusNotFound,
		"/runs/" + number + "/stream":                   http.StatusNotFound,
		"/calls/" + theirs.Call:                         http.StatusNotFound,
		"/calls/" + theirs.Call + "/log":                http.StatusNotFound,
		"/calls/" + theirs.Call + "/log?attempt=1":      http.StatusNotFound,
		"/calls/" + theirs.Call + "/log/stream":         http.StatusNotFound,
		"/calls/nothing":                                http.StatusNotFound,
		"/runs?repository=secret/till":                  http.StatusNotFound,
		"/runs?repository=a/*":                          http.StatusNotFound,
		"/runs":                                         http.StatusNotFound,
		"/runs?event=" + run.Event:                      http.StatusNotFound,
		"/calls?repository=a/b":                         http.StatusUnauthorized,
		"/calls?run=" + mine.Run:                        http.StatusUnauthorized,
		"/runs/" + mine.Run:                             http.StatusOK,
		"/calls/" + mine.Call:                           http.StatusOK,
		"/calls/" + mine.Call + "/log":                  http.StatusOK,
		"/runs?repository=a/b&event=" + run.Event:       http.StatusOK,
		"/runs?repository=a/b&repository=secret%2Ftill": http.StatusOK,
	} {
		status, text := f.as(public, http.MethodGet, path, nil)
		if status != want {
			t.Errorf("%s gives %d, want %d: %s", path, status, want, text)
		}
		if strings.Contains(text, "secret/till") || strings.Contains(text, theirs.Run) {
			t.Errorf("%s says %s", path, text)
		}
		// There is no difference from what does not exist.
		if want == http.StatusNotFound && text != none {
			t.Errorf("%s says %s, and what there is not %s", path, text, none)
		}
	}
	for _, path := range []string{"/runs/" + mine.Run + "/abort", "/runs/" + mine.Run + "/restart", "/calls/" + mine.Call + "/abort", "/signed/web"} {
		if status, text := f.as(public, http.MethodPost, path, []byte(`{}`)); status != http.StatusUnauthorized {
			t.Errorf("%s gives %d: %s", path, status, text)
		}
	}
}

// A key in a header takes nobody's place.
func TestVisitorsAreWhoTheyAre(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, token, err := f.api.SignIn(t.Context(), "192.0.2.1", f.keys[v1.ScopeRun])
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		visitor api.Visitor
		want    int
	}{"a session": {api.Visitor{Session: token}, http.StatusForbidden}, "a stranger": {public, http.StatusUnauthorized}} {
		res, err := f.api.As(c.visitor).RoundTrip(f.request(f.keys[v1.ScopeAdmin], http.MethodGet, "/keys", nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); res.StatusCode != c.want || err != nil {
			t.Errorf("%s with somebody's key gets %d (%v)", name, res.StatusCode, err)
		}
	}
	r := f.request("", http.MethodGet, "/me", nil)
	r.AddCookie(&http.Cookie{Name: "pocketci-session", Value: token})
	if a := f.send(r); a.status != http.StatusUnauthorized {
		t.Errorf("the cookie gives %d over the network", a.status)
	}
	if strings.Contains(f.log.String(), "pcs_") || strings.Contains(f.log.String(), "pci_") {
		t.Errorf("a secret is in the log: %s", f.log)
	}
}

// What a visitor follows ends with his session, his key, and the public.
func TestStreamsEndWithTheVisitor(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(f *fixture, token string, private *atomic.Bool) error{
		"signed out": func(f *fixture, token string, _ *atomic.Bool) error { return f.api.SignOut(f.t.Context(), token, "") },
		"key deleted": func(f *fixture, token string, _ *atomic.Bool) error {
			session, err := f.store.Session(f.t.Context(), token)
			if err != nil {
				return err
			}
			return f.store.DeleteKey(f.t.Context(), session.Key.ID, store.Actor{})
		},
		"key expired": func(f *fixture, _ string, _ *atomic.Bool) error {
			f.clock.ahead.Store(int64(2 * time.Hour))
			return nil
		},
		"unused for long": func(f *fixture, _ string, _ *atomic.Bool) error {
			f.clock.ahead.Store(int64(8 * 24 * time.Hour))
			return nil
		},
		"not public any more": func(_ *fixture, _ string, private *atomic.Bool) error { private.Store(true); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(o *api.Options, _ *http.Server) { o.KeepAlive = 10 * time.Millisecond })
			_, secret, err := f.store.CreateKey(t.Context(), store.NewKey{Name: "short", Scope: "read", ExpiresAt: time.Now().Add(time.Hour)}, store.Actor{})
			if err != nil {
				t.Fatal(err)
			}
			_, token, err := f.api.SignIn(t.Context(), "", secret)
			if err != nil {
				t.Fatal(err)
			}
			var private atomic.Bool
			visitor := api.Visitor{Session: token, Public: func(string) bool { return !private.Load() }}
			if name == "not public any more" {
				visitor.Session = ""
			}
			call := f.claimed(f.planned("a/b", "x"))
			var streams []io.ReadCloser
			for _, path := range []string{"/runs/" + call.Run + "/stream", "/calls/" + call.Call + "/log/stream"} {
				res, err := f.api.As(visitor).RoundTrip(f.request("", http.MethodGet, path, nil))
				if err != nil || res.StatusCode != http.StatusOK {
					t.Fatalf("%s gives %v (%v)", path, res, err)
				}
				if _, err := res.Body.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				streams = append(streams, res.Body)
			}
			if err := end(f, token, &private); err != nil {
				t.Fatal(err)
			}
			for _, stream := range streams {
				if rest, err := io.ReadAll(stream); err != nil || strings.Contains(string(rest), "event: end") {
					t.Errorf("it ends with %q (%v)", rest, err)
				}
				if err := stream.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
