package main

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
)

func newModule() *cobra.Command {
	return group("module", "Store modules in an agent that are in no repository",
		newModuleDeploy(), newModuleList(), newModuleShow(), newModuleExport(), newModuleRename(), newModuleDelete())
}

func newModuleList() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the modules that are stored in the agent",
		Args:    cobra.NoArgs,
		Example: "  pocketci module list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Modules(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			s := newScreen(cmd.OutOrStdout())
			t := s.table("MODULE", "VERSION", "SHA", "FILES", "SIZE", "DEPLOYED", "BY", "DISABLED")
			for _, m := range list.Modules {
				t.row(m.Name, m.Version, shortSHA(m.SHA), m.Files, humanize.IBytes(uint64(m.Size)), s.when(m.DeployedAt), m.DeployedBy, disabledBy(m.Disabled))
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newModuleShow() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a stored module with its functions and versions",
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci module show site",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			m, err := c.Module(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), m)
			}
			return showModule(cmd, &m)
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func showModule(cmd *cobra.Command, m *v1.Module) error {
	s := newScreen(cmd.OutOrStdout())
	s.printf("%s, called as %s\n\n", m.Name, m.Repository)
	if err := printModules(cmd.OutOrStdout(), m.Modules); err != nil {
		return err
	}
	s.printf("\n")
	t := s.table("VERSION", "SHA", "FILES", "SIZE", "DEPLOYED", "BY", "")
	for _, v := range m.Versions {
		now := ""
		if v.SupersededAt == nil {
			now = "called now"
		}
		t.row(v.Version, v.SHA, v.Files, humanize.IBytes(uint64(v.Size)), s.when(v.DeployedAt), v.DeployedBy, now)
	}
	return t.flush()
}

func newModuleExport() *cobra.Command {
	var r remote
	var dir, sha string
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write the files of a stored module to a folder",
		Long: `Write the files of a stored module to a new folder, which has the module's name
unless --dir says otherwise. Nothing is ever written outside of it.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci module export site
  pocketci module export site --sha 3f2a1b9c0d124e5f60718293a4b5c6d7e8f90a1b --dir /tmp/old-site`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := events.CheckModuleName(args[0]); err != nil {
				return fmt.Errorf("the name of the module %w", err)
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			var archive bytes.Buffer
			if err := c.ModuleArchive(cmd.Context(), args[0], sha, &archive); err != nil {
				return err
			}
			files, err := bundle.Unpack(archive.Bytes())
			if err != nil {
				return fmt.Errorf("the files of the module: %w", err)
			}
			if dir == "" {
				dir = args[0]
			}
			if err := bundle.Write(dir, files); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("wrote %s files to %s\n", strconv.Itoa(len(files)), dir)
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&dir, "dir", "", "the `DIR` to write, which must not exist or be empty")
	cmd.Flags().StringVar(&sha, "sha", "", "the full `SHA` of a version; the one that is called now by default")
	cmd.MarkFlagDirname("dir")
	return cmd
}

func newModuleRename() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "rename NAME NEW",
		Short: "Give a stored module another name",
		Long: `Give a stored module another name. Its events, runs and calls, and what is disabled
of it, go with it. Rules and sources in agent.yaml that name it do not.`,
		Args:    cobra.ExactArgs(2),
		Example: "  pocketci module rename site homepage",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.RenameModule(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("renamed %s to %s\n", args[0], args[1])
			return nil
		},
	}
	r.flags(cmd)
	return cmd
}

func newModuleDelete() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a stored module",
		Long: `Delete a stored module with all its versions. What is still to be done of it is
ended. Its runs stay to be read, and cannot be made again.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci module delete site",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.DeleteModule(cmd.Context(), args[0]); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("deleted %s\n", args[0])
			return nil
		},
	}
	r.flags(cmd)
	return cmd
}
