package dispatcher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// Level says how specific a function's name is; lower is more specific.
type Level int

// The levels of names, most specific first.
const (
	LevelVendorEventFilter Level = iota + 1 // On<Vendor><Event><Filter>
	LevelEventFilter                        // On<Event><Filter>
	LevelVendorEvent                        // On<Vendor><Event>
	LevelEvent                              // On<Event>
	LevelVendor                             // On<Vendor>
	LevelDispatch                           // Dispatch
)

// String returns the level as the documentation writes it.
func (l Level) String() string {
	switch l {
	case LevelVendorEventFilter:
		return "On<Vendor><Event><Filter>"
	case LevelEventFilter:
		return "On<Event><Filter>"
	case LevelVendorEvent:
		return "On<Vendor><Event>"
	case LevelEvent:
		return "On<Event>"
	case LevelVendor:
		return "On<Vendor>"
	case LevelDispatch:
		return "Dispatch"
	}
	return fmt.Sprintf("Level(%d)", int(l))
}

// pattern is what a name has to end with to match an event at a level. Part says
// that it names only a part of the event's filter.
type pattern struct {
	level Level
	part  bool
	words []string
}

// patternsOf returns the patterns that an event can be matched by. The two
// without a vendor are for forges only: they make a module portable between
// forges, not between a forge and a schedule.
func patternsOf(ev *events.Event) []pattern {
	on := []string{"on"}
	vendor, name := words(ev.Vendor), words(ev.Name)
	var list []pattern
	add := func(level Level, parts ...[]string) {
		list = append(list, pattern{level: level, words: slices.Concat(parts...)})
	}
	for i, value := range filtersOf(ev) {
		filter := words(value)
		if !hasASCIIWord(filter) {
			continue
		}
		add(LevelVendorEventFilter, on, vendor, name, filter)
		list[len(list)-1].part = i > 0
		if ev.FromForge() {
			add(LevelEventFilter, on, name, filter)
		}
	}
	add(LevelVendorEvent, on, vendor, name)
	if ev.FromForge() {
		add(LevelEvent, on, name)
	}
	add(LevelVendor, on, vendor)
	return list
}

// filtersOf are the values that a name or a condition may give for the event's
// filter: the whole, and of an image in a registry also its repository and its
// tag alone.
func filtersOf(ev *events.Event) []string {
	all := []string{ev.Filter}
	if ev.Vendor == events.VendorRegistry {
		// The colon of a port comes before a slash.
		if colon := strings.LastIndexByte(ev.Filter, ':'); colon > strings.LastIndexByte(ev.Filter, '/') {
			all = append(all, ev.Filter[:colon], ev.Filter[colon+1:])
		}
	}
	return all
}

// reading is one way in which a name matches an event. The prefix is the words
// before On, joined; it is empty for names without one and for Dispatch.
type reading struct {
	function int
	level    Level
	part     bool
	prefix   string
}

// rank is how specific a reading is; lower is more specific. At one level the
// whole filter comes before a part of it.
func (r reading) rank() int {
	rank := 2 * int(r.level)
	if r.part {
		rank++
	}
	return rank
}

// readingsOf returns every way in which the name matches.
func readingsOf(function int, name []string, patterns []pattern) []reading {
	if len(name) == 1 && name[0] == "dispatch" {
		return []reading{{function: function, level: LevelDispatch}}
	}
	var list []reading
	for _, p := range patterns {
		if hasSuffix(name, p.words) {
			prefix := strings.Join(name[:len(name)-len(p.words)], " ")
			list = append(list, reading{function, p.level, p.part, prefix})
		}
	}
	return list
}

// selection is the outcome of precedence for one module: for each function
// that matches by name either the reading that it is called by, or the name of
// the function that is called in its stead.
type selection struct {
	chosen   map[int]reading
	silenced map[int]string
}

// selectByName applies precedence, which is by name alone: among functions
// with the same prefix the most specific name wins, prefixes do not silence
// each other, and a function without prefix gives way to any prefixed one at a
// more specific level.
func selectByName(functions []modules.Function, ev *events.Event) selection {
	patterns := patternsOf(ev)
	var all []reading
	for i := range functions {
		all = append(all, readingsOf(i, words(functions[i].Name), patterns)...)
	}

	best := map[string]reading{} // by prefix
	var rival *reading           // the most specific one that has a prefix
	for _, r := range all {
		if b, ok := best[r.prefix]; !ok || r.rank() < b.rank() {
			best[r.prefix] = r
		}
		if r.prefix != "" && (rival == nil || r.rank() < rival.rank()) {
			rival = &r
		}
	}

	s := selection{chosen: map[int]reading{}, silenced: map[int]string{}}
	// The most specific reading of a function is the one that is shown.
	slices.SortStableFunc(all, func(a, b reading) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, r := range all {
		winner := best[r.prefix]
		switch {
		case r.prefix == "" && rival != nil && rival.rank() < min(r.rank(), winner.rank()):
			s.silenced[r.function] = functions[rival.function].Name
		case r.rank() > winner.rank():
			s.silenced[r.function] = functions[winner.function].Name
		default:
			if _, ok := s.chosen[r.function]; !ok {
				s.chosen[r.function] = r
			}
		}
	}
	for i := range s.chosen {
		delete(s.silenced, i)
	}
	return s
}
