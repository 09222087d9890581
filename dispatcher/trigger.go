package dispatcher

import (
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// Trigger says in words when a function is called.
type Trigger struct {
	// Words are a part of a sentence, such as "on every push to main when **/*.go
	// changed". They hold names and globs of the repository as they are.
	Words string
	// ByHand says that no event calls it; Words say why.
	ByHand bool
}

// byHandOnly is the trigger of what no event calls.
func byHandOnly(reason string) Trigger {
	return Trigger{Words: "by hand only: " + reason, ByHand: true}
}

// TriggerOf says when events call a function of a module, with the settings that
// pocketci.yaml has for that. It is a pure function and says what [Match] does; what is
// disabled is not looked at.
func TriggerOf(m *modules.Module, fn *modules.Function, settings config.Module) Trigger {
	list, reason := named(m, fn, settings)
	if check := m.CheckOf(fn.Name); check != nil && len(triggerStarts(words(fn.Name))) == 0 && !isDispatch(words(fn.Name)) {
		as := TriggerOfCheck(check, settings)
		if as.ByHand || len(list) == 0 {
			return as
		}
		list = append([]string{as.Words}, list...)
	}
	if len(list) == 0 {
		if words := convergeTrigger(settings, fn.Name); words != "" {
			return Trigger{Words: words}
		}
		return byHandOnly(reason)
	}
	text := strings.Join(list, "; and ")
	if rivals := rivalsOf(m, fn.Name); len(rivals) > 0 {
		text += ", but not where the more specific name of " + oneOf(rivals, "or") + " is meant"
	}
	return Trigger{Words: text}
}

// TriggerOfCheck does so for a check that is called as one.
func TriggerOfCheck(check *modules.Check, settings config.Module) Trigger {
	if len(check.Requires) > 0 {
		return byHandOnly(fmt.Sprintf("it is marked as a check and requires the argument %s, and checks are called without arguments", check.Requires[0].Name))
	}
	if settings.Checks.Off {
		return byHandOnly(config.FileName + " says checks: false")
	}
	own, _ := settings.Checks.Check(check.Name)
	called := own.Events
	if called == nil {
		called = checkEvents
	}
	list := make([]string, 0, len(called))
	for _, name := range called {
		list = append(list, waits{event: words(name)}.words(conditions{}))
	}
	return Trigger{Words: "as a check, " + strings.Join(list, " and ") + changedWords(own.OnChanges, settings.Paths)}
}

// named says what events call a function by its name and conditions. Without any, reason
// says why there are none.
func named(m *modules.Module, fn *modules.Function, settings config.Module) (list []string, reason string) {
	name := words(fn.Name)
	own, _ := settings.Function(fn.Name)
	if schedule, has, err := ownSchedule(fn, own); err != nil {
		return nil, err.Error()
	} else if has {
		if !waitsForTicks(fn.Name) {
			return nil, "it has a schedule, and its name does not wait for ticks; end it in OnTimeTick and a name"
		}
		c, err := conditionsOf(fn, own)
		if err != nil {
			return nil, err.Error()
		}
		return []string{fmt.Sprintf("at each tick of the schedule %s (%s)", ScheduleName(fn.Name), clockWords(schedule)) + c.rest()}, ""
	}
	c, err := conditionsOf(fn, own)
	if err != nil {
		return nil, err.Error()
	}
	c.paths = settings.Paths
	if isDispatch(name) {
		return []string{"on every event that no other function of the module is named for" + c.pulls() + c.rest() + c.changed()}, ""
	}
	for _, at := range triggerStarts(name) {
		w := read(name[at+1:])
		if !w.possible() {
			reason = fmt.Sprintf("its name waits for %s, and no such event is known", camel(name[at:]))
			continue
		}
		list = append(list, w.words(c))
	}
	if len(list) > 0 || reason != "" {
		return list, reason
	}
	if at := lostBoundary(name); at != "" {
		return nil, fmt.Sprintf("it ends in %s without a word boundary before it; put a lower-case letter before On", at)
	}
	if spelt := respelt(name); spelt != "" {
		return nil, fmt.Sprintf("it is read word by word and so not as %s; write it as one word to make it a trigger", spelt)
	}
	for i, w := range name {
		if w == "on" && i < len(name)-1 {
			list = append(list, waits{rest: name[i+1:]}.words(c))
		}
	}
	return list, "its name is not a trigger: it has no On<Vendor><Event><Filter>"
}

func isDispatch(name []string) bool { return len(name) == 1 && name[0] == "dispatch" }

// rivalsOf are the functions whose more specific names take precedence over a function
// for some events that its name matches. Those of Dispatch are all others, which its words
// say.
func rivalsOf(m *modules.Module, function string) []string {
	if isDispatch(words(function)) {
		return nil
	}
	at := slices.IndexFunc(m.Functions, func(fn modules.Function) bool { return fn.Name == function })
	var rivals []string
	for i := range m.Functions {
		name := words(m.Functions[i].Name)
		for _, start := range triggerStarts(name) {
			for _, ev := range read(name[start+1:]).samples() {
				if by, silenced := selectByName(m.Functions, &ev).silenced[at]; silenced && !slices.Contains(rivals, by) {
					rivals = append(rivals, by)
				}
			}
		}
	}
	return rivals
}

// convergeTrigger says when a function is called that the list of its module names. It
// is empty for all others.
func convergeTrigger(settings config.Module, function string) string {
	if settings.Converge == nil {
		return ""
	}
	on := []string{"a push to the default branch"}
	if settings.Converge.On != nil {
		on = nil
		for _, p := range settings.Converge.On {
			on = append(on, p.String())
		}
	}
	for _, id := range settings.Converge.IDs {
		for _, does := range []Does{DoesCheck, DoesChange, DoesRemove} {
			switch {
			case !modules.SameName(function, functionOf(does, id.ID)):
			case does == DoesRemove:
				return fmt.Sprintf("when the module converges, once %s is not in its list any more", id.ID)
			default:
				return fmt.Sprintf("when the module converges, which it does on %s: it keeps %s as it should be", oneOf(on, "or"), id.ID)
			}
		}
	}
	return ""
}

// oneOf lists things of which one counts.
func oneOf(list []string, word string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " " + word + " " + list[len(list)-1]
}
