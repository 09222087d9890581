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
	// Labels are those that some runner has.
	Labels []string
	// Secret says why a secret reference may not or cannot be resolved; nil
	// refuses every secret.
	Secret func(ref string) error
	// Timeout is the limit of calls that set none, zero for no limit.
	Timeout time.Duration
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
}

// Plan reads pocketci.yaml, loads the modules whose paths match, and matches
// their functions. A module that cannot be loaded is invalid alone; an error
// is returned only for a bad pocketci.yaml (see [config.Load]) or when the
// engine or the repository cannot be asked.
func (p *Planner) Plan(ctx context.Context, req Request) (*Plan, error) {
	plan := &Plan{Event: *req.Event, Changes: req.Changes}
	cfg, err := config.Load(req.Tree.FS)
	if none, ok := errors.AsType[*config.NoModuleError](err); ok {
		plan.Skipped = []Skipped{{Function: AllFunctions, Reason: none.Error()}}
		return plan, nil
	}
	if err != nil {
		return nil, err
	}

	index := globs.Index(req.Changes.Files)
	parts := make([]Plan, len(cfg.Modules))
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
			part, err := p.planModule(ctx, req, module, index)
			if err != nil {
				return fmt.Errorf("plan module %s: %w", module.Path, err)
			}
			parts[i] = part
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, part := range parts {
		plan.Calls = append(plan.Calls, part.Calls...)
		plan.Invalid = append(plan.Invalid, part.Invalid...)
		plan.Skipped = append(plan.Skipped, part.Skipped...)
		plan.Warnings = append(plan.Warnings, part.Warnings...)
	}
	return plan, nil
}

// planModule checks the module's paths before it loads anything: loading is
// what takes time, and most events of a monorepo concern few of its modules.
func (p *Planner) planModule(ctx context.Context, req Request, module config.Module, index *globs.Files) (Plan, error) {
	if len(module.Paths) > 0 && req.Changes.Unknown == "" {
		paths, err := globs.NewSet(module.Paths)
		if err != nil {
			return Plan{}, fmt.Errorf("paths: %w", err)
		}
		if _, ok := paths.Match(index); !ok {
			reason := "no changed file matches the module's paths " + strings.Join(module.Paths, ", ")
			return Plan{Skipped: []Skipped{{module.Path, AllFunctions, reason}}}, nil
		}
	}

	loaded, err := p.Loader.Load(ctx, req.Tree, module.Path)
	if errors.Is(err, modules.ErrModule) {
		return Plan{Invalid: []Invalid{{Module: module.Path, Error: err.Error()}}}, nil
	}
	if err != nil {
		return Plan{}, err
	}

	in := Input{
		Event:   req.Event,
		Changes: req.Changes,
		Index:   index,
		Config:  module,
		Module:  loaded,
		Labels:  p.Labels,
		Secret:  p.Secret,
		RunURL:  req.RunURL,
		Timeout: p.Timeout,
	}
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
	return plan, nil
}
