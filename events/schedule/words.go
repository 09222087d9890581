package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	dayNames = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}
	// clockWords are what cron has words for.
	clockWords = map[string]string{
		"@yearly": "on 1 January at 00:00", "@annually": "on 1 January at 00:00", "@monthly": "on day 1 of each month at 00:00",
		"@weekly": "on Sundays at 00:00", "@daily": "each day at 00:00", "@midnight": "each day at 00:00", "@hourly": "each hour",
	}
)

// Words says in words when a schedule is due, by its expression as
// [Schedule.Expression] has it, and without its time zone. It is empty for those of which the words would be no easier to read.
func Words(expression string) string {
	if words := clockWords[expression]; words != "" {
		return words
	}
	first, rest, _ := strings.Cut(expression, " ")
	fields := strings.Fields(expression)
	switch {
	case first == "@every":
		if d, err := time.ParseDuration(rest); err == nil && d > 0 {
			return "every " + Period(d)
		}
		return ""
	case first == "@hourly" && len(fields) == 2:
		return "each hour at " + rest + " past it"
	case first == "@daily" && len(fields) == 2:
		return "each day at " + rest
	case first == "@weekly" && len(fields) == 3:
		if day, ok := weekday(fields[1]); ok {
			return "on " + dayNames[day] + "s at " + fields[2]
		}
		return ""
	case len(fields) == 5:
		return cronWords(fields)
	}
	if t, err := time.Parse(time.RFC3339, expression); err == nil {
		return "once, on " + t.Format("2 January 2006 at 15:04:05")
	}
	return ""
}

// cronWords is of cron's five fields.
func cronWords(f []string) string {
	minute, hour, day, month, week := f[0], f[1], f[2], f[3], f[4]
	always := day == "*" && month == "*" && week == "*"
	m, fixed := single(minute, 59)
	switch {
	case minute == "*" && hour == "*" && always:
		return "every minute"
	case hour == "*" && always && step(minute, 60) > 0:
		return "every " + Period(time.Duration(step(minute, 60))*time.Minute)
	case hour == "*" && always && fixed:
		return fmt.Sprintf("each hour at :%02d", m)
	case step(hour, 24) > 0 && always && fixed:
		return fmt.Sprintf("every %s at :%02d", Period(time.Duration(step(hour, 24))*time.Hour), m)
	}
	h, whole := single(hour, 23)
	if !fixed || !whole {
		return ""
	}
	at := fmt.Sprintf(" at %02d:%02d", h, m)
	d, dated := single(day, 31)
	switch {
	case always:
		return "each day" + at
	case day == "*" && month == "*":
		if days := daysOfWeek(week); days != "" {
			return days + at
		}
	case dated && month == "*" && week == "*":
		return fmt.Sprintf("on day %d of each month", d) + at
	case dated && week == "*":
		if n, ok := single(month, 12); ok && n > 0 {
			return fmt.Sprintf("on %d %s", d, time.Month(n)) + at
		}
	}
	return ""
}

// single reads a field that is a single number.
func single(field string, most int) (int, bool) {
	n, err := strconv.Atoi(field)
	return n, err == nil && n >= 0 && n <= most
}

// step is how many there are from one time to the next of a field such as */5, and 0
// where that differs, as it does for */25.
func step(field string, of int) int {
	text, ok := strings.CutPrefix(field, "*/")
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n < 2 || n >= of || of%n != 0 {
		return 0
	}
	return n
}

// weekday reads a day of the week, which is a number or the beginning of its name.
func weekday(text string) (int, bool) {
	if n, ok := single(text, 7); ok {
		return n % 7, true
	}
	i := slices.IndexFunc(dayNames, func(day string) bool { return strings.EqualFold(day, text) || strings.EqualFold(day[:3], text) })
	return i, i >= 0
}

// daysOfWeek is a day, a range or a list of days in words.
func daysOfWeek(field string) string {
	if from, to, ok := strings.Cut(field, "-"); ok {
		a, okA := weekday(from)
		b, okB := weekday(to)
		if okA && okB {
			return dayNames[a] + " to " + dayNames[b]
		}
		return ""
	}
	var days []string
	for text := range strings.SplitSeq(field, ",") {
		day, ok := weekday(text)
		if !ok {
			return ""
		}
		days = append(days, dayNames[day]+"s")
	}
	if last := len(days) - 1; last > 0 {
		return "on " + strings.Join(days[:last], ", ") + " and " + days[last]
	}
	return "on " + days[0]
}

// Period is a period in the units that people would use.
func Period(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= unit.of && d%unit.of == 0 {
			if n := int64(d / unit.of); n > 1 {
				return fmt.Sprintf("%d %ss", n, unit.name)
			}
			return unit.name
		}
	}
	return d.String()
}
