package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Call is one function of a run's plan.
type Call struct {
	ID string
	// Number grows with every call.
	Number int64
	// Run is the id of the call's run, RunNumber its number.
	Run        string
	RunNumber  int64
	Repository string
	// Position is the place in the plan, from 0.
	Position int
	// Planned says that the run's present plan has it.
	Planned          bool
	Module, Function string
	// Spec is what the planner gave with the call. [Store.ListCalls] has none.
	Spec json.RawMessage
	// After are the ids of the calls that must have succeeded before.
	After []string
	// AfterSkipped are the ids of those that must have succeeded or been skipped.
	AfterSkipped []string
	// RunsOn is the runner label asked for, or empty.
	RunsOn string
	State  State
	// Reason says why a call is in its state where that is not plain.
	Reason  string
	Attempt int
	// Result is what its agent gave at the end.
	Result json.RawMessage
	// Agent is the name of the agent that makes or made the attempt.
	Agent string
	// The times are those of this attempt, zero for what has not happened.
	QueuedAt, StartedAt, EndedAt time.Time
	// LogSize is the length of this attempt's log in bytes; LogCut says that
	// there was more.
	LogSize int64
	LogCut  bool
	// LogGone says that the log has been deleted to make room.
	LogGone bool
}

// callColumns have spec in front, which lists replace.
const callColumns = `, id, number, run, run_number, repository, position, planned, module, function, after_calls, runs_on, state, reason, attempt,
	result, agent, queued_at, started_at, ended_at, log_size, log_cut, CASE WHEN log_gone = 0 THEN 0 ELSE 1 END`

// callScan returns where to scan spec and callColumns to, and what turns it into a Call.
func callScan() ([]any, func() (Call, error)) {
	var (
		c                      Call
		spec, waits, result    string
		queued, started, ended int64
	)
	return []any{&spec, &c.ID, &c.Number, &c.Run, &c.RunNumber, &c.Repository, &c.Position, &c.Planned, &c.Module, &c.Function, &waits, &c.RunsOn, &c.State,
			&c.Reason, &c.Attempt, &result, &c.Agent, &queued, &started, &ended, &c.LogSize, &c.LogCut, &c.LogGone}, func() (Call, error) {
			c := c
			c.Spec, c.Result = json.RawMessage(spec), json.RawMessage(result)
			c.QueuedAt, c.StartedAt, c.EndedAt = fromMicros(queued), fromMicros(started), fromMicros(ended)
			list, err := readAfters(c.ID, waits)
			c.After = make([]string, 0, len(list))
			for _, a := range list {
				if a.orSkipped {
					c.AfterSkipped = append(c.AfterSkipped, a.id)
				} else {
					c.After = append(c.After, a.id)
				}
			}
			return c, err
		}
}

// Call returns a call, or [ErrNotFound].
func (s *Store) Call(ctx context.Context, id string) (Call, error) {
	dest, made := callScan()
	if err := s.get(ctx, dest, `SELECT spec`+callColumns+` FROM calls WHERE id = ?`, id); err != nil {
		return Call{}, fmt.Errorf("read call %s: %w", id, err)
	}
	return made()
}

// Calls returns the calls of a run in the order of its plan. Calls that only an
// older plan of the run had come last.
func (s *Store) Calls(ctx context.Context, run string) ([]Call, error) {
	dest, made := callScan()
	calls := []Call{}
	for _, err := range s.each(ctx, dest, `SELECT spec`+callColumns+` FROM calls WHERE run = ? ORDER BY planned DESC, position, number`, run) {
		if err != nil {
			return nil, fmt.Errorf("list calls of run %s: %w", run, s.failed(err))
		}
		c, err := made()
		if err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// CallFilter selects calls. Zero values select all.
type CallFilter struct {
	// Run is the id of a run.
	Run, Repository  string
	Module, Function string
	State            State
	// Before is a call's Number: only older calls are listed, for the next
	// page of a list.
	Before int64
	// Limit is how many calls are listed at most; 100 by default.
	Limit int
}

// ListCalls lists calls without their specs, the latest first.
func (s *Store) ListCalls(ctx context.Context, f CallFilter) ([]Call, error) {
	list := newest{number: "number", before: f.Before}
	switch {
	case f.Repository != "" && f.Module != "" && f.Function != "":
		list.columns, list.values = []string{"repository", "module", "function"}, []any{key(f.Repository), key(f.Module), key(f.Function)}
	case f.Repository != "":
		list.columns, list.values = []string{"repository"}, []any{key(f.Repository)}
	}
	which, args := list.where()
	where := []string{which}
	add := func(given bool, condition string, value any) {
		if given {
			where, args = append(where, condition), append(args, value)
		}
	}
	add(f.Run != "", "run = ?", f.Run)
	add(f.Module != "", "module = ?", key(f.Module))
	add(f.Function != "", "function = ?", key(f.Function))
	add(f.State != "", "state = ?", string(f.State))
	if f.State != "" && !f.State.Final() {
		where = append(where, "ended_at = 0") // for the index calls_open
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	dest, made := callScan()
	calls := []Call{}
	for _, err := range s.each(ctx, dest, `SELECT ''`+callColumns+` FROM calls WHERE `+strings.Join(where, " AND ")+
		` ORDER BY `+list.order()+` LIMIT ?`, append(args, f.Limit)...) {
		if err != nil {
			return nil, fmt.Errorf("list calls: %w", s.failed(err))
		}
		c, err := made()
		if err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// lockCallRun locks the run of a call, which comes before any change of the
// call.
func lockCallRun(t *tx, call string) (*runRow, error) {
	return lockRun(t, `id = (SELECT run FROM calls WHERE id = ?)`, call)
}

// archive keeps the present attempts of the calls that a condition selects, so
// that they can be tried again.
func archive(t *tx, where string, args ...any) error {
	_, err := t.exec(`INSERT INTO call_attempts
		(call, attempt, repository, module, function, state, reason, agent, result, queued_at, started_at, ended_at, log_size, log_cut, log_gone)
		SELECT id, attempt, repository, module, function, state, reason, agent, result, queued_at, started_at, ended_at, log_size, log_cut, log_gone FROM calls WHERE `+where, args...)
	return err
}

// freshAttempt are the assignments that make a call's next attempt out of its
// archived one. A holder stays: while the last attempt is being ended
// somewhere, the next must not begin.
const freshAttempt = `, attempt = attempt + 1, reason = '', result = '', agent = '', started_at = 0, ended_at = 0, log_size = 0, log_cut = 0, log_gone = 0`
