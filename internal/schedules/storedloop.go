package schedules

import (
	"context"
	"log/slog"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// lookAtModulesEvery is how often an agent looks whether the schedules of stored modules
// are up to date, if nobody tells it: another agent may have been given them, or no
// engine have answered.
const lookAtModulesEvery = time.Minute

// Modules lists what is stored of modules; it is a [store.Store].
type Modules interface {
	Modules(ctx context.Context) ([]store.Module, error)
}

// Stored keeps what schedules the functions of stored modules have.
type Stored struct {
	recorder *Recorder
	modules  Modules
	log      *slog.Logger
	changed  chan struct{}
}

// NewStored returns a keeper that writes with a recorder.
func NewStored(r *Recorder, m Modules, log *slog.Logger) *Stored {
	return &Stored{recorder: r, modules: m, log: log, changed: make(chan struct{}, 1)}
}

// Changed has it look now. It waits for nothing.
func (s *Stored) Changed() {
	select {
	case s.changed <- struct{}{}:
	default: // it is about to look
	}
}

// Run looks until stop is done.
func (s *Stored) Run(stop context.Context) {
	for {
		err := s.recorder.Modules(stop, s.modules.Modules)
		if err != nil && stop.Err() == nil {
			s.log.Warn("the schedules of stored modules may be out of date; looking again", "in", lookAtModulesEvery, "error", err)
		}
		select {
		case <-s.changed:
		case <-time.After(lookAtModulesEvery):
		case <-stop.Done():
			return
		}
	}
}
