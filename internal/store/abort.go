package store

import (
	"context"
	"fmt"
)

// Abort ends a run and those of its calls that have not ended: what waits never
// starts, and who makes a call is told so. The run's reason says who aborted it,
// and why if a reason is given. The errors are [ErrNotFound] and a
// [*StateError] if it has ended.
func (s *Store) Abort(ctx context.Context, run string, by Actor, reason string) error {
	return s.change(ctx, "abort", "abort run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		if err := s.abort(t, r, abortedBy(by, reason)); err != nil {
			return err
		}
		return s.record(t, by, "abort", "run "+run, reason)
	})
}

func abortedBy(by Actor, reason string) string {
	if reason == "" {
		return "aborted by " + by.Person
	}
	return "aborted by " + by.Person + ": " + reason
}

func (s *Store) abort(t *tx, r *runRow, reason string) error {
	if err := setRun(t, r, "abort", StateAborted, `, reason = ?, ended_at = ?`, clean(reason), s.now()); err != nil {
		return err
	}
	if _, err := s.abortCalls(t, `run = ?`, reason, r.id); err != nil {
		return err
	}
	return t.noteEnd(r)
}

// AbortCall ends one call of a run like [Store.Abort].
func (s *Store) AbortCall(ctx context.Context, call string, by Actor, reason string) error {
	return s.change(ctx, "abort", "abort call "+call, func(t *tx) error {
		r, err := lockCallRun(t, call)
		if err != nil {
			return err
		}
		n, err := s.abortCalls(t, `id = ?`, abortedBy(by, reason), call)
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
		if err := s.settle(t, r); err != nil {
			return err
		}
		return s.record(t, by, "abort", "call "+call, reason)
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

// AbortPullRequest ends the runs of a pull request that are older than the
// given run, which is that of the event that closed it, and returns how many
// that were. The error is [ErrNotFound] if there is no such run.
func (s *Store) AbortPullRequest(ctx context.Context, vendor, repository string, pullRequest int, closing, reason string) (int, error) {
	doing := fmt.Sprintf("find runs of pull request %d", pullRequest)
	var before int64
	if err := s.get(ctx, []any{&before}, `SELECT number FROM runs WHERE id = ?`, closing); err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	return s.abortAll(ctx, reason, doing, `repository = ? AND pull_request = ? AND pull_request <> 0 AND vendor = ? AND number < ?`,
		key(repository), pullRequest, key(vendor), before)
}

// abortAll ends the runs that a condition selects and that have not ended, and returns
// how many that were.
func (s *Store) abortAll(ctx context.Context, reason, doing, where string, args ...any) (int, error) {
	var runs []string
	var id string
	for _, err := range s.each(ctx, []any{&id}, `SELECT id FROM runs WHERE `+where+
		` AND state IN ('queued', 'waiting-approval', 'running') ORDER BY number DESC`, args...) {
		if err != nil {
			return 0, fmt.Errorf("%s: %w", doing, s.failed(err))
		}
		runs = append(runs, id)
	}
	aborted := 0
	for _, run := range runs {
		ended := false
		err := s.change(ctx, "abort", "abort run "+run, func(t *tx) error {
			r, err := lockRun(t, `id = ?`, run)
			if ended = err == nil && r.state.Final(); err != nil || ended {
				return err // it has ended by itself meanwhile
			}
			return s.abort(t, r, reason)
		})
		if err != nil {
			return aborted, err
		}
		if !ended {
			aborted++
		}
	}
	return aborted, nil
}
