package store

import "time"

// Clock tells the time. Times of day are only ever recorded and shown; what
// decides about an agent's silence is Elapsed, so that setting the time of day
// back or forth takes nobody's work away.
type Clock interface {
	// Now is the time of day. It may jump.
	Now() time.Time
	// Elapsed is the time since some fixed moment. It never goes back.
	Elapsed() time.Duration
}

// NewClock returns the system's clock.
func NewClock() Clock { return systemClock{start: time.Now()} }

type systemClock struct{ start time.Time }

func (systemClock) Now() time.Time           { return time.Now() }
func (c systemClock) Elapsed() time.Duration { return time.Since(c.start) }

// bounds are the earliest and the latest that the time of day can be: that
// which the clock shows, and that which it would show had it not been set since
// the store was opened. What is deleted for its age counts by the earliest, what
// expires by the latest, so that a clock that is set forth deletes nothing, and
// one that is set back revives nothing.
func (s *Store) bounds() (earliest, latest time.Time) {
	shown, steady := s.clock.Now(), s.opened.Add(s.clock.Elapsed()-s.openedAt)
	if steady.Before(shown) {
		return steady, shown
	}
	return shown, steady
}

// micros is how times are stored: microseconds since 1970, 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
