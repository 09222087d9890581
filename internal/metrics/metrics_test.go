package metrics_test

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

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/metrics"
	"github.com/franela/pocketci/internal/store"
)

// scrape reads what is served.
func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("gives %d (%v): %s", response.StatusCode, err, body)
	}
	return string(body)
}

func expect(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestWhatIsTold(t *testing.T) {
	m := metrics.New(`1.2"3`, open(t))
	m.Delivery("github", 202)
	m.Delivery("github", 202)
	m.Delivery("gitlab", 401)
	m.RunEnded("failed")
	m.CallEnded("timed-out")
	m.Phase(metrics.PhaseFetch, 200*time.Millisecond)
	m.Phase(metrics.PhaseCall, 90*time.Minute)
	m.Heartbeat(true)
	m.Heartbeat(false)
	m.Store("claim", 3*time.Millisecond, nil)
	m.Store("claim", 3*time.Second, errors.New("locked"))
	expect(t, scrape(t, m),
		`pocketci_build_info{version="1.2\"3"} 1`,
		`pocketci_deliveries_total{code="202",vendor="github"} 2`,
		`pocketci_deliveries_total{code="401",vendor="gitlab"} 1`,
		`pocketci_runs_total{state="failed"} 1`,
		`pocketci_calls_total{state="timed-out"} 1`,
		`pocketci_phase_seconds_bucket{phase="fetch",le="0.25"} 1`,
		`pocketci_phase_seconds_count{phase="call"} 1`,
		`pocketci_heartbeats_total{result="error"} 1`,
		`pocketci_heartbeats_total{result="ok"} 1`,
		`pocketci_store_seconds_bucket{operation="claim",result="ok",le="0.005"} 1`,
		`pocketci_store_seconds_count{operation="claim",result="error"} 1`,
		`go_goroutines `,
		`process_start_time_seconds `,
	)
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestWhatIsStored(t *testing.T) {
	s := open(t)
	for i, hold := range []string{"", "", "wait"} {
		_, err := s.Accept(t.Context(), store.Delivery{Hold: hold, Event: events.Event{
			ID: events.NewID(), Vendor: "github", Name: "push", Delivery: string(rune('a' + i)),
			Repository: &events.Repository{FullName: "a/b"}, ReceivedAt: time.Now(),
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	text := scrape(t, metrics.New("1", s))
	expect(t, text,
		`pocketci_store_up 1`,
		`pocketci_queue_depth{queue="runs"} 2`,
		`pocketci_queue_depth{queue="calls"} 0`,
		`pocketci_queue_oldest_seconds{queue="runs"} `,
		`pocketci_queue_oldest_seconds{queue="calls"} 0`,
		`pocketci_runs{state="queued"} 2`,
		`pocketci_runs{state="waiting-approval"} 1`,
		`pocketci_runs{state="running"} 0`,
		`pocketci_calls{state="queued"} 0`,
	)
}

// counting is a store that counts how often it is asked, and can be away.
type counting struct {
	*store.Store
	mu    sync.Mutex
	asked int
	err   error
}

func (c *counting) Backlog(ctx context.Context) (store.Backlog, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked++; c.err != nil {
		return store.Backlog{}, c.err
	}
	return c.Store.Backlog(ctx)
}

func TestStoreIsAskedOnceASecond(t *testing.T) {
	now := time.Now()
	source := &counting{Store: open(t)}
	m := metrics.NewAt("1", source, func() time.Time { return now })
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := m.Gatherer().Gather(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if source.asked != 1 {
		t.Errorf("the store was asked %d times within a second", source.asked)
	}
	now = now.Add(time.Second)
	if _, err := m.Gatherer().Gather(); err != nil {
		t.Fatal(err)
	}
	if source.asked != 2 {
		t.Errorf("a second later it was asked %d times", source.asked)
	}
}

func TestStoreThatIsAway(t *testing.T) {
	now := time.Now()
	source := &counting{Store: open(t), err: store.ErrUnavailable}
	m := metrics.NewAt("1", source, func() time.Time { return now })
	m.Heartbeat(false)
	text := scrape(t, m)
	expect(t, text, `pocketci_store_up 0`, `pocketci_heartbeats_total{result="error"} 1`)
	if strings.Contains(text, "pocketci_queue_depth{") || strings.Contains(text, "pocketci_runs{") {
		t.Errorf("there are gauges of a store that is away:\n%s", text)
	}
	source.err, now = nil, now.Add(time.Minute)
	expect(t, scrape(t, m), `pocketci_store_up 1`, `pocketci_queue_depth{queue="runs"} 0`)
}

func TestNil(t *testing.T) {
	var m *metrics.Metrics
	m.Delivery("github", 202)
	m.RunEnded("failed")
	m.CallEnded("failed")
	m.Phase(metrics.PhasePlan, time.Second)
	m.Heartbeat(true)
	m.Store("claim", time.Second, nil)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("gives %d", w.Code)
	}
}
