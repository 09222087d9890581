package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Plan is what planning a run came to.
type Plan struct {
	// Plan is stored with the run; a restart uses it again. It must not be
	// empty.
	Plan json.RawMessage
	// SHA is the commit that was planned, stored with the run. Empty leaves
	// the event's.
	SHA string
	// Calls are the calls to make.
	Calls []NewCall
	// Reason says why there is no call, if there is none.
	Reason string
	// Tell has the forge be told of the calls, and Uncalled of functions that
	// are not called.
	Tell     bool
	Uncalled []Uncalled
	// Follows are events that the run brings about. They are stored with the plan,
	// both or neither, and also if the queue is full: the run takes a place in it
	// no more.
	Follows []Delivery
}

// NewCall is a call of a plan.
type NewCall struct {
	// Module and Function name the call; no two of a plan have the same.
	Module, Function string
	// Spec is given to whoever claims the call.
	Spec json.RawMessage
	// Invalid says why the call cannot be made, and is empty if it can.
	Invalid string
	// After are the places in the plan of the calls that must have succeeded
	// before this one begins.
	After []int
	// AfterSkipped are the places of calls that must have succeeded before as well,
	// or have been skipped.
	AfterSkipped []int
	// RunsOn is the runner label that the call asks for, empty for any runner.
	RunsOn string
	// Group, if it is not empty, names calls of one repository of which at
	// most one is made at a time.
	Group string
	// Cancel has the call end those of its group in older runs; otherwise it
	// waits for them.
	Cancel bool
	// Newest has the call end those of its group in older runs of which no call of
	// the group has begun, and wait for the others. It is ended itself if a newer
	// run has such calls still to be made. It is not used with Cancel.
	Newest bool
}

// Planned stores the plan of a claimed run and puts its calls into the queue.
// A run without calls is skipped. It returns the state of the run after that.
//
// The errors are [ErrAborted] and [ErrFenced]; the claim has ended then. Any
// other error leaves the claim as it was.
func (a *Agent) Planned(ctx context.Context, c Claim, p Plan) (State, error) {
	if err := p.check(); err != nil {
		return "", fmt.Errorf("store plan of run %s: %w", c.Run, err)
	}
	follows := make([]*pending, len(p.Follows))
	for i, d := range p.Follows {
		var err error
		if follows[i], err = a.store.prepare(d); err != nil {
			return "", fmt.Errorf("store plan of run %s: %w", c.Run, err)
		}
	}
	var r *runRow
	err := a.answer(ctx, "plan", "store plan of run "+c.Run, func(t *tx) (gone error, err error) {
		var vendor, repository string
		if err := t.get([]any{&vendor, &repository}, `SELECT vendor, repository FROM runs WHERE id = ?`, c.Run); err != nil {
			return nil, err
		}
		// Calls of other runs are looked at, and looked at by them.
		if err := lockRepository(t, callQueue.table, repository); err != nil {
			return nil, err
		}
		if r, gone, err = a.heldRun(t, c); gone != nil || err != nil {
			return gone, err
		}
		if _, err := t.exec(`UPDATE runs SET plan = ?, sha = CASE WHEN CAST(? AS TEXT) <> '' THEN CAST(? AS TEXT) ELSE sha END, holder = '' WHERE id = ?`,
			string(p.Plan), clean(p.SHA), clean(p.SHA), r.id); err != nil {
			return nil, err
		}
		if err := a.store.insertFollows(t, follows); err != nil {
			return nil, err
		}
		if len(p.Calls) == 0 {
			if p.Tell {
				if err := tellPlanned(t, r, p.Uncalled); err != nil {
					return nil, err
				}
			}
			return nil, a.store.endRun(t, r, StateSkipped, p.Reason)
		}
		pools := make([]string, len(p.Calls))
		for i, call := range p.Calls {
			if call.Group != "" {
				pools[i] = key(vendor + "/" + repository + "/" + call.Group)
			}
		}
		superseded, err := a.store.supersede(t, r, p.Calls, pools)
		if err != nil {
			return nil, err
		}
		if err := a.store.insertCalls(t, r, p.Calls, pools, superseded); err != nil {
			return nil, err
		}
		if p.Tell {
			if err := tellPlanned(t, r, p.Uncalled); err != nil {
				return nil, err
			}
		}
		t.ring(TopicWork)
		return nil, a.store.settle(t, r)
	})
	if err != nil {
		return "", err
	}
	return r.state, nil
}

// insertFollows stores the events that a run brings about.
func (s *Store) insertFollows(t *tx, follows []*pending) error {
	if len(follows) == 0 {
		return nil
	}
	if _, err := s.insertBatch(t, inOrder(slices.Clone(follows)), len(follows)); err != nil {
		return err
	}
	for _, d := range follows {
		if d.err != nil {
			return d.err
		}
	}
	return nil
}

// Unplanned ends the planning of a claimed run that came to no plan. The state
// is final, or [StateWaiting] if planning has shown that an approval is needed.
// With tell the forge is told. Errors are those of [Agent.Planned].
func (a *Agent) Unplanned(ctx context.Context, c Claim, state State, reason string, tell bool) error {
	return a.answer(ctx, "plan", "end planning of run "+c.Run, func(t *tx) (error, error) {
		r, gone, err := a.heldRun(t, c)
		if gone != nil || err != nil {
			return gone, err
		}
		if tell {
			if err := tellUnplanned(t, r); err != nil {
				return nil, err
			}
		}
		if state == StateWaiting {
			return nil, setRun(t, r, "hold", StateWaiting, `, reason = ?, started_at = 0, holder = ''`, clean(reason))
		}
		return nil, a.store.endRun(t, r, state, reason)
	})
}

// Pin notes the commit of a run that its event does not name, before it has a plan.
// The errors are those of [Agent.Unplanned].
func (a *Agent) Pin(ctx context.Context, c Claim, sha string) error {
	return a.answer(ctx, "plan", "note the commit of run "+c.Run, func(t *tx) (error, error) {
		r, gone, err := a.heldRun(t, c)
		if gone != nil || err != nil {
			return gone, err
		}
		_, err = t.exec(`UPDATE runs SET sha = ? WHERE id = ?`, key(sha), r.id)
		return nil, err
	})
}

func (p *Plan) check() error {
	if len(p.Plan) == 0 {
		return errors.New("the plan is empty")
	}
	if err := checkJSON("the plan", p.Plan); err != nil {
		return err
	}
	names := map[[2]string]bool{}
	for _, call := range p.Calls {
		name := [2]string{key(call.Module), key(call.Function)}
		if names[name] {
			return fmt.Errorf("function %s of module %q is called twice", call.Function, call.Module)
		}
		names[name] = true
		if err := checkJSON("call "+call.Module+":"+call.Function, call.Spec); err != nil {
			return err
		}
	}
	// Calls that wait for each other would never end.
	const (
		unseen = iota
		open
		done
	)
	seen := make([]int, len(p.Calls))
	var visit func(int) error
	visit = func(i int) error {
		if i < 0 || i >= len(p.Calls) {
			return fmt.Errorf("a call comes after call %d, and there are %d", i, len(p.Calls))
		}
		switch seen[i] {
		case open:
			return fmt.Errorf("call %s:%s comes after itself", p.Calls[i].Module, p.Calls[i].Function)
		case done:
			return nil
		}
		seen[i] = open
		for _, before := range slices.Concat(p.Calls[i].After, p.Calls[i].AfterSkipped) {
			if err := visit(before); err != nil {
				return err
			}
		}
		seen[i] = done
		return nil
	}
	for i := range p.Calls {
		if err := visit(i); err != nil {
			return err
		}
	}
	return nil
}
