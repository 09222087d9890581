package reaction

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Stored is what is known of a reaction on any agent.
type Stored struct {
	Agent, Name string
	// Achieved is what its last success had, nil if there was none, and At when it
	// last had something to tell.
	Achieved json.RawMessage
	At       time.Time
	// Error is why it fails since FailedAt, empty if it does not.
	Error    string
	FailedAt time.Time
}

// Stored lists the reactions of all agents that achieved something or failed, by the
// names of the agents.
func (r *Reactor) Stored(ctx context.Context) ([]Stored, error) {
	var list []Stored
	at := map[string]int{}
	entry := func(position string) *Stored {
		if i, ok := at[position]; ok {
			return &list[i]
		}
		at[position] = len(list)
		slash := strings.LastIndex(position, "/")
		list = append(list, Stored{Agent: position[:max(slash, 0)], Name: position[slash+1:]})
		return &list[len(list)-1]
	}
	achieved, err := r.cfg.Store.Positions(ctx, r.cfg.Kind)
	if err != nil {
		return nil, err
	}
	for _, p := range achieved {
		s := entry(p.Name)
		s.Achieved, s.At = p.Value, p.MovedAt
	}
	failed, err := r.cfg.Store.Positions(ctx, r.cfg.Kind+failedKind)
	if err != nil {
		return nil, err
	}
	for _, p := range failed {
		var f failure
		if err := json.Unmarshal(p.Value, &f); err != nil {
			return nil, fmt.Errorf("read the failure of %s: %w", p.Name, err)
		}
		s := entry(p.Name)
		s.Error, s.FailedAt = f.Error, f.Since
	}
	return list, nil
}
