package web

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// planPart is a plan as pages show it, of a run or of an event that is only tried.
type planPart struct {
	Calls []callRow
	// Picture is nil where there is nothing to draw, or too much.
	Picture *picture
	// Levels are the calls by how many of them come before, which says the same as the
	// picture.
	Levels [][]*callRow
	Event  dispatcher.EventView
	// Uncalled are the functions that are not called, by reason; Hidden is how many
	// there are that the search leaves out, and Count how many there are.
	Uncalled []reasonGroup
	Hidden   int
	Count    int
	Search   string
	// Action is the page's address, for the search; empty without one.
	Action    string
	Invalid   []dispatcher.Invalid
	Warnings  []string
	Pinned    []dispatcher.PinnedView
	Following []followingPart
}

// Commands reports whether one of the calls can be made with Dagger's command line.
func (p *planPart) Commands() bool {
	return slices.ContainsFunc(p.Calls, func(c callRow) bool { return c.Command != "" })
}

// followingPart is a run that follows, with its plan if that is known.
type followingPart struct {
	Module, Why string
	Plan        *planPart
}

// callRow is a call in a plan.
type callRow struct {
	dispatcher.CallView
	// ID is that of the stored call, and of elements of the page.
	ID string
	// State is empty for calls that are only planned.
	State   string
	Reason  string
	Attempt int
	Agent   string
	Waited  timespan
	Span    timespan
	// To is the call's page, empty for what is only planned.
	To string
	// Before are the calls that it comes after.
	Before []*callRow
	// Told says that the reason names them.
	Told  bool
	index int
}

// Ended reports whether nothing more happens to it.
func (c *callRow) Ended() bool { return c.State != "" && client.Ended(c.State) }

// Name is how plans name it.
func (c *callRow) Name() string { return qualified(c.Module, c.Function) }

// Arguments are what is passed, by name.
func (c *callRow) Arguments() []argument {
	var list []argument
	for _, name := range slices.Sorted(maps.Keys(c.Args)) {
		text, isText := c.Args[name].(string)
		if !isText {
			data, err := json.Marshal(c.Args[name])
			if err != nil {
				continue // it came from JSON
			}
			text = string(data)
		}
		list = append(list, argument{name, text})
	}
	return list
}

type argument struct{ Name, Value string }

func qualified(module, function string) string { return module + ":" + function }

// reasonGroup is the functions that are not called for one reason.
type reasonGroup struct {
	Reason    string
	Filtered  bool
	Functions []dispatcher.Skipped
	// More is how many more there are.
	More int
}

// uncalledLimit is how many functions of one reason are listed.
const uncalledLimit = 500

// planOf makes the parts of a plan. The calls are those of the run, nil for a plan that
// is only tried.
func planOf(raw json.RawMessage, calls []v1.Call, number int64, search string) (planPart, error) {
	var view dispatcher.View
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &view); err != nil {
			return planPart{}, fmt.Errorf("read the plan: %w", err)
		}
	}
	p := partOf(&view, search)
	if calls != nil {
		p.Calls = stored(p.Calls, calls, number)
		// What is among the calls is not said again.
		p.Invalid = slices.DeleteFunc(p.Invalid, func(i dispatcher.Invalid) bool {
			return slices.ContainsFunc(calls, func(c v1.Call) bool {
				return c.State == "invalid" && c.Module == i.Module && c.Function == i.Function && strings.Contains(cmp.Or(c.Error, c.Reason), i.Error)
			})
		})
	}
	p.arrange()
	return p, nil
}

func partOf(view *dispatcher.View, search string) planPart {
	p := planPart{Event: view.Event, Invalid: view.Invalid, Warnings: view.Warnings, Pinned: view.Pinned, Search: search}
	for _, c := range view.Calls {
		p.Calls = append(p.Calls, callRow{CallView: c})
	}
	for _, f := range view.Following {
		part := followingPart{Module: f.Module, Why: f.Why}
		if f.Plan != nil {
			own := partOf(f.Plan, "")
			own.arrange()
			part.Plan = &own
		}
		p.Following = append(p.Following, part)
	}
	p.Count = len(view.Skipped)
	p.Uncalled, p.Hidden = reasonsOf(view.Skipped, search)
	return p
}

// stored makes the rows of calls that are stored, each with what the plan says of it. Such
// that could not be planned are stored as well, and invalid.
func stored(planned []callRow, calls []v1.Call, number int64) []callRow {
	known := make(map[string]*callRow, len(planned))
	for i := range planned {
		known[planned[i].Name()] = &planned[i]
	}
	names := make(map[string]string, len(calls))
	for i := range calls {
		names[calls[i].ID] = qualified(calls[i].Module, calls[i].Function)
	}
	rows := make([]callRow, len(calls))
	for i := range calls {
		c := &calls[i]
		r := &rows[i]
		if k := known[names[c.ID]]; k != nil {
			*r = *k
		}
		r.Module, r.Function, r.Command = c.Module, c.Function, cmp.Or(r.Command, c.Command)
		r.RunsOn = cmp.Or(r.RunsOn, c.RunsOn)
		r.After, r.AfterSkipped = nil, nil
		for _, id := range c.After {
			if name, known := names[id]; known {
				r.After = append(r.After, name)
			}
		}
		r.ID, r.State, r.Reason, r.Attempt, r.Agent = c.ID, c.State, cmp.Or(c.Error, c.Reason), c.Attempt, c.Agent
		if c.Function != "" { // or it is a module that could not be loaded
			r.To = callPath(number, c.Module, c.Function)
		}
		r.Waited, r.Span = span(c.QueuedAt, c.StartedAt), span(c.StartedAt, c.EndedAt)
		if r.Ended() && !r.Waited.Ended() {
			r.Waited = timespan{}
		}
	}
	return rows
}

// arrange finds out what comes after what, and draws it.
func (p *planPart) arrange() {
	index := make(map[string]int, len(p.Calls))
	for i := range p.Calls {
		c := &p.Calls[i]
		c.index = i
		if c.ID == "" {
			c.ID = fmt.Sprintf("%d", i)
		}
		index[c.Name()] = i
	}
	after := make([][]int, len(p.Calls))
	for i := range p.Calls {
		c := &p.Calls[i]
		c.Before = nil
		for _, name := range slices.Concat(c.After, c.AfterSkipped) {
			if before, known := index[name]; known && before != i {
				after[i] = append(after[i], before)
				c.Before = append(c.Before, &p.Calls[before])
			}
		}
		if c.State == "queued" && c.Reason == "" {
			c.Reason = c.waits()
			c.Told = c.Reason != ""
		}
	}
	p.Picture, p.Levels = draw(p.Calls, after)
}

// waits says which of the calls before a call it waits for.
func (c *callRow) waits() string {
	var names []string
	for _, b := range c.Before {
		if !b.Ended() {
			names = append(names, b.Function)
		}
	}
	if len(names) == 0 {
		return ""
	}
	if len(names) > 5 {
		return fmt.Sprintf("waits for %s and %d more", strings.Join(names[:5], ", "), len(names)-5)
	}
	return "waits for " + strings.Join(names, ", ")
}

// reasonsOf groups functions by why they are not called, the most first, and leaves out
// those that somebody does not search for.
func reasonsOf(all []dispatcher.Skipped, search string) (groups []reasonGroup, hidden int) {
	at := map[string]int{}
	needle := strings.ToLower(search)
	for _, s := range all {
		if needle != "" && !strings.Contains(strings.ToLower(s.Module+":"+s.Function+" "+s.Reason), needle) {
			hidden++
			continue
		}
		i, known := at[s.Reason]
		if !known {
			i = len(groups)
			at[s.Reason] = i
			groups = append(groups, reasonGroup{Reason: s.Reason, Filtered: s.Filtered})
		}
		if g := &groups[i]; len(g.Functions) < uncalledLimit {
			g.Functions = append(g.Functions, s)
		} else {
			g.More++
		}
	}
	slices.SortStableFunc(groups, func(a, b reasonGroup) int {
		return cmp.Compare(len(b.Functions)+b.More, len(a.Functions)+a.More)
	})
	return groups, hidden
}
