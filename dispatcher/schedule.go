package dispatcher

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// Schedule is one that functions of a repository have themselves. Its ticks call
// these functions and no others.
type Schedule struct {
	// Name is the filter of its ticks.
	Name     string
	Schedule schedule.Schedule
	Policy   schedule.Policy
	// Functions are those that have it, in the order of the modules.
	Functions []FunctionName
}

// FunctionName names a function of a repository.
type FunctionName struct {
	Module   string `json:"module"`
	Function string `json:"function"`
}

// Schedules lists the schedules that the functions of a tree have, by their names.
// Functions whose names and schedules are the same share one, with the policy of the
// first. Unread are the paths of modules that are at fault, and of which nothing is
// known therefore. The errors are those of [Planner.Plan].
func (p *Planner) Schedules(ctx context.Context, tree modules.Tree) (found []Schedule, unread []string, err error) {
	cfg, err := config.Load(tree.FS)
	if _, none := errors.AsType[*config.NoModuleError](err); none {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	parts, err := p.each(ctx, cfg, func(ctx context.Context, module config.Module) (part, error) {
		return p.load(ctx, Request{Tree: tree}, module.Path)
	})
	if err != nil {
		return nil, nil, err
	}
	for i, part := range parts {
		if part.module == nil {
			unread = append(unread, cfg.Modules[i].Path)
			continue
		}
		found = addSchedules(found, part.module, cfg.Modules[i])
	}
	slices.SortStableFunc(found, func(a, b Schedule) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Schedule.String(), b.Schedule.String()))
	})
	return found, unread, nil
}

// addSchedules adds those of one module. A schedule that cannot be read is none; the
// plan of every event warns of it.
func addSchedules(found []Schedule, module *modules.Module, cfg config.Module) []Schedule {
	for i := range module.Functions {
		fn := &module.Functions[i]
		settings, _ := cfg.Function(fn.Name)
		own, ok, err := ownSchedule(fn, settings)
		if err != nil || !ok || !waitsForTicks(fn.Name) {
			continue
		}
		name := FunctionName{Module: module.Path, Function: fn.Name}
		at := slices.IndexFunc(found, func(s Schedule) bool {
			return slices.Equal(words(s.Name), words(ScheduleName(fn.Name))) && s.Schedule.Equal(own)
		})
		if at < 0 {
			found = append(found, Schedule{Name: ScheduleName(fn.Name), Schedule: own, Policy: settings.Policy, Functions: []FunctionName{name}})
			continue
		}
		found[at].Functions = append(found[at].Functions, name)
	}
	return found
}

// ownSchedule returns the schedule that a function has by pocketci.yaml, or by the
// default of its argument.
func ownSchedule(fn *modules.Function, settings config.Function) (schedule.Schedule, bool, error) {
	text := settings.Schedule
	if arg := fn.Arg("schedule"); text == "" && arg != nil && arg.Type.Kind == modules.KindString && arg.Default != nil {
		if err := json.Unmarshal(arg.Default, &text); err != nil {
			return schedule.Schedule{}, false, fmt.Errorf("read the default of schedule: %w", err)
		}
	}
	if text == "" {
		return schedule.Schedule{}, false, nil
	}
	s, err := schedule.Parse(text, nil)
	if err != nil {
		return schedule.Schedule{}, false, fmt.Errorf("schedule: %w", err)
	}
	return s, true, nil
}

// waitsForTicks reports whether a function's name matches the ticks of its own
// schedule.
func waitsForTicks(function string) bool {
	tick := &events.Event{Vendor: events.VendorTime, Name: events.NameTick, Filter: ScheduleName(function)}
	return len(readingsOf(0, words(function), patternsOf(tick))) > 0
}

// ScheduleName returns the name of the schedule that a function with a
// schedule of its own is called by: the filter part of its name, else the name
// itself.
func ScheduleName(function string) string {
	name := words(function)
	trigger := []string{"on", events.VendorTime, events.NameTick}
	for i := range name {
		if hasPrefix(name[i:], trigger) && len(name) > i+len(trigger) {
			return camel(name[i+len(trigger):])
		}
	}
	return function
}

// checkSchedule says why a function is not called by what its schedule, or having
// none, makes of the event; nothing if it may be.
func checkSchedule(in Input, fn *modules.Function, settings config.Function) (skip string, err error) {
	own, has, err := ownSchedule(fn, settings)
	if err != nil {
		return "", err
	}
	tick, isTick := schedule.ReadTick(in.Event)
	if !has {
		if isTick && (tick.Of == schedule.OfFunctions || tick.Of == "" && in.ownTick()) {
			return fmt.Sprintf("the tick is of the schedule %s that other functions have themselves, and calls these alone", in.Event.Filter), nil
		}
		return "", nil
	}
	name := ScheduleName(fn.Name)
	switch {
	case !isTick || !slices.Equal(words(in.Event.Filter), words(name)):
		return fmt.Sprintf("only ticks of its schedule %s (%s) call it", name, own), nil
	case tick.Of == schedule.OfAgent:
		return fmt.Sprintf("only ticks of its schedule %s (%s) call it, and this one is of the agent's schedule of that name", name, own), nil
	case !tick.Is(own):
		return fmt.Sprintf("only ticks of its schedule %s (%s) call it, and this one is of another of that name (%s in %s)", name, own, tick.Expression, tick.TimeZone), nil
	}
	return "", nil
}

// hasOwnTick reports whether a function of the module has a schedule of the name that
// a tick has. One that was made by hand is taken for a tick of that.
func hasOwnTick(in *Input) bool {
	return slices.ContainsFunc(in.Module.Functions, func(fn modules.Function) bool {
		settings, _ := in.Config.Function(fn.Name)
		_, has, err := ownSchedule(&fn, settings)
		return err == nil && has && waitsForTicks(fn.Name) && slices.Equal(words(in.Event.Filter), words(ScheduleName(fn.Name)))
	})
}

// scheduleWarnings returns what is doubtful about the functions' schedules. They are
// in every plan: what is wrong with a schedule would otherwise show in that it is
// never due.
func scheduleWarnings(in Input) []string {
	var list []string
	type known struct {
		function string
		policy   schedule.Policy
	}
	first := map[string]known{}
	for i := range in.Module.Functions {
		fn := &in.Module.Functions[i]
		settings, _ := in.Config.Function(fn.Name)
		own, has, err := ownSchedule(fn, settings)
		if err == nil && !has {
			continue
		}
		qualified := name{in.Module.Path, fn.Name}.String()
		switch {
		case err != nil:
			list = append(list, fmt.Sprintf("%s: %v; it is not called until that is put right", qualified, err))
			continue
		case !waitsForTicks(fn.Name) && settings.Schedule != "":
			list = append(list, fmt.Sprintf("%s:%d: %s has a schedule, and its name does not wait for ticks, so that nothing calls it; end it in OnTimeTick and a name", config.FileName, settings.Line, qualified))
			continue
		}
		key := ScheduleName(fn.Name) + " " + own.String()
		if before, there := first[key]; there && before.policy != settings.Policy {
			list = append(list, fmt.Sprintf("%s and %s have the same schedule %s (%s), of whose late ticks pocketci.yaml says two things; what it says of %s holds for both",
				name{in.Module.Path, before.function}, qualified, ScheduleName(fn.Name), own, before.function))
			continue
		}
		if _, there := first[key]; !there {
			first[key] = known{fn.Name, settings.Policy}
		}
	}
	return list
}
