package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// NewAt is New with a clock.
func NewAt(version string, source Source, now func() time.Time) *Metrics {
	return newMetrics(version, source, now)
}

// Gatherer is what the handler serves.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }
