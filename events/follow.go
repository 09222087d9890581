package events

// MaxDepth is how long a chain of events may be. Reactions and functions make new
// events, to which others react in turn; a chain that is longer than any that people
// mean goes round in a circle.
const MaxDepth = 8

// Follow returns e as an event that follows from cause.
func Follow(cause *Event, e Event) Event {
	e.Cause, e.Depth = cause.ID, cause.Depth+1
	return e
}
