package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

func newFunctions() *cobra.Command {
	in := input{event: manualEvent}
	var r remote
	var asJSON bool
	var declared bool
	var repository, ref string
	cmd := &cobra.Command{
		Use:   "functions",
		Short: "List the functions and checks of the repository's modules",
		Long: `List the functions of the modules in a local directory, with their arguments, and
their checks. With --repo: those that an agent has called, with what became of it
in the last 7 and 30 days; and with --declared those that the repository's modules
declare, called or not.`,
		Args: cobra.NoArgs,
		Example: `  pocketci functions --dir ~/src/hello
  pocketci functions --json
  pocketci functions --repo you/hello
  pocketci functions --repo you/hello --declared --ref main`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.instead(cmd, repository); err != nil {
				return err
			}
			if err := allOrNone(cmd, "repo", repository != "", []string{"declared"}); err != nil {
				return err
			}
			if err := allOrNone(cmd, "declared", declared, []string{"ref"}); err != nil {
				return err
			}
			if declared {
				return declaredThere(cmd, &r, repository, ref, asJSON)
			}
			if repository != "" {
				return serverFunctions(cmd, &r, repository, asJSON)
			}
			local, err := in.open(cmd)
			if err != nil {
				return err
			}
			defer local.Close()
			list, _, err := local.modules(cmd.Context())
			if err != nil {
				return err
			}
			views, err := local.viewModules(list)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), views)
			}
			return printModules(cmd.OutOrStdout(), views)
		},
	}
	in.dirFlags(cmd)
	r.flags(cmd)
	cmd.Flags().StringVar(&repository, "repo", "", "ask the agent about this `REPOSITORY`, by its full name")
	cmd.Flags().BoolVar(&declared, "declared", false, "list what the modules of --repo declare, with arguments, called or not")
	cmd.Flags().StringVar(&ref, "ref", "", "a `REF` of --repo for --declared: a branch, a tag or a full sha")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON (see pocketci schema functions; with --repo as the agent's API has it)")
	return cmd
}

// modules loads every module that the repository's configuration names, and says
// which commits those of other repositories stand for.
func (l *local) modules(ctx context.Context) (list []*modules.Module, pinned map[string]string, err error) {
	cfg, err := config.Load(l.snapshot.Tree.FS)
	if err != nil {
		return nil, nil, err
	}
	pinned = map[string]string{}
	for _, m := range cfg.Modules {
		loaded, commit, err := l.direct.Planner.Load(ctx, l.snapshot.Tree, m.Path)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, loaded)
		if commit != "" {
			pinned[m.Path] = commit
		}
	}
	return list, pinned, nil
}

// find returns the function with the given name, which may be qualified as
// MODULE:FUNCTION and spelt as in Go or on the dagger command line, and the commits
// of modules of other repositories.
func (l *local) find(ctx context.Context, module, name string) (*modules.Module, *modules.Function, map[string]string, error) {
	if path, fn := modules.CutQualified(name); path != "" {
		module, name = path, fn
	}
	list, pinned, err := l.modules(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	var inModule *modules.Module
	var found *modules.Function
	for _, m := range list {
		if module != "" && m.Path != module {
			continue
		}
		if fn := m.Function(name); fn != nil {
			if found != nil {
				return nil, nil, nil, fmt.Errorf("modules %s and %s both have %s; choose one with --module", inModule.Path, m.Path, name)
			}
			inModule, found = m, fn
		}
	}
	if found == nil {
		return nil, nil, nil, fmt.Errorf("%w: %s; see pocketci functions", errNoFunction, name)
	}
	return inModule, found, pinned, nil
}

// viewModules describes all modules as docs/functions.schema.json does.
func (l *local) viewModules(list []*modules.Module) ([]v1.DeclaredModule, error) {
	cfg, err := config.Load(l.snapshot.Tree.FS)
	if err != nil {
		return nil, err
	}
	views := []v1.DeclaredModule{}
	for i, m := range list {
		views = append(views, v1.DeclareIn(m, cfg.Modules[i]))
	}
	return views, nil
}
