package schedule

import (
	"fmt"
	"time"
)

// Bounds of a period.
const (
	minPeriod = time.Second
	maxPeriod = 366 * 24 * time.Hour
)

// Every is due each time that a period has passed, counted from the beginning of
// 1970 in UTC: real time, that no change of a clock and no restart moves. A period of
// an hour is therefore due at each full hour in UTC. It is whole seconds, from one to
// a year of 366 days.
func Every(period time.Duration) (Schedule, error) {
	text := "@every " + period.String()
	switch {
	case period < minPeriod:
		return Schedule{}, &ExpressionError{text, "has the period " + period.String() + ", less than a second; write @every 1s or more"}
	case period > maxPeriod:
		return Schedule{}, &ExpressionError{text, fmt.Sprintf("has the period %s, more than a year; write a time of day instead", period)}
	case period%time.Second != 0:
		return Schedule{}, &ExpressionError{text, fmt.Sprintf("has the period %s; periods are whole seconds, write @every %s", period, period.Round(time.Second))}
	}
	return Schedule{expression: text, zone: time.UTC, period: period}, nil
}

func (s Schedule) everyAfter(after time.Time) time.Time {
	period := int64(s.period / time.Second)
	return time.Unix((floorDiv(after.Unix(), period)+1)*period, 0).In(s.zone)
}

// count is how often a period ends after one time and until another.
func (s Schedule) count(after, until time.Time) int64 {
	period := int64(s.period / time.Second)
	return max(0, floorDiv(until.Unix(), period)-floorDiv(after.Unix(), period))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
