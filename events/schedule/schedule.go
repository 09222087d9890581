// Package schedule says when things are due: by cron expressions, by a period, at
// one time, or by the hour, day or week. It is arithmetic alone; who keeps the clock
// is package schedules.
//
// Time zones are those of the IANA database, which is linked into the program, so
// that they are there in a container without them as well. Where clocks are changed,
// a schedule does what people expect and Vixie's cron does: a time of day that does
// not exist is due once, when the clocks have been put forward, and one that exists
// twice is due once, the first time. A schedule whose hours begin with a star is due
// in each real hour that it names.
package schedule

import (
	"time"
	_ "time/tzdata" // containers often have no zones
)

// Schedule says when something is due. The zero Schedule is never due.
type Schedule struct {
	expression string
	zone       *time.Location
	// One of these is set.
	times  *times
	period time.Duration
	at     time.Time
}

// Expression is what the schedule was written as, without its time zone and in one
// spelling: 0 3 * * 1-5, @every 30s, 2026-03-01T12:00:00Z.
func (s Schedule) Expression() string { return s.expression }

// TimeZone is the name of the schedule's time zone, in which its times are counted
// and shown: UTC, Europe/Berlin, or an offset such as +01:00 for a single time.
func (s Schedule) TimeZone() string {
	if s.zone == nil {
		return time.UTC.String()
	}
	return s.zone.String()
}

// String is the expression with its time zone in front, as cron has it, unless that
// is UTC. Two schedules that are due at the same times by the same words have the
// same string.
func (s Schedule) String() string {
	if s.times == nil || s.TimeZone() == time.UTC.String() {
		return s.expression
	}
	return "CRON_TZ=" + s.TimeZone() + " " + s.expression
}

// Equal reports whether two schedules are the same by their words and time zones.
func (s Schedule) Equal(other Schedule) bool {
	return s.String() == other.String() && s.TimeZone() == other.TimeZone()
}

// Once reports whether the schedule is due a single time.
func (s Schedule) Once() bool { return !s.at.IsZero() }

// Next returns the first time after the given one that the schedule is due, in its
// time zone and in whole seconds. It is zero if there is none.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.times != nil:
		return s.times.next(after, s.zone)
	case s.period > 0:
		return s.everyAfter(after)
	case s.at.After(after):
		return s.at
	}
	return time.Time{}
}

// Due lists when the schedule was due after one time and until another, which is
// included: the latest, at most as many as most says and oldest first, and how many
// there were before them. It takes time in proportion to all of them: a year of
// every minute a tenth of a second.
func (s Schedule) Due(after, until time.Time, most int) (list []time.Time, earlier int) {
	if s.period > 0 {
		// A period of a second over a year is too much to go through.
		if n := s.count(after, until); n > int64(most) {
			earlier = int(n - int64(most))
			after = s.everyAfter(after).Add(time.Duration(earlier-1) * s.period)
		}
	}
	for t := s.Next(after); !t.IsZero() && !t.After(until); t = s.Next(t) {
		if len(list) == most {
			list = list[1:]
			earlier++
		}
		list = append(list, t)
	}
	return list, earlier
}

// shortestTicks is how many ticks [Schedule.Shortest] looks at: a week of every
// hour, with both of a year's changes of the clock far away.
const shortestTicks = 200

// Shortest is about the shortest time between two times that the schedule is due,
// zero if it is due once at most. Changes of the clock are not looked at.
func (s Schedule) Shortest() time.Duration {
	if s.period > 0 {
		return s.period
	}
	if s.times == nil {
		return 0
	}
	var shortest time.Duration
	last := s.times.next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC)
	for range shortestTicks {
		next := s.times.next(last, time.UTC)
		if next.IsZero() {
			break
		}
		if gap := next.Sub(last); shortest == 0 || gap < shortest {
			shortest = gap
		}
		last = next
	}
	return shortest
}
