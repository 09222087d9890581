package dispatcher

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/modules"
)

// verdict is what a function's conditions come to: skip has the reason why it
// is not called, err what makes the question unanswerable.
type verdict struct {
	held []string
	skip string
	// filtered is Skipped.Filtered.
	filtered bool
	argument string
	err      error
}

// pullRequestActions are those by which a pull request's commits change. They
// are what a function that does not declare filter is called for.
var pullRequestActions = []string{"opened", "synchronize", "reopened"}

// checkConditions evaluates all conditions of a function that matches by name.
func checkConditions(in Input, fn *modules.Function, settings config.Function, level Level) verdict {
	ev := in.Event
	var v verdict
	for _, c := range []struct {
		name    string
		setting []string
		value   string
		// parts of the value satisfy the condition as well.
		parts []string
	}{
		{"vendor", settings.Vendor, ev.Vendor, nil},
		{"event", settings.Event, ev.Name, nil},
		{"filter", settings.Filter, ev.Filter, filtersOf(ev)[1:]},
		{"base", settings.Base, ev.BaseRef, nil},
	} {
		list, err := valuesOf(fn, c.name, c.setting)
		if err != nil {
			return verdict{argument: c.name, err: err}
		}
		if list == nil {
			continue
		}
		if c.name == "base" && c.value == "" {
			v.skip = fmt.Sprintf("it waits for a pull request against %s, the event has no base", strings.Join(list, ", "))
			return v
		}
		matches := func(value string) bool { return globs.MatchValue(list, value) }
		if !matches(c.value) && !slices.ContainsFunc(c.parts, matches) {
			v.skip = fmt.Sprintf("%s %q is none of %s", c.name, c.value, strings.Join(list, ", "))
			v.filtered = c.name == "base"
			return v
		}
		v.held = append(v.held, fmt.Sprintf("%s is %s", c.name, c.value))
	}

	if saysPullRequest(in, fn, settings, level) && fn.Arg("filter") == nil && settings.Filter == nil {
		if !slices.Contains(pullRequestActions, ev.Filter) {
			v.skip = fmt.Sprintf("the pull request was %s, its commits did not change; declare filter to be called for it", ev.Filter)
			return v
		}
	}

	if len(settings.Filters) > 0 {
		if v.skip = predicate.Check(settings.Filters, in.payload()); v.skip != "" {
			return v
		}
		for _, f := range settings.Filters {
			v.held = append(v.held, f.String())
		}
	}

	if reason, err := checkSchedule(in, fn, settings); err != nil {
		return verdict{argument: "schedule", err: err}
	} else if reason != "" {
		v.skip = reason
		return v
	}
	return checkChanges(in, fn, settings, v)
}

// saysPullRequest reports whether the event is a pull request and the function
// asks for pull requests as a whole, by its name or by its condition on event.
// OnGithub and Dispatch without that condition ask for everything.
func saysPullRequest(in Input, fn *modules.Function, settings config.Function, level Level) bool {
	if in.Event.Name != events.NamePullRequest {
		return false
	}
	switch level {
	case LevelVendorEvent, LevelEvent:
		return true
	case LevelVendor, LevelDispatch:
		arg := fn.Arg("event")
		return settings.Event != nil || arg != nil && arg.Default != nil
	}
	return false
}

// checkChanges evaluates the condition on changed files.
func checkChanges(in Input, fn *modules.Function, settings config.Function, v verdict) verdict {
	patterns := settings.OnChanges
	if patterns == nil {
		var err error
		if patterns, err = changePatterns(fn); err != nil {
			return verdict{argument: "onChanges", err: err}
		}
	}
	if len(patterns) == 0 {
		return v
	}
	set, err := globs.NewSet(patterns)
	if err != nil {
		return verdict{argument: "onChanges", err: fmt.Errorf("onChanges: %w", err)}
	}
	if in.Changes.Unknown != "" {
		v.held = append(v.held, "onChanges holds: "+in.Changes.Unknown)
		return v
	}
	file, ok := set.Match(in.Index)
	if !ok {
		v.skip, v.filtered = fmt.Sprintf("no changed file matches %s", strings.Join(patterns, ", ")), true
		return v
	}
	v.held = append(v.held, file+" changed")
	return v
}

// changePatterns reads the globs that onChanges has as its default: a string
// with commas or a JSON list in it, or a list.
func changePatterns(fn *modules.Function) ([]string, error) {
	arg := fn.Arg("onChanges")
	if arg == nil || arg.Default == nil {
		return nil, nil
	}
	switch {
	case arg.Type.Kind == modules.KindString:
		var text string
		if err := json.Unmarshal(arg.Default, &text); err != nil {
			return nil, fmt.Errorf("read the default of onChanges: %w", err)
		}
		return globs.ParseList(text)
	case isStringList(arg.Type):
		var list []string
		if err := json.Unmarshal(arg.Default, &list); err != nil {
			return nil, fmt.Errorf("read the default of onChanges: %w", err)
		}
		return list, nil
	}
	return nil, nil
}

// valuesOf returns the values that one of the string conditions allows: those
// of pocketci.yaml, else the default of the argument. Nil is no condition.
func valuesOf(fn *modules.Function, name string, setting []string) ([]string, error) {
	list := setting
	if list == nil {
		arg := fn.Arg(name)
		if arg == nil || arg.Default == nil || arg.Type.Kind != modules.KindString {
			return nil, nil
		}
		var text string
		if err := json.Unmarshal(arg.Default, &text); err != nil {
			return nil, fmt.Errorf("read the default of %s: %w", name, err)
		}
		list = globs.SplitList(text)
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list, nil
}

func isStringList(t modules.Type) bool {
	return t.Kind == modules.KindList && t.Elem != nil && t.Elem.Kind == modules.KindString
}
