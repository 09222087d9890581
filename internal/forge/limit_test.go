package forge_test

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/internal/forge"
)

func TestTransportKeepsLimits(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header func() []string
		want   time.Duration // zero: it is no limit
	}{
		"429 that says when":          {429, func() []string { return []string{"Retry-After", "60"} }, time.Minute},
		"429 that says a date":        {429, func() []string { return []string{"Retry-After", inHTTP(2 * time.Minute)} }, 2 * time.Minute},
		"429 that says nothing":       {429, none, time.Minute},
		"429 that says nonsense":      {429, func() []string { return []string{"Retry-After", "soon"} }, time.Minute},
		"429 that is over":            {429, func() []string { return []string{"Retry-After", "0"} }, time.Second},
		"429 for ever":                {429, func() []string { return []string{"Retry-After", "99999999999999999999999"} }, time.Hour},
		"GitHub's secondary limit":    {403, func() []string { return []string{"Retry-After", "30"} }, 30 * time.Second},
		"GitHub's limit":              {403, func() []string { return reset("X-RateLimit-", 20*time.Minute) }, 20 * time.Minute},
		"GitHub's limit, for ever":    {403, func() []string { return reset("X-RateLimit-", 20*time.Hour) }, time.Hour},
		"GitLab's limit":              {429, func() []string { return reset("RateLimit-", 5*time.Minute) }, 5 * time.Minute},
		"a limit that ended":          {429, func() []string { return reset("RateLimit-", -5*time.Minute) }, time.Minute},
		"403":                         {403, none, 0},
		"403 with requests left":      {403, func() []string { return []string{"X-RateLimit-Remaining", "7", "X-RateLimit-Reset", "99"} }, 0},
		"200 that was the last":       {200, func() []string { return reset("X-RateLimit-", time.Minute) }, 0},
		"503 that says when, in long": {503, func() []string { return []string{"Retry-After", "3600"} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n atomic.Int32
				tr := newTransport(t, answers(&n, reply(c.status, "", c.header()...), reply(200, "")))
				response, err := tr.RoundTrip(request(t, t.Context(), http.MethodGet, api, ""))
				if c.want == 0 {
					if err != nil || response.StatusCode != c.status || n.Load() != 1 || tr.Limited() != nil {
						t.Errorf("%v, %v after %d", response, err, n.Load())
					}
					return
				}
				limit, ok := errors.AsType[*forge.LimitError](err)
				if !ok || time.Until(limit.Until).Round(time.Second) != c.want || tr.Limited() != limit || !limit.Stops() {
					t.Fatalf("the error is %v", err)
				}
				if _, again := tr.RoundTrip(request(t, t.Context(), http.MethodGet, api, "")); again != err || n.Load() != 1 {
					t.Errorf("then it is %v after %d requests", again, n.Load())
				}
				time.Sleep(time.Until(limit.Until)) // of the test's own clock
				if _, err := tr.RoundTrip(request(t, t.Context(), http.MethodGet, api, "")); err != nil || n.Load() != 2 || tr.Limited() != nil {
					t.Errorf("when it is over: %v after %d", err, n.Load())
				}
			})
		})
	}
}

// Of two answers that come in any order, the longer limit holds.
func TestTransportKeepsTheLongerLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := make(chan struct{})
		tr := newTransport(t, next(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/long" {
				return reply(429, "", "Retry-After", "600"), nil
			}
			<-first
			return reply(429, "", "Retry-After", "1"), nil
		}))
		done := make(chan error)
		go func() {
			_, err := tr.RoundTrip(request(t, t.Context(), http.MethodGet, "https://forge.example.com/short", ""))
			done <- err
		}()
		synctest.Wait()
		_, long := tr.RoundTrip(request(t, t.Context(), http.MethodGet, "https://forge.example.com/long", ""))
		close(first)
		if short := <-done; short != long || time.Until(tr.Limited().Until) < 9*time.Minute {
			t.Errorf("%v, and then %v", long, short)
		}
	})
}

// A forge that is away for a moment may say for how long.
func TestTransportWaitsAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		tr := newTransport(t, answers(&n, reply(503, "", "Retry-After", "7"), reply(200, "")))
		began := time.Now()
		response, err := tr.RoundTrip(request(t, t.Context(), http.MethodGet, api, ""))
		if err != nil || response.StatusCode != 200 || time.Since(began) != 7*time.Second {
			t.Errorf("%v, %v after %s", response, err, time.Since(began))
		}
	})
}

func none() []string { return nil }

func inHTTP(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }

func reset(prefix string, d time.Duration) []string {
	return []string{prefix + "Remaining", "0", prefix + "Reset", fmt.Sprint(time.Now().Add(d).Unix())}
}
