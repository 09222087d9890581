package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/server"
)

// runs are those of a test.
type runs func(ctx context.Context, run int64) (server.Result, error)

func (r runs) Await(ctx context.Context, run int64) (server.Result, error) { return r(ctx, run) }

// waiting is an intake with one hook that waits.
func waiting(t *testing.T, wait server.Wait, r runs) *intake {
	t.Helper()
	return start(t, func(o *server.Options) {
		o.Runs = r
		o.Hooks = []server.Hook{{Name: "any", Source: anything{}, Wait: &wait,
			Rules: &server.Rules{Methods: []string{"POST"}, ContentTypes: []string{"*/*"}, MaxBody: 10}}}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	const text, object = "text/plain; charset=utf-8", "application/json"
	for name, c := range map[string]struct {
		result      server.Result
		err         error
		contentType string
		status      int
		body        string
	}{
		"output":           {server.Result{Ending: server.EndingSucceeded, Output: "done <b>✔</b>\n"}, nil, text, 200, "done <b>✔</b>\n"},
		"an object":        {server.Result{Ending: server.EndingSucceeded, Output: `{"a":1}`}, nil, object, 200, `{"a":1}`},
		"of another kind":  {server.Result{Ending: server.EndingSucceeded, Output: `{"a":1}`}, nil, "application/problem+json", 200, `{"a":1}`},
		"no object":        {server.Result{Ending: server.EndingSucceeded, Output: "a"}, nil, object, 502, `{"error":"run 1 returned no JSON","id":"ID","run":1}`},
		"no output":        {server.Result{Ending: server.EndingSucceeded}, nil, text, 204, ""},
		"failed":           {server.Result{Ending: server.EndingFailed}, nil, text, 502, `{"error":"run 1 did not succeed","id":"ID","run":1}`},
		"some other state": {server.Result{Ending: "lost"}, nil, text, 502, `{"error":"run 1 did not succeed","id":"ID","run":1}`},
		"timed out":        {server.Result{Ending: server.EndingTimedOut}, nil, text, 504, `{"error":"run 1 took longer than it may","id":"ID","run":1}`},
		"nothing called":   {server.Result{Ending: server.EndingSkipped}, nil, text, 404, `{"error":"no function is called","id":"ID","run":1}`},
		"held":             {server.Result{Ending: server.EndingHeld}, nil, text, 202, `{"id":"ID","reason":"the run waits for an approval","run":1}`},
		"too late":         {server.Result{}, nil, text, 202, `{"id":"ID","reason":"the run has not ended within 1m0s","run":1}`},
		"not known":        {server.Result{}, errors.New("disk on fire"), text, 202, `{"id":"ID","reason":"it is not known what became of the run","run":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := waiting(t, server.Wait{Timeout: time.Minute, ContentType: c.contentType}, func(ctx context.Context, run int64) (server.Result, error) {
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Minute || run != 1 {
					t.Errorf("asked for run %d until %v", run, deadline)
				}
				return c.result, c.err
			})
			response := post(t.Context(), t, in)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(c.body, "ID", in.sink.accepted()[0].ID, 1)
			if got := string(body); response.StatusCode != c.status || strings.TrimSuffix(got, "\n") != strings.TrimSuffix(want, "\n") {
				t.Errorf("%d %q, want %d %q", response.StatusCode, got, c.status, want)
			}
			kind := response.Header.Get("Content-Type")
			if c.status == 200 && kind != c.contentType || c.status > 204 && kind != "application/json" {
				t.Errorf("the content type is %q", kind)
			}
			if response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Cache-Control") != "no-store" ||
				c.status < 202 && !strings.Contains(response.Header.Get("Content-Security-Policy"), "sandbox") {
				t.Errorf("headers %v", response.Header)
			}
			if c.status != 202 && response.Header.Get("Pocketci-Run") != "1" {
				t.Error("the run is not named")
			}
		})
	}
}

func post(ctx context.Context, t *testing.T, in *intake) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, in.url+"/webhooks/any", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/plain")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// What was here before is waited for like what is new, so that whoever lost the
// connection may ask again.
func TestWaitForADuplicate(t *testing.T) {
	t.Parallel()
	in := waiting(t, server.Wait{Timeout: time.Minute}, func(_ context.Context, run int64) (server.Result, error) {
		return server.Result{Ending: server.EndingSucceeded, Output: "of run 7"}, nil
	})
	in.sink.receipt = func(events.Event) server.Receipt { return server.Receipt{Event: "e", Run: 7, Duplicate: true} }
	response := post(t.Context(), t, in)
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "of run 7" || response.Header.Get("Pocketci-Run") != "7" {
		t.Errorf("%s %q: %v", response.Status, body, err)
	}
}

// Nobody waits for what was refused.
func TestNoWaitForARefusal(t *testing.T) {
	t.Parallel()
	in := waiting(t, server.Wait{Timeout: time.Minute}, func(context.Context, int64) (server.Result, error) {
		t.Error("somebody waits")
		return server.Result{}, nil
	})
	in.sink.accept = func(context.Context) error { return server.ErrFull }
	response := post(t.Context(), t, in)
	response.Body.Close()
	if response.StatusCode != 503 {
		t.Errorf("%s", response.Status)
	}
}

// A sender that hangs up no longer waits.
func TestHangUp(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan struct{})
	in := waiting(t, server.Wait{Timeout: time.Hour}, func(ctx context.Context, _ int64) (server.Result, error) {
		close(begun)
		<-ctx.Done()
		close(ended)
		return server.Result{}, nil
	})
	ctx, hangUp := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, in.url+"/webhooks/any", strings.NewReader("x"))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Content-Type", "text/plain")
		if response, err := http.DefaultClient.Do(r); err == nil {
			response.Body.Close()
			t.Error("there was an answer")
		}
	}()
	<-begun
	hangUp()
	<-done
	<-ended
	if len(in.sink.accepted()) != 1 {
		t.Error("the event is gone")
	}
}

// Whoever finds that too many wait is answered at once, and the event is stored.
func TestTooManyWait(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var waits sync.WaitGroup
	waits.Add(100)
	in := waiting(t, server.Wait{Timeout: time.Hour}, func(context.Context, int64) (server.Result, error) {
		waits.Done()
		<-release
		return server.Result{Ending: server.EndingSucceeded}, nil
	})
	var senders sync.WaitGroup
	for range 100 {
		senders.Go(func() {
			response := post(t.Context(), t, in)
			response.Body.Close()
			if response.StatusCode != 204 {
				t.Errorf("one that waits: %s", response.Status)
			}
		})
	}
	waits.Wait()
	response := post(t.Context(), t, in)
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != 202 || !strings.Contains(string(body), "too many wait") {
		t.Errorf("%s %s: %v", response.Status, body, err)
	}
	close(release)
	senders.Wait()
	if n := len(in.sink.accepted()); n != 101 {
		t.Errorf("%d events were accepted", n)
	}
}

// A run may take longer than the server's limits on requests allow.
func TestWaitOutlastsTheServersLimits(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Second // which the request itself keeps
	handler, err := server.New(server.Options{Sink: &sink{}, Hooks: []server.Hook{{Name: "any", Source: anything{}, Wait: &server.Wait{Timeout: time.Minute},
		Rules: &server.Rules{Methods: []string{"POST"}, ContentTypes: []string{"*/*"}, MaxBody: 10}}},
		Runs: runs(func(ctx context.Context, _ int64) (server.Result, error) {
			select {
			case <-time.After(limit + limit/4): // how long the run takes
				return server.Result{Ending: server.EndingSucceeded, Output: "at last"}, nil
			case <-ctx.Done():
				return server.Result{}, nil
			}
		})})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(nil)
	web.Config = server.NewHTTPServer(handler, nil)
	web.Config.ReadTimeout, web.Config.WriteTimeout = limit, limit
	web.Start()
	t.Cleanup(web.Close)
	response := post(t.Context(), t, &intake{url: web.URL})
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 200 || string(body) != "at last" {
		t.Errorf("%s %q: %v", response.Status, body, err)
	}
}
