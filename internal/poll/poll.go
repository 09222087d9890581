// Package poll asks sources that do not call by themselves what is new: schedules,
// registries, places that signed tokens are pulled from. How far each has come is a
// position in the store, which moves in the transaction that stores the events it
// stands for. Nothing is therefore lost or told twice, whatever is restarted and
// however many agents ask.
package poll

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/store"
)

// Source is something outside that has to be asked what is new.
type Source interface {
	// Kind is what sources have in common that are made of one part of the
	// configuration, such as time or registry. Kind and Name together are the
	// source's position, and where its events arrive.
	Kind() string
	Name() string
	// Poll says what came since a position. What it returns follows from what
	// is outside, the position and the time alone: it is called by several
	// agents at once, and again for the same position after a crash.
	Poll(ctx context.Context, at At) (Found, error)
}

// Filtered is a [Source] whose events have to fulfil filters for anything to be
// planned. One that does not is stored nonetheless, with the reason.
type Filtered interface {
	Source
	Filters() []predicate.Filter
}

// Configured is a [Source] that can be told from one of another configuration.
type Configured interface {
	Source
	// Configuration is the same text for all sources of a kind and name that do
	// the same, and another one for all others. An empty one is like no other.
	Configuration() string
}

// At is where a source stands.
type At struct {
	// Now is the present time.
	Now time.Time
	// Position is what [Found] had when the source moved last, nil if it never
	// did.
	Position json.RawMessage
}

// Found is what a source came upon.
type Found struct {
	// Position is where the source stands with it. Nil leaves it where it was.
	Position json.RawMessage
	// Events are what happened, in its order, without ID and ReceivedAt. Each
	// has a Delivery, which is the same whenever the same thing is told again.
	Events []events.Event
	// Next is when to look again. Zero is when there is a reason to. Whoever is
	// where it was is not asked again at once, whatever it says.
	Next time.Time
}

// RetryAfterError asks for a pause before the next look, which not even a nudge ends
// unless it says so.
type RetryAfterError struct {
	// After is how long it is to be, an hour at most.
	After time.Duration
	Err   error
	// Nudged says that a nudge may end the pause: nobody asked for it, or the
	// source itself leaves alone who did, and has other things to look at.
	Nudged bool
}

func (e *RetryAfterError) Error() string { return e.Err.Error() }

func (e *RetryAfterError) Unwrap() error { return e.Err }

// Store is what sources' positions and events are kept in; it is a [store.Store].
type Store interface {
	Position(ctx context.Context, kind, name string) (store.Position, error)
	Advance(ctx context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error)
}

// Hook is where the events of a source arrive, which ids of deliveries are unique
// within. No webhook can have such a name.
func Hook(kind, name string) string { return kind + ":" + name }

// noTarget is why the event of a source without a target has nothing to call.
const noTarget = "it belongs to no repository: calls in agent.yaml says whose functions it calls"

// Once has a source look once, and stores what it found. If another agent was
// first, it looks again from where that one left off. It returns when the source
// wants to be asked again.
func Once(ctx context.Context, s Store, source Source, now time.Time) (next time.Time, err error) {
	next, _, err = look(ctx, s, source, now)
	return next, err
}

// progress is what a look came to.
type progress int

const (
	// still is a source that is where it was.
	still progress = iota
	// moved is one that is elsewhere, and told nothing.
	moved
	// told is one that told of something.
	told
)

// look is [Once], and says what it came to.
func look(ctx context.Context, s Store, source Source, now time.Time) (next time.Time, came progress, err error) {
	for {
		next, came, err = once(ctx, s, source, now)
		if !errors.Is(err, store.ErrMoved) || ctx.Err() != nil {
			return next, came, err
		}
	}
}

func once(ctx context.Context, s Store, source Source, now time.Time) (next time.Time, came progress, err error) {
	position, err := s.Position(ctx, source.Kind(), source.Name())
	if err != nil {
		return time.Time{}, still, err
	}
	found, err := source.Poll(ctx, At{Now: now, Position: position.Value})
	if err != nil {
		return time.Time{}, still, err
	}
	if found.Position == nil || bytes.Equal(found.Position, position.Value) {
		if found.Position = position.Value; len(found.Events) == 0 {
			return found.Next, still, nil
		}
	}
	deliveries := make([]store.Delivery, len(found.Events))
	for i, e := range found.Events {
		if e.Delivery == "" || e.Vendor == "" || e.Name == "" {
			return time.Time{}, still, fmt.Errorf("the source told of the event %q of %q with the key %q: each of them is needed", e.Name, e.Vendor, e.Delivery)
		}
		e.ID = events.NewID()
		deliveries[i] = Deliver(source, e)
	}
	position.Value = found.Position
	if _, _, err := s.Advance(ctx, position, deliveries...); err != nil {
		return time.Time{}, still, err
	}
	if len(deliveries) > 0 {
		return found.Next, told, nil
	}
	return found.Next, moved, nil
}

// Deliver makes the delivery of an event of a source, which has its ID: what is planned
// for it, or why nothing is.
func Deliver(source Source, e events.Event) store.Delivery {
	d := store.Delivery{Hook: Hook(source.Kind(), source.Name()), Event: e}
	if e.Repository == nil {
		d.Skip = noTarget
	} else if f, ok := source.(Filtered); ok {
		d.Skip = predicate.Check(f.Filters(), predicate.NewDocument(e.Payload))
	}
	return d
}
