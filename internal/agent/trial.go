package agent

import (
	"context"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/trust"
)

// Plan says what an event would call, without calling it or storing anything.
// Loading a module runs its code, so that the modules of other people's commits
// are those of the target branch, whatever was approved, and repositories that no
// event was received of are refused.
func (a *Agent) Plan(ctx context.Context, event events.Event) (*dispatcher.View, error) {
	snapshot, err := a.look(ctx, &event)
	if err != nil {
		return nil, err
	}
	disabled, _, err := a.disabled(ctx, &event)
	if err != nil {
		return nil, err
	}
	request := snapshot.Request()
	request.Disabled, request.Preview = disabled, true
	plan, err := a.cfg.Planner.Plan(ctx, request)
	if err != nil {
		return nil, err
	}
	record := runs.NewRecord(snapshot, plan)
	return &record.View, nil
}

// look opens the repository of an event that is not to be run.
func (a *Agent) look(ctx context.Context, event *events.Event) (*runs.Snapshot, error) {
	// Where a stored module is, the agent says itself.
	if _, stored := event.Repository.Module(); event.Repository != nil && !stored {
		known, err := a.cfg.Store.LatestEvent(ctx, event.Repository.FullName)
		if err != nil || known.Repository == nil || known.Repository.CloneURL != event.Repository.CloneURL {
			return nil, &RefusedError{"no event was received of the repository " + event.Repository.FullName + " at " + event.Repository.CloneURL}
		}
	}
	if err := a.Ready(ctx); err != nil {
		return nil, err
	}
	foreign := trust.Foreign(event)
	return a.cfg.Repositories.Snapshot(ctx, event, runs.Terms{BaseRules: foreign, Untrusted: foreign && a.trust().Isolated})
}

// RefusedError says that something must not be done with an event.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }
