package schedules

import (
	"context"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
)

// Modules brings the schedules of the functions of stored modules up to date, and
// forgets those of modules that there are not any more. List returns all modules. One
// whose schedules cannot be read keeps those that it had. The error is that of the store,
// or says that no engine answers.
func (r *Recorder) Modules(ctx context.Context, list func(context.Context) ([]store.Module, error)) error {
	// Before the modules: what another agent records of one that is deployed later is
	// not to be forgotten.
	positions, err := r.Store.Positions(ctx, RecordKind)
	if err != nil {
		return err
	}
	all, err := list(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for i := range all {
		there[all[i].Repository().FullName] = true
		if err := r.module(ctx, &all[i]); err != nil {
			return fmt.Errorf("read the schedules of module %s: %w", all[i].Name, err)
		}
	}
	for _, p := range positions {
		if _, stored := events.ModuleName(p.Name); stored && !there[p.Name] {
			if err := r.Store.Forget(ctx, RecordKind, p.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// module brings the schedules of one module up to date.
func (r *Recorder) module(ctx context.Context, m *store.Module) error {
	e := events.Manual(m.Repository(), "", m.SHA, "")
	e.ID, e.ReceivedAt = events.NewID(), r.now()
	return update(ctx, r.Store, e.Repository.FullName, func(before Record) (Record, error) {
		if before.SHA == m.SHA && before.Repository == *e.Repository {
			return Record{}, errSettled
		}
		s, err := r.Repositories.Snapshot(ctx, &e, runs.Terms{})
		if err != nil {
			return r.leave(ctx, e.Repository.FullName, err)
		}
		found, unread, err := r.Planner.Schedules(ctx, s.Tree)
		if err != nil {
			return r.leave(ctx, e.Repository.FullName, err)
		}
		if before.Repository.CloneURL != e.Repository.CloneURL {
			before = Record{} // that of another module of this name, or of an older name
		}
		return merge(before, &e, m.SHA, found, unread, r.now()), nil
	})
}
