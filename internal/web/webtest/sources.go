package webtest

import (
	"context"
	"slices"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

// Schedules are kept without a clock, as [api.Schedules].
type Schedules []schedules.Listed

// List implements [api.Schedules].
func (s Schedules) List(_ context.Context, now time.Time, times int) ([]schedules.Listed, error) {
	list := slices.Clone(s)
	for i := range list {
		list[i].Next = nil
		for at := list[i].Schedule.Next(now); len(list[i].Next) < times && !at.IsZero(); at = list[i].Schedule.Next(at) {
			list[i].Next = append(list[i].Next, at)
		}
	}
	return list, nil
}

// Tick implements [api.Schedules]; there is none.
func (s Schedules) Tick(context.Context, string, time.Time) (events.Event, error) {
	return events.Event{}, schedules.ErrUnknown
}

// Shelf is watches without a registry, as [api.Registries]. What is asked of them is noted.
type Shelf struct {
	Watches []registries.Status
	// Asked is what was asked for, in turn, and By who did it last.
	Asked []string
	By    store.Actor
}

// List implements [api.Registries].
func (s *Shelf) List(context.Context) ([]registries.Status, error) { return s.Watches, nil }

// Get implements [api.Registries].
func (s *Shelf) Get(_ context.Context, name string) (registries.Status, error) {
	for _, w := range s.Watches {
		if w.Name == name {
			return w, nil
		}
	}
	return registries.Status{}, &registries.UnknownError{Name: name}
}

func (s *Shelf) do(ctx context.Context, name, asked string, by store.Actor) (registries.Changed, error) {
	if _, err := s.Get(ctx, name); err != nil {
		return registries.Changed{}, err
	}
	s.Asked, s.By = append(s.Asked, asked), by
	return registries.Changed{Name: name, AutoDeploy: true, Tag: "v1.1.0", Digest: "sha256:b", Event: "e1", Run: 5}, nil
}

// Change implements [api.Registries]. The tag none is one that the registry has not.
func (s *Shelf) Change(ctx context.Context, name string, pin *string, auto *bool, by store.Actor) (registries.Changed, error) {
	switch {
	case pin != nil && *pin == "none":
		return registries.Changed{}, registry.ErrNoVersion
	case pin != nil:
		return s.do(ctx, name, "pin "+*pin, by)
	case *auto:
		return s.do(ctx, name, "on", by)
	}
	return s.do(ctx, name, "off", by)
}

// Reset implements [api.Registries].
func (s *Shelf) Reset(ctx context.Context, name string, by store.Actor) (registries.Changed, error) {
	return s.do(ctx, name, "reset", by)
}

// Redeploy implements [api.Registries].
func (s *Shelf) Redeploy(ctx context.Context, name string, by store.Actor) (registries.Changed, error) {
	return s.do(ctx, name, "redeploy", by)
}
