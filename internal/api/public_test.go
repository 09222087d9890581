package api_test

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// forThePublic are the operations that may be used without a key.
var forThePublic = []string{"get-call", "get-call-log", "get-run", "list-runs", "stream-call-log", "stream-run"}

// stranger sees what is in a/b and nothing else.
func stranger() api.Visitor {
	return api.Visitor{Remote: "192.0.2.9", Public: func(repository string) bool { return repository == "a/b" }}
}

// Every operation is there with a visitor who has no key: he is to sign in, but
// for a few, and those of a repository that is public.
func TestEveryOperationForThePublic(t *testing.T) {
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	shared, a := newVisited(t)
	for _, op := range s.operations {
		t.Run(op.OperationID, func(t *testing.T) {
			f := *shared
			f.t = t
			method, path, body := "POST", "/signed/tills", any(`x`)
			if op.OperationID != openOperation {
				method, path, body = every[op.OperationID](&f)
			}
			marked := slices.Contains(forThePublic, op.OperationID)
			if op.OperationID == "list-runs" {
				path += "?repository=a/b"
			}
			want := http.StatusUnauthorized
			if marked {
				want = http.StatusOK
			}
			if got := f.through(a, stranger(), f.request("", method, path, body)); got.status != want {
				t.Errorf("gives %d, want %d: %s", got.status, want, got.body)
			}
			for name, v := range map[string]api.Visitor{"nothing is public": {}, "another is": {Public: func(name string) bool { return name == "other/app" }}} {
				got := f.through(a, v, f.request("", method, path, body))
				if got.status != http.StatusUnauthorized && (got.status != http.StatusNotFound || !marked || v.Public == nil) {
					t.Errorf("%s: gives %d: %s", name, got.status, got.body)
				}
				if strings.Contains(string(got.body), "a/b") {
					t.Errorf("%s: says %s", name, got.body)
				}
			}
			if marked {
				// Over the network there is no public at all.
				if got := f.send(f.request("", method, path, body)); got.status != http.StatusUnauthorized {
					t.Errorf("over the network it gives %d: %s", got.status, got.body)
				}
			}
		})
	}
}

// Whatever is asked for, by id or by number: what is of a repository that is not
// public looks as if there were no such thing.
func TestNothingOfOtherRepositoriesIsPublic(t *testing.T) {
	f, a := newVisited(t)
	mine, theirs := f.claimed(f.planned("a/b", "x")), f.claimed(f.planned("secret/till", "x"))
	run, err := f.store.Run(t.Context(), theirs.Run)
	if err != nil {
		t.Fatal(err)
	}
	number := strconv.FormatInt(run.Number, 10)
	for path, want := range map[string]int{
		"/runs/" + theirs.Run:                           http.StatusNotFound,
		"/runs/" + number:                               http.StatusNotFound,
		"/runs/" + theirs.Run + "/stream":               http.StatusNotFound,
		"/runs/" + number + "/stream":                   http.StatusNotFound,
		"/calls/" + theirs.Call:                         http.StatusNotFound,
		"/calls/" + theirs.Call + "/log":                http.StatusNotFound,
		"/calls/" + theirs.Call + "/log?attempt=1":      http.StatusNotFound,
		"/calls/" + theirs.Call + "/log/stream":         http.StatusNotFound,
		"/runs?repository=secret/till":                  http.StatusNotFound,
		"/runs?repository=a/*":                          http.StatusNotFound,
		"/runs?repository=A/B":                          http.StatusNotFound,
		"/runs":                                         http.StatusUnauthorized,
		"/runs?repository=":                             http.StatusUnauthorized,
		"/runs?event=" + run.Event:                      http.StatusUnauthorized,
		"/calls?repository=a/b":                         http.StatusUnauthorized,
		"/calls?run=" + mine.Run:                        http.StatusUnauthorized,
		"/runs/" + mine.Run:                             http.StatusOK,
		"/calls/" + mine.Call:                           http.StatusOK,
		"/calls/" + mine.Call + "/log":                  http.StatusOK,
		"/runs?repository=a/b":                          http.StatusOK,
		"/runs?repository=a/b&event=" + run.Event:       http.StatusOK,
		"/runs?repository=a/b&repository=secret%2Ftill": http.StatusOK,
	} {
		got := f.through(a, stranger(), f.request("", http.MethodGet, path, nil))
		if got.status != want {
			t.Errorf("%s gives %d, want %d: %s", path, got.status, want, got.body)
		}
		if strings.Contains(string(got.body), "secret/till") || strings.Contains(string(got.body), theirs.Run) {
			t.Errorf("%s says %s", path, got.body)
		}
		if want != http.StatusNotFound {
			continue
		}
		// There is no difference from what does not exist.
		none := f.through(a, stranger(), f.request("", http.MethodGet, "/runs/nothing", nil))
		if none.status != got.status || string(none.body) != string(got.body) {
			t.Errorf("%s says %s, and what there is not %s", path, got.body, none.body)
		}
	}
	for _, path := range []string{"/runs/" + mine.Run + "/abort", "/runs/" + mine.Run + "/restart", "/calls/" + mine.Call + "/abort"} {
		if got := f.through(a, stranger(), f.request("", http.MethodPost, path, nil)); got.status != http.StatusUnauthorized {
			t.Errorf("%s gives %d: %s", path, got.status, got.body)
		}
	}
}

// A stream ends when its repository is public no longer.
func TestStreamsEndWithThePublic(t *testing.T) {
	f, a := newVisited(t, func(o *api.Options, _ *http.Server) { o.KeepAlive = 10 * time.Millisecond })
	call := f.claimed(f.planned("a/b", "x"))
	for _, path := range []string{"/runs/" + call.Run + "/stream", "/calls/" + call.Call + "/log/stream"} {
		var private atomic.Bool
		v := api.Visitor{Public: func(string) bool { return !private.Load() }}
		response, err := a.As(v).RoundTrip(f.request("", http.MethodGet, path, nil))
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s gives %v (%v)", path, response, err)
		}
		if _, err := response.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		private.Store(true)
		if rest, err := io.ReadAll(response.Body); err != nil || strings.Contains(string(rest), "event: end") {
			t.Errorf("%s ends with %q (%v)", path, rest, err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	f.finish(call, store.StateSucceeded)
	if got := f.through(a, stranger(), f.request("", http.MethodGet, "/runs/"+call.Run+"/stream", nil)); !strings.Contains(string(got.body), "event: end") {
		t.Errorf("the stream of a run that has ended is %s", got.body)
	}
	if scopes := f.send(f.request(f.keys[v1.ScopeRead], http.MethodGet, "/runs", nil)); scopes.status != http.StatusOK {
		t.Errorf("a key gets %d", scopes.status)
	}
}
