package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Call is one function of a run's plan.
type Call struct {
	ID  string
	Run string
	// Position is the place in the plan, from 0.
	Position         int
	Module, Function string
	// Spec is what the planner gave with the call.
	Spec json.RawMessage
	// After are the ids of the calls that must have succeeded before.
	After []string
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
}

const callColumns = `id, run, position, module, function, spec, after_calls, runs_on, state, reason, attempt, result, agent,
	queued_at, started_at, ended_at, log_size, log_cut`

// callScan returns where to scan callColumns to, and what turns it into a Call.
func callScan() ([]any, func() (Call, error)) {
	var (
		c                      Call
		spec, after, result    string
		queued, started, ended int64
	)
	return []any{&c.ID, &c.Run, &c.Position, &c.Module, &c.Function, &spec, &after, &c.RunsOn, &c.State, &c.Reason, &c.Attempt,
			&result, &c.Agent, &queued, &started, &ended, &c.LogSize, &c.LogCut}, func() (Call, error) {
			c := c
			c.Spec, c.Result = json.RawMessage(spec), json.RawMessage(result)
			c.QueuedAt, c.StartedAt, c.EndedAt = fromMicros(queued), fromMicros(started), fromMicros(ended)
			if err := json.Unmarshal([]byte(after), &c.After); err != nil {
				return c, fmt.Errorf("read what call %s waits for: %w", c.ID, err)
			}
			return c, nil
		}
}

// Call returns a call, or [ErrNotFound].
func (s *Store) Call(ctx context.Context, id string) (Call, error) {
	dest, made := callScan()
	if err := s.get(ctx, dest, `SELECT `+callColumns+` FROM calls WHERE id = ?`, id); err != nil {
		return Call{}, fmt.Errorf("read call %s: %w", id, err)
	}
	return made()
}

// Calls returns the calls of a run in the order of its plan. Calls that only an
// older plan of the run had come last.
func (s *Store) Calls(ctx context.Context, run string) ([]Call, error) {
	dest, made := callScan()
	calls := []Call{}
	for _, err := range s.each(ctx, dest, `SELECT `+callColumns+` FROM calls WHERE run = ? ORDER BY planned DESC, position, number`, run) {
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

// lockCallRun locks the run of a call, which comes before any change of the
// call.
func lockCallRun(t *tx, call string) (*runRow, error) {
	return lockRun(t, `id = (SELECT run FROM calls WHERE id = ?)`, call)
}

// archive keeps the present attempts of the calls that a condition selects, so
// that they can be tried again.
func archive(t *tx, where string, args ...any) error {
	_, err := t.exec(`INSERT INTO call_attempts
		(call, attempt, state, reason, agent, result, queued_at, started_at, ended_at, log_size, log_cut)
		SELECT id, attempt, state, reason, agent, result, queued_at, started_at, ended_at, log_size, log_cut FROM calls WHERE `+where, args...)
	return err
}

// freshAttempt are the assignments that make a call's next attempt out of its
// archived one. A holder stays: while the last attempt is being ended
// somewhere, the next must not begin.
const freshAttempt = `, attempt = attempt + 1, reason = '', result = '', agent = '', started_at = 0, ended_at = 0, log_size = 0, log_cut = 0`
