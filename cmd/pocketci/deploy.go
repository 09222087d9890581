package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
)

func newModuleDeploy() *cobra.Command {
	var r remote
	var name string
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "deploy DIR...",
		Short: "Store modules in the agent, all or none",
		Long: `Store the modules in some folders in the agent, all or none. Each folder has a
dagger.json, or a pocketci.yaml that says where the module is in it; a module is called
after its folder, unless --name says otherwise. It is then called like a repository, as
.modules/NAME.

The agent loads every module before it stores the first. What .gitignore excludes, .git
and .env files are left out. A module that there is becomes what is in the folder; what is
disabled of it stays so. This needs a key with the scope admin.`,
		Args: cobra.MinimumNArgs(1),
		Example: `  pocketci module deploy site
  pocketci module deploy --dry-run modules/*
  pocketci module deploy --name site .`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if name != "" && len(args) > 1 {
				return errors.New("--name is of one folder")
			}
			request := v1.Deploy{DryRun: dry}
			for _, dir := range args {
				upload, err := pack(cmd.Context(), dir, name)
				if err != nil {
					return err
				}
				request.Modules = append(request.Modules, upload)
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			deployed, err := c.Deploy(cmd.Context(), request)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), deployed)
			}
			s := newScreen(cmd.OutOrStdout())
			for i := range deployed.Modules {
				s.deployed(&deployed.Modules[i], dry)
			}
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "load the modules and show what would change, and store nothing")
	cmd.Flags().StringVar(&name, "name", "", "the `NAME` of the module, if it is not to be its folder's")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// pack makes of a folder what the agent is sent.
func pack(ctx context.Context, dir, name string) (v1.ModuleUpload, error) {
	none := v1.ModuleUpload{}
	if name == "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return none, fmt.Errorf("%s: %w", dir, err)
		}
		name = filepath.Base(abs)
	}
	if err := events.CheckModuleName(name); err != nil {
		return none, fmt.Errorf("%s: the name %w; choose one with --name", dir, err)
	}
	files, err := bundle.Collect(ctx, dir)
	if err != nil {
		return none, fmt.Errorf("%s: %w", dir, err)
	}
	archive, err := bundle.Pack(files)
	if err != nil {
		return none, fmt.Errorf("%s: %w", dir, err)
	}
	return v1.ModuleUpload{Name: name, Archive: archive}, nil
}

// deployed says what a deployment changes.
func (s *screen) deployed(m *v1.DeployedModule, dry bool) {
	format := "%s is %s, at %s\n"
	if dry {
		format = "%s would be %s, at %s\n"
	}
	s.printf(format, m.Name, m.Change, shortSHA(m.SHA))
	for _, list := range []struct {
		what  string
		names []string
	}{{"added", m.Added}, {"changed", m.Changed}, {"removed", m.Removed}} {
		for _, name := range list.names {
			s.printf("  %s %s\n", list.what, name)
		}
	}
}
