package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// allOf has a bit for each value from low to high.
func allOf(low, high int) uint64 {
	var bits uint64
	for i := low; i <= high; i++ {
		bits |= 1 << i
	}
	return bits
}

// Clock is a time of the day, or with the hour left out of the hour.
type Clock struct{ Hour, Minute, Second int }

// check names what is out of range.
func (c Clock) check() error {
	for _, part := range []struct {
		name        string
		value, most int
	}{{"hour", c.Hour, 23}, {"minute", c.Minute, 59}, {"second", c.Second, 59}} {
		if part.value < 0 || part.value > part.most {
			return &ExpressionError{fmt.Sprintf("%02d:%02d:%02d", c.Hour, c.Minute, c.Second), fmt.Sprintf("has the %s %d; it is 0 to %d", part.name, part.value, part.most)}
		}
	}
	return nil
}

// Hourly is due in each hour at a minute and second; the hour of the clock is not
// looked at.
func Hourly(at Clock, zone *time.Location) (Schedule, error) {
	at.Hour = 0
	text := fmt.Sprintf("%d * * * *", at.Minute)
	if at.Second != 0 {
		text = fmt.Sprintf("@hourly %02d:%02d", at.Minute, at.Second)
	}
	return byClock(text, at, zone, allOf(0, 23), allOf(0, 6))
}

// Daily is due each day at a time.
func Daily(at Clock, zone *time.Location) (Schedule, error) {
	text := fmt.Sprintf("%d %d * * *", at.Minute, at.Hour)
	if at.Second != 0 {
		text = fmt.Sprintf("@daily %02d:%02d:%02d", at.Hour, at.Minute, at.Second)
	}
	return byClock(text, at, zone, 0, allOf(0, 6))
}

// Weekly is due on one day of each week at a time.
func Weekly(day time.Weekday, at Clock, zone *time.Location) (Schedule, error) {
	text := strconv.Itoa(at.Minute) + " " + strconv.Itoa(at.Hour) + " * * " + strconv.Itoa(int(day))
	if at.Second != 0 {
		text = fmt.Sprintf("@weekly %s %02d:%02d:%02d", strings.ToLower(day.String()[:3]), at.Hour, at.Minute, at.Second)
	}
	return byClock(text, at, zone, 0, 1<<day)
}

// byClock makes a schedule of a time; hours are those that the time's own is
// replaced by, if there are any.
func byClock(text string, at Clock, zone *time.Location, hours, weekdays uint64) (Schedule, error) {
	if err := at.check(); err != nil {
		return Schedule{}, err
	}
	c := &times{
		minute: 1 << at.Minute, hour: 1 << at.Hour, day: allOf(1, 31), month: allOf(1, 12), weekday: weekdays,
		second: at.Second, everyHour: hours != 0,
	}
	if hours != 0 {
		c.hour = hours
	}
	return Schedule{expression: text, zone: orUTC(zone), times: c}, nil
}

// parseClock reads @hourly, @daily and @weekly with a time after it.
func parseClock(text string, zone *time.Location) (Schedule, error) {
	word, rest, _ := strings.Cut(text, " ")
	fail := func(reason string) (Schedule, error) { return Schedule{}, &ExpressionError{text, reason} }
	var day time.Weekday
	if word == "@weekly" {
		name, clock, _ := strings.Cut(rest, " ")
		var ok bool
		if day, ok = Weekday(name); !ok {
			return fail("has no day of the week that can be read; write it as in @weekly mon 03:30")
		}
		rest = clock
	}
	least := 2
	var parts []int
	for part := range strings.SplitSeq(rest, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || len(part) != 2 {
			return fail("has no time that can be read; write it as in @daily 03:30, or @hourly 05:30 for a minute and a second")
		}
		parts = append(parts, n)
	}
	if word == "@hourly" {
		parts = append([]int{0}, parts...)
		least = 3
	}
	if len(parts) < least || len(parts) > 3 {
		return fail("has no time that can be read; write it as in @daily 03:30, or @hourly 05:30 for a minute and a second")
	}
	at := Clock{Hour: parts[0], Minute: parts[1]}
	if len(parts) == 3 {
		at.Second = parts[2]
	}
	switch word {
	case "@hourly":
		return Hourly(at, zone)
	case "@daily":
		return Daily(at, zone)
	}
	return Weekly(day, at, zone)
}

// Weekday reads the name of a day of the week, in full or its first three letters,
// in any case.
func Weekday(name string) (time.Weekday, bool) {
	lower := strings.ToLower(name)
	for day := time.Sunday; day <= time.Saturday; day++ {
		if full := strings.ToLower(day.String()); lower == full || lower == full[:3] {
			return day, true
		}
	}
	return 0, false
}
