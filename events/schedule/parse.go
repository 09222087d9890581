package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxExpression is the greatest length of an expression in bytes.
const maxExpression = 255

// ExpressionError says what is wrong with an expression and how to put it right.
type ExpressionError struct {
	Expression string
	// Reason goes on from the expression: has the minute "61"; …
	Reason string
}

func (e *ExpressionError) Error() string { return strconv.Quote(e.Expression) + " " + e.Reason }

// words stand for five fields. Their spelling is cron's.
var words = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// Parse reads an expression:
//
//   - cron's five fields, minute, hour, day of month, month and day of week, with
//     names, ranges, lists and steps; 7 is a Sunday too;
//   - @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly;
//   - @hourly, @daily and @weekly with a time after it, as in @hourly 05:30 (minute and
//     second), @daily 03:30:15 and @weekly mon 03:30;
//   - @every and a duration of whole seconds, as [Every] has it;
//   - a single time as RFC 3339 has it.
//
// Before cron's fields or word there may be CRON_TZ= or TZ= with the name of a time
// zone, as in CRON_TZ=Europe/Berlin 0 3 * * *. Without one it is the given zone, or
// UTC if that is nil. The error is an [*ExpressionError].
func Parse(expression string, zone *time.Location) (Schedule, error) {
	text := strings.Join(strings.Fields(expression), " ")
	fail := func(format string, args ...any) (Schedule, error) {
		return Schedule{}, &ExpressionError{expression, fmt.Sprintf(format, args...)}
	}
	if len(expression) > maxExpression {
		return Schedule{}, &ExpressionError{expression[:32] + "…", fmt.Sprintf("is %d bytes long, more than %d", len(expression), maxExpression)}
	}
	name, rest, zoned := cutZone(text)
	if zoned {
		z, err := Zone(name)
		if err != nil {
			return fail("has the %s", err)
		}
		zone, text = z, rest
	}
	rename := func(s Schedule, err error) (Schedule, error) {
		if wrong, ok := err.(*ExpressionError); ok {
			wrong.Expression = expression
		}
		return s, err
	}
	switch word := strings.ToLower(text); {
	case text == "":
		return fail("is empty; write a cron expression such as 30 2 * * 1-5")
	case word == "@reboot":
		return fail("names no time; write when the schedule is due, such as @daily")
	case word == "@every" || strings.HasPrefix(word, "@every "):
		if zoned {
			return fail("has a time zone and a period, which is counted in real time; remove the time zone")
		}
		return rename(parseEvery(text[len("@every"):]))
	case words[word] != "":
		s, err := parseFields(words[word], orUTC(zone))
		s.expression = word
		return s, err
	case strings.HasPrefix(word, "@hourly ") || strings.HasPrefix(word, "@daily ") || strings.HasPrefix(word, "@weekly "):
		return rename(parseClock(word, zone))
	case strings.HasPrefix(text, "@"):
		return fail("has no meaning; the words are @yearly, @monthly, @weekly, @daily, @hourly and @every with a duration")
	case looksLikeTime(text):
		if zoned {
			return fail("has a time zone and a time with an offset from UTC; remove the time zone")
		}
		return rename(ParseAt(text, zone))
	}
	return rename(parseFields(text, orUTC(zone)))
}

func orUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

func parseEvery(text string) (Schedule, error) {
	text = strings.TrimSpace(text)
	period, err := time.ParseDuration(text)
	if err == nil {
		return Every(period)
	}
	if _, err := strconv.Atoi(text); err == nil {
		return Schedule{}, &ExpressionError{text, fmt.Sprintf("has a period without a unit; write @every %ss, @every %sm or @every %sh", text, text, text)}
	}
	return Schedule{}, &ExpressionError{text, "has no period that can be read; write a duration, such as @every 30s or @every 1h30m"}
}

// looksLikeTime reports whether the text was meant to be a date: 2026-03-01…, which
// no field of cron begins with.
func looksLikeTime(text string) bool {
	if len(text) < 8 || strings.Count(text, " ") > 1 || strings.Count(text, "-") < 2 {
		return false
	}
	_, err := strconv.Atoi(text[:4])
	return err == nil && text[4] == '-'
}
