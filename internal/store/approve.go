package store

import "context"

// Approve lets a run that waits for it be planned. The sha is the full commit
// that the person has looked at; it is recorded, and whoever plans compares
// it. The errors are [ErrNotFound] and a [*StateError].
func (s *Store) Approve(ctx context.Context, run, sha string, by Actor) error {
	return s.change(ctx, "approve", "approve run "+run, func(t *tx) error {
		r, err := lockRun(t, `id = ?`, run)
		if err != nil {
			return err
		}
		if r.state != StateWaiting {
			return &StateError{Doing: "approve", ID: run, State: r.state}
		}
		t.ring(TopicWork)
		if err := setRun(t, r, "approve", StateQueued, `, reason = '', approval = ?, queued_at = ?`,
			clean(sha+" by "+by.Person), s.now()); err != nil {
			return err
		}
		return s.record(t, by, "approve", "run "+run, sha)
	})
}
