package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Ending is how a call ended.
type Ending struct {
	// State is final, and not [StateSkipped].
	State State
	// Reason says what went wrong.
	Reason string
	// Result is JSON for whoever shows the call, or empty.
	Result json.RawMessage
	// Needless is a call that need not be made any more, if it still waits.
	Needless Needless
	// Position moves with the ending, both or neither, unless it is nil. Its Version
	// is the one that it was read with.
	Position *Position
}

// Needless is a call of the same run and module that is skipped.
type Needless struct {
	// Function names the call; empty stands for none.
	Function string
	// Reason says why it is skipped.
	Reason string
}

// Finish reports the end of a claimed call and ends the claim. It returns the
// state of the run after that, which is final for exactly one call of each
// attempt that ends by its calls. The errors are [ErrAborted] if the call was
// aborted, or aborted and restarted, meanwhile, and [ErrFenced] if the claim
// belongs to somebody else; the ending does not count then. With any other
// error it may be tried again; it is [ErrMoved] if the position has been moved since.
func (a *Agent) Finish(ctx context.Context, c Claim, e Ending) (State, error) {
	doing := "end call " + c.Call
	if err := checkJSON("its result", e.Result); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	if e.Position != nil {
		if err := checkJSON("the position of "+e.Position.Name, e.Position.Value); err != nil {
			return "", fmt.Errorf("%s: %w", doing, err)
		}
	}
	if !e.State.Final() || e.State == StateSkipped {
		return "", fmt.Errorf("%s: a call that was made cannot be %s", doing, e.State)
	}
	var run State
	err := a.answer(ctx, "finish", doing, func(t *tx) (error, error) {
		r, gone, err := a.heldCall(t, c)
		if gone != nil || err != nil {
			return gone, err
		}
		n, err := t.exec(`UPDATE calls SET state = ?, reason = ?, result = ?, ended_at = ?, holder = ''
			WHERE id = ? AND holder = ? AND token = ? AND `+callTransitions.to(e.State)+` AND state = 'running'`,
			string(e.State), clean(e.Reason), string(e.Result), a.store.now(), c.Call, a.id, c.token)
		if err != nil {
			return nil, err
		}
		if n != 1 {
			return nil, fmt.Errorf("it is held and cannot become %s", e.State)
		}
		if e.Position != nil {
			if err := a.store.movePosition(t, *e.Position); err != nil {
				return nil, err
			}
		}
		if e.Needless.Function != "" {
			if _, err := t.exec(`UPDATE calls SET state = 'skipped', reason = ?, ended_at = ? WHERE run = ? AND planned = 1 AND state = 'queued'
				AND function = ? AND module = (SELECT module FROM calls WHERE id = ?)`,
				clean(e.Needless.Reason), a.store.now(), c.Run, key(e.Needless.Function), c.Call); err != nil {
				return nil, err
			}
		}
		t.ring(TopicCall(c.Call))
		t.ring(TopicWork) // there is room for another one
		err = a.store.settle(t, r)
		run = r.state
		return nil, err
	})
	if err != nil {
		return "", err
	}
	return run, nil
}

// Return gives a claimed run or call back to the queue without an ending, for
// example because the engine is away or the agent stops. The attempt of a call
// is kept as aborted for the given reason. Errors are those of [Agent.Finish].
func (a *Agent) Return(ctx context.Context, c Claim, reason string) error {
	if c.Call == "" {
		return a.answer(ctx, "return", "return run "+c.Run, func(t *tx) (error, error) {
			r, gone, err := a.heldRun(t, c)
			if gone != nil || err != nil {
				return gone, err
			}
			t.ring(TopicWork)
			return nil, setRun(t, r, "return", StateQueued, `, started_at = 0, queued_at = ?, holder = ''`, a.store.now())
		})
	}
	return a.answer(ctx, "return", "return call "+c.Call, func(t *tx) (error, error) {
		_, gone, err := a.heldCall(t, c)
		if gone != nil || err != nil {
			return gone, err
		}
		t.ring(TopicWork)
		t.ring(TopicCall(c.Call))
		t.ring(TopicRun(c.Run))
		return nil, a.store.requeueCall(t, c.Call, a.id, reason, false)
	})
}

// answer runs a transaction in which a claim ends. Its first result is an
// error for the caller, whose changes are kept nonetheless.
func (a *Agent) answer(ctx context.Context, operation, doing string, f func(*tx) (gone, err error)) error {
	var gone error
	err := a.store.change(ctx, operation, doing, func(t *tx) (err error) {
		gone, err = f(t)
		return err
	})
	if err == nil && gone != nil {
		return fmt.Errorf("%s: %w", doing, gone)
	}
	return err
}

// heldRun locks a run that the agent claimed to plan it. gone says why the
// claim has ended otherwise; what is left of it is given back.
func (a *Agent) heldRun(t *tx, c Claim) (r *runRow, gone, err error) {
	r, err = lockRun(t, `id = ?`, c.Run)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrFenced, nil // retention does not touch what is held
	}
	if err != nil {
		return nil, nil, err
	}
	var token int64
	if err := t.get([]any{&token}, `SELECT token FROM runs WHERE id = ?`, c.Run); err != nil {
		return nil, nil, err
	}
	switch {
	case r.holder != a.id || token != c.token:
		return nil, ErrFenced, nil
	case r.state == StateRunning:
		return r, nil, nil
	}
	t.ring(TopicWork)
	t.ring(TopicRun(c.Run))
	if _, err := t.exec(`UPDATE runs SET holder = '' WHERE id = ?`, c.Run); err != nil {
		return nil, nil, err
	}
	return nil, ErrAborted, t.noteEnd(r)
}

// heldCall is heldRun for calls; it locks and returns the call's run.
func (a *Agent) heldCall(t *tx, c Claim) (r *runRow, gone, err error) {
	r, err = lockRun(t, `id = ?`, c.Run)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrFenced, nil
	}
	if err != nil {
		return nil, nil, err
	}
	gone, err = a.holds(func(dest []any, query string) error { return t.get(dest, query+t.d.forUpdate, c.Call) }, "calls", c)
	if errors.Is(gone, ErrAborted) {
		t.ring(TopicWork)
		t.ring(TopicCall(c.Call))
		t.ring(TopicRun(r.id))
		if _, err := t.exec(`UPDATE calls SET holder = '' WHERE id = ?`, c.Call); err != nil {
			return nil, nil, err
		}
		err = t.noteEnd(r)
	}
	return r, gone, err
}

// holds reads whether a claim is still the agent's.
func (a *Agent) holds(get func(dest []any, query string) error, table string, c Claim) (gone, err error) {
	var (
		state  State
		holder string
		token  int64
	)
	err = get([]any{&state, &holder, &token}, `SELECT state, holder, token FROM `+table+` WHERE id = ?`)
	switch {
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, ErrNotFound):
		return ErrFenced, nil
	case err != nil:
		return nil, err
	case holder != a.id || token != c.token:
		return ErrFenced, nil
	case state != StateRunning:
		return ErrAborted, nil
	}
	return nil, nil
}

// lookEvery is how often what is watched is looked at without a notification.
const lookEvery = time.Second

// Guard returns a context for the work on a claim. It ends when the claim does:
// its cause is then [ErrAborted], [ErrFenced] or [ErrLost], within two seconds
// of the abort at most. The function ends the guard and its context.
func (a *Agent) Guard(ctx context.Context, c Claim) (context.Context, context.CancelFunc) {
	topic, table, id := TopicCall(c.Call), "calls", c.Call
	if c.Call == "" {
		topic, table, id = TopicRun(c.Run), "runs", c.Run
	}
	woken, unwatch := a.store.Watch(topic)
	guarded, cancel := context.WithCancelCause(ctx)
	go func() {
		defer unwatch()
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			// A database that does not answer ends no work; if that lasts,
			// the agent is lost.
			gone, err := a.holds(func(dest []any, query string) error { return a.store.get(guarded, dest, query, id) }, table, c)
			if err == nil && gone != nil {
				cancel(fmt.Errorf("claim of %s: %w", id, gone))
				return
			}
			select {
			case <-woken:
			case <-look.C:
			case <-a.lost.Done():
				cancel(context.Cause(a.lost))
				return
			case <-guarded.Done():
				return
			}
		}
	}()
	return guarded, func() { cancel(context.Canceled) }
}
