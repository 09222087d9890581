package store

import "fmt"

// settle draws the consequences of changed calls for the others of their run
// and for the run itself, which must be locked: calls whose conditions now hold
// may begin, those whose conditions cannot hold any more are skipped, and a run
// whose calls have all ended ends.
func (s *Store) settle(t *tx, r *runRow) error {
	if r.state != StateRunning {
		return nil
	}
	type call struct {
		id, module, function string
		state                State
		blocked              bool
		after                []after
	}
	var (
		c     call
		waits string
		calls []*call
	)
	byID := map[string]*call{}
	for _, err := range t.each([]any{&c.id, &c.module, &c.function, &c.state, &c.blocked, &waits},
		`SELECT id, module, function, state, blocked, after_calls FROM calls WHERE run = ? AND planned = 1 ORDER BY position`, r.id) {
		if err != nil {
			return err
		}
		c := c
		if c.after, err = readAfters(c.id, waits); err != nil {
			return err
		}
		calls, byID[c.id] = append(calls, &c), &c
	}
	for changed := true; changed; {
		changed = false
		for _, c := range calls {
			if c.state != StateQueued || !c.blocked {
				continue
			}
			ready, reason := true, ""
			for _, a := range c.after {
				before := byID[a.id]
				if before == nil {
					continue
				}
				now, never := a.holds(before.state)
				if ready = ready && now; never {
					reason = fmt.Sprintf("it comes after %s:%s, which is %s", before.module, before.function, before.state)
				}
			}
			switch {
			case reason != "":
				if _, err := t.exec(`UPDATE calls SET state = 'skipped', reason = ?, ended_at = ? WHERE id = ? AND state = 'queued'`,
					reason, s.now(), c.id); err != nil {
					return err
				}
				c.state, changed = StateSkipped, true
			case ready:
				if _, err := t.exec(`UPDATE calls SET blocked = 0 WHERE id = ?`, c.id); err != nil {
					return err
				}
				c.blocked = false
				t.ring(TopicWork)
			}
		}
	}
	count := map[State]int{}
	for _, c := range calls {
		count[c.state]++
	}
	t.ring(TopicRun(r.id))
	if count[StateQueued]+count[StateRunning] > 0 {
		return nil
	}
	return s.endRun(t, r, ended(count), "")
}

// ended is the state of a run whose calls have ended: the first of those that
// something is wrong with, by how much a person has to do about it.
func ended(count map[State]int) State {
	for _, state := range []State{StateFailed, StateTimedOut, StateInvalid, StateAborted, StateSucceeded} {
		if count[state] > 0 {
			return state
		}
	}
	return StateSkipped
}

func (s *Store) endRun(t *tx, r *runRow, state State, reason string) error {
	if state == StateAborted && reason == "" {
		// All of its calls were, and for one reason as a rule.
		if err := t.get([]any{&reason}, `SELECT reason FROM calls WHERE run = ? AND state = 'aborted' ORDER BY position LIMIT 1`, r.id); err != nil {
			return err
		}
	}
	if err := setRun(t, r, "end", state, `, reason = ?, ended_at = ?, holder = ''`, clean(reason), s.now()); err != nil {
		return err
	}
	return t.noteEnd(r)
}
