package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Uncalled is a function of a plan that is not called and that the forge is told
// of all the same, so that a check which a branch requires does not wait for it.
type Uncalled struct {
	Module, Function string
	// Reason is why it is not called.
	Reason string
}

// Status is something that a forge is still to be told of a run.
type Status struct {
	number int64
	// Run and Call are ids. Call is empty for what is not about a call: with a
	// Function, one that is not called, and without, the planning of the run.
	Run, Call string
	// RunNumber, Vendor, Repository, Event and SHA are those of the run.
	RunNumber               int64
	Vendor, Repository, SHA string
	Event                   string
	// Module and Function name what the status is of.
	Module, Function string
	// State and Reason are what is to be told. Planning has succeeded if there
	// is a plan.
	State  State
	Reason string
	// Attempt is the call's or run's.
	Attempt int
	// Reply is what the forge answered to the last status of the same attempt.
	Reply string
	// Result is the call's, and LogSize how long its log is by now, in bytes.
	Result             json.RawMessage
	LogSize            int64
	StartedAt, EndedAt time.Time
	// Tries is how often it was tried in vain.
	Tries int
}

// statusState is what the status of row s with call c and run r says.
const statusState = `CASE WHEN s.call <> '' THEN COALESCE(c.state, 'aborted') WHEN s.function <> '' THEN 'skipped' WHEN r.plan <> '' THEN 'succeeded' ELSE r.state END`

// statusAttempt is the attempt that it is about.
const statusAttempt = `CASE WHEN s.call <> '' THEN COALESCE(c.attempt, 0) WHEN s.function <> '' THEN 1 ELSE r.attempt END`

// DueStatuses returns statuses that forges have not been told of, the oldest
// first, and has nobody else get them for as long as lease says. Each is answered
// with [Store.Told] or [Store.TellLater]; one that is not, comes again.
func (s *Store) DueStatuses(ctx context.Context, limit int, lease time.Duration) ([]Status, error) {
	var (
		st             Status
		result         string
		started, ended int64
		due            int64
	)
	now := s.now()
	type candidate struct {
		status Status
		due    int64
	}
	var found []candidate
	for _, err := range s.each(ctx, []any{&st.number, &st.Run, &st.Call, &st.RunNumber, &st.Vendor, &st.Repository, &st.SHA, &st.Event,
		&st.Module, &st.Function, &st.State, &st.Reason, &st.Attempt, &st.Reply, &result, &st.LogSize, &started, &ended, &st.Tries, &due},
		`SELECT s.number, s.run, s.call, r.number, r.vendor, r.repository, r.sha, r.event, s.module, s.function, `+statusState+`,
			CASE WHEN s.call <> '' THEN COALESCE(c.reason, '') WHEN s.function <> '' THEN s.reason WHEN r.plan <> '' THEN '' ELSE r.reason END,
			`+statusAttempt+`, CASE WHEN s.attempt = `+statusAttempt+` THEN s.reply ELSE '' END, COALESCE(c.result, ''),
			COALESCE(c.log_size, 0), COALESCE(c.started_at, 0), COALESCE(c.ended_at, 0), s.tries, s.due_at
		FROM statuses AS s JOIN runs AS r ON r.id = s.run LEFT JOIN calls AS c ON c.id = s.call AND s.call <> ''
		WHERE s.done = 0 AND s.due_at <= ? AND (s.told <> `+statusState+` OR s.attempt <> `+statusAttempt+`)
		ORDER BY s.number LIMIT ?`, now, limit) {
		if err != nil {
			return nil, fmt.Errorf("find statuses: %w", s.failed(err))
		}
		c := candidate{st, due}
		c.status.Result = json.RawMessage(result)
		c.status.StartedAt, c.status.EndedAt = fromMicros(started), fromMicros(ended)
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, nil
	}
	var leased []Status
	err := s.change(ctx, "status", "lease statuses", func(t *tx) error {
		leased = nil
		for _, c := range found {
			// Another agent has found it too.
			n, err := t.exec(`UPDATE statuses SET due_at = ? WHERE number = ? AND due_at = ?`, now+int64(lease/time.Microsecond), c.status.number, c.due)
			if err != nil {
				return err
			}
			if n == 1 {
				leased = append(leased, c.status)
			}
		}
		return nil
	})
	return leased, err
}

// Told notes that the forge was told. The reply is what it answered.
func (s *Store) Told(ctx context.Context, st *Status, reply string) error {
	return s.change(ctx, "status", "note a status", func(t *tx) error {
		done := bit(st.State.Final())
		_, err := t.exec(`UPDATE statuses SET told = ?, attempt = ?, reply = ?, tries = 0, due_at = 0, done = ? WHERE number = ?`,
			string(st.State), st.Attempt, clean(reply), done, st.number)
		if err != nil || done == 0 {
			return err
		}
		// What was restarted meanwhile has more to tell.
		_, err = t.exec(`UPDATE statuses SET done = 0 WHERE number = ? AND EXISTS (SELECT 1 FROM statuses AS s
			JOIN runs AS r ON r.id = s.run LEFT JOIN calls AS c ON c.id = s.call AND s.call <> ''
			WHERE s.number = statuses.number AND (s.told <> `+statusState+` OR s.attempt <> `+statusAttempt+`))`, st.number)
		return err
	})
}

// TellLater has a status come again after a while.
func (s *Store) TellLater(ctx context.Context, st *Status, after time.Duration) error {
	return s.change(ctx, "status", "put off a status", func(t *tx) error {
		_, err := t.exec(`UPDATE statuses SET tries = tries + 1, due_at = ? WHERE number = ?`, s.now()+int64(after/time.Microsecond), st.number)
		return err
	})
}

// tellPlanned has the forge be told of the calls of a plan and of what it does not
// call. The planning itself is told of only if it was before.
func tellPlanned(t *tx, r *runRow, uncalled []Uncalled) error {
	if _, err := t.exec(`INSERT INTO statuses (run, call, module, function, reason)
		SELECT run, id, module, function, '' FROM calls WHERE run = ? AND planned = 1 ORDER BY position
		ON CONFLICT (run, module, function) DO UPDATE SET call = excluded.call, reason = '', done = 0`, r.id); err != nil {
		return err
	}
	for _, u := range uncalled {
		if _, err := t.exec(`INSERT INTO statuses (run, call, module, function, reason) VALUES (?, '', ?, ?, ?)
			ON CONFLICT (run, module, function) DO UPDATE SET call = '', reason = excluded.reason, done = 0`,
			r.id, key(u.Module), key(u.Function), clean(u.Reason)); err != nil {
			return err
		}
	}
	return tellAgain(t, r.id)
}

// tellUnplanned has the forge be told why a run comes to no plan, if it is known
// beside which commit.
func tellUnplanned(t *tx, r *runRow) error {
	_, err := t.exec(`INSERT INTO statuses (run, call, module, function, reason) SELECT id, '', '', '', '' FROM runs WHERE id = ? AND sha <> ''
		ON CONFLICT (run, module, function) DO UPDATE SET done = 0`, r.id)
	return err
}

// tellAgain has the forge be told of what changes from now on.
func tellAgain(t *tx, run string) error {
	_, err := t.exec(`UPDATE statuses SET done = 0 WHERE run = ? AND done = 1`, run)
	return err
}

// CalledFunctions lists the functions of a module that were called lately for
// events of a vendor and name, sorted.
func (s *Store) CalledFunctions(ctx context.Context, vendor, repository, name, module string) ([]string, error) {
	var (
		function  string
		functions []string
	)
	for _, err := range s.each(ctx, []any{&function}, `SELECT DISTINCT function FROM (
			SELECT c.function AS function FROM calls AS c JOIN runs AS r ON r.id = c.run
			WHERE c.repository = ? AND c.module = ? AND r.vendor = ? AND r.name = ? ORDER BY c.number DESC LIMIT 1000) AS recent`,
		key(repository), key(module), key(vendor), key(name)) {
		if err != nil {
			return nil, fmt.Errorf("list functions of module %s: %w", module, s.failed(err))
		}
		functions = append(functions, function)
	}
	slices.Sort(functions)
	return functions, nil
}
