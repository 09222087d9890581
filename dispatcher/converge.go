package dispatcher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// Former is a module at an earlier commit of its repository.
type Former struct {
	// Config are the settings of that commit's pocketci.yaml.
	Config config.Module
	Module *modules.Module
	// Err says why the module cannot be had any more.
	Err error
}

// Converge plans how a module converges to its list, from what is applied: the ids
// that the list has no more are removed, the last applied one first, by the module
// at the commit at which each was applied last; then each id of the list is checked
// and changed. The modules of those commits are in former. It is a pure function.
//
// All of it is called, or nothing if something is invalid.
func Converge(in Input, applied Applied, former map[string]Former) Plan {
	in.joined = sync.OnceValue(func() string { return joinFiles(in.Changes.Files) })
	in.items = sync.OnceValue(func() []any { return itemsOf(in.Changes.Files) })
	c := &convergence{in: in, plan: Plan{Event: *in.Event, Changes: in.Changes, Warnings: convergeWarnings(in)}}
	for _, id := range in.Config.Converge.IDs {
		c.stays = append(c.stays, id.ID)
	}
	listed := len(c.stays)
	gone := func(e AppliedID) bool {
		return !slices.ContainsFunc(c.stays[:listed], func(id string) bool { return modules.SameName(id, e.ID) })
	}
	for _, e := range slices.Backward(applied) {
		if gone(e) {
			c.remove(e, former[e.From()])
		}
	}
	for _, id := range in.Config.Converge.IDs {
		c.keep(id)
	}
	c.finish()
	return c.plan
}

// convergence is a plan that is being made.
type convergence struct {
	in    Input
	plan  Plan
	chain chain
	// stays and forgets are those of [Converging].
	stays, forgets []string
	// disabled is why something is not to be called.
	disabled string
}

// remove adds the removal of an id. The module of the commit at which it was applied
// knows how; where that is gone or says nothing, the present one may.
func (c *convergence) remove(e AppliedID, former Former) {
	var (
		fn     *modules.Function
		in, at = c.in, e.From()
		name   = functionOf(DoesRemove, e.ID)
		why    string
	)
	switch {
	case former.Err != nil:
		why = fmt.Sprintf("the module at commit %.12s cannot be had: %v", at, former.Err)
	case former.Module == nil:
		why = fmt.Sprintf("the module at commit %.12s is not known", at)
	default:
		in.Config, in.Module = former.Config, former.Module
		if fn = in.Module.Function(name); fn == nil {
			why = fmt.Sprintf("the module at commit %.12s, at which it was applied, has no function %s", at, name)
		}
	}
	if fn == nil {
		if fn = c.in.Module.Function(name); fn != nil {
			in, at = c.in, ""
			c.warn("%s is removed by the module of this commit: %s", e.ID, why)
		}
	}
	switch {
	case fn == nil && former.Err != nil:
		c.invalid(name, "", fmt.Errorf("%s is not in the list any more, and %s; give this commit's module a function %s, or put %s back into the list", e.ID, why, name, e.ID))
		return
	case fn == nil:
		c.warn("%s is not in the list any more and is not removed: %s; what it left is yours to remove", e.ID, why)
		c.stays, c.forgets = append(c.stays, e.ID), append(c.forgets, e.ID)
		return
	}
	if call, ok := c.call(in, fn, Converging{ID: e.ID, Does: DoesRemove, Applied: e.From()}); ok {
		call.At = at
		call.Why = fmt.Sprintf("%s is applied and not in the list any more", e.ID)
		c.chain.add(call)
	}
}

// keep adds the check and the change of an id of the list.
func (c *convergence) keep(id config.ConvergeID) {
	name := functionOf(DoesChange, id.ID)
	fn := c.in.Module.Function(name)
	if fn == nil {
		c.invalid(name, "", fmt.Errorf("%s", noChange(c.in.Module.Path, id)))
		return
	}
	change, ok := c.call(c.in, fn, Converging{ID: id.ID, Does: DoesChange})
	checkFn := c.in.Module.Function(functionOf(DoesCheck, id.ID))
	if checkFn == nil {
		change.Why = fmt.Sprintf("%s is in the list, and nothing checks it", id.ID)
		if ok {
			c.chain.add(change)
		}
		return
	}
	check, checkOK := c.call(c.in, checkFn, Converging{ID: id.ID, Does: DoesCheck, Change: fn.Name})
	if !ok || !checkOK {
		return
	}
	check.Why = fmt.Sprintf("%s is in the list", id.ID)
	change.Why = fmt.Sprintf("%s is in the list, if %s says that a change is needed", id.ID, checkFn.Name)
	c.chain.addPair(check, change)
}

// call makes the call of one function.
func (c *convergence) call(in Input, fn *modules.Function, does Converging) (Call, bool) {
	c.disabled = cmp.Or(c.disabled, disabledReason(c.in.Disabled, c.in.Module.Path, fn.Name))
	settings, _ := in.Config.Function(fn.Name)
	argument, err := checkSettings(in, settings)
	var args []modules.Bound
	if err == nil {
		args, argument, err = bind(in, fn, settings)
	}
	if err != nil {
		if does.Does == DoesRemove {
			err = fmt.Errorf("as of commit %.12s: %w", does.Applied, err)
		}
		c.invalid(fn.Name, argument, err)
		return Call{}, false
	}
	call := Call{Module: c.in.Module.Path, Call: modules.Call{Function: fn.Name, Args: args, Returns: fn.Returns}, Converge: &does}
	call.set(in, settings)
	call.Concurrency = Concurrency{Group: "converge " + c.in.Module.Path, Newest: true}
	return call, true
}

// finish puts the calls into the plan, if they are to be made.
func (c *convergence) finish() {
	reason := c.disabled
	if reason == "" && len(c.plan.Invalid) > 0 {
		reason = "something that the module converges is invalid, and then nothing of it is called"
	}
	called := map[string]bool{}
	for i := range c.chain.calls {
		call := &c.chain.calls[i]
		called[call.Function] = true
		if reason != "" {
			c.plan.Skipped = append(c.plan.Skipped, Skipped{Module: call.Module, Function: call.Function, Reason: reason})
			continue
		}
		call.Converge.Stays, call.Converge.Forgets = c.stays, c.forgets
		c.plan.Calls = append(c.plan.Calls, *call)
	}
	for _, v := range c.plan.Invalid {
		called[v.Function] = true
	}
	for i := range c.in.Module.Functions {
		if fn := c.in.Module.Functions[i].Name; !called[fn] {
			c.plan.Skipped = append(c.plan.Skipped, Skipped{Module: c.in.Module.Path, Function: fn,
				Reason: "the event has the module converge, and calls nothing else"})
		}
	}
}

func (c *convergence) warn(format string, args ...any) {
	c.plan.Warnings = append(c.plan.Warnings, fmt.Sprintf(c.in.Module.Path+": "+format, args...))
}

func (c *convergence) invalid(function, argument string, err error) {
	c.plan.Invalid = append(c.plan.Invalid, Invalid{c.in.Module.Path, function, argument, err.Error()})
}

// functionOf is the name of an id's function as Dagger serves it, as far as that can
// be told from the id.
func functionOf(does Does, id string) string { return string(does) + camel(words(id)) }

func noChange(module string, id config.ConvergeID) string {
	return fmt.Sprintf("%s:%d:%d: converge: module %s has no function %s, which makes %s what it should be; write it or remove the id",
		config.FileName, id.Line, id.Column, module, functionOf(DoesChange, id.ID), id.ID)
}

// convergeWarnings says what is wrong with the list whatever happens, and which
// settings of its functions nothing looks at.
func convergeWarnings(in Input) []string {
	if in.Config.Converge == nil {
		return nil
	}
	var list []string
	for _, id := range in.Config.Converge.IDs {
		if in.Module.Function(functionOf(DoesChange, id.ID)) == nil && !in.Event.IsApply() {
			list = append(list, noChange(in.Module.Path, id))
		}
		for _, does := range []Does{DoesCheck, DoesChange, DoesRemove} {
			name := functionOf(does, id.ID)
			s, given := in.Config.Function(name)
			if given && (s.Vendor != nil || s.Event != nil || s.Filter != nil || s.Base != nil || s.OnChanges != nil || s.Schedule != "" || s.After != nil || s.Concurrency != nil) {
				list = append(list, fmt.Sprintf("%s:%d: conditions, after and concurrency of %s are not used: the list says when it is called and in which order", config.FileName, s.Line, name))
			}
		}
	}
	return list
}

// convergesOn says why an event has a module converge, or why not.
func convergesOn(c *config.Converge, ev *events.Event, foreign bool) (why, whyNot string) {
	switch {
	case foreign:
		return "", "whoever made the commit need not be allowed to push, and then nothing converges"
	case ev.IsApply():
		return "", "the event has another module converge"
	case c.On == nil && ev.IsPush() && ev.Branch != "" && ev.Repository != nil && ev.Branch == ev.Repository.DefaultBranch:
		return "a push to the default branch " + ev.Branch, ""
	case c.On == nil:
		return "", "a push to the default branch has it converge"
	}
	var on []string
	for _, p := range c.On {
		if p.Matches(ev) {
			return "it converges on " + p.String(), ""
		}
		on = append(on, p.String())
	}
	return "", strings.Join(on, ", ") + " has it converge"
}

// convergeReason says of a function that the list of its module names why the event
// does not call it itself, and nothing of every other function.
func convergeReason(in Input, function string) string {
	if in.Config.Converge == nil {
		return ""
	}
	for _, id := range in.Config.Converge.IDs {
		for _, does := range []Does{DoesCheck, DoesChange, DoesRemove} {
			if !modules.SameName(function, functionOf(does, id.ID)) {
				continue
			}
			if does == DoesRemove {
				return fmt.Sprintf("it is called once %s is not in the list of what the module converges any more", id.ID)
			}
			if why, whyNot := convergesOn(in.Config.Converge, in.Event, in.Foreign); why == "" {
				return fmt.Sprintf("the module converges %s, in a run of its own: %s", id.ID, whyNot)
			}
			return fmt.Sprintf("the module converges %s, in a run of its own that follows", id.ID)
		}
	}
	return ""
}
