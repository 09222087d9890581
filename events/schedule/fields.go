package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// field is one of cron's five.
type field struct {
	name, values string
	option       cron.ParseOption
	bits         func(*cron.SpecSchedule) uint64
}

var fields = [5]field{
	{"minute", "minutes are 0 to 59", cron.Minute, func(s *cron.SpecSchedule) uint64 { return s.Minute }},
	{"hour", "hours are 0 to 23", cron.Hour, func(s *cron.SpecSchedule) uint64 { return s.Hour }},
	{"day of month", "days are 1 to 31", cron.Dom, func(s *cron.SpecSchedule) uint64 { return s.Dom }},
	{"month", "months are 1 to 12 or jan to dec", cron.Month, func(s *cron.SpecSchedule) uint64 { return s.Month }},
	{"day of week", "days of the week are 0 to 7, from Sunday to Sunday, or sun to sat", cron.Dow, func(s *cron.SpecSchedule) uint64 { return s.Dow }},
}

// starBit is that of [cron.SpecSchedule] for a field that was a star.
const starBit = 1 << 63

// parseFields reads cron's five fields. The library reads each of them alone, so
// that an error can name it, and is not asked when they are due: it is wrong where
// clocks change.
func parseFields(text string, zone *time.Location) (Schedule, error) {
	parts := strings.Fields(strings.ToLower(text))
	if len(parts) != len(fields) {
		return Schedule{}, &ExpressionError{text, fmt.Sprintf(
			`must be a cron expression of five fields (minute, hour, day of month, month, day of week), such as "30 2 * * 1-5", not of %d; @daily, @hourly, @every 30s and a time such as 2026-03-01T12:00:00Z can be written as well`, len(parts))}
	}
	var bits [len(fields)]uint64
	var err error
	for i, f := range fields {
		if bits[i], err = f.parse(parts[i]); err != nil {
			return Schedule{}, &ExpressionError{text, fmt.Sprintf("has the %s %q: %s", f.name, parts[i], err)}
		}
	}
	hour, day, weekday := parts[1], parts[2], parts[4]
	c := &times{
		minute: bits[0], hour: bits[1], day: bits[2], month: bits[3], weekday: bits[4],
		everyHour: isStar(hour) || bits[1] == 1<<24-1,
		eitherDay: !isStar(day) && !isStar(weekday),
	}
	s := Schedule{expression: strings.Join(parts, " "), zone: zone, times: c}
	if c.next(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC), time.UTC).IsZero() {
		return Schedule{}, &ExpressionError{text, fmt.Sprintf("is never due: no month of %s has a day %s; change one of the two", parts[3], day)}
	}
	return s, nil
}

// isStar reports whether a field names no values of its own. Cron counts steps over
// everything among these.
func isStar(text string) bool { return strings.HasPrefix(text, "*") || strings.HasPrefix(text, "?") }

func (f field) parse(text string) (uint64, error) {
	var all uint64
	// The library takes a list with empty entries for one without them.
	for part := range strings.SplitSeq(text, ",") {
		if f.option == cron.Dow {
			part = sundayFirst(part)
		}
		for single := range strings.SplitSeq(part, ",") {
			bits, err := f.parseOne(single)
			if err != nil {
				return 0, err
			}
			all |= bits
		}
	}
	return all, nil
}

func (f field) parseOne(text string) (uint64, error) {
	switch {
	case text == "":
		return 0, fmt.Errorf("it has an empty entry; remove a comma")
	case strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyz*?/-#") != "":
		return 0, fmt.Errorf("%s, with lists (1,3), ranges (1-5) and steps (*/5)", f.values)
	case strings.HasPrefix(text, "*-") || strings.HasPrefix(text, "?-"):
		return 0, fmt.Errorf("a star has no end; write a number in its place")
	case strings.ContainsAny(text, "lw#"):
		if _, err := cron.NewParser(f.option).Parse(text); err != nil {
			return 0, fmt.Errorf("standard cron has no L, W and #; %s", f.values)
		}
	}
	parsed, err := cron.NewParser(f.option).Parse(text)
	if err != nil {
		return 0, fmt.Errorf("%s, with lists (1,3), ranges (1-5) and steps (*/5)", f.values)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return 0, fmt.Errorf("%s", f.values)
	}
	return f.bits(spec) &^ starBit, nil
}

var weekdays = map[string]int{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}

// sundayFirst writes a range of the week that ends on a Sunday, which cron counts as
// 7 as well, as the library has it.
func sundayFirst(text string) string {
	span, step, stepped := strings.Cut(text, "/")
	low, high, ranged := strings.Cut(span, "-")
	switch {
	case !ranged && low == "7" && !stepped:
		return "0"
	case !ranged || high != "7" && (high != "sun" || low == "sun" || low == "0"):
		return text
	}
	first, named := weekdays[low]
	if !named {
		n, err := strconv.Atoi(low)
		if err != nil || n < 0 || n > 7 {
			return text
		}
		first = n
	}
	by := 1
	if stepped {
		n, err := strconv.Atoi(step)
		if err != nil || n < 1 {
			return text
		}
		by = n
	}
	var days []string
	for day := first; day <= 7; day += min(by, 8) {
		days = append(days, strconv.Itoa(day%7))
	}
	return strings.Join(days, ",")
}
