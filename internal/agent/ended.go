package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// runEnded reports a run that has come to its end. A store that is away is asked
// again, as it is told again.
func (m *membership) runEnded(id string, log *slog.Logger) {
	a := m.Agent
	var e *endedRun
	err := m.answer(func(ctx context.Context) (err error) {
		e, err = a.readEnded(ctx, id)
		return err
	})
	if err != nil {
		log.Warn("run ended and cannot be reported", "id", id, "error", err)
		return
	}
	a.cfg.Meter.RunEnded(string(e.run.State))
	a.cfg.Report.Finished(e.report, e.place, e.outcomes)
	a.cfg.Log.Info("run ended", "run", e.run.Number, runs.Log(&e.report.Plan.Event), "state", e.run.State,
		"planning", e.planning(), "total", between(e.run.StartedAt, e.run.EndedAt),
		"succeeded", e.count[store.StateSucceeded], "failed", e.count[store.StateFailed],
		"timed-out", e.count[store.StateTimedOut], "aborted", e.count[store.StateAborted],
		"skipped", e.count[store.StateSkipped], "invalid", e.count[store.StateInvalid],
		"not-called", len(e.report.Plan.Skipped))
}

// endedRun is a run with what its calls came to, wherever they were made.
type endedRun struct {
	run      store.Run
	report   *dispatcher.Run
	place    dispatcher.Place
	outcomes []dispatcher.Outcome
	count    map[store.State]int
	// queued is when the first call was put into the queue.
	queued time.Time
}

// planning is how long fetching and planning took.
func (e *endedRun) planning() time.Duration {
	if e.queued.IsZero() || e.run.Attempt > 1 {
		return 0
	}
	return between(e.run.StartedAt, e.queued)
}

// between is how long it was from one stored time to another. They are times of
// day, and a clock that was set back makes no duration less than none.
func between(from, to time.Time) time.Duration { return max(0, to.Sub(from)) }

func (a *Agent) readEnded(ctx context.Context, id string) (*endedRun, error) {
	run, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	event, err := a.cfg.Store.Event(ctx, run.Event)
	if err != nil {
		return nil, err
	}
	calls, err := a.cfg.Store.Calls(ctx, id)
	if err != nil {
		return nil, err
	}
	record, err := runs.ReadRecord(run.Plan)
	if err != nil {
		return nil, err
	}
	event.SHA = record.SHA
	plan := &dispatcher.Plan{
		Event: event.Event, Changes: record.Changes(),
		Invalid: record.View.Invalid, Skipped: record.View.Skipped, Warnings: record.View.Warnings,
	}
	e := &endedRun{run: run, report: &dispatcher.Run{ID: reportID(&run), Plan: plan}, count: map[store.State]int{}}
	e.place.EventFile = event.ID + ".json"
	if event.Repository != nil {
		e.place.Source = event.Repository.CloneURL + "#" + record.SHA
	}
	for i := range calls {
		c := &calls[i]
		if !c.Planned {
			continue
		}
		e.count[c.State]++
		if len(c.Spec) == 0 {
			continue // it is among the invalid ones
		}
		var spec dispatcher.Call
		if err := json.Unmarshal(c.Spec, &spec); err != nil {
			return nil, fmt.Errorf("read stored call %s: %w", c.ID, err)
		}
		outcome, err := outcomeOf(c)
		if err != nil {
			return nil, err
		}
		if e.queued.IsZero() || c.QueuedAt.Before(e.queued) {
			e.queued = c.QueuedAt
		}
		plan.Calls, e.outcomes = append(plan.Calls, spec), append(e.outcomes, outcome)
	}
	return e, nil
}

// outcomeOf is what a stored call came to.
func outcomeOf(c *store.Call) (dispatcher.Outcome, error) {
	o := dispatcher.Outcome{State: dispatcher.State(c.State), Started: c.StartedAt}
	if !c.StartedAt.IsZero() {
		o.Duration = between(c.StartedAt, c.EndedAt)
	}
	var result runs.Result
	if len(c.Result) > 0 {
		if err := json.Unmarshal(c.Result, &result); err != nil {
			return o, fmt.Errorf("read stored result of call %s: %w", c.ID, err)
		}
	}
	o.Result = modules.Result{Output: result.Output}
	switch {
	case result.Error != "":
		o.Err = errors.New(result.Error)
	case c.State != store.StateSucceeded && c.Reason != "":
		o.Err = errors.New(c.Reason)
	}
	return o, nil
}
