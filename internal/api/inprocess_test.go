package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
)

// inside has a handler answer a request in process.
func inside(t *testing.T, ctx context.Context, method string, body io.Reader, h http.HandlerFunc) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, "http://agent/x?y=z", body)
	if err != nil {
		t.Fatal(err)
	}
	return api.InProcess(h, slog.New(slog.NewTextHandler(t.Output(), nil))).RoundTrip(r)
}

func TestInProcessAnswers(t *testing.T) {
	large := strings.Repeat("größe", 100_000)
	for name, tc := range map[string]struct {
		method  string
		handler http.HandlerFunc
		status  int
		body    string
	}{
		"nothing said": {"GET", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		"a status":     {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, 418, ""},
		"much": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, large)
		}, 200, large},
		"no body where none is": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			_, _ = io.WriteString(w, "x")
		}, 204, ""},
		"HEAD": {"HEAD", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, large) }, 200, ""},
		"the request": {"POST", func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			if err != nil || r.RemoteAddr != "192.0.2.9" || r.RequestURI != "/x?y=z" || r.URL.Query().Get("y") != "z" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = w.Write(data)
		}, 200, "sent"},
		"early hints are no answer": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
		}, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := inside(t, t.Context(), tc.method, strings.NewReader("sent"), tc.handler)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != tc.status || string(body) != tc.body {
				t.Errorf("gives %d with %d bytes (%v)", res.StatusCode, len(body), err)
			}
		})
	}
}

// What is flushed is there while the handler goes on, and headers that are set
// later are not.
func TestInProcessStreams(t *testing.T) {
	next := make(chan struct{})
	res, err := inside(t, t.Context(), "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
		for _, text := range []string{"one", "two"} {
			_, _ = io.WriteString(w, text)
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			w.Header().Set("Late", "yes")
			<-next
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, want := range []string{"one", "two"} {
		got := make([]byte, 3)
		if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != want {
			t.Errorf("read %q (%v), want %s", got, err, want)
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 || res.Header.Get("Late") != "" {
		t.Errorf("then come %q and %v (%v)", rest, res.Header, err)
	}
}

// However a request ends, its handler has ended when that is known.
func TestInProcessEnds(t *testing.T) {
	gone := errors.New("the browser has gone")
	for name, tc := range map[string]struct {
		// answers says whether the handler answers before it waits, writes whether
		// it waits in writing.
		answers, writes bool
		want            error
	}{
		"before there is an answer": {false, false, gone},
		"while it waits":            {true, false, gone},
		"while it writes":           {true, true, gone},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := false
			waits := make(chan struct{})
			go func() { <-waits; cancel(gone) }()
			res, err := inside(t, ctx, "GET", nil, func(w http.ResponseWriter, r *http.Request) {
				defer func() { ended = true }()
				if tc.answers {
					w.WriteHeader(http.StatusOK)
					_ = http.NewResponseController(w).Flush()
				}
				close(waits)
				for tc.writes {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
				<-r.Context().Done()
			})
			if err == nil {
				_, err = io.ReadAll(res.Body)
				_ = res.Body.Close()
			}
			if !errors.Is(err, tc.want) || !ended {
				t.Errorf("the error is %v, the handler has ended: %t", err, ended)
			}
		})
	}
	t.Run("by closing the body", func(t *testing.T) {
		ended := false
		res, err := inside(t, t.Context(), "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			defer func() { ended = true }()
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || !ended {
			t.Errorf("the handler has ended: %t (%v)", ended, err)
		}
		if _, err := res.Body.Read(make([]byte, 1)); err == nil {
			t.Error("something is read then")
		}
	})
	t.Run("by not reading", func(t *testing.T) {
		failed := make(chan error, 1)
		res, err := inside(t, t.Context(), "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Millisecond)); err != nil {
				t.Error(err)
			}
			_, err := w.Write(make([]byte, 1<<20))
			failed <- err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing gives %v", err)
		}
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("the answer looks whole")
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A panic of the handler ends one answer, which is not taken for a whole one.
func TestInProcessPanics(t *testing.T) {
	for name, value := range map[string]any{"of its own": "oops", "to break off": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			if res, err := inside(t, t.Context(), "GET", nil, func(http.ResponseWriter, *http.Request) { panic(value) }); err == nil {
				_ = res.Body.Close()
				t.Error("there is an answer")
			}
			res, err := inside(t, t.Context(), "GET", nil, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				panic(value)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); err == nil || !bytes.Equal(body, []byte("half")) {
				t.Errorf("gives %q (%v)", body, err)
			}
		})
	}
}
