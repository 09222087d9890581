package dispatcher

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/modules"
)

// Modules gives the trees of modules of other repositories.
type Modules interface {
	// Tree returns the tree of the repository that a reference names (see
	// [modules.ParseRemote]), at the given commit or, if that is empty, at the
	// one that the reference's version stands for now. Errors have
	// [modules.ErrModule] in their chain if this one module cannot be had:
	// because nobody allows it, or because it is not there.
	Tree(ctx context.Context, ref, commit string) (modules.Tree, error)
}

// errNoModules is why a module of another repository is refused where there is
// nothing to get one with.
var errNoModules = errors.New("modules of other repositories are not available here")

// Load introspects one module of a repository by its path in pocketci.yaml. For a
// module of another repository it also returns the commit that its version stands
// for, which is empty for every other and where that could not be found out. The
// errors are those of [Loader].
func (p *Planner) Load(ctx context.Context, tree modules.Tree, path string) (loaded *modules.Module, commit string, err error) {
	remote, err := modules.ParseRemote(path)
	if err != nil {
		loaded, err = p.Loader.Load(ctx, tree, path)
		return loaded, "", err
	}
	if p.Modules == nil {
		return nil, "", fmt.Errorf("%w: %w", modules.ErrModule, errNoModules)
	}
	if tree, err = p.Modules.Tree(ctx, path, ""); err != nil {
		return nil, "", err
	}
	if loaded, err = p.Loader.Load(ctx, tree, remote.Path); err != nil {
		return nil, tree.Commit, fmt.Errorf("%s: %w", modules.AtCommit(path, tree.Commit), err)
	}
	// Known by the path as it is written; what was loaded is shared.
	named := *loaded
	named.Path = path
	return &named, tree.Commit, nil
}

// pin notes the commit of a module of another repository.
func (p *Plan) pin(module, commit string) {
	if commit == "" {
		return
	}
	if p.Pinned == nil {
		p.Pinned = map[string]string{}
	}
	p.Pinned[module] = commit
}

// addPins takes over the commits of another plan's modules.
func (p *Plan) addPins(pinned map[string]string) {
	for module, commit := range pinned {
		p.pin(module, commit)
	}
}

// load is [Planner.Load] for a part of a plan: a module that is at fault itself is
// invalid there.
func (p *Planner) load(ctx context.Context, req Request, path string) (part, error) {
	loaded, commit, err := p.Load(ctx, req.Tree, path)
	made := part{module: loaded}
	made.pin(path, commit)
	if errors.Is(err, modules.ErrModule) {
		made.Invalid = []Invalid{{Module: path, Error: err.Error()}}
		return made, nil
	}
	return made, err
}
