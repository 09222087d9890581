package store

import (
	"context"
	"errors"
)

// errNotAlone is why a run is not planned again: another call of it is being made.
var errNotAlone = errors.New("another call of the run is being made")

// Replan gives the run of a claimed call back to the queue to be planned anew, because
// the plan is not right any more. Calls that have ended keep what they came to as an
// earlier attempt, those that wait are left behind unless the next plan has them. It
// is for runs whose calls are made one after the other: no other one may be running.
// Other errors are those of [Agent.Finish].
func (a *Agent) Replan(ctx context.Context, c Claim, reason string) error {
	return a.answer(ctx, "replan", "plan anew the run of call "+c.Call, func(t *tx) (error, error) {
		r, gone, err := a.heldCall(t, c)
		if gone != nil || err != nil {
			return gone, err
		}
		var others int
		if err := t.get([]any{&others}, `SELECT count(*) FROM calls WHERE run = ? AND id <> ? AND holder <> ''`, r.id, c.Call); err != nil {
			return nil, err
		}
		if others > 0 {
			return nil, errNotAlone
		}
		if err := a.store.requeueCall(t, c.Call, a.id, reason, false); err != nil {
			return nil, err
		}
		// They have no attempt that somebody could ask for.
		if _, err := t.exec(`UPDATE calls SET planned = 0, state = 'skipped', reason = ?, ended_at = ? WHERE run = ? AND planned = 1 AND state = 'queued'`,
			clean(reason), a.store.now(), r.id); err != nil {
			return nil, err
		}
		if err := a.store.shelve(t, r); err != nil {
			return nil, err
		}
		t.ring(TopicWork)
		t.ring(TopicCall(c.Call))
		return nil, setRun(t, r, "plan anew", StateQueued, `, plan = '', reason = ?, started_at = 0, queued_at = ?, holder = ''`, clean(reason), a.store.now())
	})
}
