package server_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/server"
)

func holds(context.Context) error { return nil }

func TestReady(t *testing.T) {
	t.Parallel()
	in := start(t, func(o *server.Options) {
		o.Checks = []server.Check{{Name: "engine", Func: holds}, {Name: "data dir", Func: holds}}
	})
	a := get(t, in, "/readyz")
	want := map[string]any{"ready": true, "checks": map[string]any{"engine": "ok", "data dir": "ok"}}
	if diff := cmp.Diff(want, a.body); diff != "" || a.status != 200 {
		t.Errorf("status %d, body (-want +got):\n%s", a.status, diff)
	}
}

func TestNotReady(t *testing.T) {
	t.Parallel()
	var engine atomic.Pointer[error]
	in := start(t, func(o *server.Options) {
		o.Checks = []server.Check{
			{Name: "engine", Func: func(context.Context) error {
				if err := engine.Load(); err != nil {
					return *err
				}
				return nil
			}},
			{Name: "data dir", Func: func(context.Context) error { panic("boom") }},
		}
	})
	away := errors.New("dial tcp 10.1.2.3:1234: connection refused")
	engine.Store(&away)
	for range 3 {
		a := get(t, in, "/readyz")
		want := map[string]any{"ready": false, "checks": map[string]any{"engine": "failed", "data dir": "failed"}}
		if diff := cmp.Diff(want, a.body); diff != "" || a.status != 503 {
			t.Errorf("status %d, body (-want +got):\n%s", a.status, diff)
		}
	}
	// Anybody may ask: what is wrong in detail is for the log, and that once.
	if n := strings.Count(in.log.String(), "connection refused"); n != 1 {
		t.Errorf("the cause is logged %d times:\n%s", n, in.log)
	}
	engine.Store(nil)
	if a := get(t, in, "/readyz"); a.body["checks"].(map[string]any)["engine"] != "ok" {
		t.Errorf("the engine is back: %s", a.text)
	}
	if !strings.Contains(in.log.String(), "check holds") {
		t.Errorf("the return is not logged:\n%s", in.log)
	}
}

// A check that never returns delays nobody for more than two seconds, and is
// not started again for every request.
func TestReadyNeverHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		release := make(chan struct{})
		handler, err := server.New(server.Options{
			Hooks: []server.Hook{{Source: github.NewInsecure()}},
			Sink:  &sink{},
			Checks: []server.Check{
				{Name: "engine", Func: func(context.Context) error { calls.Add(1); <-release; return nil }},
				{Name: "heeds its context", Func: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
				{Name: "data dir", Func: holds},
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				start := time.Now()
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/readyz", nil))
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("took %s", took)
				}
				want := `{"checks":{"data dir":"ok","engine":"timed out","heeds its context":"timed out"},"ready":false}` + "\n"
				if diff := cmp.Diff(want, w.Body.String()); diff != "" || w.Code != 503 {
					t.Errorf("status %d, body (-want +got):\n%s", w.Code, diff)
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("the check that hangs was called %d times", n)
		}
		close(release)
		synctest.Wait()
	})
}
