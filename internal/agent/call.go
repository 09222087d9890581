package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// callReturns is the attempt from which on a call is not given back any more
// because the engine went away before it began. An engine that answers and
// serves nothing would otherwise have it try for ever.
const callReturns = 5

// reasonLimit is the length at which the reason of a call is cut; all of its
// error is in the result.
const reasonLimit = 500

// claimCall claims a call and returns the work of making it.
func (m *membership) claimCall(ctx context.Context) (func(), error) {
	claim, call, err := m.member.ClaimCall(ctx, store.Limits{
		Agent: m.cfg.Parallelism, Repository: m.cfg.RepositoryParallelism, Labels: m.places(),
	})
	if err != nil {
		return nil, err
	}
	return func() { m.makeCall(claim, call) }, nil
}

// makeCall makes a claimed call and answers the claim, whatever happens.
func (m *membership) makeCall(claim store.Claim, call store.Call) {
	log := m.cfg.Log.With("call", call.ID, "module", call.Module, "function", call.Function, "attempt", call.Attempt)
	ctx, end := m.member.Guard(m.abort, claim)
	defer end()
	m.cfg.Meter.Phase("wait", between(call.QueuedAt, call.StartedAt))
	var (
		outcome dispatcher.Outcome
		run     *dispatcher.Run
		spec    *dispatcher.Call
		stale   string
	)
	err := contain(log, "make a call", func() error {
		opened, release, err := m.opened.get(ctx, call.Run)
		if err != nil {
			return fmt.Errorf("open run: %w", err)
		}
		defer release()
		run = opened
		log = log.With("run", run.ID)
		spec = new(dispatcher.Call)
		if err := json.Unmarshal(call.Spec, spec); err != nil {
			return fmt.Errorf("read stored call: %w", err)
		}
		if stale, err = m.beginConverging(ctx, run, spec); stale != "" || err != nil {
			return err
		}
		logs := m.newLogs(claim, log)
		defer logs.close()
		outcome = m.cfg.Caller.Call(ctx, run, spec, call.Attempt, observers{m.cfg.Report, logs})
		return nil
	})
	if err != nil {
		outcome = dispatcher.Outcome{State: dispatcher.StateFailed, Err: told(ctx, err)}
	}
	if stale != "" {
		m.opened.forget(call.Run)
		m.answered(log, m.answer(func(ctx context.Context) error { return m.member.Replan(ctx, claim, stale) }), stale)
		return
	}
	m.cfg.Meter.Phase("call", outcome.Duration)

	back := m.giveBack(ctx, &call, &outcome)
	if back == "" {
		m.cfg.Meter.CallEnded(string(outcome.State))
	}
	err = m.answer(func(ctx context.Context) error {
		if back != "" {
			return m.member.Return(ctx, claim, back)
		}
		return m.finish(ctx, claim, run, spec, &outcome)
	})
	m.answered(log, err, back)
}

// answered says in the log what is remarkable about the answer to a claim of a call.
func (m *membership) answered(log *slog.Logger, err error, back string) {
	switch {
	case over(err):
		log.Info("call ended meanwhile", "cause", err)
	case err != nil:
		log.Error("answer for a call", "error", err)
	case back != "":
		log.Warn("call is given back to be made again", "reason", back)
	}
}

// giveBack says why a call goes back into the queue in place of an ending, or
// nothing.
func (m *membership) giveBack(ctx context.Context, call *store.Call, o *dispatcher.Outcome) string {
	switch {
	case o.State == dispatcher.StateSucceeded:
		return ""
	case m.abort.Err() != nil && !over(context.Cause(ctx)):
		return context.Cause(m.abort).Error()
	case !o.Begun && call.Attempt < callReturns &&
		(errors.Is(o.Err, modules.ErrUnavailable) || errors.Is(o.Err, store.ErrUnavailable)):
		return "before the call began: " + firstLine(m.cfg.Mask(o.Err.Error()))
	}
	return ""
}

// ending is an outcome as the store takes it. One that the claim's end brought
// about does not count any more; the store says so.
func (m *membership) ending(o *dispatcher.Outcome) store.Ending {
	result := runs.Result{Output: m.cfg.Mask(o.Result.Output)}
	e := store.Ending{State: store.State(o.State)}
	if o.Err != nil {
		result.Error = m.cfg.Mask(o.Err.Error())
		e.Reason = firstLine(result.Error)
	}
	var err error
	if e.Result, err = encode(result); err != nil {
		e.Reason += "; its result cannot be stored: " + err.Error()
	}
	return e
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	if len(line) > reasonLimit {
		line = strings.ToValidUTF8(line[:reasonLimit], "") + " …"
	}
	return line
}

// encode is JSON as both databases take it.
func encode(v any) (json.RawMessage, error) {
	data, err := json.Marshal(v)
	return data, err
}

// observers are told one after the other.
type observers []dispatcher.Observer

func (all observers) CallStarted(run *dispatcher.Run, call *dispatcher.Call) {
	for _, o := range all {
		o.CallStarted(run, call)
	}
}

func (all observers) CallStep(run *dispatcher.Run, call *dispatcher.Call, step modules.Step) {
	for _, o := range all {
		o.CallStep(run, call, step)
	}
}

func (all observers) CallEnded(run *dispatcher.Run, call *dispatcher.Call, outcome dispatcher.Outcome) {
	for _, o := range all {
		o.CallEnded(run, call, outcome)
	}
}
