// Package agent does the work that the store holds: it claims runs and plans
// them, claims calls and makes them, and reports what they came to. What is
// claimed and not answered is taken up again by the next agent, or by this one
// after a restart.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/trust"
	"github.com/franela/pocketci/modules"
)

// ErrEngineAway is the error of [Agent.Ready] while no engine answers.
var ErrEngineAway = errors.New("no engine answers")

// Repositories gives the files of the repository that an event is about.
type Repositories interface {
	// Snapshot is the repository as the event found it, on the given terms.
	Snapshot(ctx context.Context, event *events.Event, terms runs.Terms) (*runs.Snapshot, error)
	// Reopen is the repository as a stored plan found it.
	Reopen(ctx context.Context, event *events.Event, record *runs.Record) (*runs.Snapshot, error)
}

// Planner plans an event; it is [dispatcher.Planner].
type Planner interface {
	Plan(ctx context.Context, req dispatcher.Request) (*dispatcher.Plan, error)
	Declared(ctx context.Context, tree modules.Tree) ([]dispatcher.Declared, error)
}

// Schedules keeps the schedules that functions have on default branches; it is a
// [schedules.Recorder].
type Schedules interface {
	// Planned is told of an event that was planned, and Deleted of a push that
	// deletes a branch.
	Planned(ctx context.Context, event *events.Event, s *runs.Snapshot) error
	Deleted(ctx context.Context, event *events.Event) error
}

// Caller makes one call; it is [dispatcher.Dispatcher].
type Caller interface {
	Call(ctx context.Context, run *dispatcher.Run, call *dispatcher.Call, attempt int, observer dispatcher.Observer) dispatcher.Outcome
}

// Meter counts and times what the agent does.
type Meter interface {
	RunEnded(state string)
	CallEnded(state string)
	Phase(name string, d time.Duration)
}

// Config is what an agent is made of.
type Config struct {
	Store        *store.Store
	Repositories Repositories
	Planner      Planner
	// Schedules may be nil; none are kept then.
	Schedules Schedules
	Caller    Caller
	// States gives earlier commits for calls that are made on one. It may be nil.
	States dispatcher.States
	Report report.Report
	Meter  Meter
	// Mask makes the values of secrets unreadable in a text.
	Mask func(string) string
	// Name is the agent's name among others. Replaces says that no other
	// process works under it, so that what an earlier one left undone is taken
	// up at once.
	Name     string
	Replaces bool
	// Ping reports whether the engine answers. It must be bounded in time.
	Ping func(context.Context) error
	// Room reports whether the data directory can be written, without which
	// nothing is planned or called; nil stands for always.
	Room func() error
	// PingEvery is how often an engine that is away is asked again, and a data
	// directory that cannot be written looked at.
	PingEvery time.Duration
	// Planners is how many runs are fetched and planned at a time, half of
	// them of one repository at most.
	Planners int
	// Parallelism is how many calls this agent makes at a time,
	// RepositoryParallelism how many all agents make of one repository, zero
	// for no limit of that kind.
	Parallelism, RepositoryParallelism int
	// Places are what the runners that answer now can take from the queue, as
	// [runs.Place] names it. Nil stands for what asks for nothing.
	Places func() []string
	// Trust says what other people's events may have run. Nil stands for the
	// zero policy.
	Trust func() trust.Policy
	// Tells reports whether a forge is told what becomes of an event's calls.
	// Nil stands for never.
	Tells func(event *events.Event) bool
	// Complete adds to an event what its payload leaves out. It may be nil.
	Complete func(ctx context.Context, event *events.Event) error
	// Commands does what an event asks of pocketci itself, and says what it
	// did; nothing for events that ask for nothing. It may be nil.
	Commands func(ctx context.Context, event *events.Event) (string, error)
	// Forge is asked who is behind an event. It may be nil, or give nil for
	// forges that cannot be asked.
	Forge func(event *events.Event) trust.Forge
	// Ended is told the event of each run that has ended, and must not keep the
	// agent. It may be nil.
	Ended func(event *events.Event)
	// RunURL links to a run by its number; it may give nothing.
	RunURL func(number int64) string
	Log    *slog.Logger
}

// Agent works on what the store holds. It works once [Agent.Run] is called.
type Agent struct {
	cfg    Config
	gate   gate
	opened opened
	ends   ends

	mu sync.Mutex
	// stop is that of Run, once it was called.
	stop context.Context
}

// New returns an agent.
func New(cfg Config) *Agent {
	a := &Agent{cfg: cfg, gate: newGate(cfg)}
	a.opened.open = a.openRun
	a.ends.report = a.reportEnd
	return a
}

// rejoinEvery is how often an agent tries to join whose store is away.
const rejoinEvery = 2 * time.Second

// Run works until stop is done, then lets the calls that have begun come to
// their end, for which abort is the limit: once it is done, they are ended and
// given back to the queue. What has ended by then is reported.
func (a *Agent) Run(stop, abort context.Context) {
	defer a.Reported()
	a.mu.Lock()
	a.stop = stop
	a.mu.Unlock()
	for away := false; stop.Err() == nil; {
		member, err := a.cfg.Store.Join(stop, a.cfg.Name, a.cfg.Replaces)
		if err == nil {
			away = false
			a.serve(stop, abort, member)
			continue
		}
		if !away && stop.Err() == nil {
			away = true
			a.cfg.Log.Error("cannot join the agents; trying again", "error", err)
		}
		pause(stop, rejoinEvery)
	}
}

// serve works as one member until stop is done or the member is lost.
func (a *Agent) serve(stop, abort context.Context, member *store.Agent) {
	log := a.cfg.Log.With("agent", a.cfg.Name)
	keeping, endKeeping := context.WithCancel(context.Background())
	gone, lose := context.WithCancelCause(context.Background())
	defer lose(nil)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		if err := member.Keep(keeping); errors.Is(err, store.ErrLost) {
			log.Error("the agent gives up its work and joins again", "error", err)
			lose(err)
		}
	}()
	claiming, endClaiming := context.WithCancelCause(stop)
	defer endClaiming(nil)
	defer context.AfterFunc(gone, func() { endClaiming(context.Cause(gone)) })()

	m := &membership{Agent: a, member: member, gone: gone, abort: abort}
	var loops, working sync.WaitGroup
	loops.Go(func() { a.loop(claiming, a.cfg.Planners, &working, m.claimRun) })
	loops.Go(func() { a.loop(claiming, a.cfg.Parallelism, &working, m.claimCall) })
	loops.Wait()
	working.Wait()
	endKeeping()
	<-kept
	leaving, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if err := member.Leave(leaving); err != nil {
		log.Warn("leave the other agents", "error", err)
	}
}

// Ready reports whether calls can be made now.
func (a *Agent) Ready(ctx context.Context) error {
	if err := a.cfg.Ping(ctx); err != nil {
		return errors.Join(ErrEngineAway, err)
	}
	return nil
}

// stopping reports whether events are refused from now on.
func (a *Agent) stopping() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stop != nil && a.stop.Err() != nil
}

// pause waits, no longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
