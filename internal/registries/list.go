package registries

import (
	"context"
	"slices"
	"time"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/settings"
)

// Status is a watch with how it stands.
type Status struct {
	registry.Watch
	// RegistryName is the registry's name in the configuration.
	RegistryName string
	Calls        settings.Target
	State        registry.State
	// Newest is the newest version, Wanted what is to be deployed; either may be
	// empty.
	Newest, Wanted string
	// Polled says how asking the registry fares.
	Polled poll.State
}

// List returns all watches in the order of the configuration.
func (s *Set) List(ctx context.Context) ([]Status, error) {
	states := s.cfg.States()
	list := []Status{}
	for _, w := range s.watches.Load().all {
		status, err := s.status(ctx, w, states)
		if err != nil {
			return nil, err
		}
		list = append(list, status)
	}
	return list, nil
}

// Get returns one watch, which is named as for [Set.Change]. The error is an
// [*UnknownError], or that of the store.
func (s *Set) Get(ctx context.Context, name string) (Status, error) {
	w, err := s.find(name)
	if err != nil {
		return Status{}, err
	}
	return s.status(ctx, w, s.cfg.States())
}

func (s *Set) status(ctx context.Context, w *watched, states []poll.State) (Status, error) {
	position, err := s.cfg.Store.Position(ctx, registry.Kind, w.Name)
	if err != nil {
		return Status{}, err
	}
	state, err := w.ReadState(position.Value, time.Time{})
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Watch: w.Watch, RegistryName: w.registryName, Calls: w.target,
		State: state, Newest: w.Newest(&state), Wanted: w.Wanted(&state),
	}
	if i := slices.IndexFunc(states, func(p poll.State) bool { return p.Name == w.Name }); i >= 0 {
		status.Polled = states[i]
		status.Polled.Error = s.cfg.Mask(status.Polled.Error)
	}
	return status, nil
}
