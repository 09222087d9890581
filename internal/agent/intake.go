package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
)

// Accept stores an event that arrived, as a [server.Sink].
func (a *Agent) Accept(ctx context.Context, d server.Delivery) (server.Receipt, error) {
	if a.stopping() {
		return server.Receipt{}, server.ErrStopping
	}
	r, err := a.cfg.Store.Accept(ctx, store.Delivery{Event: d.Event, Hook: d.Hook, Skip: d.Nothing, Headers: d.Headers})
	switch {
	case errors.Is(err, store.ErrFull):
		return server.Receipt{}, fmt.Errorf("%w: %w", server.ErrFull, err)
	case errors.Is(err, store.ErrClosed):
		return server.Receipt{}, fmt.Errorf("%w: %w", server.ErrStopping, err)
	case errors.Is(err, store.ErrUnavailable):
		return server.Receipt{}, fmt.Errorf("%w: %w", server.ErrUnavailable, err)
	case err != nil:
		return server.Receipt{}, err
	}
	if d.Nothing != "" && r.Outcome == store.Accepted {
		a.forgetSchedules(ctx, &d.Event)
	}
	receipt := server.Receipt{Event: r.Event, Run: r.Number, Reason: d.Nothing}
	switch r.Outcome {
	case store.Duplicate:
		receipt.Duplicate = true
		receipt.Reason = "this delivery was here before"
	case store.Retried:
		receipt.Reason = fmt.Sprintf("this delivery was here before, and its run did not succeed: attempt %d", r.Attempt)
	case store.Withheld:
		receipt.Reason = "the same push was here a moment ago under another delivery id"
	}
	return receipt, nil
}

// forgetSchedules ends those of functions whose default branch an event deletes. Such
// an event is never planned. Should it fail, the next tick says that the branch is
// gone.
func (a *Agent) forgetSchedules(ctx context.Context, event *events.Event) {
	if a.cfg.Schedules == nil || !event.IsPush() || event.SHA != "" {
		return
	}
	if err := a.cfg.Schedules.Deleted(ctx, event); err != nil {
		a.cfg.Log.Error("cannot end the schedules of a default branch that was deleted", "repository", event.Repository.FullName, "error", err)
	}
}
