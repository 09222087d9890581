package apply

import (
	"context"
	"slices"
)

// removeAll takes back commands that are in effect.
func (r *run) removeAll(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if err := r.remove(ctx, &r.state.Applied, id); err != nil || r.state.Run.Err != "" {
			return err
		}
	}
	return nil
}

// removeLeaving takes back what stayed until the changes were made.
func (r *run) removeLeaving(ctx context.Context) error {
	for _, e := range slices.Clone(r.state.Leaving) {
		if err := r.remove(ctx, &r.state.Leaving, e.ID); err != nil || r.state.Run.Err != "" {
			return err
		}
	}
	return nil
}

// remove takes back one command of a list, by the remove that it had when it was
// applied. Its check decides whether there is anything to take back; without a check
// there is.
func (r *run) remove(ctx context.Context, list *[]Entry, id string) error {
	at := find(*list, id)
	e := (*list)[at]
	there, err := r.isThere(ctx, &e)
	if err != nil || r.state.Run.Err != "" {
		return err
	}
	if !there {
		*list = without(*list, id)
		return r.Save(r.state)
	}
	repeated := e.Removing
	(*list)[at].Removing = true
	if err := r.Save(r.state); err != nil {
		return err
	}
	why := ""
	if repeated {
		why = "its remove had begun before"
	}
	d, err := r.act(ctx, &e.Command, ModeRemove, e.Remove, why)
	if err != nil {
		return err
	}
	if d.err != nil || d.exit != 0 {
		if repeated {
			r.state.Run.Err += "; its remove had begun before and may have done its work: see what is left of it, and have it forgotten with pocketci converge forget"
		}
		return nil
	}
	*list = without(*list, id)
	r.state.Run.Removed = append(r.state.Run.Removed, id)
	r.state.Run.Taken = append(r.state.Run.Taken, e.OnRemove...)
	return r.Save(r.state)
}

// isThere asks whether a command is in effect.
func (r *run) isThere(ctx context.Context, e *Entry) (bool, error) {
	if e.Check == nil {
		return true, nil
	}
	d, err := r.act(ctx, &e.Command, ModeCheck, e.Check, "")
	if err != nil || d.err != nil {
		return false, err
	}
	return d.exit == 0 || e.Always || slices.Contains(r.state.Run.Taken, e.ID), nil
}
