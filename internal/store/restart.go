package store

import (
	"context"
	"fmt"
)

// Scope says which calls of a run a restart makes again.
type Scope string

// The scopes of a restart.
const (
	// RestartAll makes every call again.
	RestartAll Scope = "all"
	// RestartFailed makes those again that did not succeed.
	RestartFailed Scope = "failed"
)

// Restart adds an attempt to a run that has ended: with its stored plan, or
// planned anew if it has none or was invalid as a whole. It returns the number
// of the attempt. The errors are [ErrNotFound], a [*StateError] if the run has
// not ended, and [ErrNothingToRestart]. The person is recorded.
//
// A call whose last attempt is still being ended by its agent begins after
// that, so that no call is made twice at once.
func (s *Store) Restart(ctx context.Context, run string, scope Scope, person string) (attempt int, err error) {
	err = s.change(ctx, "restart run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		if err := s.restart(t, r, scope, "restart by "+clean(person)); err != nil {
			return err
		}
		attempt = r.attempt
		return nil
	})
	return attempt, err
}

func (s *Store) restart(t *tx, r *runRow, scope Scope, cause string) error {
	if !r.state.Final() {
		return &StateError{Doing: "restart", ID: r.id, State: r.state}
	}
	_, err := t.exec(`INSERT INTO run_attempts (run, attempt, state, reason, cause, plan, queued_at, started_at, ended_at)
		SELECT id, attempt, state, reason, cause, plan, queued_at, started_at, ended_at FROM runs WHERE id = ?`, r.id)
	if err != nil {
		return err
	}
	now := s.now()
	const fresh = `, attempt = attempt + 1, reason = '', ended_at = 0, lost = 0, cause = ?, queued_at = ?`
	t.ring(TopicWork)
	r.attempt++
	if !r.planned || r.state == StateInvalid {
		if err := s.shelve(t, r); err != nil {
			return err
		}
		return setRun(t, r, "restart", StateQueued, fresh+`, started_at = 0, plan = ''`, cause, now)
	}
	which := `run = ? AND planned = 1 AND state <> 'invalid'`
	if scope == RestartFailed {
		which += ` AND state <> 'succeeded'`
	}
	if err := archive(t, which, r.id); err != nil {
		return err
	}
	n, err := t.exec(`UPDATE calls SET state = 'queued', lost = 0, queued_at = ?,
		blocked = CASE WHEN after_calls = '[]' THEN 0 ELSE 1 END`+freshAttempt+
		` WHERE `+which+` AND `+callTransitions.to(StateQueued), now, r.id)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrNothingToRestart
	}
	if err := setRun(t, r, "restart", StateRunning, fresh+`, started_at = ?`, cause, now, now); err != nil {
		return err
	}
	return s.settle(t, r)
}

// shelve takes the calls of a run's last plan out of it, before another plan
// is made.
func (s *Store) shelve(t *tx, r *runRow) error {
	if err := archive(t, `run = ? AND planned = 1`, r.id); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE calls SET planned = 0, state = 'skipped', ended_at = ?`+
		`, attempt = attempt + 1, reason = ?, result = '', agent = '', started_at = 0, log_size = 0, log_cut = 0
		WHERE run = ? AND planned = 1 AND `+callTransitions.to(StateSkipped),
		s.now(), fmt.Sprintf("not in the plan of attempt %d", r.attempt), r.id)
	return err
}

// Abort ends a run and those of its calls that have not ended: what waits never
// starts, and who makes a call is told so. The reason is recorded; it says who
// aborts. The errors are [ErrNotFound] and a [*StateError] if it has ended.
func (s *Store) Abort(ctx context.Context, run, reason string) error {
	return s.change(ctx, "abort run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		return s.abort(t, r, reason)
	})
}

func (s *Store) abort(t *tx, r *runRow, reason string) error {
	if err := setRun(t, r, "abort", StateAborted, `, reason = ?, ended_at = ?`, clean(reason), s.now()); err != nil {
		return err
	}
	_, err := s.abortCalls(t, `run = ?`, reason, r.id)
	return err
}

// AbortCall ends one call of a run like [Store.Abort].
func (s *Store) AbortCall(ctx context.Context, call, reason string) error {
	return s.change(ctx, "abort call "+call, func(t *tx) error {
		r, err := lockCallRun(t, call)
		if err != nil {
			return err
		}
		n, err := s.abortCalls(t, `id = ?`, reason, call)
		if err != nil {
			return err
		}
		if n == 0 {
			var state State
			if err := t.get([]any{&state}, `SELECT state FROM calls WHERE id = ?`, call); err != nil {
				return err
			}
			return &StateError{Doing: "abort", ID: call, State: state}
		}
		return s.settle(t, r)
	})
}

// abortCalls ends the calls that a condition selects, whose runs are locked.
// The agents that make them are told.
func (s *Store) abortCalls(t *tx, where, reason string, args ...any) (int, error) {
	var call, holder string
	n := 0
	for _, err := range t.each([]any{&call, &holder}, `UPDATE calls SET state = 'aborted', reason = ?, ended_at = ? WHERE `+where+` AND `+
		callTransitions.to(StateAborted)+` AND state <> 'skipped' RETURNING id, holder`, append([]any{clean(reason), s.now()}, args...)...) {
		if err != nil {
			return n, err
		}
		n++
		if holder != "" {
			t.ring(TopicCall(call))
		}
	}
	return n, nil
}

// AbortPullRequest ends all runs of a pull request but the one given, which
// may be empty, and returns how many that were.
func (s *Store) AbortPullRequest(ctx context.Context, vendor, repository string, number int, but, reason string) (int, error) {
	var runs []string
	var id string
	for _, err := range s.each(ctx, []any{&id}, `SELECT id FROM runs WHERE repository = ? AND pull_request = ? AND pull_request <> 0
		AND vendor = ? AND id <> ? AND state IN ('queued', 'waiting-approval', 'running') ORDER BY number DESC`,
		key(repository), number, key(vendor), but) {
		if err != nil {
			return 0, fmt.Errorf("find runs of pull request %d: %w", number, s.failed(err))
		}
		runs = append(runs, id)
	}
	aborted := 0
	for _, run := range runs {
		err := s.change(ctx, "abort run "+run, func(t *tx) error {
			r, err := lockRun(t, `id = ?`, run)
			if err != nil || r.state.Final() {
				return err // it has ended by itself meanwhile
			}
			aborted++
			return s.abort(t, r, reason)
		})
		if err != nil {
			return aborted, err
		}
	}
	return aborted, nil
}

// Approve lets a run that waits for it be planned. The sha is the full commit
// that the person has looked at; it is recorded, and whoever plans compares
// it. The errors are [ErrNotFound] and a [*StateError].
func (s *Store) Approve(ctx context.Context, run, sha, person string) error {
	return s.change(ctx, "approve run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		if r.state != StateWaiting {
			return &StateError{Doing: "approve", ID: run, State: r.state}
		}
		t.ring(TopicWork)
		return setRun(t, r, "approve", StateQueued, `, reason = '', approval = ?, queued_at = ?`,
			clean(sha+" by "+person), s.now())
	})
}
