package reaction

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// Reactor has reactions look whenever it is time. Its methods may be called from
// several goroutines.
type Reactor struct {
	cfg Config

	mu        sync.Mutex
	reactions map[string]*worker
	// slots are for those that work, and places for those that work on one.
	slots  chan struct{}
	places map[string]chan struct{}
	// running is the context of Run, nil before.
	running context.Context
	working sync.WaitGroup
}

// New returns a reactor without reactions.
func New(cfg Config) *Reactor {
	if cfg.Count == nil {
		cfg.Count = func(string, string) {}
	}
	return &Reactor{cfg: cfg, reactions: map[string]*worker{}, slots: make(chan struct{}, 1), places: map[string]chan struct{}{}}
}

// Set replaces all reactions, whose names differ, and lets so many of them work at a
// time. Each looks at once. One that is at work goes on to its end, before another
// works on its place.
func (r *Reactor) Set(workers int, reactions []Reaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if workers != cap(r.slots) {
		r.slots = make(chan struct{}, workers)
	}
	old := r.reactions
	r.reactions = map[string]*worker{}
	for _, reaction := range reactions {
		name := reaction.Name()
		w := &worker{reaction: reaction, wake: make(chan struct{}, 1), retired: make(chan struct{}), state: State{Name: name}}
		if before := old[name]; before != nil {
			w.before, w.state = before, before.state
		}
		r.reactions[name] = w
		r.begin(w)
	}
	for name, w := range old {
		w.removed = r.reactions[name] == nil
		close(w.retired)
	}
}

// begin has a reaction work, if the reactor runs.
func (r *Reactor) begin(w *worker) {
	if r.running == nil || r.running.Err() != nil {
		return
	}
	ctx := r.running
	w.done = make(chan struct{})
	r.working.Go(func() {
		defer close(w.done)
		r.work(ctx, w)
	})
}

// Run has reactions look and follow events until ctx is done, and returns once all of
// them have stopped. One that is at work then is cut off.
func (r *Reactor) Run(ctx context.Context) {
	f := &follower{store: r.cfg.Store, now: time.Now}
	stored, end := r.cfg.Store.Watch(topic)
	defer end()
	// What came before is seen by the first look of each reaction, which comes
	// after this.
	for wait := firstBackoff; ; wait = min(2*wait, lookEvery) {
		err := f.begin(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		r.cfg.Log.Warn("reactions cannot tell what has happened yet; trying again", "error", err)
		if !sleep(ctx, wait) {
			return
		}
	}
	r.mu.Lock()
	r.running = ctx
	for _, w := range r.reactions {
		r.begin(w)
	}
	r.mu.Unlock()
	r.forgetRemoved(ctx)
	r.follow(ctx, f, stored)
	// Whoever began something before did so under the lock, and nobody does after
	// it.
	r.mu.Lock()
	//lint:ignore SA2001 it is waited for, no more
	r.mu.Unlock()
	r.working.Wait()
}

// idle reports whether there is nobody who waits for events.
func (r *Reactor) idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reactions) == 0
}

// skip goes to the end of what there is, unless somebody began to wait for events
// meanwhile, or it cannot be told.
func (r *Reactor) skip(ctx context.Context, f *follower) {
	ahead := &follower{store: f.store, now: f.now}
	if err := ahead.begin(ctx); err == nil && r.idle() {
		*f = *ahead
	}
}

// follow hands on events until ctx is done.
func (r *Reactor) follow(ctx context.Context, f *follower, stored <-chan struct{}) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	failing := false
	for {
		if r.idle() {
			// To read what nobody waits for would be a good part of the work of
			// storing it. Where the follower stands may be a while ago.
			select {
			case <-stored:
			case <-ticker.C:
				r.skip(ctx, f)
			case <-ctx.Done():
				return
			}
			continue
		}
		found, err := f.next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			r.cfg.Log.Warn("reactions cannot tell what happens; trying again", "error", err)
		case err == nil && failing:
			r.cfg.Log.Info("reactions follow events again")
		}
		failing = err != nil
		for i := range found {
			r.offer(&found[i])
		}
		var again <-chan time.Time
		if failing {
			again = time.After(firstBackoff)
		}
		select {
		case <-stored:
		case <-ticker.C:
		case <-again:
		case <-ctx.Done():
			return
		}
	}
}

// offer has those look who want an event.
func (r *Reactor) offer(e *store.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.reactions {
		if !w.reaction.Wants(e) {
			continue
		}
		if e.Depth > events.MaxDepth {
			r.cfg.Log.Warn("a reaction does not follow an event: the chain of events that leads to it is longer than any that people mean",
				r.cfg.Kind, w.reaction.Name(), "event", e.ID, "depth", e.Depth)
			continue
		}
		w.trigger(&e.Event, false)
	}
}

// Sync has a reaction look now. Touch has it do everything anew that it does after a
// change. The error is [ErrUnknown].
func (r *Reactor) Sync(name string, touch bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.reactions[name]
	if w == nil {
		return fmt.Errorf("sync %s %s: %w", r.cfg.Kind, name, ErrUnknown)
	}
	w.trigger(nil, touch)
	return nil
}

// States says how the reactions fare, by their names.
func (r *Reactor) States() []State {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := []State{}
	for _, w := range r.reactions {
		states = append(states, w.state)
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return states
}

// forgetRemoved forgets what reactions have achieved that were removed while the agent
// was not there.
func (r *Reactor) forgetRemoved(ctx context.Context) {
	for _, kind := range []string{r.cfg.Kind, r.cfg.Kind + failedKind} {
		positions, err := r.cfg.Store.Positions(ctx, kind)
		if err != nil {
			if ctx.Err() == nil {
				r.cfg.Log.Warn("forget what removed reactions have achieved", "error", err)
			}
			return
		}
		for _, p := range positions {
			name, mine := strings.CutPrefix(p.Name, r.cfg.Agent+"/")
			r.mu.Lock()
			known := r.reactions[name] != nil
			r.mu.Unlock()
			if mine && !known {
				r.forget(ctx, kind, name)
			}
		}
	}
}

func (r *Reactor) forget(ctx context.Context, kind, name string) {
	if err := r.cfg.Store.Forget(ctx, kind, r.cfg.Agent+"/"+name); err != nil && ctx.Err() == nil {
		r.cfg.Log.Warn("forget what a removed reaction has achieved", r.cfg.Kind, name, "error", err)
	}
}

// sleep waits, and reports whether ctx is not done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
