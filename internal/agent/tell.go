package agent

import (
	"context"
	"fmt"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// unchanged is what is shown of a function that other changes would have called.
const unchanged = "no matching changes"

// tells reports whether the forge is told what becomes of an event's calls: where
// the event is about a commit, so that people look for it there.
func (a *Agent) tells(event *events.Event) bool {
	switch event.Name {
	case events.NamePush, events.NameTag, events.NamePullRequest, "release":
		if !event.FromForge() {
			return false // a token that was pushed, the tag of an image
		}
	case events.NameRun, events.NameApply:
	default:
		return false
	}
	return event.Repository != nil && a.cfg.Tells != nil && a.cfg.Tells(event)
}

// tell adds to a plan what the forge is told of it.
func (a *Agent) tell(ctx context.Context, event *events.Event, plan *dispatcher.Plan, stored *store.Plan) error {
	if !a.tells(event) {
		return nil
	}
	stored.Tell = true
	for _, s := range plan.Skipped {
		if !s.Filtered {
			continue
		}
		functions := []string{s.Function}
		if s.Function == dispatcher.AllFunctions {
			// The module was not loaded; those that were called before are
			// those that somebody may wait for.
			var err error
			if functions, err = a.cfg.Store.CalledFunctions(ctx, event.Vendor, event.Repository.FullName, event.Name, s.Module); err != nil {
				return err
			}
		}
		for _, function := range functions {
			stored.Uncalled = append(stored.Uncalled, store.Uncalled{Module: s.Module, Function: function, Reason: unchanged})
		}
	}
	return nil
}

// command does what an event asks of pocketci itself, which ends its run.
func (a *Agent) command(ctx context.Context, event *events.Event) error {
	if a.cfg.Commands == nil {
		return nil
	}
	did, err := a.cfg.Commands(ctx, event)
	if err != nil {
		return fmt.Errorf("do what the event asks for: %w", err)
	}
	if did != "" {
		return &skippedError{did}
	}
	return nil
}
