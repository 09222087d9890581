package schedule

import "time"

// horizon is how far a time is looked for. A 29 February that is a Sunday comes after
// 40 years at most.
const horizon = 41 * 366 * 24 * time.Hour

// times are the times that cron's five fields name, as clocks on the wall show them.
type times struct {
	// Bits of the values of the fields.
	minute, hour, day, month, weekday uint64
	second                            int
	// everyHour says that the hours begin with a star, so that the schedule is
	// about real hours and not about times of the day.
	everyHour bool
	// eitherDay says that the day of the month and that of the week are both
	// given, of which one has to be right then.
	eitherDay bool
}

// next goes through the periods between two changes of the clock. Within one, real
// time and that on the wall are apart by the same offset.
func (c *times) next(after time.Time, zone *time.Location) time.Time {
	from := after.Truncate(time.Second).Add(time.Second)
	limit := from.Add(horizon)
	for from.Before(limit) {
		start, end := from.In(zone).ZoneBounds()
		offset := offsetAt(from, zone)
		if end.IsZero() || end.After(limit) {
			end = limit
		}
		wall := onWall(from, offset)
		if !c.everyHour && !start.IsZero() {
			switch before := offsetAt(start.Add(-time.Second), zone); {
			case before < offset && from.Equal(start):
				// The clocks are put forward: what they leave out is due now.
				if _, ok := c.first(onWall(start, before), onWall(start, offset)); ok {
					return start.In(zone)
				}
			case before > offset:
				// They are put back: what they show again has been due.
				if again := onWall(start, before); wall.Before(again) {
					wall = again
				}
			}
		}
		if t, ok := c.first(wall, onWall(end, offset)); ok {
			return t.Add(-offset).In(zone)
		}
		from = end
	}
	return time.Time{}
}

func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// onWall is what a clock shows at a time, as a time in UTC.
func onWall(t time.Time, offset time.Duration) time.Time { return t.UTC().Add(offset) }

// first returns the first time on the wall that is named, not before from and before
// end.
func (c *times) first(from, end time.Time) (time.Time, bool) {
	t := from.Truncate(time.Minute).Add(time.Duration(c.second) * time.Second)
	if t.Before(from) {
		t = t.Add(time.Minute)
	}
	for t.Before(end) {
		year, month, day := t.Date()
		switch hour, minute, _ := t.Clock(); {
		case c.month&(1<<month) == 0:
			t = time.Date(year, month+1, 1, 0, 0, c.second, 0, time.UTC)
		case !c.onDay(day, t.Weekday()):
			t = time.Date(year, month, day+1, 0, 0, c.second, 0, time.UTC)
		case c.hour&(1<<hour) == 0:
			t = t.Add(time.Duration(60-minute) * time.Minute)
		case c.minute&(1<<minute) == 0:
			t = t.Add(time.Minute)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}

func (c *times) onDay(day int, weekday time.Weekday) bool {
	ofMonth, ofWeek := c.day&(1<<day) != 0, c.weekday&(1<<weekday) != 0
	if c.eitherDay {
		return ofMonth || ofWeek
	}
	return ofMonth && ofWeek
}
