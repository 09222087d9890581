package reaction

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

const (
	// topic is what reactions wake for.
	topic = store.TopicEvents
	// firstBackoff is the pause after a first failure; it doubles with each
	// further one up to lastBackoff.
	firstBackoff = time.Second
	lastBackoff  = 5 * time.Minute
	// roundTimeout limits one try.
	roundTimeout = time.Hour
)

// What a reaction does at the moment.
const (
	// PhaseIdle waits for a reason to look.
	PhaseIdle = "idle"
	// PhaseWaiting has a reason, and waits for others to end.
	PhaseWaiting = "waiting"
	// PhaseWorking is at work.
	PhaseWorking = "working"
)

// errRetired says that a reaction was replaced before it could try again.
var errRetired = errors.New("the reaction was replaced")

// State is how a reaction fares.
type State struct {
	Name string
	// Phase is one of this package's constants named Phase, empty before the
	// first.
	Phase string
	// LastRound is when it looked last, zero if it did not yet.
	LastRound time.Time
	// Next is when it will look again without an event, zero if there is no such
	// time.
	Next time.Time
	// Failures is how often in a row it failed, and Error what it said last.
	Failures int
	Error    string
}

// worker is a reaction with what is known of it. What is behind the blank line belongs
// to the reactor's lock.
type worker struct {
	reaction Reaction
	wake     chan struct{}
	// retired is closed when it is replaced or, as removed says, removed. done is
	// closed when it has ended, and is nil if it never began.
	retired chan struct{}
	removed bool
	done    chan struct{}
	// before is who it replaces, nil for nobody.
	before *worker

	state State
	cause *events.Event
	touch bool
}

// trigger gives it a reason to look. Of several events the one counts to which most
// others lead, so that circles come to an end.
func (w *worker) trigger(cause *events.Event, touch bool) {
	if cause != nil && (w.cause == nil || cause.Depth >= w.cause.Depth) {
		w.cause = cause
	}
	w.touch = w.touch || touch
	select {
	case w.wake <- struct{}{}:
	default: // it has not begun with the last one
	}
}

// work has one reaction look whenever it is time.
func (r *Reactor) work(ctx context.Context, w *worker) {
	if w.before != nil && w.before.done != nil {
		select {
		case <-w.before.done:
		case <-ctx.Done():
			return
		}
	}
	w.before = nil
	name := w.reaction.Name()
	log := r.cfg.Log.With(r.cfg.Kind, name)
	failures := 0
	for ctx.Err() == nil {
		result, err := r.round(ctx, w)
		if ctx.Err() != nil {
			return // what it says now is of no interest
		}
		if errors.Is(err, errRetired) {
			break
		}
		next := time.Time{}
		if err != nil {
			result = ResultFailed
			failures++
			next = time.Now().Add(pause(failures))
			log.Warn("reaction failed; trying again", "error", err, "failures", failures, "next", next)
		} else {
			if failures > 0 {
				log.Info("reaction succeeds again", "failures", failures)
			}
			failures = 0
			if every := w.reaction.Persistence().Every; every > 0 {
				next = time.Now().Add(every)
			}
		}
		r.cfg.Count(name, result)
		r.setState(w, func(s *State) {
			s.Phase, s.LastRound, s.Next, s.Failures, s.Error = PhaseIdle, time.Now(), next, failures, ""
			if err != nil {
				s.Error = err.Error()
			}
		})
		if !w.wait(ctx, next) {
			break
		}
	}
	r.mu.Lock()
	removed := w.removed
	r.mu.Unlock()
	if removed && ctx.Err() == nil {
		r.forget(ctx, r.cfg.Kind, name)
		r.forget(ctx, r.cfg.Kind+failedKind, name)
	}
}

// wait returns when it is time to look again, and reports false if it is to end.
func (w *worker) wait(ctx context.Context, next time.Time) bool {
	var due <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-w.retired:
		return false
	default:
	}
	select {
	case <-due:
		return true
	case <-w.wake:
		return true
	case <-w.retired:
		return false
	case <-ctx.Done():
		return false
	}
}

// pause waits before another try, and reports false if there is to be none.
func (w *worker) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.retired:
		return false
	case <-ctx.Done():
		return false
	}
}

func (r *Reactor) setState(w *worker, change func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&w.state)
}

// round looks once, in its turn, as often as it takes.
func (r *Reactor) round(ctx context.Context, w *worker) (result string, err error) {
	r.setState(w, func(s *State) { s.Phase = PhaseWaiting })
	// First the place, so that who waits for it keeps no slot from others.
	place := r.place(w.reaction.Place())
	if !take(ctx, place) {
		return "", context.Cause(ctx)
	}
	defer func() { <-place }()
	var cause *events.Event
	touch := false
	persistence := w.reaction.Persistence()
	for try := 1; ; try++ {
		r.mu.Lock()
		slots := r.slots
		r.mu.Unlock()
		if !take(ctx, slots) {
			return "", context.Cause(ctx)
		}
		more, touchMore := r.reasons(w)
		if more != nil && (cause == nil || more.Depth >= cause.Depth) {
			cause = more
		}
		touch = touch || touchMore
		result, err = r.try(ctx, w.reaction, Round{Cause: cause, Touch: touch})
		<-slots
		if err == nil || ctx.Err() != nil {
			return result, err
		}
		if !temporary(err) || try >= persistence.Tries {
			break
		}
		r.cfg.Log.Info("reaction did not succeed yet; trying again", r.cfg.Kind, w.reaction.Name(), "try", try, "error", err)
		if !w.pause(ctx, persistence.Delay) {
			return "", errRetired
		}
	}
	if told := r.tellFailure(ctx, w.reaction, cause, err); told != nil {
		r.cfg.Log.Warn("cannot store that a reaction failed", r.cfg.Kind, w.reaction.Name(), "error", told)
	}
	r.restore(w, cause, touch)
	return "", err
}

// reasons takes what there is to react to. What comes after it has the reaction look
// once more.
func (r *Reactor) reasons(w *worker) (*events.Event, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause, touch := w.cause, w.touch
	w.cause, w.touch = nil, false
	select {
	case <-w.wake:
	default:
	}
	w.state.Phase = PhaseWorking
	return cause, touch
}

// restore gives reasons back that nothing came of, without having it look at once.
func (r *Reactor) restore(w *worker, cause *events.Event, touch bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cause != nil && (w.cause == nil || cause.Depth > w.cause.Depth) {
		w.cause = cause
	}
	w.touch = w.touch || touch
}

// place is who works on a place.
func (r *Reactor) place(name string) chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.places[name] == nil {
		r.places[name] = make(chan struct{}, 1)
	}
	return r.places[name]
}

// take waits for room, and reports false if ctx is done before.
func take(ctx context.Context, room chan struct{}) bool {
	select {
	case room <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// react calls a reaction, and turns a panic of it into an error.
func (r *Reactor) react(ctx context.Context, reaction Reaction, round Round) (o Outcome, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, roundTimeout, fmt.Errorf("it took longer than %s", roundTimeout))
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil {
			r.cfg.Log.Error("panic in a reaction", r.cfg.Kind, reaction.Name(), "panic", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", fault)
		}
	}()
	return reaction.React(ctx, round)
}

// pause is how long a reaction is left alone after it has failed so often.
func pause(failures int) time.Duration {
	backoff := lastBackoff
	if shift := failures - 1; shift < 9 {
		backoff = min(firstBackoff<<shift, lastBackoff)
	}
	return backoff/2 + rand.N(backoff/2+1)
}
