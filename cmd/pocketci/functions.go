package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

func newFunctions() *cobra.Command {
	in := input{event: manualEvent}
	var r remote
	var asJSON bool
	var repository string
	cmd := &cobra.Command{
		Use:   "functions",
		Short: "List the functions and checks of the repository's modules",
		Long: `List the functions of the modules in a local directory, with their arguments, and
their checks. With --repo: those that an agent has called, with what became of it
in the last 7 and 30 days.`,
		Args: cobra.NoArgs,
		Example: `  pocketci functions --dir ~/src/hello
  pocketci functions --json
  pocketci functions --repo you/hello`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.instead(cmd, repository); err != nil {
				return err
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
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), viewModules(list))
			}
			return printModules(cmd.OutOrStdout(), list)
		},
	}
	in.dirFlags(cmd)
	r.flags(cmd)
	cmd.Flags().StringVar(&repository, "repo", "", "ask the agent about this `REPOSITORY`, by its full name")
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

// moduleView is a module in JSON; docs/functions.schema.json describes it.
type moduleView struct {
	Module    string         `json:"module"`
	Name      string         `json:"name"`
	Functions []functionView `json:"functions"`
	Checks    []checkView    `json:"checks"`
}

// checkView is a check. One of the main object is among the functions as well.
type checkView struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Path        []string `json:"path"`
	// Requires are the arguments for which the function is marked as a check and
	// is none.
	Requires []argView `json:"requires,omitempty"`
}

type functionView struct {
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Returns     string    `json:"returns"`
	Args        []argView `json:"args"`
}

type argView struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Type        string          `json:"type"`
	Required    bool            `json:"required"`
	Default     json.RawMessage `json:"default,omitempty"`
}

func viewArg(a *modules.Arg) argView {
	return argView{Name: a.Name, Description: a.Description, Type: a.Type.String(), Required: a.Required(), Default: a.Default}
}

func viewModules(list []*modules.Module) []moduleView {
	views := []moduleView{}
	for _, m := range list {
		view := moduleView{Module: m.Path, Name: m.Name, Functions: []functionView{}, Checks: []checkView{}}
		for _, fn := range m.Functions {
			f := functionView{Name: fn.Name, Description: fn.Description, Returns: fn.Returns.String(), Args: []argView{}}
			for i := range fn.Args {
				f.Args = append(f.Args, viewArg(&fn.Args[i]))
			}
			view.Functions = append(view.Functions, f)
		}
		for _, check := range m.Checks {
			c := checkView{Name: check.Name, Description: check.Description, Path: check.Path}
			for i := range check.Requires {
				c.Requires = append(c.Requires, viewArg(&check.Requires[i]))
			}
			view.Checks = append(view.Checks, c)
		}
		views = append(views, view)
	}
	return views
}

func printModules(w io.Writer, list []*modules.Module) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FUNCTION\tARGUMENTS\tRETURNS\tDESCRIPTION")
	for _, m := range list {
		for _, fn := range m.Functions {
			var args []string
			for _, a := range fn.Args {
				text := a.Name + " " + a.Type.String()
				if a.Default != nil {
					text += "=" + string(a.Default)
				}
				args = append(args, text)
			}
			first, _, _ := strings.Cut(fn.Description, "\n")
			fmt.Fprintf(table, "%s:%s\t%s\t%s\t%s\n", m.Path, fn.Name, strings.Join(args, ", "), fn.Returns, first)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printChecks(w, list)
}

// printChecks writes a second table if there are checks.
func printChecks(w io.Writer, list []*modules.Module) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	header := "\nCHECK\tDESCRIPTION\n"
	for _, m := range list {
		for _, c := range m.Checks {
			first, _, _ := strings.Cut(c.Description, "\n")
			if len(c.Requires) > 0 {
				first = "no check: it requires " + c.Requires[0].Name
			}
			fmt.Fprintf(table, "%s%s:%s\t%s\n", header, m.Path, c.Name, first)
			header = ""
		}
	}
	return table.Flush()
}
