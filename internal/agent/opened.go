package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/modules"
)

// keepOpen is how long a run stays open after its last call here has ended: its
// other calls come soon, or not at all.
const keepOpen = 10 * time.Second

// opened are the runs that calls are being made of, with their trees and event
// files. Calls of one run share what is opened.
type opened struct {
	open func(ctx context.Context, id string) (*dispatcher.Run, error)

	mu   sync.Mutex
	runs map[string]*openRun
}

type openRun struct {
	users int
	timer *time.Timer
	// turn is held by who opens it.
	turn chan struct{}
	run  *dispatcher.Run
}

// get opens a run, or finds it open. release is called once when it is not
// needed any more. What one caller could not open, the next one tries.
func (o *opened) get(ctx context.Context, id string) (_ *dispatcher.Run, release func(), err error) {
	o.mu.Lock()
	r := o.runs[id]
	if r == nil {
		if o.runs == nil {
			o.runs = map[string]*openRun{}
		}
		r = &openRun{turn: make(chan struct{}, 1)}
		o.runs[id] = r
	}
	r.users++
	if r.timer != nil {
		r.timer.Stop()
	}
	o.mu.Unlock()
	done := sync.OnceFunc(func() { o.release(id, r) })
	defer func() {
		if err != nil {
			done()
		}
	}()
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if r.run == nil {
		if r.run, err = o.open(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	return r.run, done, nil
}

// forget has the next caller open a run anew, whose plan is another one by then.
func (o *opened) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.runs, id)
}

func (o *opened) release(id string, r *openRun) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.users--; r.users > 0 {
		return
	}
	r.timer = time.AfterFunc(keepOpen, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if r.users == 0 && o.runs[id] == r {
			delete(o.runs, id)
		}
	})
}

// openRun opens a run by its stored plan.
func (a *Agent) openRun(ctx context.Context, id string) (*dispatcher.Run, error) {
	run, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	stored, err := a.cfg.Store.Event(ctx, run.Event)
	if err != nil {
		return nil, err
	}
	record, err := runs.ReadRecord(run.Plan)
	if err != nil {
		return nil, err
	}
	var snapshot *runs.Snapshot
	err = contain(a.cfg.Log, "open a run", func() error {
		return a.withRoom(ctx, a.cfg.Log.With("run", run.Number), func() (err error) {
			snapshot, err = a.cfg.Repositories.Reopen(ctx, &stored.Event, &record)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reopen repository: %w", told(ctx, err))
	}
	opened := &dispatcher.Run{
		ID:        reportID(&run),
		Plan:      &dispatcher.Plan{Event: snapshot.Event, Changes: record.Changes(), Pinned: record.Pinned()},
		Tree:      snapshot.Tree,
		Source:    snapshot.Source,
		EventFile: snapshot.EventFile,
		Untrusted: snapshot.Terms.Untrusted,
	}
	if a.cfg.States != nil {
		opened.Commit = func(ctx context.Context, commit string) (modules.Tree, error) {
			return a.cfg.States.Commit(ctx, &snapshot.Event, commit)
		}
	}
	return opened, nil
}
