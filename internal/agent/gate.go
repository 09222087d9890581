package agent

import (
	"context"
	"log/slog"
	"time"
)

// gate holds runs back while the engine is away.
type gate struct {
	ping  func(context.Context) error
	every time.Duration
	log   *slog.Logger
}

// wait returns once the engine answers, or with the context's cause.
func (g gate) wait(ctx context.Context) error {
	for waited := false; ; waited = true {
		err := g.ping(ctx)
		if err == nil {
			if waited {
				g.log.Info("engine answers again")
			}
			return nil
		}
		if !waited {
			g.log.Warn("engine does not answer; calls wait for it", "error", err)
		}
		select {
		case <-time.After(g.every):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
