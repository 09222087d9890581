package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// pollTimeout is how long one look may take.
	pollTimeout = 5 * time.Minute
	// firstBackoff is the pause after a first failure; it doubles with each
	// further one up to lastBackoff.
	firstBackoff = time.Second
	lastBackoff  = 5 * time.Minute
	// longestPause is the most that a [RetryAfterError] gets.
	longestPause = time.Hour
	// shortestPause is what a source that comes to nothing gets at least, after
	// it was asked at once so often: where it is where it was, and where it only
	// moved.
	shortestPause = time.Second
	mostStill     = 1
	mostMoved     = 100
	// longestWait is how long the clock is left unread. It may be set, and
	// machines sleep.
	longestWait = 15 * time.Second
)

// Config is what a poller is made of.
type Config struct {
	Store Store
	// Now tells the time; nil is the system's.
	Now func() time.Time
	// Log is told of sources that fail; nil is nobody.
	Log *slog.Logger
}

// Poller has each of its sources look whenever it is time. Its methods may be
// called from several goroutines.
type Poller struct {
	cfg Config

	mu      sync.Mutex
	sources map[string]map[string]*watched // by kind and name
	// running is the context of Run, nil before.
	running context.Context
	working sync.WaitGroup
}

// watched is a source with what is known of it.
type watched struct {
	source Source
	nudge  chan struct{}
	stop   context.CancelFunc
	state  State
}

// State is how a source fares.
type State struct {
	Name string
	// LastPoll is when it looked last, zero if it did not yet.
	LastPoll time.Time
	// Next is when it will look again, zero if there is no such time.
	Next time.Time
	// Failures is how often in a row it failed, and Error what it said last.
	Failures int
	Error    string
}

// New returns a poller without sources.
func New(cfg Config) *Poller {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Poller{cfg: cfg, sources: map[string]map[string]*watched{}}
}

// Set replaces all sources of a kind, whose names differ. One that was there before
// under its name goes on from its position. If it is [Configured] and its
// configuration is the same, it goes on as if nothing were: it is not asked now, and
// neither a pause that it was asked for nor its failures are forgotten.
func (p *Poller) Set(kind string, sources []Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.sources[kind]
	p.sources[kind] = map[string]*watched{}
	for _, s := range sources {
		if before := old[s.Name()]; before != nil && same(before.source, s) {
			p.sources[kind][s.Name()] = before
			delete(old, s.Name())
			continue
		}
		w := &watched{source: s, nudge: make(chan struct{}, 1), state: State{Name: s.Name()}}
		if before := old[s.Name()]; before != nil {
			w.state = before.state
		}
		p.sources[kind][s.Name()] = w
		p.begin(w)
	}
	for _, w := range old {
		if w.stop != nil {
			w.stop()
		}
	}
}

// same reports whether two sources of a name are known to be configured alike.
func same(a, b Source) bool {
	one, ok := a.(Configured)
	other, both := b.(Configured)
	return ok && both && one.Configuration() != "" && one.Configuration() == other.Configuration()
}

// begin has a source looked after, if the poller runs.
func (p *Poller) begin(w *watched) {
	if p.running == nil || p.running.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(p.running)
	w.stop = stop
	p.working.Go(func() {
		defer stop()
		p.watch(ctx, w)
	})
}

// Run has sources look until ctx is done, and returns once all of them have stopped.
func (p *Poller) Run(ctx context.Context) {
	p.mu.Lock()
	p.running = ctx
	for _, sources := range p.sources {
		for _, w := range sources {
			p.begin(w)
		}
	}
	p.mu.Unlock()
	<-ctx.Done()
	// Whoever began something before did so under the lock, and nobody does
	// after it.
	p.mu.Lock()
	//lint:ignore SA2001 it is waited for, no more
	p.mu.Unlock()
	p.working.Wait()
}

// Nudge has a source look now, and one that fails try again, but for one that was
// asked for a pause, which looks after it. There may be none.
func (p *Poller) Nudge(kind, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.sources[kind][name]; w != nil {
		select {
		case w.nudge <- struct{}{}:
		default: // it is about to look
		}
	}
}

// States says how the sources of a kind fare, by their names.
func (p *Poller) States(kind string) []State {
	p.mu.Lock()
	defer p.mu.Unlock()
	states := []State{}
	for _, w := range p.sources[kind] {
		states = append(states, w.state)
	}
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return states
}

// watch has one source look whenever it is time.
func (p *Poller) watch(ctx context.Context, w *watched) {
	log := p.cfg.Log.With("source", Hook(w.source.Kind(), w.source.Name()))
	failures, hurried := 0, 0
	for ctx.Err() == nil {
		now := p.cfg.Now()
		next, came, err := p.look(ctx, w.source, now)
		if ctx.Err() != nil {
			return // what it says now is of no interest
		}
		if next.IsZero() || !next.Before(now.Add(shortestPause)) {
			hurried = 0
		} else if hurried++; came == still && hurried > mostStill || came == moved && hurried > mostMoved {
			next = now.Add(shortestPause)
		} else if came == told {
			hurried = 0
		}
		state := State{Name: w.source.Name(), LastPoll: now, Next: next}
		rest := false
		if err != nil {
			asked, ok := errors.AsType[*RetryAfterError](err)
			rest = ok && !asked.Nudged
			failures++
			state.Failures, state.Error = failures, err.Error()
			state.Next = p.cfg.Now().Add(pause(err, failures))
			log.Warn("source cannot be asked; trying again", "error", err, "failures", failures, "next", state.Next)
		} else if failures > 0 {
			log.Info("source can be asked again", "failures", failures)
			failures = 0
		}
		p.setState(w, state)
		p.wait(ctx, w, state.Next, rest)
	}
}

func (p *Poller) setState(w *watched, state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.state = state
}

// look has a source look, and turns a panic of it into an error.
func (p *Poller) look(ctx context.Context, s Source, now time.Time) (next time.Time, came progress, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, pollTimeout, fmt.Errorf("it took longer than %s", pollTimeout))
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			p.cfg.Log.Error("panic in a source", "source", Hook(s.Kind(), s.Name()), "panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", fault)
		}
	}()
	if next, came, err = look(ctx, p.cfg.Store, s, now); err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return next, came, err
}

// wait returns when it is time to look again, or somebody says so who need not let
// the source rest. Without a time somebody has to.
func (p *Poller) wait(ctx context.Context, w *watched, until time.Time, rest bool) {
	nudge := w.nudge
	if rest {
		nudge = nil
	}
	for {
		var due <-chan time.Time
		if !until.IsZero() {
			left := until.Sub(p.cfg.Now())
			if left <= 0 {
				w.rested(rest)
				return
			}
			due = time.After(min(left, longestWait))
		}
		select {
		case <-due:
		case <-nudge:
			return
		case <-ctx.Done():
			return
		}
	}
}

// rested takes the nudge of a source that was let rest: the look that comes is what
// it was for.
func (w *watched) rested(rest bool) {
	if !rest {
		return
	}
	select {
	case <-w.nudge:
	default:
	}
}

// pause is how long a source is left alone after it has failed so often. Agents and
// sources that failed together do not come back together.
func pause(err error, failures int) time.Duration {
	if asked, ok := errors.AsType[*RetryAfterError](err); ok {
		return min(max(asked.After, firstBackoff), longestPause)
	}
	backoff := lastBackoff
	if shift := failures - 1; shift < 9 {
		backoff = min(firstBackoff<<shift, lastBackoff)
	}
	return backoff/2 + rand.N(backoff/2+1)
}
