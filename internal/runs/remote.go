package runs

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/modules"
)

// Remotes gives the trees of modules of other repositories. It is the
// [dispatcher.Modules] of agent and command line.
type Remotes struct {
	// Fetch gets the commit that a reference asks for; it is
	// [mirror.Mirrors.Module].
	Fetch func(ctx context.Context, ref modules.Remote) (modules.Tree, error)
	// Allow says why a reference, spelt as [modules.Remote.Canonical] spells it,
	// may not be used; nil refuses every one. It is asked before anything is
	// fetched, and again for every session.
	Allow func(canonical string) error
}

// Tree is that of [dispatcher.Modules]. What says nothing about the reference, such
// as a full disk, has no [modules.ErrModule] in its chain, nor has a server that is
// away when a commit is asked for that a plan has.
func (r Remotes) Tree(ctx context.Context, ref, commit string) (modules.Tree, error) {
	refuse := func(err error) (modules.Tree, error) {
		return modules.Tree{}, fmt.Errorf("%w: %w", modules.ErrModule, err)
	}
	remote, err := modules.ParseRemote(ref)
	if err != nil {
		return refuse(err)
	}
	if r.Allow == nil {
		return refuse(errors.New("no module of another repository is allowed here"))
	}
	if err := r.Allow(remote.Canonical()); err != nil {
		return refuse(err)
	}
	if commit != "" {
		remote.Version = commit
	}
	tree, err := r.Fetch(ctx, remote)
	switch {
	case err == nil:
		return tree, nil
	case errors.Is(err, mirror.ErrGit), ctx.Err() != nil, commit != "" && errors.Is(err, mirror.ErrUnavailable):
		return modules.Tree{}, fmt.Errorf("fetch module %s: %w", ref, err)
	}
	return refuse(fmt.Errorf("fetch it: %w", err))
}

// place is where a module of a run stands, and what it works on.
type place struct {
	tree, source, context modules.Tree
	// path is the module's in tree.
	path string
}

// place finds a module of a run: in the run's own tree, or in another repository
// at the commit that the run was planned with.
func (s Sessions) place(ctx context.Context, run *dispatcher.Run, module string) (place, error) {
	at := place{tree: run.Tree, source: run.Source, path: module}
	if at.source.FS == nil {
		at.source = run.Tree
	}
	remote, err := modules.ParseRemote(module)
	if err != nil {
		return at, nil
	}
	commit := run.Plan.Pinned[module]
	if commit == "" || s.Modules == nil {
		return place{}, fmt.Errorf("%w: the run has no commit of %s", modules.ErrModule, module)
	}
	if at.tree, err = s.Modules.Tree(ctx, module, commit); err != nil {
		return place{}, err
	}
	at.context, at.path = at.tree, remote.Path
	return at, nil
}
