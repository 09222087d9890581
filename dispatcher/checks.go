package dispatcher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// checkEvents are what a check is called for unless pocketci.yaml says
// otherwise.
var checkEvents = []string{events.NamePush, events.NamePullRequest}

// whyCheck begins the reason why a check is called.
const whyCheck = "a check"

// asCheck returns the check as which events call a function of the main object.
// It is nil for functions that are none, and for those whose name is a trigger:
// the name says when they are called, and nothing calls them a second time.
func asCheck(m *modules.Module, function string, ev *events.Event) *modules.Check {
	check := m.CheckOf(function)
	if check == nil || namesTrigger(function, ev) {
		return nil
	}
	return check
}

// namesTrigger reports whether a name can call a function: that of a vendor or
// an event that is known, or of the event at hand whatever that is.
func namesTrigger(function string, ev *events.Event) bool {
	name := words(function)
	return len(triggerStarts(name)) > 0 || len(readingsOf(0, name, patternsOf(ev))) > 0
}

// matchChecks decides which checks of a module the event calls. Each is in one
// list of the plan, under the check's name, unless its name is a trigger.
func (p *Plan) matchChecks(in Input) {
	p.Warnings = append(p.Warnings, unusedChecks(in)...)
	for i := range in.Module.Checks {
		check := &in.Module.Checks[i]
		if len(check.Path) == 1 && asCheck(in.Module, check.Path[0], in.Event) == nil {
			continue
		}
		if skip := uncalled(in, check); skip != "" {
			p.Skipped = append(p.Skipped, Skipped{Module: in.Module.Path, Function: check.Name, Reason: skip})
			continue
		}
		settings := settingsOf(in, check)
		verdict := checkChanges(in, &modules.Function{}, settings, verdict{})
		if verdict.skip != "" {
			p.Skipped = append(p.Skipped, Skipped{in.Module.Path, check.Name, verdict.skip, verdict.filtered})
			continue
		}
		argument, err := verdict.argument, verdict.err
		if err == nil {
			argument, err = checkSettings(in, settings)
		}
		if err != nil {
			p.Invalid = append(p.Invalid, Invalid{in.Module.Path, check.Name, argument, err.Error()})
			continue
		}
		call := Call{
			Module: in.Module.Path,
			Call:   modules.Call{Function: check.Name, Path: check.Path, Returns: check.Returns},
			Why:    strings.Join(append([]string{whyCheck}, verdict.held...), "; "),
		}
		call.set(in, settings)
		p.Calls = append(p.Calls, call)
	}
}

// settingsOf returns what pocketci.yaml says about a check as if it were about
// a function.
func settingsOf(in Input, check *modules.Check) config.Function {
	c, _ := in.Config.Checks.Check(check.Name)
	return config.Function{OnChanges: c.OnChanges, Timeout: c.Timeout, RunsOn: c.RunsOn, Line: c.Line}
}

// uncalled says why the event does not call a check, whatever has changed.
func uncalled(in Input, check *modules.Check) string {
	ev := in.Event
	if len(check.Requires) > 0 {
		arg := &check.Requires[0]
		return fmt.Sprintf("it is marked as a check and requires the argument %s (%s), and checks are called without arguments; give it a default value or make it optional", arg.Name, arg.Type)
	}
	if in.Config.Checks.Off {
		return fmt.Sprintf("%s says checks: false", config.FileName)
	}
	if reason := disabledReason(in.Disabled, in.Module.Path, check.Name); reason != "" {
		return reason
	}
	settings, _ := in.Config.Checks.Check(check.Name)
	called := settings.Events
	if called == nil {
		called = checkEvents
	}
	if !ev.FromForge() || !slices.Contains(called, ev.Name) {
		return fmt.Sprintf("it is a check, which a forge's %s calls; the event is %s %s", strings.Join(called, ", "), ev.Vendor, ev.Name)
	}
	if ev.Name == events.NamePullRequest && !slices.Contains(pullRequestActions, ev.Filter) {
		return fmt.Sprintf("the pull request was %s, its commits did not change, which is what checks are called for", ev.Filter)
	}
	return ""
}

// unusedChecks warns of settings that no call is made with.
func unusedChecks(in Input) []string {
	var list []string
	for name, c := range in.Config.Checks.ByName {
		check := in.Module.Check(name)
		at := fmt.Sprintf("%s:%d: checks.%s", config.FileName, c.Line, name)
		switch {
		case check == nil:
			list = append(list, fmt.Sprintf("%s names no check of module %s", at, in.Module.Path))
		case len(check.Path) == 1 && asCheck(in.Module, check.Path[0], in.Event) == nil:
			list = append(list, fmt.Sprintf("%s is not used: the name of the function says when it is called; put its settings below functions", at))
		}
	}
	for name, f := range in.Config.Functions {
		if fn := in.Module.Function(name); fn != nil {
			if check := asCheck(in.Module, fn.Name, in.Event); check != nil {
				list = append(list, fmt.Sprintf("%s:%d: functions.%s is used for calls by hand alone: events call the function as a check; put its settings below checks", config.FileName, f.Line, name))
			}
		}
	}
	slices.Sort(list)
	return list
}
