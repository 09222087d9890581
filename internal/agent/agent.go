// Package agent receives events and sees to it that each becomes a run: it
// holds them in a queue, waits for the engine where it is away, fetches the
// repository, and hands over to package runs.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/modules"
)

// ErrEngineAway is the error of [Agent.Ready] while no engine answers.
var ErrEngineAway = errors.New("no engine answers")

// Repositories makes the snapshot of the repository that an event is about.
type Repositories interface {
	Snapshot(ctx context.Context, event *events.Event) (*runs.Snapshot, error)
}

// Runner plans and runs events; it is [runs.Runner].
type Runner interface {
	Plan(ctx context.Context, s *runs.Snapshot) (*dispatcher.Plan, error)
	Dispatch(ctx context.Context, id string, s *runs.Snapshot, plan *dispatcher.Plan) []dispatcher.Outcome
}

// Config is what an agent is made of.
type Config struct {
	Repositories Repositories
	Runner       Runner
	// Ping reports whether the engine answers. It must be bounded in time.
	Ping func(context.Context) error
	// Queue is how many events may wait; the next one is refused.
	Queue int
	// Planners is how many events are fetched and planned at a time. Runs
	// that have been planned are not counted: long calls keep no event from
	// being planned.
	Planners int
	// PingEvery is how often an engine that is away is asked again.
	PingEvery time.Duration
	Log       *slog.Logger
}

// Agent is the part of the server between the receipt of an event and its run.
// In this version events wait in memory: those that have not been run are lost
// with the process, and named in the log if it stops in order.
type Agent struct {
	cfg  Config
	gate gate

	mu       sync.Mutex
	stopping bool
	queue    chan events.Event
}

// New returns an agent that works once [Agent.Run] is called.
func New(cfg Config) *Agent {
	return &Agent{cfg: cfg, gate: gate{ping: cfg.Ping, every: cfg.PingEvery, log: cfg.Log}, queue: make(chan events.Event, cfg.Queue)}
}

// Accept takes an event in, as a [server.Sink]. It never waits.
func (a *Agent) Accept(_ context.Context, event events.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopping {
		return server.ErrStopping
	}
	select {
	case a.queue <- event:
		return nil
	default:
		return server.ErrFull
	}
}

// Ready reports whether events can be run now.
func (a *Agent) Ready(ctx context.Context) error {
	if err := a.cfg.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrEngineAway, err)
	}
	return nil
}

// Run works on events until stop is done, then lets the runs that have begun
// come to their end, for which abort is the limit: once it is done, they are
// ended too. Events that were accepted and not begun are logged.
func (a *Agent) Run(stop, abort context.Context) {
	defer context.AfterFunc(stop, a.refuse)()
	var working sync.WaitGroup
	planners := make(chan struct{}, a.cfg.Planners)
	for stop.Err() == nil {
		select {
		case planners <- struct{}{}:
		case <-stop.Done():
			continue
		}
		select {
		case event := <-a.queue:
			working.Go(func() {
				release := sync.OnceFunc(func() { <-planners })
				defer release()
				a.work(stop, abort, &event, release)
			})
		case <-stop.Done():
		}
	}
	working.Wait()
	a.refuse() // lest one is accepted behind the last look at the queue
	for {
		select {
		case event := <-a.queue:
			a.cfg.Log.Warn("event is not run because the agent stops; ask the forge to deliver it again", runs.Log(&event))
		default:
			return
		}
	}
}

// refuse makes Accept refuse events from now on.
func (a *Agent) refuse() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopping = true
}

// work turns one event into a run and calls planned once its plan is made.
// Whatever happens to the event stays with it.
func (a *Agent) work(stop, abort context.Context, event *events.Event, planned func()) {
	log := a.cfg.Log.With(runs.Log(event))
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic while working on an event", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	if reason := withheld(event); reason != "" {
		log.Warn("event is not run", "reason", reason)
		return
	}
	start := time.Now()
	snapshot, plan, err := a.plan(stop, abort, event, log)
	if err != nil {
		log.Error("event is not run", "error", err)
		return
	}
	planned()
	for _, warning := range plan.Warnings {
		log.Warn("plan", "warning", warning)
	}
	planning := time.Since(start)
	counts := map[dispatcher.State]int{dispatcher.StateInvalid: len(plan.Invalid)}
	for _, outcome := range a.cfg.Runner.Dispatch(abort, runID(event), snapshot, plan) {
		counts[outcome.State]++
	}
	log.Info("run ended", "planning", planning, "total", time.Since(start),
		"succeeded", counts[dispatcher.StateSucceeded], "failed", counts[dispatcher.StateFailed],
		"timed-out", counts[dispatcher.StateTimedOut], "aborted", counts[dispatcher.StateAborted],
		"invalid", counts[dispatcher.StateInvalid], "not-called", len(plan.Skipped))
}

// Bounds of planning one event.
const (
	// planTimeout is how long fetching and planning may take, not counting
	// the wait for an engine that is away. What takes longer would keep other
	// events from being planned.
	planTimeout = 20 * time.Minute
	// planLosses is how often the engine may go away while the event is being
	// planned. An event whose planning makes the engine fail would otherwise
	// do so for ever.
	planLosses = 5
)

// plan fetches the repository and plans, again if the engine goes away:
// nothing has been called yet, so nothing happens twice.
func (a *Agent) plan(stop, abort context.Context, event *events.Event, log *slog.Logger) (*runs.Snapshot, *dispatcher.Plan, error) {
	for losses := 1; ; losses++ {
		if err := a.gate.wait(stop); err != nil {
			return nil, nil, err
		}
		snapshot, plan, err := a.planOnce(abort, event)
		if err == nil || !errors.Is(err, modules.ErrUnavailable) || stop.Err() != nil || losses == planLosses {
			return snapshot, plan, err
		}
		log.Warn("engine went away before the run began; trying again", "error", err, "times", losses)
		// An engine can answer and yet serve nothing.
		select {
		case <-time.After(time.Duration(losses) * a.cfg.PingEvery):
		case <-stop.Done():
		}
	}
}

func (a *Agent) planOnce(abort context.Context, event *events.Event) (*runs.Snapshot, *dispatcher.Plan, error) {
	ctx, cancel := context.WithTimeoutCause(abort, planTimeout, fmt.Errorf("planning took more than %s", planTimeout))
	defer cancel()
	snapshot, err := a.cfg.Repositories.Snapshot(ctx, event)
	if err != nil {
		return nil, nil, told(ctx, err)
	}
	plan, err := a.cfg.Runner.Plan(ctx, snapshot)
	return snapshot, plan, told(ctx, err)
}

// told returns the reason why a context ended where that is why there is an
// error.
func told(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// withheld says why an event must not be run by this version, which has no way
// to record an approval. It is empty for events that may.
func withheld(event *events.Event) string {
	switch {
	case event.Trusted:
		return ""
	case event.Fork != "":
		return "it comes from the fork " + event.Fork + ", whose code needs an approval that this version cannot take"
	}
	return "somebody without write access may have caused it, which needs an approval that this version cannot take"
}

// runID names a run after its event, short enough to read in front of every
// line of its output. The random end of an event's id tells events of the same
// moment apart.
func runID(event *events.Event) string { return event.ID[max(0, len(event.ID)-8):] }
