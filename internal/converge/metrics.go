package converge

import (
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/franela/pocketci/internal/converge/apply"
	"github.com/franela/pocketci/internal/signed"
)

// maxCommands is how many ids of commands are labels, of each source. Later ones are
// counted as other.
const maxCommands = 500

// meter counts what a process does.
type meter struct {
	registry *prometheus.Registry
	commands *prometheus.CounterVec
	runs     *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	last     *prometheus.GaugeVec
	success  *prometheus.GaugeVec
	refusals *prometheus.CounterVec
	reports  prometheus.Gauge
	ids      ids
}

func newMeter(version string) *meter {
	m := &meter{
		registry: prometheus.NewRegistry(),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_converge_commands_total", Help: "Actions of commands by source, id, mode (check, change or remove) and result: ok, needed (a check asks for a change) or error.",
		}, []string{"source", "command", "mode", "result"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_converge_runs_total", Help: "Runs that ended, by source, trigger and result: unchanged, changed or error.",
		}, []string{"source", "trigger", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pocketci_converge_run_seconds", Help: "Durations of runs by source.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300, 600, 1800},
		}, []string{"source"}),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pocketci_converge_last_run_commands", Help: "Commands that the last run changed or removed, by source and mode.",
		}, []string{"source", "mode"}),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pocketci_converge_last_success_timestamp_seconds", Help: "When a run of the source succeeded last.",
		}, []string{"source"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pocketci_converge_refused_total", Help: "Tokens and patterns that were not taken, by source and reason: key, source, time, old, pattern, malformed or error.",
		}, []string{"source", "reason"}),
		reports: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pocketci_converge_reports_waiting", Help: "Reports that the agent has not taken yet.",
		}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pocketci_build_info", Help: "Always 1, with the version of pocketci.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.commands, m.runs, m.seconds, m.last, m.success, m.refusals, m.reports, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *meter) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *meter) command(source string, o apply.Outcome) {
	result := "ok"
	switch {
	case o.Error != "":
		result = "error"
	case o.Exit != 0:
		result = "needed"
	}
	m.commands.WithLabelValues(source, m.ids.label(source, o.ID), o.Mode, result).Inc()
}

func (m *meter) run(source, trigger string, r *apply.Result, took time.Duration, now time.Time) {
	result := "unchanged"
	switch {
	case r.Err != "":
		result = "error"
	case len(r.Changed)+len(r.Removed) > 0:
		result = "changed"
	}
	m.runs.WithLabelValues(source, trigger, result).Inc()
	m.seconds.WithLabelValues(source).Observe(took.Seconds())
	m.last.WithLabelValues(source, apply.ModeChange).Set(float64(len(r.Changed)))
	m.last.WithLabelValues(source, apply.ModeRemove).Set(float64(len(r.Removed)))
	if r.Err == "" {
		m.success.WithLabelValues(source).Set(float64(now.Unix()))
	}
}

func (m *meter) refused(source string, err error) {
	reason := "error"
	for word, reasons := range map[string][]error{
		"key":       {signed.ErrKey, signed.ErrAlgorithm},
		"source":    {signed.ErrSource},
		"time":      {signed.ErrExpired, signed.ErrNotYetValid},
		"old":       {signed.ErrReplayed, signed.ErrOlder},
		"malformed": {signed.ErrMalformed, signed.ErrTooLarge, signed.ErrClaims},
	} {
		for _, r := range reasons {
			if errors.Is(err, r) {
				reason = word
			}
		}
	}
	if _, ok := errors.AsType[*patternError](err); ok {
		reason = "pattern"
	}
	m.refusals.WithLabelValues(source, reason).Inc()
}

func (m *meter) waiting(n int) { m.reports.Set(float64(n)) }
