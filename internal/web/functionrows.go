package web

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// functionRow is a function or check in a list: what its modules declare of it, what
// became of its calls, or both.
type functionRow struct {
	Repository, Module, Function string
	// Ref is the branch, tag or commit that was asked for, as it was typed.
	Ref string
	// ID is that of its row.
	ID string
	// Called is nil for what was never called, Declared for what is not known to be
	// declared.
	Called   *v1.Function
	Declared *v1.DeclaredFunction
	// Trigger says when it is called; Check that it is a check of another object, which
	// nobody can call by hand.
	Trigger string
	Check   bool
	// Gone says that the modules at the commit at hand do not declare it.
	Gone bool
	// Disabled is what stops it, nil if nothing does. Own says that it is this function
	// alone.
	Disabled *v1.Disabled
	Own      bool
	// Bars are its last calls, the latest on the right.
	Bars []bar
	// Reason is what was typed to disable it.
	Reason string
}

// Form is the address of the form that calls it.
func (r functionRow) Form() string {
	return runForm(r.Repository, r.Ref, r.Module, r.Function)
}

// Runs is the address of the runs that it is in.
func (r functionRow) Runs() string {
	return runsFilter{Repository: r.Repository, Function: r.Function}.path("/runs")
}

// Last is the state of its last call, empty if there was none.
func (r functionRow) Last() string {
	if r.Called == nil {
		return ""
	}
	return r.Called.LastState
}

// Days are what became of its calls in 7 and 30 days, in words.
func (r functionRow) Days() []string {
	if r.Called == nil {
		return nil
	}
	var list []string
	for _, d := range []struct {
		days  string
		calls *v1.Statistics
	}{{"7 days", r.Called.Days7}, {"30 days", r.Called.Days30}} {
		if d.calls != nil {
			list = append(list, fmt.Sprintf("%s of %d in %s", percent(d.calls.Ratio), d.calls.Calls, d.days))
		}
	}
	return list
}

// Took is the median and the 90th percentile of its durations, empty without calls in 30
// days.
func (r functionRow) Took() string {
	if r.Called == nil || r.Called.Days30 == nil {
		return ""
	}
	return duration(secondsOf(r.Called.Days30.P50)) + " / " + duration(secondsOf(r.Called.Days30.P90))
}

// percent is a ratio in hundredths. It is 100 % only if nothing failed, and 0 % only if
// everything did.
func percent(ratio float64) string {
	n := int(ratio*100 + 0.5)
	switch {
	case n == 100 && ratio < 1:
		n = 99
	case n == 0 && ratio > 0:
		n = 1
	}
	return fmt.Sprintf("%d %%", n)
}

// calledRow is the row of a function that was called.
func calledRow(f *v1.Function) functionRow {
	row := functionRow{Repository: f.Repository, Module: f.Module, Function: f.Function, Called: f, Disabled: f.Disabled}
	row.Own = f.Disabled != nil && f.Disabled.Function != ""
	recent := make([]v1.RecentRun, len(f.Recent))
	for i, c := range f.Recent {
		recent[i] = v1.RecentRun{Number: c.RunNumber, State: c.State, Name: clear(shortRef(c.Ref)), StartedAt: c.StartedAt, EndedAt: c.EndedAt}
	}
	row.Bars = rowOf(&v1.RepositoryState{Recent: recent}).Bars
	return row
}

// numbered gives rows their ids.
func numbered(rows []functionRow) []functionRow {
	for i := range rows {
		rows[i].ID = fmt.Sprintf("function-%d", i)
	}
	return rows
}

// declaredRows are the functions and checks that modules declare, with what became of
// their calls, and behind them those that were called and are not declared any more.
func declaredRows(declared *v1.Declared, called []functionRow, disabled []v1.Disabled, ref string) []functionRow {
	var rows []functionRow
	seen := map[[2]string]bool{}
	add := func(module, function string) *functionRow {
		row := functionRow{Repository: declared.Repository, Module: module, Function: function}
		at := slices.IndexFunc(called, func(r functionRow) bool { return r.Module == module && r.Function == function })
		if at >= 0 {
			row = called[at]
		} else {
			row.Disabled, row.Own = stopped(disabled, module, function)
		}
		row.Ref = ref
		seen[[2]string{module, function}] = true
		rows = append(rows, row)
		return &rows[len(rows)-1]
	}
	for i := range declared.Modules {
		m := &declared.Modules[i]
		for j := range m.Functions {
			row := add(m.Module, m.Functions[j].Name)
			row.Declared, row.Trigger = &m.Functions[j], m.Functions[j].Trigger
		}
		for j := range m.Checks {
			c := &m.Checks[j]
			if len(c.Path) == 1 {
				// Events call it under the name of the check, people under its own.
				for _, r := range called {
					if r.Module == m.Module && r.Function == c.Name && r.Function != c.Path[0] {
						row := add(m.Module, c.Name)
						row.Trigger, row.Check = c.Trigger, true
					}
				}
				continue
			}
			row := add(m.Module, c.Name)
			row.Trigger, row.Check = c.Trigger, true
			row.Declared = &v1.DeclaredFunction{Name: c.Name, Description: c.Description}
		}
	}
	for _, r := range called {
		if seen[[2]string{r.Module, r.Function}] {
			continue
		}
		// Of a module that cannot be loaded it is not known.
		broken := slices.ContainsFunc(declared.Modules, func(m v1.DeclaredModule) bool { return m.Module == r.Module && m.Error != "" })
		r.Gone, r.Ref = !broken, ref
		rows = append(rows, r)
	}
	return numbered(rows)
}

// stopped is what stops a function, the widest first, and whether that is the function
// alone.
func stopped(disabled []v1.Disabled, module, function string) (by *v1.Disabled, own bool) {
	for _, name := range [][2]string{{"", ""}, {module, ""}, {module, function}} {
		at := slices.IndexFunc(disabled, func(d v1.Disabled) bool { return d.Module == name[0] && d.Function == name[1] })
		if at >= 0 {
			return &disabled[at], name[1] != ""
		}
	}
	return nil, false
}

// holds reports whether a text that somebody looks for is in one of others, in whatever
// case.
func holds(sought string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), strings.ToLower(sought)) })
}
