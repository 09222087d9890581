package dispatcher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/modules"
)

// Input is everything that [Match] decides by.
type Input struct {
	Event *events.Event
	// Changes are the changed files, and Index the same files prepared for
	// matching; Match makes the index itself where it is nil.
	Changes Changes
	Index   *globs.Files
	// Refs are the repository's branches and tags, used for warnings only.
	Refs   Refs
	Config config.Module
	Module *modules.Module
	// Commit is that of a module of another repository.
	Commit string
	// Labels are those that some runner has.
	Labels []string
	// Secret says why a secret reference may not or cannot be resolved; nil
	// refuses every secret. An error whose Withheld() is true says that the run
	// gets none at all: arguments that can do without are left out then.
	Secret func(ref string) error
	// RunURL links to the run, empty on a laptop.
	RunURL string
	// Timeout is the limit of calls that set none.
	Timeout time.Duration
	// MaxTimeout is what no call may take longer than; zero is no bound.
	MaxTimeout time.Duration
	// Disabled are the functions that are not to be called.
	Disabled []Disabled
	// Foreign is that of [Request].
	Foreign bool

	// The changed files as the values of onChanges. All functions share
	// them: made for each, they would be most of the work of a large plan.
	joined func() string
	items  func() []any
	// payload is the event's, taken apart for filters.
	payload func() *predicate.Document
	// ownTick is hasOwnTick.
	ownTick func() bool
}

// Match decides which functions and checks of one module an event calls. It is a
// pure function: the same input gives the same plan, in the order in which the
// module lists its functions, and then its checks by name.
func Match(in Input) Plan {
	if in.Index == nil {
		in.Index = globs.Index(in.Changes.Files)
	}
	in.joined = sync.OnceValue(func() string { return joinFiles(in.Changes.Files) })
	in.items = sync.OnceValue(func() []any { return itemsOf(in.Changes.Files) })
	in.payload = sync.OnceValue(func() *predicate.Document { return predicate.NewDocument(in.Event.Payload) })
	in.ownTick = sync.OnceValue(func() bool { return hasOwnTick(&in) })
	plan := Plan{Event: *in.Event, Changes: in.Changes}
	plan.Warnings = slices.Concat(nameWarnings(in.Module.Path, in.Module.Functions, in.Refs), unusedSettings(in), scheduleWarnings(in), convergeWarnings(in))

	selected := selectByName(in.Module.Functions, in.Event)
	for i := range in.Module.Functions {
		fn := &in.Module.Functions[i]
		if asCheck(in.Module, fn.Name, in.Event) != nil {
			continue // listed with the checks
		}
		skip := func(reason string) {
			plan.Skipped = append(plan.Skipped, Skipped{Module: in.Module.Path, Function: fn.Name, Reason: reason})
		}
		invalid := func(argument string, err error) {
			plan.Invalid = append(plan.Invalid, Invalid{in.Module.Path, fn.Name, argument, err.Error()})
		}

		matched, ok := selected.chosen[i]
		if !ok {
			if by, silenced := selected.silenced[i]; silenced {
				skip(fmt.Sprintf("%s has a more specific name, which takes precedence even where it is not called", name{in.Module.Path, by}))
			} else {
				skip(cmp.Or(convergeReason(in, fn.Name), unmatchedReason(fn.Name, in.Event)))
			}
			continue
		}

		if reason := disabledReason(in.Disabled, in.Module.Path, fn.Name); reason != "" {
			skip(reason)
			continue
		}
		settings, _ := in.Config.Function(fn.Name)
		verdict := checkConditions(in, fn, settings, matched.level)
		switch {
		case verdict.err != nil:
			invalid(verdict.argument, verdict.err)
			continue
		case verdict.skip != "":
			skip(verdict.skip)
			plan.Skipped[len(plan.Skipped)-1].Filtered = verdict.filtered
			continue
		}

		if argument, err := checkSettings(in, settings); err != nil {
			invalid(argument, err)
			continue
		}
		args, argument, err := bind(in, fn, settings)
		if err != nil {
			invalid(argument, err)
			continue
		}
		call := Call{
			Module: in.Module.Path,
			Call:   modules.Call{Function: fn.Name, Args: args, Returns: fn.Returns},
			Why:    strings.Join(append([]string{"named " + matched.level.String()}, verdict.held...), "; "),
		}
		call.set(in, settings)
		plan.Calls = append(plan.Calls, call)
	}
	plan.matchChecks(in)
	return plan
}

// set applies the settings that say how a call is made.
func (c *Call) set(in Input, settings config.Function) {
	c.Timeout = settings.Timeout
	if c.Timeout == 0 {
		c.Timeout = in.Timeout
	}
	c.RunsOn = settings.RunsOn
	c.Commit = in.Commit
	c.Concurrency = groupOf(in.Event, c.Module, c.Function, settings)
}

// unusedSettings warns of settings for functions that do not exist.
func unusedSettings(in Input) []string {
	var list []string
	for name, f := range in.Config.Functions {
		if !slices.ContainsFunc(in.Module.Functions, func(fn modules.Function) bool { return modules.SameName(name, fn.Name) }) {
			list = append(list, fmt.Sprintf("%s:%d: functions.%s names no function of module %s", config.FileName, f.Line, name, in.Module.Path))
		}
	}
	slices.Sort(list)
	return list
}

// checkSettings refuses settings that cannot be honoured: a setting that is
// silently ignored would run the call where or when it must not run.
func checkSettings(in Input, settings config.Function) (argument string, err error) {
	if label := settings.RunsOn; label != "" && !slices.Contains(in.Labels, label) {
		has := "no runner has a label"
		if len(in.Labels) > 0 {
			has = "runners have " + strings.Join(in.Labels, ", ")
		}
		return "", fmt.Errorf("runs-on: no runner has the label %q (%s)", label, has)
	}
	if in.MaxTimeout > 0 && settings.Timeout > in.MaxTimeout {
		return "", fmt.Errorf("%s:%d: timeout: %s is more than the %s that the agent allows; write less", config.FileName, settings.Line, settings.Timeout, in.MaxTimeout)
	}
	if len(in.Module.Constructor) > 0 {
		for _, arg := range in.Module.Constructor {
			if arg.Required() {
				return arg.Name, fmt.Errorf("the module's constructor requires %s (%s); give it a default or make it optional", arg.Name, arg.Type)
			}
		}
	}
	return "", nil
}

// unmatchedReason says why a name does not match the event.
func unmatchedReason(function string, ev *events.Event) string {
	name := words(function)
	at := slices.Index(name, "on")
	if at < 0 || at == len(name)-1 {
		return "its name is not a trigger: it has no On<Vendor><Event><Filter>"
	}
	got := []string{ev.Vendor, ev.Name}
	if ev.Filter != "" {
		got = append(got, ev.Filter)
	}
	return fmt.Sprintf("its name waits for %s, the event is %s", camel(name[at:]), strings.Join(got, " "))
}
