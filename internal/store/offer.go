package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// offer is how much an agent takes at a time. It is stored with the agent's
// heartbeats, so that others can say why something waits.
type offer struct {
	// Runs and Calls are how many it plans and makes, RepositoryRuns and
	// RepositoryCalls how many of one repository all agents do. Zero stands for no
	// limit.
	Runs            int `json:"runs,omitempty"`
	RepositoryRuns  int `json:"repository_runs,omitempty"`
	Calls           int `json:"calls,omitempty"`
	RepositoryCalls int `json:"repository_calls,omitempty"`
	// Labels are those of its runners.
	Labels []string `json:"labels,omitempty"`
}

// offers notes what the agent claims, for its next heartbeat.
func (a *Agent) offers(q queue, l Limits) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if q.table == runQueue.table {
		a.offer.Runs, a.offer.RepositoryRuns = l.Agent, l.Repository
		return
	}
	a.offer.Calls, a.offer.RepositoryCalls, a.offer.Labels, a.offering = l.Agent, l.Repository, slices.Clone(l.Labels), true
}

// offerText is the offer as it is stored: nothing before the agent has looked for
// calls.
func (a *Agent) offerText() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.offering {
		return ""
	}
	text, err := json.Marshal(a.offer)
	if err != nil {
		panic(err) // it holds nothing but text and numbers
	}
	return clean(string(text))
}

// tells reports whether an offer is another one than that of the last heartbeat.
func (a *Agent) tells(text string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	differs := a.told != text
	a.told = text
	return differs
}

// member is an agent at work with what it takes and has.
type member struct {
	offer
	// said is false for one that has not said what it takes.
	said        bool
	runs, calls int
}

// takes reports whether it has a runner for a call.
func (m *member) takes(runsOn string) bool { return runsOn == "" || slices.Contains(m.Labels, runsOn) }

// members lists the agents at work.
func (s *Store) members(ctx context.Context) ([]member, error) {
	var (
		m    member
		text string
		all  []member
	)
	for _, err := range s.each(ctx, []any{&text, &m.runs, &m.calls}, `SELECT offer,
		(SELECT count(*) FROM runs WHERE holder = agents.id AND holder <> ''), (SELECT count(*) FROM calls WHERE holder = agents.id AND holder <> '')
		FROM agents WHERE ended_at = 0 ORDER BY id`) {
		if err != nil {
			return nil, fmt.Errorf("list agents: %w", s.failed(err))
		}
		m.offer, m.said = offer{}, text != ""
		if m.said {
			if err := json.Unmarshal([]byte(text), &m.offer); err != nil {
				return nil, fmt.Errorf("read what an agent takes: %w", err)
			}
		}
		all = append(all, m)
	}
	return all, nil
}
