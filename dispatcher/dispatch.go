package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/franela/pocketci/modules"
)

// State is how far a call has come.
type State string

// The states of a call. Those after StateRunning are final.
const (
	StateQueued    State = "queued"
	StateRunning   State = "running"
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateAborted   State = "aborted"
	StateTimedOut  State = "timed-out"
	StateInvalid   State = "invalid"
	// StateSkipped is that of a call which was not made because one that it
	// comes after did not succeed.
	StateSkipped State = "skipped"
)

// Session calls functions of one module for one run. Its Call may be used from
// several goroutines. Errors of Call have [modules.ErrFunction] in their chain
// if the function failed, [modules.ErrArgument] if it could not be called, and
// [modules.ErrUnavailable] if the engine went away.
type Session interface {
	Call(ctx context.Context, call modules.Call, report func(modules.Step)) (modules.Result, error)
	Close() error
}

// Sessions opens a session for one module of a run on a runner with a label, any
// runner if that is empty. It is a new one each time.
type Sessions interface {
	Open(ctx context.Context, run Run, module, runsOn string) (Session, error)
}

// Run is a plan on its way through a [Dispatcher].
type Run struct {
	// ID identifies the run in logs and reports.
	ID   string
	Plan *Plan
	// Tree has the modules but those of other repositories, whose commits are the
	// plan's. Source is what functions get as src, the same tree unless the rules
	// are not the event's own.
	Tree, Source modules.Tree
	// Untrusted says that the code is other people's, so that it runs only
	// where that may.
	Untrusted bool
	// EventFile is what functions receive as eventTrigger.
	EventFile []byte
	// Commit gives the tree of another commit of the repository, for calls that are
	// made on one. It may be nil where there are none.
	Commit func(ctx context.Context, commit string) (modules.Tree, error)
}

// Outcome is what one call came to.
type Outcome struct {
	State    State
	Result   modules.Result
	Started  time.Time
	Duration time.Duration
	// Begun says that the function may have begun. A call that has not begun
	// and whose Err has [modules.ErrUnavailable] in its chain can be made
	// again without anything happening twice.
	Begun bool
	// Holds says that the call was a check of what its module converges, and that
	// nothing has to be changed.
	Holds bool
	// Err is nil only if the call succeeded.
	Err error
}

// Observer is told what happens to the calls of a run, from several goroutines
// at once. It must not block for long, since it is called between steps.
type Observer interface {
	CallStarted(run *Run, call *Call)
	CallStep(run *Run, call *Call, step modules.Step)
	CallEnded(run *Run, call *Call, outcome Outcome)
}

// Dispatcher makes the calls of plans in parallel. It may be used for several
// runs at once, which then share its limit.
type Dispatcher struct {
	pool  *pool
	slots chan struct{}
	log   *slog.Logger
}

// New returns a dispatcher that makes at most parallelism calls at a time over
// all runs. It panics if parallelism is less than one.
func New(sessions Sessions, parallelism int, log *slog.Logger) *Dispatcher {
	if parallelism < 1 {
		panic("dispatcher: parallelism must be at least one")
	}
	return &Dispatcher{pool: newPool(sessions, log), slots: make(chan struct{}, parallelism), log: log}
}

// Call makes one call and returns what it came to. Calls of one run, module, runner and
// attempt share a session, also if they come one after the other within a few
// seconds; a new attempt gets a new session. After is not looked at: that the
// call may be made is the caller's to know. Cancelling ctx aborts this call and
// no other.
func (d *Dispatcher) Call(ctx context.Context, run *Run, call *Call, attempt int, observer Observer) (out Outcome) {
	shared := d.pool.acquire(run, call, attempt)
	defer func() {
		// Closing the session ends whatever a call that was cut short has left
		// behind on the engine.
		cut := out.Begun && (out.State == StateAborted || out.State == StateTimedOut)
		d.pool.release(shared, cut)
	}()
	out = d.dispatch(ctx, run, call, shared, observer)
	observer.CallEnded(run, call, out)
	return out
}

// Close closes all sessions and returns when they are closed. Calls that are
// being made fail. Those that wait for a session or come later fail as if the
// engine were away.
func (d *Dispatcher) Close() { d.pool.close() }

// dispatch makes one call and turns however it ends into an outcome.
func (d *Dispatcher) dispatch(ctx context.Context, run *Run, call *Call, shared *sharedSession, observer Observer) (out Outcome) {
	out.Started = time.Now()
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return Outcome{State: StateAborted, Started: out.Started, Err: context.Cause(ctx)}
	}

	log := d.log.With("run", run.ID, "event", run.Plan.Event.ID, "module", call.Module, "function", call.Function)
	out.Started = time.Now()
	observer.CallStarted(run, call)
	out.Result, out.Begun, out.Err = d.call(ctx, run, call, shared, observer, log)
	out.Duration = time.Since(out.Started)
	out.State = stateOf(ctx, out.Err)
	out = call.answer(out)
	if errors.Is(out.Err, modules.ErrUnavailable) {
		d.pool.lose(shared)
	}
	log.Info("call ended", "state", out.State, "duration", out.Duration)
	return out
}

// call makes one call within its time limit. A panic in it, which can only be
// a fault of ours, ends this call and no other.
func (d *Dispatcher) call(ctx context.Context, run *Run, call *Call, shared *sharedSession, observer Observer, log *slog.Logger) (result modules.Result, begun bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic in call", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	if call.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, call.Timeout, &TimeoutError{call.Timeout})
		defer cancel()
	}
	session, err := shared.get(ctx)
	if err == nil {
		begun = true
		result, err = session.Call(ctx, call.Call, func(step modules.Step) { observer.CallStep(run, call, step) })
	}
	if err != nil && ctx.Err() != nil {
		return modules.Result{}, begun, context.Cause(ctx)
	}
	return result, begun, err
}

// stateOf says which final state an error means. The engine's own words for a
// cancelled request differ, so that the context decides.
func stateOf(ctx context.Context, err error) State {
	_, timedOut := errors.AsType[*TimeoutError](err)
	switch {
	case err == nil:
		return StateSucceeded
	case ctx.Err() != nil:
		return StateAborted
	case timedOut:
		return StateTimedOut
	case errors.Is(err, modules.ErrArgument), errors.Is(err, modules.ErrModule):
		return StateInvalid
	}
	return StateFailed
}

// TimeoutError says that a call was ended because it took too long.
type TimeoutError struct {
	// Limit is how long the call was allowed to take.
	Limit time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("timed out after %s", e.Limit)
}
