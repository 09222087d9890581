package timetable

import (
	"strings"
	"time"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/yamlfile"
)

// policy reads what becomes of ticks that come late.
func (t *table) policy(given map[string]yamlfile.Entry) {
	if e, ok := given[keyCatchUp]; ok {
		t.catchUp(e)
	}
	if e, ok := given[keyMaxAge]; ok {
		if d, ok := t.duration(e); ok {
			t.Policy.MaxAge = d
			switch {
			case d < time.Second || d > schedule.MaxMaxAge:
				t.fail(e.Value, "max-age must be from a second to %s, a year", hours(schedule.MaxMaxAge))
			case t.Policy.CatchUp == schedule.CatchUpNone:
				t.fail(e.Key, "catch-up: none catches up with no tick, however old; remove max-age")
			}
		}
	}
	if e, ok := given[keyJitter]; ok {
		if d, ok := t.duration(e); ok {
			t.Policy.Jitter = d
			shortest := t.Schedule.Shortest()
			switch {
			case d < 0 || d > schedule.MaxJitter:
				t.fail(e.Value, "jitter must be from nothing to %s", hours(schedule.MaxJitter))
			case shortest > 0 && d >= shortest:
				t.fail(e.Value, "jitter must be shorter than the time between two ticks, which is %s", shortest)
			}
		}
	}
}

func (t *table) catchUp(e yamlfile.Entry) {
	word, ok := t.String(e.Value, e.Name)
	if !ok {
		t.failed = true
		return
	}
	if err := t.Policy.CatchUp.UnmarshalText([]byte(word)); err != nil {
		words := schedule.CatchUpWords()
		if meant := yamlfile.Suggest(word, words); meant != "" {
			t.fail(e.Value, "%s must be one of %s; did you mean %q?", e.Name, strings.Join(words, ", "), meant)
			return
		}
		t.fail(e.Value, "%s must be one of %s", e.Name, strings.Join(words, ", "))
	}
}

// hours writes a duration of whole hours as files have it.
func hours(d time.Duration) string { return strings.TrimSuffix(d.String(), "0m0s") }
