package dispatcher

import (
	"errors"
	"maps"
	"slices"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// configOf reads which modules an event may call, and why it may not call the others
// of its repository. Those are the modules of pocketci.yaml, or the one that the
// event names, for which what pocketci.yaml says about that module holds at whatever
// version. The errors are those of [config.Load].
func configOf(req Request) (*config.Config, []Skipped, error) {
	cfg, err := config.Load(req.Tree.FS)
	named := req.Event.Module
	if named == "" {
		return cfg, nil, err
	}
	if _, none := errors.AsType[*config.NoModuleError](err); none {
		cfg, err = &config.Config{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	chosen := config.Module{Path: named}
	var others []Skipped
	for _, m := range cfg.Modules {
		if !sameRemote(m.Path, named) {
			others = append(others, Skipped{Module: m.Path, Function: AllFunctions, Reason: "the event names the module " + named + " in its place"})
			continue
		}
		chosen = m
		chosen.Path = named
		chosen.Functions = maps.Clone(m.Functions)
		for name, f := range chosen.Functions {
			f.After = ownAfter(f.After, m.Path)
			chosen.Functions[name] = f
		}
	}
	return &config.Config{Modules: []config.Module{chosen}}, others, nil
}

// ownAfter keeps of what a function comes after the functions of its own module,
// which was at the path: no others are called.
func ownAfter(list []config.After, path string) []config.After {
	var own []config.After
	for _, a := range list {
		if a.Module == "" || a.Module == path {
			a.Module = ""
			own = append(own, a)
		}
	}
	return slices.Clip(own)
}

// sameRemote reports whether two references name one module of another repository,
// at whatever versions.
func sameRemote(a, b string) bool {
	first, err := modules.ParseRemote(a)
	if err != nil {
		return false
	}
	second, err := modules.ParseRemote(b)
	if err != nil {
		return false
	}
	first.Version, second.Version = "", ""
	return first.Canonical() == second.Canonical()
}
