package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/modules"
)

// Loader introspects a module of a tree. Its errors have [modules.ErrModule]
// in their chain if the module itself is at fault, and
// [modules.ErrUnavailable] if no engine can be asked.
type Loader interface {
	Load(ctx context.Context, tree modules.Tree, path string) (*modules.Module, error)
}

// loading is how many modules of one repository are loaded at a time. Each
// takes a session with the engine.
const loading = 4

// Planner turns an event and the tree it is about into a [Plan]. The server,
// the command line and replay all plan with it. Its fields must not change
// once it is in use; it may be used from several goroutines.
type Planner struct {
	Loader Loader
	// Modules gives those of other repositories; nil refuses each.
	Modules Modules
	// Labels are those that some runner has, UntrustedLabels those of runners
	// for other people's code.
	Labels, UntrustedLabels []string
	// Secrets gives for an event what says why a secret reference may not or
	// cannot be resolved in its run. Nil, and nil for an event, refuse every
	// secret.
	Secrets func(event *events.Event) func(ref string) error
	// Timeout is the limit of calls that set none, zero for no limit.
	Timeout time.Duration
	// MaxTimeout is what no call may take longer than, zero for no bound. A
	// function for which pocketci.yaml asks for more is invalid.
	MaxTimeout time.Duration
	// States knows what is applied of what modules converge; nil where nothing is.
	States States
}

// Request is what a plan is asked for.
type Request struct {
	Event   *events.Event
	Tree    modules.Tree
	Changes Changes
	// Refs lists the repository's branches and tags. It is asked only if a
	// function's name holds one, and may be nil.
	Refs func(context.Context) (Refs, error)
	// RunURL links to the run, empty on a laptop.
	RunURL string
	// Disabled is what is not to be called.
	Disabled []Disabled
	// Skip says why nothing is called, whatever matches; empty if something
	// may be.
	Skip string
	// Notes are warnings that the plan begins with.
	Notes []string
	// Untrusted says that the code is other people's, so that the runners that
	// are marked for it are those whose labels count.
	Untrusted bool
	// Foreign says that the commit may be of somebody who cannot push, also where
	// somebody has approved it. Nothing converges to it.
	Foreign bool
	// Preview has the plan show what the runs that follow would call.
	Preview bool
}

// Plan reads pocketci.yaml, loads the modules whose paths match, and matches
// their functions. For the event of [events.ManualCall] it is the one function
// that is asked for, whatever its name and conditions, and for that of
// [events.Apply] what its module converges. For an event that names a module, that
// module takes the place of the repository's. A module that cannot be loaded is
// invalid alone; an error is returned only for a bad pocketci.yaml (see
// [config.Load]) or when the engine or the repository cannot be asked.
func (p *Planner) Plan(ctx context.Context, req Request) (*Plan, error) {
	plan := &Plan{Event: *req.Event, Changes: req.Changes, Warnings: slices.Clone(req.Notes)}
	if reason := disabledReason(req.Disabled, "", ""); reason != "" {
		plan.Skipped = []Skipped{{Function: AllFunctions, Reason: reason}}
		return plan, nil
	}
	if req.Skip != "" {
		plan.Skipped = []Skipped{{Function: AllFunctions, Reason: req.Skip}}
		return plan, nil
	}
	asked, byHand, err := events.ReadByHand(req.Event)
	if err != nil {
		plan.Invalid = []Invalid{{Error: fmt.Sprintf("read what is asked for from the payload: %v", err)}}
		return plan, nil
	}
	cfg, others, err := configOf(req)
	if none, ok := errors.AsType[*config.NoModuleError](err); ok {
		plan.Skipped = []Skipped{{Function: AllFunctions, Reason: none.Error()}}
		return plan, nil
	}
	if err != nil {
		return nil, err
	}
	plan.Skipped = append(plan.Skipped, others...)
	if byHand {
		return plan, p.planByHand(ctx, req, cfg, asked, plan)
	}
	if req.Event.IsApply() {
		return plan, p.planApply(ctx, req, cfg, plan)
	}

	index := globs.Index(req.Changes.Files)
	parts, err := p.each(ctx, cfg, func(ctx context.Context, module config.Module) (part, error) {
		return p.planModule(ctx, req, module, index)
	})
	if err != nil {
		return nil, err
	}
	var loaded []*modules.Module
	for _, part := range parts {
		plan.add(part.Plan)
		loaded = append(loaded, part.module)
	}
	resolveAfter(plan, cfg, loaded)
	return plan, nil
}

// part is what one module adds to a plan. The module is nil if it has not been
// loaded.
type part struct {
	Plan
	module *modules.Module
}

// add appends the functions of one module.
func (p *Plan) add(part Plan) {
	p.Calls = append(p.Calls, part.Calls...)
	p.Invalid = append(p.Invalid, part.Invalid...)
	p.Skipped = append(p.Skipped, part.Skipped...)
	p.Warnings = append(p.Warnings, part.Warnings...)
	p.Following = append(p.Following, part.Following...)
	p.addPins(part.Pinned)
}

// each plans the modules of a repository, several at a time.
func (p *Planner) each(ctx context.Context, cfg *config.Config, plan func(context.Context, config.Module) (part, error)) ([]part, error) {
	parts := make([]part, len(cfg.Modules))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loading)
	for i, module := range cfg.Modules {
		group.Go(func() (err error) {
			// What is read here belongs to other people. Whatever it makes
			// panic ends this plan and nothing else.
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("plan module %s: internal error: %v\n%s", module.Path, p, debug.Stack())
				}
			}()
			if parts[i], err = plan(ctx, module); err != nil {
				return fmt.Errorf("plan module %s: %w", module.Path, err)
			}
			return nil
		})
	}
	return parts, group.Wait()
}

// planModule checks the module's paths before it loads anything: loading is
// what takes time, and most events of a monorepo concern few of its modules.
func (p *Planner) planModule(ctx context.Context, req Request, module config.Module, index *globs.Files) (part, error) {
	if reason := disabledReason(req.Disabled, module.Path, ""); reason != "" {
		return part{Plan: Plan{Skipped: []Skipped{{Module: module.Path, Function: AllFunctions, Reason: reason}}}}, nil
	}
	if len(module.Paths) > 0 && req.Changes.Unknown == "" {
		paths, err := globs.NewSet(module.Paths)
		if err != nil {
			return part{}, fmt.Errorf("paths: %w", err)
		}
		if _, ok := paths.Match(index); !ok {
			reason := "no changed file matches the module's paths " + strings.Join(module.Paths, ", ")
			skipped := part{Plan: Plan{Skipped: []Skipped{{Module: module.Path, Function: AllFunctions, Reason: reason, Filtered: true}}}}
			if slices.Contains(req.Changes.Files, config.FileName) {
				// Which has the list.
				skipped.Following, err = p.follow(ctx, req, module)
			}
			return skipped, err
		}
	}

	made, err := p.load(ctx, req, module.Path)
	loaded := made.module
	if err != nil || loaded == nil {
		return made, err
	}

	in := p.input(req, module, made)
	in.Index = index
	var warning string
	if req.Refs != nil && slices.ContainsFunc(loaded.Functions, func(f modules.Function) bool { return namesRef(f.Name) }) {
		// Refs serve a warning only, so that a forge that does not list
		// them stops no call.
		if in.Refs, err = req.Refs(ctx); err != nil {
			warning = fmt.Sprintf("%s: names of branches and tags could not be checked: %v", module.Path, err)
		}
	}
	plan := Match(in)
	if warning != "" {
		plan.Warnings = append(plan.Warnings, warning)
	}
	plan.Pinned = made.Pinned
	plan.Following, err = p.follow(ctx, req, module)
	return part{plan, loaded}, err
}

// input is what the functions of a loaded module are decided by.
func (p *Planner) input(req Request, module config.Module, loaded part) Input {
	labels := p.Labels
	if req.Untrusted {
		labels = p.UntrustedLabels
	}
	var secret func(ref string) error
	if p.Secrets != nil {
		secret = p.Secrets(req.Event)
	}
	return Input{
		Event:      req.Event,
		Changes:    req.Changes,
		Config:     module,
		Module:     loaded.module,
		Commit:     loaded.Pinned[module.Path],
		Labels:     labels,
		Secret:     secret,
		RunURL:     req.RunURL,
		Timeout:    p.Timeout,
		MaxTimeout: p.MaxTimeout,
		Disabled:   req.Disabled,
		Foreign:    req.Foreign,
	}
}
