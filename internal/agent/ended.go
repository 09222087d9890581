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

// reportEnd counts and reports the end of a run. One that was restarted meanwhile
// is not reported beyond the log: what its calls came to is the next attempt's by
// now. Nor is one that had no plan, of which no report was begun.
func (a *Agent) reportEnd(end store.End) {
	a.cfg.Meter.RunEnded(string(end.State))
	err := contain(a.cfg.Log, "report a run", func() error {
		e, err := a.readEndedPatiently(end.Run)
		if err != nil {
			return err
		}
		if a.cfg.Ended != nil {
			a.cfg.Ended(&e.report.Plan.Event)
		}
		log := a.cfg.Log.With("run", e.run.Number, runs.Log(&e.report.Plan.Event), "state", end.State)
		switch {
		case e.run.Attempt != end.Attempt:
			log.Info("run ended", "attempt", end.Attempt, "restarted", true)
		case len(e.run.Plan) > 0:
			a.cfg.Report.Finished(e.report, e.place, e.outcomes)
			e.log(log)
		case end.State == store.StateAborted:
			log.Info("run ended", "reason", e.run.Reason)
		default:
			log.Error("event is not run", "error", e.run.Reason)
		}
		return nil
	})
	if err != nil {
		a.cfg.Log.Warn("run ended and cannot be reported", "id", end.Run, "state", end.State, "error", err)
	}
}

// reportPatience is how long a run's end waits to be reported for a store that is
// away.
const reportPatience = time.Minute

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

// planning is how long fetching and planning took, 0 if that cannot be told any
// more.
func (e *endedRun) planning() time.Duration {
	if e.queued.IsZero() || e.run.Attempt > 1 {
		return 0
	}
	return between(e.run.StartedAt, e.queued)
}

// log says what a planned run came to.
func (e *endedRun) log(log *slog.Logger) {
	if e.run.Reason != "" {
		log = log.With("reason", e.run.Reason)
	}
	log.Info("run ended", "planning", e.planning(), "total", between(e.run.StartedAt, e.run.EndedAt),
		"succeeded", e.count[store.StateSucceeded], "failed", e.count[store.StateFailed],
		"timed-out", e.count[store.StateTimedOut], "aborted", e.count[store.StateAborted],
		"skipped", e.count[store.StateSkipped], "invalid", e.count[store.StateInvalid],
		"not-called", len(e.report.Plan.Skipped))
}

// between is how long it was from one stored time to another. They are times of
// day, and a clock that was set back makes no duration less than none.
func between(from, to time.Time) time.Duration { return max(0, to.Sub(from)) }

// readEndedPatiently asks a store that is away again for a while.
func (a *Agent) readEndedPatiently(id string) (*endedRun, error) {
	until := time.Now().Add(reportPatience)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		e, err := a.readEnded(ctx, id)
		cancel()
		away := errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
		if !away || time.Now().After(until) {
			return e, err
		}
		time.Sleep(answerEvery)
	}
}

func (a *Agent) readEnded(ctx context.Context, id string) (*endedRun, error) {
	// Before the run: if that is still of the same attempt, so were they.
	calls, err := a.cfg.Store.Calls(ctx, id)
	if err != nil {
		return nil, err
	}
	run, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	event, err := a.cfg.Store.Event(ctx, run.Event)
	if err != nil {
		return nil, err
	}
	if len(run.Plan) == 0 {
		return &endedRun{run: run, report: &dispatcher.Run{ID: reportID(&run), Plan: &dispatcher.Plan{Event: event.Event}}}, nil
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
	e.place = runs.PlaceOf(&event.Event, record.SHA, record.Base)
	e.place.EventFile = event.ID + ".json"
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
		// A call that lost its agent was put there again later.
		if c.Attempt == 1 && (e.queued.IsZero() || c.QueuedAt.Before(e.queued)) {
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
