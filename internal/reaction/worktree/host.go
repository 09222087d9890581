package worktree

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/settings"
)

// Host keeps the mirrors of one host. Its methods may be called from several
// goroutines.
type Host struct {
	agent   string
	reactor *reaction.Reactor

	mu      sync.Mutex
	mirrors map[string]*Mirror
}

// NewHost returns a host without mirrors. The kind of the configuration is [Kind].
func NewHost(c reaction.Config) *Host {
	c.Kind = Kind
	return &Host{agent: c.Agent, reactor: reaction.New(c)}
}

// Prepare makes the mirrors of agent.yaml, and changes nothing: commit puts them into
// the place of those that there are. Errors hold no secret.
func (h *Host) Prepare(s *settings.Settings, e Environment) (mirrors []*Mirror, commit func(), err error) {
	made := map[string]*Mirror{}
	var reactions []reaction.Reaction
	for _, one := range s.Mirrors {
		m, err := NewMirror(s.File, one, e)
		if err != nil {
			return nil, nil, err
		}
		made[one.Name] = m
		mirrors, reactions = append(mirrors, m), append(reactions, m)
	}
	return mirrors, func() {
		h.mu.Lock()
		h.mirrors = made
		h.mu.Unlock()
		h.reactor.Set(cmp.Or(s.MirrorWorkers, settings.DefaultMirrorWorkers), reactions)
	}, nil
}

// Run has mirrors be brought up to date, and follow events, until ctx is done.
func (h *Host) Run(ctx context.Context) { h.reactor.Run(ctx) }

// Sync has a mirror look now; see [reaction.Reactor.Sync].
func (h *Host) Sync(name string, touch bool) error { return h.reactor.Sync(name, touch) }

// Status is how a mirror fares.
type Status struct {
	reaction.Stored
	// What it has, or is to have if it had nothing yet.
	Have Achieved
	// State is nil for mirrors of other agents.
	State *reaction.State
}

// Statuses lists the mirrors of this host, and what is stored of those of other
// agents, by the names of the mirrors.
func (h *Host) Statuses(ctx context.Context) ([]Status, error) {
	stored, err := h.reactor.Stored(ctx)
	if err != nil {
		return nil, err
	}
	states := h.reactor.States()
	h.mu.Lock()
	mirrors := h.mirrors
	h.mu.Unlock()
	list := []Status{}
	known := map[string]reaction.Stored{}
	for _, s := range stored {
		if s.Agent == h.agent {
			known[s.Name] = s
			continue
		}
		one := Status{Stored: s}
		if err := readAchieved(s, &one.Have); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	for i := range states {
		m := mirrors[states[i].Name]
		if m == nil {
			continue // it has just been replaced
		}
		s := known[m.Name()]
		s.Agent, s.Name = h.agent, m.Name()
		one := Status{Stored: s, State: &states[i]}
		if err := readAchieved(s, &one.Have); err != nil {
			return nil, err
		}
		one.Have.Ref, one.Have.URL, one.Have.Directory = m.Ref(), m.address.String(), m.settings.Directory
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Agent, b.Agent))
	})
	return list, nil
}

func readAchieved(s reaction.Stored, to *Achieved) error {
	if s.Achieved == nil {
		return nil
	}
	if err := json.Unmarshal(s.Achieved, to); err != nil {
		return fmt.Errorf("read what the mirror %s has achieved: %w", s.Name, err)
	}
	return nil
}
