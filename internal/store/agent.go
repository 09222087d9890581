package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
)

// Agent is one process at work on the store, from when it joins until it
// leaves or is lost. Its methods may be called from several goroutines.
type Agent struct {
	store *Store
	id    string
	name  string

	// lost ends when the agent must not work on any more.
	lost context.Context
	lose context.CancelCauseFunc

	mu sync.Mutex
	// confirmed is when the last confirmed heartbeat was begun.
	confirmed time.Duration
	// heard is what has been heard of the other agents, by their ids.
	heard map[string]heard
	// offer is what the agent takes, once it has looked for calls, which offering
	// says, and told what was stored of that last.
	offer    offer
	offering bool
	told     string
}

// heard is the last heartbeat of another agent and when it was first seen here:
// agents compare each other's heartbeats with their own clocks only.
type heard struct {
	beat  int64
	since time.Duration
}

// Join makes an agent under a name for people, such as the name of its host.
//
// If it replaces the earlier agents of its name, their work is taken over at
// once instead of when they have been silent for long enough. That is safe
// only for who knows that none of them runs, for example because it holds the
// lock of their common data directory.
func (s *Store) Join(ctx context.Context, name string, replaces bool) (*Agent, error) {
	a := &Agent{store: s, id: events.NewID(), name: key(name), heard: map[string]heard{}}
	a.lost, a.lose = context.WithCancelCause(context.Background())
	a.confirmed = s.clock.Elapsed()
	var earlier []string
	err := s.change(ctx, "join", "join as agent", func(t *tx) error {
		earlier = nil
		if replaces {
			var id string
			for _, err := range t.each([]any{&id}, `SELECT id FROM agents WHERE name = ? AND ended_at = 0`, a.name) {
				if err != nil {
					return err
				}
				earlier = append(earlier, id)
			}
		}
		now := s.now()
		_, err := t.exec(`INSERT INTO agents (id, name, beat, joined_at, seen_at) VALUES (?, ?, 1, ?, ?)`, a.id, a.name, now, now)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range earlier {
		if _, err := a.bury(ctx, id, -1, "was replaced"); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// ID identifies the agent, other than its name also among earlier processes.
func (a *Agent) ID() string { return a.id }

// Keep sends heartbeats and takes over the work of silent agents until ctx
// ends, or until this agent is lost: then it returns [ErrLost], and every
// context of [Agent.Guard] has ended. A lost agent joins again to work on.
func (a *Agent) Keep(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(a.lost, cancel)()
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() { a.watch(ctx) })
	every := a.store.opts.Silence / 3
	beats, looks := time.NewTicker(every), time.NewTicker(max(every/3, time.Millisecond))
	defer beats.Stop()
	defer looks.Stop()
	log := a.store.log.With("agent", a.name)
	for blind := false; ; {
		if err := a.Beat(ctx); err != nil {
			if errors.Is(err, ErrLost) {
				return err
			}
			log.Warn("heartbeat is not confirmed", "error", err)
		}
		for waiting := true; waiting; {
			select {
			case <-beats.C:
				waiting = false
			case <-looks.C:
				if err := a.check(); err != nil {
					return err
				}
				taken, err := a.TakeOver(ctx)
				if err != nil && ctx.Err() == nil && !blind {
					log.Warn("cannot look after other agents; trying again", "error", err)
				}
				blind = err != nil
				if taken > 0 {
					log.Warn("took over the work of silent agents", "claims", taken)
				}
			case <-ctx.Done():
				if a.lost.Err() != nil {
					return context.Cause(a.lost)
				}
				return context.Cause(ctx)
			}
		}
	}
}

// watch has the agent notice in time that it is lost, however long a database
// takes to say that it does not answer, until ctx ends.
func (a *Agent) watch(ctx context.Context) {
	for a.check() == nil {
		a.mu.Lock()
		left := a.limit() - (a.store.clock.Elapsed() - a.confirmed)
		a.mu.Unlock()
		timer := time.NewTimer(max(left, time.Millisecond))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// limit is how long a heartbeat may stay unconfirmed: short of the time after
// which others take over, which they count from when they saw the last one.
func (a *Agent) limit() time.Duration { return a.store.opts.Silence * 2 / 3 }

// Beat sends one heartbeat. It returns [ErrLost] if the agent has been declared
// silent, or if no heartbeat could be confirmed for so long that it must assume
// so.
func (a *Agent) Beat(ctx context.Context) error {
	if err := a.check(); err != nil {
		return err
	}
	begun := a.store.clock.Elapsed()
	bounded, cancel := context.WithTimeout(ctx, a.limit()/2)
	defer cancel()
	gone, takes := false, a.offerText()
	err := a.store.change(bounded, "beat", "send heartbeat", func(t *tx) error {
		n, err := t.exec(`UPDATE agents SET beat = beat + 1, seen_at = ?, offer = ? WHERE id = ? AND ended_at = 0`, a.store.now(), takes, a.id)
		gone = n == 0
		if a.tells(takes) {
			t.ring(TopicRuns) // other reasons to wait
		}
		return err
	})
	switch {
	case err == nil && gone:
		a.lose(fmt.Errorf("%w: it was silent for too long, or replaced", ErrLost))
		return context.Cause(a.lost)
	case err == nil:
		a.mu.Lock()
		a.confirmed = max(a.confirmed, begun)
		a.mu.Unlock()
		return a.check()
	}
	if lost := a.check(); lost != nil {
		return lost
	}
	return err
}

// check returns why the agent is lost, if it is.
func (a *Agent) check() error {
	if a.lost.Err() != nil {
		return context.Cause(a.lost)
	}
	a.mu.Lock()
	silent := a.store.clock.Elapsed() - a.confirmed
	a.mu.Unlock()
	if silent >= a.limit() {
		a.lose(fmt.Errorf("%w: no heartbeat was confirmed for %s", ErrLost, silent.Round(time.Second)))
		return context.Cause(a.lost)
	}
	return nil
}

// TakeOver listens for the other agents and gives the claims of those back to
// the queue that have been silent for too long. It returns how many claims
// that were.
func (a *Agent) TakeOver(ctx context.Context) (int, error) {
	if err := a.check(); err != nil {
		return 0, err
	}
	type other struct {
		id   string
		beat int64
	}
	var (
		o      other
		others []other
	)
	for _, err := range a.store.each(ctx, []any{&o.id, &o.beat}, `SELECT id, beat FROM agents WHERE ended_at = 0 AND id <> ?`, a.id) {
		if err != nil {
			return 0, fmt.Errorf("look after other agents: %w", a.store.failed(err))
		}
		others = append(others, o)
	}
	now := a.store.clock.Elapsed()
	a.mu.Lock()
	before := a.heard
	a.heard = map[string]heard{}
	var silent []other
	for _, o := range others {
		h, known := before[o.id]
		if !known || h.beat != o.beat {
			h = heard{o.beat, now}
		}
		a.heard[o.id] = h
		if now-h.since >= a.store.opts.Silence {
			silent = append(silent, o)
		}
	}
	a.mu.Unlock()
	taken := 0
	for _, o := range silent {
		n, err := a.bury(ctx, o.id, o.beat, "was silent")
		taken += n
		if err != nil {
			return taken, err
		}
	}
	// What an agent that took over itself left undone when it was killed.
	n, err := a.orphans(ctx)
	return taken + n, err
}

// bury ends another agent, unless it has been heard since the given heartbeat,
// and gives its claims back. A negative heartbeat stands for any.
func (a *Agent) bury(ctx context.Context, id string, beat int64, why string) (int, error) {
	ended := false
	err := a.store.change(ctx, "end-agent", "end agent "+id, func(t *tx) error {
		n, err := t.exec(`UPDATE agents SET ended_at = ?, reason = ? WHERE id = ? AND ended_at = 0 AND (beat = ? OR ? < 0)`,
			max(a.store.now(), 1), why, id, beat, beat)
		ended = n == 1
		return err
	})
	if err != nil || !ended {
		return 0, err
	}
	return a.store.release(ctx, id, why)
}

// orphans gives back the claims of agents that have ended.
func (a *Agent) orphans(ctx context.Context) (int, error) {
	var id string
	holders := map[string]bool{}
	for _, table := range []string{"calls", "runs"} {
		for _, err := range a.store.each(ctx, []any{&id}, `SELECT DISTINCT holder FROM `+table+` WHERE holder <> ''
			AND holder NOT IN (SELECT id FROM agents WHERE ended_at = 0)`) {
			if err != nil {
				return 0, fmt.Errorf("find claims of ended agents: %w", a.store.failed(err))
			}
			holders[id] = true
		}
	}
	taken := 0
	for id := range holders {
		n, err := a.store.release(ctx, id, "was silent")
		taken += n
		if err != nil {
			return taken, err
		}
	}
	return taken, nil
}

// Leave ends the agent and gives back what it still holds, as if it had been
// silent.
func (a *Agent) Leave(ctx context.Context) error {
	a.lose(fmt.Errorf("%w: it has left", ErrLost))
	_, err := a.bury(ctx, a.id, -1, "left")
	return err
}

// present makes sure that the agent counts, and keeps others from ending it
// before the transaction is over.
func (a *Agent) present(t *tx) error {
	if err := a.check(); err != nil {
		return err
	}
	var id string
	err := t.get([]any{&id}, `SELECT id FROM agents WHERE id = ? AND ended_at = 0`+t.d.forShare, a.id)
	if errors.Is(err, sql.ErrNoRows) {
		a.lose(fmt.Errorf("%w: it was silent for too long, or replaced", ErrLost))
		return context.Cause(a.lost)
	}
	return err
}
