package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/franela/pocketci/internal/store"
)

const (
	// askEvery is how often the store is asked at most.
	askEvery = time.Second
	// askTimeout is how long it may take to answer before it counts as away.
	askTimeout = 3 * time.Second
)

var (
	upDesc     = prometheus.NewDesc("pocketci_store_up", "1 if the database answered this scrape, else 0.", nil, nil)
	depthDesc  = prometheus.NewDesc("pocketci_queue_depth", "Runs that wait to be planned, and calls that wait to be made.", []string{"queue"}, nil)
	oldestDesc = prometheus.NewDesc("pocketci_queue_oldest_seconds", "How long the oldest of a queue has waited.", []string{"queue"}, nil)
	runsDesc   = prometheus.NewDesc("pocketci_runs", "Runs that have not ended, by state.", []string{"state"}, nil)
	callsDesc  = prometheus.NewDesc("pocketci_calls", "Calls that have not ended, by state.", []string{"state"}, nil)
)

// Source is what is asked at a scrape; it is a [*store.Store].
type Source interface {
	Backlog(ctx context.Context) (store.Backlog, error)
	StateCounts(ctx context.Context) (store.StateCounts, error)
}

// stored collects what a source counts. A source that is away costs the scrape
// its gauges and nothing else.
type stored struct {
	source Source
	now    func() time.Time

	// mu is held while the source is asked, so that scrapes at the same time
	// share the answer.
	mu    sync.Mutex
	asked time.Time
	found []prometheus.Metric
}

func newStored(source Source, now func() time.Time) *stored { return &stored{source: source, now: now} }

// Describe implements [prometheus.Collector].
func (c *stored) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{upDesc, depthDesc, oldestDesc, runsDesc, callsDesc} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *stored) Collect(metrics chan<- prometheus.Metric) {
	for _, m := range c.current() {
		metrics <- m
	}
}

func (c *stored) current() []prometheus.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if since := now.Sub(c.asked); since >= 0 && since < askEvery {
		return c.found
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	backlog, err := c.source.Backlog(ctx)
	var counts store.StateCounts
	if err == nil {
		counts, err = c.source.StateCounts(ctx)
	}
	c.found = nil
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		c.found = append(c.found, prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...))
	}
	if err != nil {
		gauge(upDesc, 0)
	} else {
		gauge(upDesc, 1)
		gauge(depthDesc, float64(backlog.Runs), "runs")
		gauge(depthDesc, float64(backlog.Calls), "calls")
		gauge(oldestDesc, age(now, backlog.RunsOldest), "runs")
		gauge(oldestDesc, age(now, backlog.CallsOldest), "calls")
		for state, n := range counts.Runs {
			gauge(runsDesc, float64(n), string(state))
		}
		for state, n := range counts.Calls {
			gauge(callsDesc, float64(n), string(state))
		}
	}
	// A source that took long is not asked again at once either.
	c.asked = c.now()
	return c.found
}

// age is for how many seconds something has waited, 0 if nothing does.
func age(now, since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since)).Seconds()
}
