package settings

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/timetable"
	"github.com/franela/pocketci/internal/yamlfile"
)

var scheduleKeys = slices.Concat([]string{"name"}, timetable.Keys(), []string{KeyFilters, KeyCalls})

// Schedule is one whose ticks call functions that are named for it.
type Schedule struct {
	// Name is unique among the schedules. It is the filter of the ticks.
	Name string
	timetable.Timetable
	// Filters are what the payloads of its ticks must fulfil.
	Filters []predicate.Filter
	// Target is whose functions are called.
	Target Target
	// Line is where the entry starts in the file, for messages.
	Line int
}

func (r reader) schedules(n *yaml.Node) []Schedule {
	var schedules []Schedule
	lines := map[string]int{}
	r.items(n, "schedules", "a schedule", func(item *yaml.Node, entries []yamlfile.Entry) {
		s := Schedule{Line: item.Line}
		what := "a schedule"
		named, aimed := false, false
		for _, e := range entries {
			switch {
			case e.Name == "name":
				named = true
				if s.Name = r.name(e, "a schedule"); s.Name != "" {
					what = "the schedule " + s.Name
				}
			case e.Name == KeyFilters:
				s.Filters = r.filters(e)
			case e.Name == KeyCalls:
				aimed = true
				s.Target = r.target(e)
			case !slices.Contains(scheduleKeys, e.Name):
				r.Unknown(e, "a schedule", scheduleKeys)
			}
		}
		if !named {
			r.Fail(item, "a schedule needs a name; nightly calls the functions OnTimeTickNightly")
		}
		if !aimed {
			r.Fail(item, "%s needs %s, whose functions its ticks call, such as %s: acme/shop", what, KeyCalls, KeyCalls)
		}
		s.Timetable = timetable.Read(r.Reader, item, what, entries)
		r.unique(item, "schedule", s.Name, lines)
		schedules = append(schedules, s)
	})
	return schedules
}
