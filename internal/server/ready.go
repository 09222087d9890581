package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// checkTimeout is how long a check may take before it counts as failed.
const checkTimeout = 2 * time.Second

// Check is one condition of being ready.
type Check struct {
	// Name is shown to whoever asks, such as "engine".
	Name string
	// Func returns nil if the condition holds. Its context ends after two
	// seconds. A Func that does not heed it is not called again before it has
	// returned, and is reported as timed out until then. Its error is logged
	// and not shown, as anybody may ask.
	Func func(ctx context.Context) error
}

// The states of a check in the answer of /readyz.
const (
	checkOK       = "ok"
	checkFailed   = "failed"
	checkTimedOut = "timed out"
)

// probe makes a check's calls.
type probe struct {
	check Check
	log   *slog.Logger
	// group lets requests that come while the check is running share its
	// result, so that a check that hangs costs one goroutine and not one for
	// every request.
	group singleflight.Group

	mu   sync.Mutex
	last string
}

// States returns what each check says by its name: ok, failed or timed out. It
// takes little more than two seconds, whatever checks do.
func (s *Server) States(ctx context.Context) map[string]string {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	states := make([]string, len(s.checks))
	var wg sync.WaitGroup
	for i, p := range s.checks {
		wg.Go(func() { states[i] = p.state(ctx) })
	}
	wg.Wait()
	checks := map[string]string{}
	for i, p := range s.checks {
		checks[p.check.Name] = states[i]
	}
	return checks
}

// ready answers /readyz.
func (s *Server) ready(w *response, r *http.Request) {
	checks, status := s.States(r.Context()), http.StatusOK
	for _, state := range checks {
		if state != checkOK {
			status = http.StatusServiceUnavailable
		}
	}
	w.reply(status, map[string]any{"ready": status == http.StatusOK, "checks": checks})
}

// state runs the check, or joins the run under way, until ctx ends.
func (p *probe) state(ctx context.Context) string {
	result := p.group.DoChan("", func() (any, error) {
		// The run is shared, so it does not end with one request's context.
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		return nil, p.run(ctx)
	})
	var err error
	select {
	case r := <-result:
		err = r.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	state := checkOK
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		// The client has gone; that says nothing about the check.
		return checkTimedOut
	case errors.Is(err, context.DeadlineExceeded):
		state = checkTimedOut
	case err != nil:
		state = checkFailed
	}
	p.note(state, err)
	return state
}

// run makes a panic an error: it is in a goroutine of its own.
func (p *probe) run(ctx context.Context) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return p.check.Func(ctx)
}

// note logs a state when it is new: probes come every few seconds.
func (p *probe) note(state string, err error) {
	p.mu.Lock()
	changed := p.last != state
	p.last = state
	p.mu.Unlock()
	switch {
	case !changed:
	case state == checkOK:
		p.log.Info("check holds", "check", p.check.Name)
	default:
		p.log.Warn("check does not hold", "check", p.check.Name, "state", state, "cause", err)
	}
}
