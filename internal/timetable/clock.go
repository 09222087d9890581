package timetable

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/yamlfile"
)

// clockKeys are those of a time of the hour, day or week.
var clockKeys = map[string][]string{
	keyHourly: {"minute", "second"},
	keyDaily:  {"hour", "minute", "second"},
	keyWeekly: {"day", "hour", "minute", "second"},
}

// clock reads hourly, daily or weekly, whose missing parts are zero.
func (t *table) clock(e yamlfile.Entry) {
	entries, ok := t.Mapping(e.Value, e.Name)
	if !ok {
		t.failed = true
		return
	}
	var (
		at    schedule.Clock
		day   time.Weekday
		named bool
	)
	for _, part := range entries {
		if !slices.Contains(clockKeys[e.Name], part.Name) {
			t.failed = true
			t.Unknown(part, e.Name, clockKeys[e.Name])
			continue
		}
		switch part.Name {
		case "day":
			named = true
			day = t.weekday(part)
		case "hour":
			at.Hour = t.number(part, 23)
		case "minute":
			at.Minute = t.number(part, 59)
		case "second":
			at.Second = t.number(part, 59)
		}
	}
	if e.Name == keyWeekly && !named {
		t.fail(e.Value, "weekly needs a day, such as {day: monday, hour: 3}")
	}
	if t.failed {
		return
	}
	t.parsed(e.Value, e.Name, func() (schedule.Schedule, error) {
		switch e.Name {
		case keyHourly:
			return schedule.Hourly(at, t.zone)
		case keyDaily:
			return schedule.Daily(at, t.zone)
		}
		return schedule.Weekly(day, at, t.zone)
	})
}

func (t *table) weekday(e yamlfile.Entry) time.Weekday {
	name, ok := t.String(e.Value, e.Name)
	if !ok {
		t.failed = true
		return 0
	}
	day, ok := schedule.Weekday(name)
	if !ok {
		t.fail(e.Value, "day must be a day of the week, such as monday or mon")
	}
	return day
}

// twoDigits are numbers as clocks have them. YAML would take 08 for a text.
var twoDigits = regexp.MustCompile(`^[0-9]{1,2}$`)

func (t *table) number(e yamlfile.Entry, most int) int {
	n := t.Visit(e.Value)
	if n == nil {
		t.failed = true
		return 0
	}
	value := 0
	valid := n.Kind == yaml.ScalarNode && n.Style == 0 && twoDigits.MatchString(n.Value)
	if valid {
		value, _ = strconv.Atoi(n.Value) // two digits are a number
	}
	if !valid || value > most {
		t.fail(e.Value, "%s must be a number from 0 to %d", e.Name, most)
	}
	return value
}
