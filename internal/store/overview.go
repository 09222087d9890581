package store

import (
	"context"
	"fmt"
	"time"
)

// Repository is a repository that events are kept of.
type Repository struct {
	// Name is the full name.
	Name string
	// Runs is how many runs are kept.
	Runs int64
	// LastRun is the id of the latest run.
	LastRun string
	// LastEvent is when the latest event was received.
	LastEvent time.Time
}

// repositories goes through the indexes runs_repository and events_repository
// from one repository to the next; only the runs are counted one by one, in
// the index. Between two equal bounds and in the order of the whole index,
// because PostgreSQL would look for the latest row of a repository among those
// of all others else, which takes long for one that is quiet.
const repositories = `
	WITH RECURSIVE names (repository) AS (
		SELECT min(repository) FROM runs WHERE repository > ''
		UNION ALL
		SELECT (SELECT min(runs.repository) FROM runs WHERE runs.repository > names.repository)
		FROM names WHERE names.repository IS NOT NULL
	)
	SELECT names.repository,
		(SELECT count(*) FROM runs WHERE runs.repository = names.repository),
		(SELECT id FROM runs WHERE runs.repository >= names.repository AND runs.repository <= names.repository
			ORDER BY runs.repository DESC, number DESC LIMIT 1),
		COALESCE((SELECT received_at FROM events WHERE events.repository >= names.repository AND events.repository <= names.repository
			ORDER BY events.repository DESC, seq DESC LIMIT 1), 0)
	FROM names WHERE names.repository IS NOT NULL ORDER BY names.repository`

// Repositories lists the repositories that have runs, by name. It reads one
// entry of an index for each run that is kept.
func (s *Store) Repositories(ctx context.Context) ([]Repository, error) {
	var (
		r  Repository
		at int64
	)
	found := []Repository{}
	for _, err := range s.each(ctx, []any{&r.Name, &r.Runs, &r.LastRun, &at}, repositories) {
		if err != nil {
			return nil, fmt.Errorf("list repositories: %w", s.failed(err))
		}
		r.LastEvent = fromMicros(at)
		found = append(found, r)
	}
	return found, nil
}

// Backlog is what waits.
type Backlog struct {
	// Runs is how many runs wait to be planned, Calls how many calls that
	// could be made. The times are since when the oldest of them does, zero
	// without any.
	Runs, Calls             int
	RunsOldest, CallsOldest time.Time
	// Approvals is how many runs wait for an approval.
	Approvals int
}

// Backlog counts what waits. It reads one entry of an index for each.
func (s *Store) Backlog(ctx context.Context) (Backlog, error) {
	var (
		b           Backlog
		runs, calls int64
	)
	err := s.get(ctx, []any{&b.Runs, &runs}, `SELECT count(*), COALESCE(min(queued_at), 0) FROM runs WHERE `+runQueue.waiting)
	if err == nil {
		err = s.get(ctx, []any{&b.Calls, &calls}, `SELECT count(*), COALESCE(min(queued_at), 0) FROM calls WHERE `+callQueue.waiting)
	}
	if err == nil {
		err = s.get(ctx, []any{&b.Approvals}, `SELECT count(*) FROM runs WHERE state = 'waiting-approval'`)
	}
	if err != nil {
		return Backlog{}, fmt.Errorf("count what waits: %w", err)
	}
	b.RunsOldest, b.CallsOldest = fromMicros(runs), fromMicros(calls)
	return b, nil
}

// StateCounts are how many runs and calls there are in each state that is not
// final, those without any too.
type StateCounts struct {
	Runs, Calls map[State]int
}

// StateCounts counts what has not ended. It reads one entry of an index for
// each such run and call, however many have ended; those are for counters to
// count when they end.
func (s *Store) StateCounts(ctx context.Context) (StateCounts, error) {
	c := StateCounts{
		Runs:  map[State]int{StateQueued: 0, StateWaiting: 0, StateRunning: 0},
		Calls: map[State]int{StateQueued: 0, StateRunning: 0},
	}
	var (
		state State
		n     int
	)
	// A condition for each index: another one for all of them would cost every
	// event a write.
	for _, where := range []string{runQueue.waiting, `state = 'queued' AND holder <> ''`, `state = 'waiting-approval'`, `state = 'running'`} {
		for _, err := range s.each(ctx, []any{&state, &n}, `SELECT state, count(*) FROM runs WHERE `+where+` GROUP BY state`) {
			if err != nil {
				return StateCounts{}, fmt.Errorf("count runs: %w", s.failed(err))
			}
			c.Runs[state] += n
		}
	}
	for _, err := range s.each(ctx, []any{&state, &n}, `SELECT state, count(*) FROM calls WHERE ended_at = 0 GROUP BY state`) {
		if err != nil {
			return StateCounts{}, fmt.Errorf("count calls: %w", s.failed(err))
		}
		c.Calls[state] += n
	}
	return c, nil
}

// AgentStatus is an agent that has joined and was not declared silent.
type AgentStatus struct {
	ID, Name string
	// SeenAt is the time of its last heartbeat by its own clock.
	JoinedAt, SeenAt time.Time
	// Runs is how many runs it plans, Calls how many calls it makes.
	Runs, Calls int
}

// Agents lists the agents at work, by name.
func (s *Store) Agents(ctx context.Context) ([]AgentStatus, error) {
	var (
		a            AgentStatus
		joined, seen int64
	)
	agents := []AgentStatus{}
	for _, err := range s.each(ctx, []any{&a.ID, &a.Name, &joined, &seen, &a.Runs, &a.Calls}, `SELECT id, name, joined_at, seen_at,
		(SELECT count(*) FROM runs WHERE holder = agents.id AND holder <> ''), (SELECT count(*) FROM calls WHERE holder = agents.id AND holder <> '')
		FROM agents WHERE ended_at = 0 ORDER BY name, id`) {
		if err != nil {
			return nil, fmt.Errorf("list agents: %w", s.failed(err))
		}
		a.JoinedAt, a.SeenAt = fromMicros(joined), fromMicros(seen)
		agents = append(agents, a)
	}
	return agents, nil
}
