package dispatcher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// planByHand plans the one function that a person asked for. Neither its name
// nor a condition counts, and what it comes after is not part of the run. The
// other settings of pocketci.yaml apply.
func (p *Planner) planByHand(ctx context.Context, req Request, cfg *config.Config, asked events.ByHand, plan *Plan) error {
	invalid := func(module, format string, args ...any) {
		plan.Invalid = append(plan.Invalid, Invalid{Module: module, Function: asked.Function, Error: fmt.Sprintf(format, args...)})
	}
	parts, err := p.each(ctx, cfg, func(ctx context.Context, module config.Module) (part, error) {
		return p.loadAsked(ctx, req, module, asked)
	})
	if err != nil {
		return err
	}
	var (
		found, all, broken []string
		target             int
	)
	for i, part := range parts {
		plan.add(part.Plan)
		all = append(all, cfg.Modules[i].Path)
		if len(part.Invalid) > 0 {
			broken = append(broken, cfg.Modules[i].Path)
		}
		if part.module != nil && part.module.Function(asked.Function) != nil {
			found, target = append(found, cfg.Modules[i].Path), i
		}
	}
	chosen, what := name{}, asked.Function
	if asked.Module != "" {
		what = name{asked.Module, asked.Function}.String()
	}
	switch {
	case asked.Module != "" && !slices.ContainsFunc(all, func(path string) bool { return sameModule(path, asked.Module) }):
		invalid(asked.Module, "the repository has no module %s; its modules are %s", asked.Module, strings.Join(all, ", "))
	case len(broken) > 0:
		// The module is in the list with what is wrong with it. One that was
		// not named may have the function as well.
		if asked.Module == "" {
			invalid("", "module %s cannot be asked for its functions; say which module is meant", strings.Join(broken, ", "))
		}
	case len(found) > 1:
		invalid("", "modules %s have a function %s; say which is meant", strings.Join(found, ", "), asked.Function)
	case len(found) == 1:
		chosen = name{found[0], parts[target].module.Function(asked.Function).Name}
	case slices.ContainsFunc(parts, func(part part) bool { return part.module != nil }):
		invalid(asked.Module, "there is no function %s; pocketci functions lists those that there are, with --repo and --declared those of an agent's repository", what)
	}
	if chosen.function != "" {
		what = chosen.String()
	}
	paths := typed{}
	if req.Event.Fork == "" {
		paths.tree = req.Tree // which is also what the call gets
	}
	for i, part := range parts {
		if part.module == nil {
			continue
		}
		for j := range part.module.Functions {
			fn := &part.module.Functions[j]
			if (name{part.module.Path, fn.Name}) == chosen {
				plan.addAsked(p.input(req, cfg.Modules[i], part), fn, asked.Args, paths)
				continue
			}
			reason := fmt.Sprintf("a person asked for the function %s and no other", what)
			plan.Skipped = append(plan.Skipped, Skipped{Module: part.module.Path, Function: fn.Name, Reason: reason})
		}
	}
	return nil
}

// loadAsked loads a module if it may have the function that is asked for.
func (p *Planner) loadAsked(ctx context.Context, req Request, module config.Module, asked events.ByHand) (part, error) {
	skip := func(reason string) (part, error) {
		return part{Plan: Plan{Skipped: []Skipped{{Module: module.Path, Function: AllFunctions, Reason: reason}}}}, nil
	}
	if asked.Module != "" && !sameModule(asked.Module, module.Path) {
		return skip(fmt.Sprintf("a person asked for the module %s and no other", asked.Module))
	}
	if reason := disabledReason(req.Disabled, module.Path, ""); reason != "" {
		return skip(reason)
	}
	return p.load(ctx, req, module.Path)
}

// addAsked adds the function that a person asked for, with the values that they
// typed. What they left out is filled in from pocketci.yaml.
func (p *Plan) addAsked(in Input, fn *modules.Function, given map[string]string, paths typed) {
	module := in.Module.Path
	invalid := func(argument string, err error) {
		p.Invalid = append(p.Invalid, Invalid{module, fn.Name, argument, err.Error()})
	}
	if reason := disabledReason(in.Disabled, module, fn.Name); reason != "" {
		p.Skipped = append(p.Skipped, Skipped{Module: module, Function: fn.Name, Reason: reason})
		return
	}
	settings, _ := in.Config.Function(fn.Name)
	if argument, err := checkSettings(in, settings); err != nil {
		invalid(argument, err)
		return
	}
	if argument, err := undeclared(fn, settings); err != nil {
		invalid(argument, err)
		return
	}
	in.joined, in.items = func() string { return "" }, func() []any { return nil }
	args, argument, err := bindByHand(fn, given, paths, func(arg *modules.Arg) (modules.Value, bool, error) {
		if value, ok, err := constantOf(in, arg, settings); ok || err != nil {
			return value, ok, err
		}
		return secretFor(in, arg)
	})
	if err != nil {
		invalid(argument, err)
		return
	}
	for i := range args {
		value := &args[i].Value
		value.Git = value.Kind == modules.ValueSource && in.Config.Git
		if value.Kind != modules.ValueSecret {
			continue
		}
		if err := in.checkSecret(value.Secret); err != nil {
			invalid(args[i].Name, err)
			return
		}
	}
	call := Call{Module: module, Call: modules.Call{Function: fn.Name, Args: args, Returns: fn.Returns}, Why: whyByHand}
	call.set(in, settings)
	p.Calls = append(p.Calls, call)
}
