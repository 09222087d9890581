package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

// lookAtModulesEvery is how often an agent looks whether the schedules of stored modules
// are up to date, if nobody tells it: another agent may have been given them, or no
// engine have answered.
const lookAtModulesEvery = time.Minute

// moduleClock keeps what schedules the functions of stored modules have.
type moduleClock struct {
	recorder *schedules.Recorder
	store    *store.Store
	log      *slog.Logger
	changed  chan struct{}
}

func newModuleClock(r *schedules.Recorder, s *store.Store, log *slog.Logger) *moduleClock {
	return &moduleClock{recorder: r, store: s, log: log, changed: make(chan struct{}, 1)}
}

// Changed has it look now. It waits for nothing.
func (c *moduleClock) Changed() {
	select {
	case c.changed <- struct{}{}:
	default: // it is about to look
	}
}

// Run looks until stop is done.
func (c *moduleClock) Run(stop context.Context) {
	for {
		err := c.recorder.Modules(stop, c.store.Modules)
		if err != nil && stop.Err() == nil {
			c.log.Warn("the schedules of stored modules may be out of date; looking again", "in", lookAtModulesEvery, "error", err)
		}
		select {
		case <-c.changed:
		case <-time.After(lookAtModulesEvery):
		case <-stop.Done():
			return
		}
	}
}
