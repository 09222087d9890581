package store

import (
	"context"
	"fmt"

	"github.com/franela/pocketci/events"
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
// planned anew if it has none, was invalid as a whole, or has a module converge: what is
// still to be done of that is known anew each time. It returns the number
// of the attempt. The errors are [ErrNotFound], a [*StateError] if the run has
// not ended, [ErrNothingToRestart], and [ErrModuleDeleted].
//
// A call whose last attempt is still being ended by its agent begins after
// that, so that no call is made twice at once.
func (s *Store) Restart(ctx context.Context, run string, scope Scope, by Actor) (attempt int, err error) {
	err = s.change(ctx, "restart", "restart run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		if err := s.restart(t, r, scope, "", "restart by "+clean(by.Person)); err != nil {
			return err
		}
		attempt = r.attempt
		return s.record(t, by, "restart", "run "+run, fmt.Sprintf("%s calls, attempt %d", scope, attempt))
	})
	return attempt, err
}

// RestartCall is [Store.Restart] for one call, however it ended. The other calls of
// its run stay as they are, unless the run is planned anew.
func (s *Store) RestartCall(ctx context.Context, call string, by Actor) (attempt int, err error) {
	err = s.change(ctx, "restart", "restart call "+call, func(t *tx) error {
		r, err := lockCallRun(t, call)
		if err != nil {
			return err
		}
		if err := s.restart(t, r, RestartAll, call, "restart by "+clean(by.Person)); err != nil {
			return err
		}
		attempt = r.attempt
		return s.record(t, by, "restart", "call "+call, fmt.Sprintf("attempt %d of run %s", attempt, r.id))
	})
	return attempt, err
}

// restart adds an attempt to a run, of one call if that is not empty.
func (s *Store) restart(t *tx, r *runRow, scope Scope, call, cause string) error {
	if !r.state.Final() {
		return &StateError{Doing: "restart", ID: r.id, State: r.state}
	}
	if err := checkModule(t, r); err != nil {
		return err
	}
	if err := t.noteRestart(r); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO run_attempts (run, attempt, state, reason, cause, plan, queued_at, started_at, ended_at)
		SELECT id, attempt, state, reason, cause, plan, queued_at, started_at, ended_at FROM runs WHERE id = ?`, r.id)
	if err != nil {
		return err
	}
	if err := tellAgain(t, r.id); err != nil {
		return err
	}
	now := s.now()
	const fresh = `, attempt = attempt + 1, reason = '', ended_at = 0, lost = 0, cause = ?, queued_at = ?`
	t.ring(TopicWork)
	r.attempt++
	anew, err := isApply(t, r)
	if err != nil {
		return err
	}
	if anew || !r.planned || r.state == StateInvalid {
		if err := s.shelve(t, r); err != nil {
			return err
		}
		return setRun(t, r, "restart", StateQueued, fresh+`, started_at = 0, plan = ''`, cause, now)
	}
	which, args := `run = ? AND planned = 1 AND state <> 'invalid'`, []any{r.id}
	if scope == RestartFailed {
		which += ` AND state <> 'succeeded'`
	}
	if call != "" {
		which, args = which+` AND id = ?`, append(args, call)
	}
	if err := archive(t, which, args...); err != nil {
		return err
	}
	n, err := t.exec(`UPDATE calls SET state = 'queued', lost = 0, queued_at = ?,
		blocked = CASE WHEN after_calls = '[]' THEN 0 ELSE 1 END`+freshAttempt+
		` WHERE `+which+` AND `+callTransitions.to(StateQueued), append([]any{now}, args...)...)
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

// isApply reports whether a run has a module converge.
func isApply(t *tx, r *runRow) (bool, error) {
	var vendor, name string
	err := t.get([]any{&vendor, &name}, `SELECT vendor, name FROM runs WHERE id = ?`, r.id)
	return vendor == events.VendorConverge && name == events.NameApply, err
}

// shelve takes the calls of a run's last plan out of it, before another plan
// is made.
func (s *Store) shelve(t *tx, r *runRow) error {
	if err := archive(t, `run = ? AND planned = 1`, r.id); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE calls SET planned = 0, state = 'skipped', ended_at = ?`+
		`, attempt = attempt + 1, reason = ?, result = '', agent = '', started_at = 0, log_size = 0, log_cut = 0, log_gone = 0
		WHERE run = ? AND planned = 1 AND (state = 'skipped' OR `+callTransitions.to(StateSkipped)+`)`,
		s.now(), fmt.Sprintf("not in the plan of attempt %d", r.attempt), r.id)
	return err
}
