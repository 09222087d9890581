package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
)

const (
	// appliedKind is the kind of the positions that say what modules have applied.
	appliedKind = "converge-module"
	// followHook is where events arrive that have a module converge.
	followHook = "converge-module"
)

// Applied returns what is applied of the list of a repository's module.
func Applied(ctx context.Context, s *store.Store, repository, module string) (dispatcher.Applied, error) {
	applied, _, err := readApplied(ctx, s, repository, module)
	return applied, err
}

func readApplied(ctx context.Context, s *store.Store, repository, module string) (dispatcher.Applied, store.Position, error) {
	p, err := s.Position(ctx, appliedKind, repository+":"+module)
	if err != nil {
		return nil, p, err
	}
	applied, err := dispatcher.ReadApplied(p.Value)
	if err != nil {
		return nil, p, fmt.Errorf("%s of %s: %w", module, repository, err)
	}
	return applied, p, nil
}

// follows are the events that a planned run brings about.
func follows(s *runs.Snapshot, plan *dispatcher.Plan) []store.Delivery {
	var list []store.Delivery
	for _, f := range plan.Following {
		e := events.ApplyAfter(&s.Event, f.Module)
		e.ID, e.ReceivedAt = events.NewID(), time.Now().UTC()
		list = append(list, store.Delivery{Event: e, Hook: followHook})
	}
	return list
}

// overtaken returns why an event need not have its module converge any more, as an
// error: a newer one does or did. One that came to nothing does not count.
func (a *Agent) overtaken(ctx context.Context, event *events.Event, run *store.Run) error {
	if !event.IsApply() || event.Repository == nil {
		return nil
	}
	for before := int64(0); ; {
		list, err := a.cfg.Store.Runs(ctx, store.RunFilter{Repository: event.Repository.FullName, Name: events.NameApply, Before: before})
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Number <= run.Number {
				return nil
			}
			if before = r.Number; r.Vendor != event.Vendor || r.Filter != event.Filter {
				continue
			}
			switch r.State {
			case store.StateQueued, store.StateRunning, store.StateSucceeded:
				return &skippedError{fmt.Sprintf("superseded by run %d, which has module %s converge", r.Number, event.Filter)}
			}
		}
		if len(list) == 0 {
			return nil
		}
	}
}

// converges returns what a call does for an id, nil if that is nothing.
func converges(call *dispatcher.Call) *dispatcher.Converging {
	if call == nil {
		return nil
	}
	return call.Converge
}

// beginConverging comes before a call that does something for an id. It says why the
// run has to be planned anew instead: what is applied is not what its plan was made
// for, because an older run has gone on meanwhile. That something is about to change
// is noted before it does.
func (a *Agent) beginConverging(ctx context.Context, run *dispatcher.Run, call *dispatcher.Call) (stale string, err error) {
	c := converges(call)
	if c == nil {
		return "", nil
	}
	for {
		applied, p, err := readApplied(ctx, a.cfg.Store, run.Plan.Event.Repository.FullName, call.Module)
		if err != nil {
			return "", err
		}
		if !applied.Fits(c) {
			return "what is applied has changed since the run was planned", nil
		}
		if c.Does != dispatcher.DoesChange {
			return "", nil
		}
		p.Value = applied.Trying(c.ID, run.Plan.Event.SHA).Encode()
		if _, _, err = a.cfg.Store.Advance(ctx, p); !errors.Is(err, store.ErrMoved) {
			return "", err
		}
	}
}

// finish reports the end of a call, and with it what the call achieved for an id.
func (m *membership) finish(ctx context.Context, claim store.Claim, run *dispatcher.Run, call *dispatcher.Call, o *dispatcher.Outcome) error {
	for {
		e := m.ending(o)
		if c := converges(call); c != nil && o.State == dispatcher.StateSucceeded && (c.Does != dispatcher.DoesCheck || o.Holds) {
			applied, p, err := readApplied(ctx, m.cfg.Store, run.Plan.Event.Repository.FullName, call.Module)
			if err != nil {
				return err
			}
			p.Value = applied.Done(c, run.Plan.Event.SHA).Encode()
			e.Position = &p
			if c.Does == dispatcher.DoesCheck {
				e.Needless = store.Needless{Function: c.Change, Reason: dispatcher.WhyNeedless}
			}
		}
		if _, err := m.member.Finish(ctx, claim, e); !errors.Is(err, store.ErrMoved) {
			return err
		}
	}
}
