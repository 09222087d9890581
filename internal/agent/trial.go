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
	if event.Repository != nil {
		known, err := a.cfg.Store.LatestEvent(ctx, event.Repository.FullName)
		if err != nil || known.Repository == nil || known.Repository.CloneURL != event.Repository.CloneURL {
			return nil, &RefusedError{"no event was received of the repository " + event.Repository.FullName + " at " + event.Repository.CloneURL}
		}
	}
	if err := a.Ready(ctx); err != nil {
		return nil, err
	}
	foreign := trust.Foreign(&event)
	snapshot, err := a.cfg.Repositories.Snapshot(ctx, &event, runs.Terms{BaseRules: foreign, Untrusted: foreign && a.trust().Isolated})
	if err != nil {
		return nil, err
	}
	disabled, _, err := a.disabled(ctx, &event)
	if err != nil {
		return nil, err
	}
	request := snapshot.Request()
	request.Disabled = disabled
	plan, err := a.cfg.Planner.Plan(ctx, request)
	if err != nil {
		return nil, err
	}
	record := runs.NewRecord(snapshot, plan)
	return &record.View, nil
}

// RefusedError says that something must not be done with an event.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }
