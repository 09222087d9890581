package agent

import (
	"context"
	"log/slog"
	"time"
)

// gate holds runs and calls back while something is away that all of them need.
type gate struct {
	needs []need
	every time.Duration
	log   *slog.Logger
}

// need is something without which nothing can be planned or called.
type need struct {
	check func(context.Context) error
	// away and back are what the log says of it.
	away, back string
}

// newGate returns a gate for the engine, and for the data directory if that can
// be asked for.
func newGate(cfg Config) gate {
	g := gate{every: cfg.PingEvery, log: cfg.Log, needs: []need{
		{cfg.Ping, "engine does not answer; calls wait for it", "engine answers again"},
	}}
	if cfg.Room != nil {
		g.needs = append(g.needs, need{func(context.Context) error { return cfg.Room() },
			"data directory cannot be written; runs and calls wait for it", "data directory can be written again"})
	}
	return g
}

// wait returns once all that is needed is there, or with the context's cause.
func (g gate) wait(ctx context.Context) error {
	for _, n := range g.needs {
		for waited := false; ; waited = true {
			err := n.check(ctx)
			if err == nil {
				if waited {
					g.log.Info(n.back)
				}
				break
			}
			if !waited {
				g.log.Warn(n.away, "error", err)
			}
			select {
			case <-time.After(g.every):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}
