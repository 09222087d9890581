// Package reaction has built-in reactions follow the events that any agent stores: they
// act on the host of this one, and tell what they did with events of their own, so
// that functions can follow them.
//
// What a reaction has achieved is a position in the store, of this agent and its name.
// It moves in the transaction that stores the event which tells of it, and only when
// all of the reaction has succeeded. There is no queue: at its start every reaction
// looks what is to be done, and from then on once more after each event that it wants.
package reaction

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// Reaction is something on this host that is kept as events say.
type Reaction interface {
	// Name is unique among the reactions of a [Reactor].
	Name() string
	// Place is what it works on. Those that have one in common never work at the
	// same time.
	Place() string
	// Wants says whether an event has it look. The event has no payload.
	Wants(e *store.Event) bool
	// React does what is to be done. It is called again after an error, and after
	// a crash for something that it had done in part or in full. An error whose
	// chain has a method Temporary that returns true is tried again as
	// [Persistence] says before it counts.
	React(ctx context.Context, r Round) (Outcome, error)
	// Failed tells of an error that React has returned in the end. The reason stays
	// the same for as long as it fails in the same way, and is told once. The
	// event has neither ID nor Delivery.
	Failed(err error) (reason string, e events.Event)
	Persistence() Persistence
	// Target is whose functions its events call.
	Target() settings.Target
}

// Persistence is how a reaction is tried again, and when without an event.
type Persistence struct {
	// Tries is how often React is called before an error counts, at least once, and
	// Delay how long is waited in between.
	Tries int
	Delay time.Duration
	// Every has it look without an event; zero is never.
	Every time.Duration
}

// Round is one look at what is to be done.
type Round struct {
	// Achieved is what the last round had that succeeded, nil if none did.
	Achieved json.RawMessage
	// Touch says that a person asked for it, who wants everything done anew.
	Touch bool
	// Cause is the event that it follows from, nil if it follows from none.
	Cause *events.Event
}

// Outcome is what a round has done.
type Outcome struct {
	// Achieved is kept for the next round.
	Achieved json.RawMessage
	// Event tells of it, without ID and Delivery. Nil is for a round that had
	// nothing to do.
	Event *events.Event
}

// Store keeps what was achieved; it is a [store.Store].
type Store interface {
	Events(ctx context.Context, f store.EventFilter) ([]store.Event, error)
	Watch(topic string) (<-chan struct{}, func())
	Position(ctx context.Context, kind, name string) (store.Position, error)
	Positions(ctx context.Context, kind string) ([]store.Position, error)
	Advance(ctx context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error)
	Forget(ctx context.Context, kind, name string) error
}

// Config is what a reactor is made of.
type Config struct {
	Store Store
	// Kind is the kind of the reactions' positions, such as mirror.
	Kind string
	// Agent is the name of this agent. Each has positions of its own, as each has
	// a host of its own.
	Agent string
	// Aim has an event belong to the repository of a target.
	Aim func(ctx context.Context, t settings.Target, e *events.Event) error
	// Count is told how each round ended: ResultChanged, ResultUnchanged or
	// ResultFailed. It may be nil.
	Count func(name, result string)
	Log   *slog.Logger
}

// How rounds end.
const (
	ResultChanged   = "changed"
	ResultUnchanged = "unchanged"
	ResultFailed    = "failed"
)

// ErrUnknown says that there is no reaction of a name.
var ErrUnknown = errors.New("there is none of this name")

// temporary reports whether the same attempt may succeed a moment later.
func temporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}
