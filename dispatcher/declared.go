package dispatcher

import (
	"context"
	"errors"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// Declared is what one module of a repository declares.
type Declared struct {
	// Path is the module's, as pocketci.yaml has it.
	Path string
	// Module is nil if it cannot be loaded, and Err says why.
	Module *modules.Module
	Err    error
	// Config is what pocketci.yaml says about it.
	Config config.Module
}

// Declared loads every module that a repository names and calls nothing. The error is
// that of pocketci.yaml (see [config.Load]), or that an engine or repository cannot be
// asked; one module that is at fault has its own.
func (p *Planner) Declared(ctx context.Context, tree modules.Tree) ([]Declared, error) {
	cfg, err := config.Load(tree.FS)
	if err != nil {
		return nil, err
	}
	list := make([]Declared, len(cfg.Modules))
	parts := make(map[string]int, len(list))
	for i, m := range cfg.Modules {
		parts[m.Path] = i
	}
	_, err = p.each(ctx, cfg, func(ctx context.Context, m config.Module) (part, error) {
		loaded, _, err := p.Load(ctx, tree, m.Path)
		if err != nil && !errors.Is(err, modules.ErrModule) {
			return part{}, err
		}
		// No two goroutines have the same module.
		list[parts[m.Path]] = Declared{Path: m.Path, Module: loaded, Err: err, Config: m}
		return part{}, nil
	})
	return list, err
}
