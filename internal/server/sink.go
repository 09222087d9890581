package server

import (
	"context"
	"errors"

	"github.com/franela/pocketci/events"
)

// A Sink takes over the events that were received.
type Sink interface {
	// Accept returns without an error once it answers for the event; only
	// then is the delivery acknowledged. It returns [ErrFull], [ErrStopping]
	// or [ErrUnavailable] to have the delivery sent again later. It must
	// return when ctx ends.
	Accept(ctx context.Context, d Delivery) (Receipt, error)
}

// Delivery is an event that arrived.
type Delivery struct {
	// Event has its ID. When it was received is for the sink to say, by its
	// own clock.
	Event events.Event
	// Hook says where it arrived. Ids of deliveries are unique within one.
	Hook string
	// Nothing says why nothing can be planned for the event, or is empty.
	Nothing string
	// Headers are those of its request that are kept for people to read.
	Headers map[string]string
}

// Receipt says what became of a delivery.
type Receipt struct {
	// Event is the id of the event that the delivery carries: that of the
	// first one if it was here before.
	Event string
	// Run is the number of the event's run.
	Run int64
	// Duplicate says that it was here before and nothing happens.
	Duplicate bool
	// Reason says why it starts nothing, or why it starts something again.
	Reason string
}

// Errors of a [Sink] that mean "not now".
var (
	// ErrFull says that there is no room for another event.
	ErrFull = errors.New("the queue is full")
	// ErrStopping says that the agent takes no more events.
	ErrStopping = errors.New("the agent is stopping")
	// ErrUnavailable says that events cannot be stored at the moment.
	ErrUnavailable = errors.New("events cannot be stored at the moment")
)
