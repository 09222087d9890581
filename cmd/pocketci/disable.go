package main

import (
	"errors"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// switched is what a command enables or disables.
type switched struct{ module, function string }

func (w *switched) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.module, "module", "", "only the module at this `PATH`")
	cmd.Flags().StringVar(&w.function, "function", "", "only this `FUNCTION` of the module")
}

func (w *switched) check() error {
	if w.function != "" && w.module == "" {
		return errors.New("--function needs --module")
	}
	return nil
}

// of names it.
func (w *switched) of(repository string) string {
	name := joined(":", w.module, w.function)
	if name == "" {
		return repository
	}
	return name + " of " + repository
}

func newDisable() *cobra.Command {
	var r remote
	var w switched
	var reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "disable [REPO]",
		Short: "Have a repository, a module or a function not called, or list what is",
		Long: `Disable has a repository, one of its modules, or one function not called until
somebody enables it. Events are still stored, and plans say who disabled it.
Without a repository, what is disabled is listed.`,
		Args: cobra.MaximumNArgs(1),
		Example: `  pocketci disable you/hello --module ci --function deployOnPushMain --reason "the cluster is down"
  pocketci disable`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return err
			}
			if len(args) == 0 && (w.module != "" || reason != "") {
				return errors.New("name the repository")
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			s := newScreen(cmd.OutOrStdout())
			if len(args) > 0 {
				d := v1.Disabled{Repository: args[0], Module: w.module, Function: w.function, Reason: reason}
				if err := c.Disable(cmd.Context(), d); err != nil {
					return err
				}
				s.printf("disabled %s\n", w.of(args[0]))
				return nil
			}
			list, err := c.Disabled(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			t := s.table("REPOSITORY", "MODULE", "FUNCTION", "BY", "WHEN", "REASON")
			for _, d := range list.Disabled {
				t.row(d.Repository, d.Module, d.Function, d.Person, s.when(d.At), d.Reason)
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	w.flags(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "a `TEXT` to show in plans")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newEnable() *cobra.Command {
	var r remote
	var w switched
	cmd := &cobra.Command{
		Use:     "enable REPO",
		Short:   "Have something called again that was disabled",
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci enable you/hello --module ci --function deployOnPushMain",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return err
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Enable(cmd.Context(), v1.Enable{Repository: args[0], Module: w.module, Function: w.function}); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("enabled %s\n", w.of(args[0]))
			return nil
		},
	}
	r.flags(cmd)
	w.flags(cmd)
	return cmd
}
