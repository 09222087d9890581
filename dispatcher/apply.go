package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// States knows what is applied of what modules converge.
type States interface {
	// Applied is what is applied of a module's list.
	Applied(ctx context.Context, repository *events.Repository, module string) (Applied, error)
	// Commit is the tree of a commit of the event's repository. The error has
	// [modules.ErrModule] in its chain if the commit cannot be had any more.
	Commit(ctx context.Context, ev *events.Event, commit string) (modules.Tree, error)
}

// Following is a module that an event has converge, in a run of its own.
type Following struct {
	Module string
	// Why says which event that is.
	Why string
	// Preview is the plan of that run if it were made now. It is nil unless it was
	// asked for.
	Preview *Plan
}

// follow decides whether the event has a module converge.
func (p *Planner) follow(ctx context.Context, req Request, module config.Module) ([]Following, error) {
	if module.Converge == nil {
		return nil, nil
	}
	why, _ := convergesOn(module.Converge, req.Event, req.Foreign)
	if why == "" {
		return nil, nil
	}
	f := Following{Module: module.Path, Why: why}
	if req.Preview {
		event := events.ApplyAfter(req.Event, module.Path)
		preview := req
		preview.Event, preview.Preview, preview.Changes = &event, false, Changes{Unknown: "what is applied counts, not what changed"}
		plan := &Plan{Event: event, Changes: preview.Changes}
		if err := p.planModuleConverge(ctx, preview, module, plan); err != nil {
			return nil, err
		}
		f.Preview = plan
	}
	return []Following{f}, nil
}

// planApply plans the event that has one module converge.
func (p *Planner) planApply(ctx context.Context, req Request, cfg *config.Config, plan *Plan) error {
	name := req.Event.Filter
	at := slices.IndexFunc(cfg.Modules, func(m config.Module) bool { return sameModule(m.Path, name) })
	var all []string
	for i, m := range cfg.Modules {
		all = append(all, m.Path)
		if i != at {
			plan.Skipped = append(plan.Skipped, Skipped{Module: m.Path, Function: AllFunctions, Reason: fmt.Sprintf("the event has module %s converge and no other", name)})
		}
	}
	switch {
	case at < 0:
		plan.Invalid = append(plan.Invalid, Invalid{Module: name, Error: fmt.Sprintf("the repository has no module %s; its modules are %s", name, strings.Join(all, ", "))})
		return nil
	case cfg.Modules[at].Converge == nil:
		plan.Invalid = append(plan.Invalid, Invalid{Module: name, Error: fmt.Sprintf("%s does not say what module %s converges; add the list converge", config.FileName, name)})
		return nil
	}
	return p.planModuleConverge(ctx, req, cfg.Modules[at], plan)
}

// planModuleConverge adds to a plan how a module converges.
func (p *Planner) planModuleConverge(ctx context.Context, req Request, module config.Module, plan *Plan) error {
	skip := func(reason string) error {
		plan.Skipped = append(plan.Skipped, Skipped{Module: module.Path, Function: AllFunctions, Reason: reason})
		return nil
	}
	if reason := disabledReason(req.Disabled, module.Path, ""); reason != "" {
		return skip(reason)
	}
	if req.Foreign {
		return skip("whoever made the commit need not be allowed to push, and then nothing converges")
	}
	made, err := p.load(ctx, req, module.Path)
	plan.add(made.Plan)
	if err != nil || made.module == nil {
		return err
	}
	var applied Applied
	if p.States != nil {
		if applied, err = p.States.Applied(ctx, req.Event.Repository, module.Path); err != nil {
			return err
		}
	}
	former := map[string]Former{}
	for _, e := range applied {
		if _, known := former[e.From()]; known || slices.ContainsFunc(module.Converge.IDs, func(id config.ConvergeID) bool { return modules.SameName(id.ID, e.ID) }) {
			continue
		}
		if former[e.From()], err = p.former(ctx, req, module.Path, e.From()); err != nil {
			return err
		}
	}
	plan.add(Converge(p.input(req, module, made), applied, former))
	if p.States == nil {
		plan.Warnings = append(plan.Warnings, module.Path+": what is applied is known to an agent alone, so that nothing is removed here")
	}
	return nil
}

// former loads a module as it was at an earlier commit. An error is returned only if
// that may be done later.
func (p *Planner) former(ctx context.Context, req Request, path, commit string) (Former, error) {
	gone := func(err error) (Former, error) { return Former{Err: err}, nil }
	tree, err := p.States.Commit(ctx, req.Event, commit)
	if errors.Is(err, modules.ErrModule) {
		return gone(err)
	}
	if err != nil {
		return Former{}, fmt.Errorf("get commit %.12s, by which something is removed: %w", commit, err)
	}
	cfg, err := config.Load(tree.FS)
	if err != nil {
		return gone(err)
	}
	module := config.Module{Path: path}
	if at := slices.IndexFunc(cfg.Modules, func(m config.Module) bool { return sameModule(m.Path, path) }); at >= 0 {
		module = cfg.Modules[at]
	}
	req.Tree = tree
	made, err := p.load(ctx, req, path)
	if err != nil {
		return Former{}, err
	}
	if made.module == nil {
		return gone(errors.New(made.Invalid[0].Error))
	}
	return Former{Config: module, Module: made.module}, nil
}
