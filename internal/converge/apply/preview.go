package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// Preview says what a run would change and remove. It runs checks alone, and leaves
// the state as it is. A check that depends on what a command before it would change
// answers for the host as it is now.
func (a *Applier) Preview(ctx context.Context, state *State, order *Order) (Result, error) {
	copied := &State{
		Applied: slices.Clone(state.Applied),
		Leaving: slices.Clone(state.Leaving),
		Pending: maps.Clone(state.Pending),
		Run:     &Run{ID: order.ID, Result: Result{Changed: []string{}, Removed: []string{}, Dry: true}},
	}
	dry := *a
	dry.Save = func(*State) error { return nil }
	r := &run{Applier: &dry, state: copied, order: order, stop: ctx}
	err := r.preview(ctx)
	return copied.Run.Result, err
}

func (r *run) preview(ctx context.Context) error {
	result := &r.state.Run.Result
	if err := r.Host.Check(r.order.Commands); err != nil {
		result.fail(err.Error(), 1)
		return nil
	}
	before, err := r.prepare()
	if err != nil {
		return err
	}
	take := func(e *Entry) error {
		there, err := r.isThere(ctx, e)
		if err == nil && there {
			result.Removed = append(result.Removed, e.ID)
			r.state.Run.Taken = append(r.state.Run.Taken, e.OnRemove...)
		}
		return err
	}
	for _, id := range before {
		if err := take(&r.state.Applied[find(r.state.Applied, id)]); err != nil || result.Err != "" {
			return err
		}
	}
	for i := range r.order.Commands {
		c := &r.order.Commands[i]
		if err := r.previewChange(ctx, c); err != nil || result.Err != "" {
			return err
		}
	}
	for i := range r.state.Leaving {
		if err := take(&r.state.Leaving[i]); err != nil || result.Err != "" {
			return err
		}
	}
	return nil
}

func (r *run) previewChange(ctx context.Context, c *pattern.Command) error {
	why, err := r.wanted(ctx, c)
	if err != nil || why == "" {
		return err
	}
	r.state.Run.Changed = append(r.state.Run.Changed, c.ID)
	for _, id := range c.OnChange {
		if r.state.Pending[id] == "" {
			r.state.Pending[id] = fmt.Sprintf("%q changed", c.ID)
		}
	}
	return nil
}
