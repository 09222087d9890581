package tokens

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/signed/fetch"
	"github.com/franela/pocketci/internal/store"
)

// Status is how a source fares.
type Status struct {
	Name string
	// Push says that tokens are accepted that are sent.
	Push bool
	// Keys are those that are trusted.
	Keys []signed.Key
	// Newest is when the newest token was signed that was accepted, and
	// AcceptedAt when one was accepted last. They are zero if there was none.
	Newest, AcceptedAt time.Time
	// Paths are where it is pulled from, as they may be told; empty if it is not.
	Paths []string
	// Every is the time between two looks.
	Every time.Duration
	// Pulling is how this agent's looks went.
	Pulling poll.State
}

// Positions reads what sources have accepted; it is a [store.Store].
type Positions interface {
	Positions(ctx context.Context, kind string) ([]store.Position, error)
}

// List says how all sources fare, by their names. The states are those of the poller.
func (set *Set) List(ctx context.Context, positions Positions, states []poll.State) ([]Status, error) {
	kept, err := positions.Positions(ctx, Kind)
	if err != nil {
		return nil, err
	}
	var list []Status
	for name, s := range set.byName {
		status := Status{Name: name, Push: s.conf.Push, Keys: s.conf.Keys}
		if i := slices.IndexFunc(kept, func(p store.Position) bool { return p.Name == name }); i >= 0 {
			guard, err := signed.ReadGuard(kept[i].Value)
			if err != nil {
				return nil, err
			}
			status.AcceptedAt = kept[i].MovedAt
			if guard.Newest > 0 {
				status.Newest = time.Unix(guard.Newest, 0).UTC()
			}
		}
		if s.conf.Pull != nil {
			status.Every = s.conf.Pull.Every
			for _, path := range s.conf.Pull.Paths {
				status.Paths = append(status.Paths, fetch.Shown(path))
			}
			if i := slices.IndexFunc(states, func(state poll.State) bool { return state.Name == name }); i >= 0 {
				status.Pulling = states[i]
			}
		}
		list = append(list, status)
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
