// Package metrics counts what an agent does, for Prometheus. What a store holds
// is asked of it at each scrape; everything else is told to [Metrics] as it
// happens, and is of this process alone.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The phases of a run that [Metrics.Phase] takes the time of.
const (
	// PhaseFetch brings the repository's commit here.
	PhaseFetch = "fetch"
	// PhaseLoad loads the modules into the engine.
	PhaseLoad = "load"
	// PhasePlan matches the event and the functions.
	PhasePlan = "plan"
	// PhaseWait is from when a call was queued until it began.
	PhaseWait = "wait"
	// PhaseCall is the call itself.
	PhaseCall = "call"
)

// Metrics is a registry with what there is to know about an agent. Its methods
// may be called from several goroutines; on a nil Metrics they do nothing.
type Metrics struct {
	registry   *prometheus.Registry
	deliveries *prometheus.CounterVec
	runs       *prometheus.CounterVec
	calls      *prometheus.CounterVec
	phases     *prometheus.HistogramVec
	statuses   *prometheus.CounterVec
	mirrors    *prometheus.CounterVec
	heartbeats *prometheus.CounterVec
	store      *prometheus.HistogramVec
}

// New returns the metrics of an agent of the given version. The source is asked
// at each scrape, but at most once a second.
func New(version string, source Source) *Metrics { return newMetrics(version, source, time.Now) }

func newMetrics(version string, source Source, now func() time.Time) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_deliveries_total", Help: "Deliveries of webhooks by vendor and status of the answer.",
		}, []string{"vendor", "code"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_runs_total", Help: "Runs that ended in this process, by final state.",
		}, []string{"state"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_calls_total", Help: "Calls that ended in this process, by final state.",
		}, []string{"state"}),
		statuses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_statuses_total", Help: "Statuses that forges were told, by vendor and result: told, refused, limited or failed.",
		}, []string{"vendor", "result"}),
		mirrors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_mirrors_total", Help: "Looks at mirrors on this host, by mirror and result: changed, unchanged or failed.",
		}, []string{"mirror", "result"}),
		phases: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pocketci_phase_seconds", Help: "Durations of the phases of runs and calls.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600},
		}, []string{"phase"}),
		heartbeats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_heartbeats_total", Help: "Heartbeats of this agent by result, ok or error.",
		}, []string{"result"}),
		store: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pocketci_store_seconds", Help: "Durations of what was asked of the database, by operation and result, ok or error.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"operation", "result"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pocketci_build_info", Help: "Always 1, with the version of pocketci.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.deliveries, m.runs, m.calls, m.statuses, m.mirrors, m.phases, m.heartbeats, m.store, info,
		newStored(source, now), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Delivery counts a delivery that was answered with an HTTP status. The vendor
// must be one of a configured source, so that senders cannot make up labels.
func (m *Metrics) Delivery(vendor string, code int) {
	if m != nil {
		m.deliveries.WithLabelValues(vendor, strconv.Itoa(code)).Inc()
	}
}

// RunEnded counts a run that came to a final state.
func (m *Metrics) RunEnded(state string) {
	if m != nil {
		m.runs.WithLabelValues(state).Inc()
	}
}

// CallEnded counts a call that came to a final state.
func (m *Metrics) CallEnded(state string) {
	if m != nil {
		m.calls.WithLabelValues(state).Inc()
	}
}

// Status counts an attempt to tell a forge of a status, by what came of it.
func (m *Metrics) Status(vendor, result string) {
	if m != nil {
		m.statuses.WithLabelValues(vendor, result).Inc()
	}
}

// Mirror counts a look at a mirror, by what came of it. The name is one of the
// configuration.
func (m *Metrics) Mirror(name, result string) {
	if m != nil {
		m.mirrors.WithLabelValues(name, result).Inc()
	}
}

// Phase records how long one phase took, which is one of the constants named
// Phase.
func (m *Metrics) Phase(name string, d time.Duration) {
	if m != nil {
		m.phases.WithLabelValues(name).Observe(d.Seconds())
	}
}

// Heartbeat counts a heartbeat and whether it was confirmed.
func (m *Metrics) Heartbeat(ok bool) {
	if m != nil {
		m.heartbeats.WithLabelValues(result(ok)).Inc()
	}
}

// Store records how long an operation of the store took. The operation is one
// of a few fixed words, without ids.
func (m *Metrics) Store(operation string, d time.Duration, err error) {
	if m != nil {
		m.store.WithLabelValues(operation, result(err == nil)).Observe(d.Seconds())
	}
}

func result(ok bool) string {
	if ok {
		return "ok"
	}
	return "error"
}

// Handler serves the metrics in the formats of Prometheus. It asks nobody who
// they are; that is the caller's to do.
func (m *Metrics) Handler() http.Handler {
	if m == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		EnableOpenMetrics:   true,
	})
}
