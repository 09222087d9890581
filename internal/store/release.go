package store

import (
	"context"
	"errors"
	"fmt"
)

// release gives all claims of an agent that has ended back to the queue. Each
// is a transaction of its own, so that it goes on where it stopped.
func (s *Store) release(ctx context.Context, holder, why string) (int, error) {
	var name string
	if err := s.get(ctx, []any{&name}, `SELECT name FROM agents WHERE id = ?`, holder); err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("read agent %s: %w", holder, err)
	}
	why = "agent " + name + " " + why
	taken := 0
	for _, table := range []string{"calls", "runs"} {
		var ids []string
		var id string
		for _, err := range s.each(ctx, []any{&id}, `SELECT id FROM `+table+` WHERE holder = ? ORDER BY number`, holder) {
			if err != nil {
				return taken, fmt.Errorf("find claims of agent %s: %w", holder, s.failed(err))
			}
			ids = append(ids, id)
		}
		for _, id := range ids {
			back := s.releaseCall
			if table == "runs" {
				back = s.releaseRun
			}
			if err := s.change(ctx, "take-over", "take over from agent "+holder, func(t *tx) error { return back(t, id, holder, why) }); err != nil {
				return taken, err
			}
			taken++
		}
	}
	return taken, nil
}

// releaseCall takes a call from its holder. One that was being made is tried
// again if it has not lost too many agents.
func (s *Store) releaseCall(t *tx, call, holder, why string) error {
	r, err := lockCallRun(t, call)
	if err != nil {
		return err
	}
	var (
		state State
		lost  int
	)
	if err := t.get([]any{&state, &lost}, `SELECT state, lost FROM calls WHERE id = ?`, call); err != nil {
		return err
	}
	t.ring(TopicCall(call))
	t.ring(TopicRun(r.id))
	t.ring(TopicWork)
	if state != StateRunning {
		n, err := t.exec(`UPDATE calls SET holder = '', token = token + 1 WHERE id = ? AND holder = ?`, call, holder)
		if err != nil || n == 0 {
			return err
		}
		return t.noteEnd(r)
	}
	if lost >= s.opts.MaxLost {
		n, err := t.exec(`UPDATE calls SET state = 'failed', reason = ?, ended_at = ?, lost = lost + 1, holder = '', token = token + 1
			WHERE id = ? AND holder = ? AND `+callTransitions.to(StateFailed),
			fmt.Sprintf("%s; that was the last of %d attempts", why, lost+1), s.now(), call, holder)
		if err != nil || n == 0 {
			return err
		}
		return s.settle(t, r)
	}
	return s.requeueCall(t, call, holder, why, true)
}

// requeueCall ends the attempt that is being made of a call and puts the next
// one into the queue. The attempt that ended is kept as aborted. lost says
// whether it is counted as one that lost its agent.
func (s *Store) requeueCall(t *tx, call, holder, why string, lost bool) error {
	now := s.now()
	n, err := t.exec(`INSERT INTO call_attempts
		(call, attempt, repository, module, function, state, reason, agent, result, queued_at, started_at, ended_at, log_size, log_cut, log_gone)
		SELECT id, attempt, repository, module, function, 'aborted', CAST(? AS TEXT), agent, result, queued_at, started_at, CAST(? AS BIGINT),
		log_size, log_cut, log_gone
		FROM calls WHERE id = ? AND holder = ? AND state = 'running'`, clean(why), now, call, holder)
	if err != nil || n == 0 {
		return err
	}
	_, err = t.exec(`UPDATE calls SET state = 'queued', queued_at = ?, lost = lost + ?, holder = '', token = token + 1`+freshAttempt+
		` WHERE id = ? AND holder = ? AND `+callTransitions.to(StateQueued), now, bit(lost), call, holder)
	return err
}

// releaseRun takes a run that was being planned from its holder.
func (s *Store) releaseRun(t *tx, run, holder, why string) error {
	r, err := lockRun(t, `id = ? AND holder = ?`, run, holder)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var lost int
	if err := t.get([]any{&lost}, `SELECT lost FROM runs WHERE id = ?`, run); err != nil {
		return err
	}
	t.ring(TopicWork)
	t.ring(TopicRun(r.id))
	switch {
	case r.state != StateRunning:
		if _, err := t.exec(`UPDATE runs SET holder = '', token = token + 1 WHERE id = ?`, run); err != nil {
			return err
		}
		return t.noteEnd(r)
	case lost >= s.opts.MaxLost:
		err := setRun(t, r, "end", StateFailed, `, reason = ?, ended_at = ?, lost = lost + 1, holder = '', token = token + 1`,
			fmt.Sprintf("%s while planning; that was the last of %d attempts", why, lost+1), s.now())
		if err != nil {
			return err
		}
		return t.noteEnd(r)
	}
	return setRun(t, r, "take over", StateQueued, `, started_at = 0, queued_at = ?, lost = lost + 1, holder = '', token = token + 1`, s.now())
}
