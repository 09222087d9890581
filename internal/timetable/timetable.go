// Package timetable reads from configuration files when something is due, and what
// is done about ticks that come late. It is what agent.yaml and pocketci.yaml have in
// common about schedules.
package timetable

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/yamlfile"
)

// The keys of a timetable.
const (
	keyCron     = "cron"
	keyEvery    = "every"
	keyAt       = "at"
	keyHourly   = "hourly"
	keyDaily    = "daily"
	keyWeekly   = "weekly"
	keyTimeZone = "time-zone"
	keyCatchUp  = "catch-up"
	keyMaxAge   = "max-age"
	keyJitter   = "jitter"
)

// dueKeys say when something is due; there is one of them.
var dueKeys = []string{keyCron, keyEvery, keyAt, keyHourly, keyDaily, keyWeekly}

var keys = append(slices.Clone(dueKeys), keyTimeZone, keyCatchUp, keyMaxAge, keyJitter)

// Keys returns those of a mapping that [Read] reads.
func Keys() []string { return slices.Clone(keys) }

// Timetable is a schedule with its policy.
type Timetable struct {
	Schedule schedule.Schedule
	Policy   schedule.Policy
}

// Read reads a timetable from the entries of a mapping, which stands at a node and is
// called what in messages. Entries with other keys are left to the caller. What is
// wrong is reported, and the timetable is zero then.
func Read(r *yamlfile.Reader, at *yaml.Node, what string, entries []yamlfile.Entry) Timetable {
	t := &table{Reader: r}
	given := map[string]yamlfile.Entry{}
	for _, e := range entries {
		given[e.Name] = e
	}
	if e, ok := given[keyTimeZone]; ok {
		t.readZone(e)
	}
	due := 0
	for _, key := range dueKeys {
		e, ok := given[key]
		if !ok {
			continue
		}
		if due++; due > 1 {
			r.Fail(e.Key, "%s says twice when it is due; keep one of %s", what, strings.Join(dueKeys, ", "))
			continue
		}
		t.due(e)
	}
	if due == 0 {
		r.Fail(at, "%s does not say when it is due; add one of %s", what, strings.Join(dueKeys, ", "))
	}
	t.policy(given)
	if t.failed || due != 1 {
		return Timetable{}
	}
	return t.Timetable
}

// Expression reads a schedule that is a string, without a policy.
func Expression(r *yamlfile.Reader, n *yaml.Node, what string) (schedule.Schedule, bool) {
	t := &table{Reader: r}
	s, ok := r.String(n, what)
	if ok {
		t.parsed(n, what, func() (schedule.Schedule, error) { return schedule.Parse(s, nil) })
	}
	return t.Schedule, ok && !t.failed
}

// table is a timetable that is being read.
type table struct {
	*yamlfile.Reader
	Timetable
	zone   *time.Location
	failed bool
}

func (t *table) fail(at *yaml.Node, format string, args ...any) {
	t.failed = true
	t.Fail(at, format, args...)
}

// parsed takes the schedule that make returns, or reports what is wrong with it.
func (t *table) parsed(at *yaml.Node, what string, make func() (schedule.Schedule, error)) {
	var err error
	if t.Schedule, err = make(); err == nil {
		return
	}
	reason := err.Error()
	if wrong, ok := err.(*schedule.ExpressionError); ok {
		reason = wrong.Reason
	}
	t.fail(at, "%s %s", what, reason)
}

func (t *table) readZone(e yamlfile.Entry) {
	name, ok := t.String(e.Value, e.Name)
	if !ok {
		t.failed = true
		return
	}
	zone, err := schedule.Zone(strings.TrimSpace(name))
	if err != nil {
		t.fail(e.Value, "%s has the %s", e.Name, err)
	}
	t.zone = zone
}

// due reads the one entry that says when.
func (t *table) due(e yamlfile.Entry) {
	switch e.Name {
	case keyCron:
		s, ok := t.String(e.Value, e.Name)
		if !ok {
			t.failed = true
			return
		}
		t.parsed(e.Value, e.Name, func() (schedule.Schedule, error) { return schedule.Parse(s, t.zone) })
	case keyEvery:
		if t.zone != nil {
			t.fail(e.Key, "every counts real time, which is the same in all time zones; remove time-zone")
		}
		if period, ok := t.duration(e); ok {
			t.parsed(e.Value, e.Name, func() (schedule.Schedule, error) { return schedule.Every(period) })
		}
	case keyAt:
		t.at(e)
	default:
		t.clock(e)
	}
}

// at reads a single time, which YAML takes for a value of its own without quotes.
func (t *table) at(e yamlfile.Entry) {
	n := t.Visit(e.Value)
	if n == nil {
		t.failed = true
		return
	}
	if tag := n.ShortTag(); n.Kind != yaml.ScalarNode || tag != "!!str" && tag != "!!timestamp" {
		t.fail(e.Value, "%s must be a time as RFC 3339 has it, such as 2026-03-01T12:00:00Z, not %s", e.Name, yamlfile.Describe(n))
		return
	}
	t.parsed(e.Value, e.Name, func() (schedule.Schedule, error) { return schedule.ParseAt(n.Value, t.zone) })
}

// duration reads a duration with its unit.
func (t *table) duration(e yamlfile.Entry) (time.Duration, bool) {
	n := t.Visit(e.Value)
	if n == nil {
		t.failed = true
		return 0, false
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!int" {
		t.fail(e.Value, "%s needs a unit; write %ss, %sm or %sh", e.Name, n.Value, n.Value, n.Value)
		return 0, false
	}
	s, ok := t.String(n, e.Name)
	if !ok {
		t.failed = true
		return 0, false
	}
	d, err := time.ParseDuration(strings.TrimSpace(s))
	if err != nil {
		t.fail(e.Value, "%s must be a duration such as 30s, 10m or 1h30m", e.Name)
	}
	return d, err == nil
}
