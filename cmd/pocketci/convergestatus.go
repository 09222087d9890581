package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/converge"
	"github.com/franela/pocketci/internal/converge/config"
)

// opened is the process of a configuration, which nothing is started of.
func opened(cmd *cobra.Command, file string) (*converge.Process, error) {
	conf, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	p, _, err := newConverger(conf, false, "text", slog.LevelWarn, cmd.ErrOrStderr())
	return p, err
}

func newConvergeStatus() *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show the last run of each source and what is in effect",
		Args:    cobra.NoArgs,
		Example: `  pocketci converge status --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := opened(cmd, file)
			if err != nil {
				return err
			}
			states, err := p.States()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), states)
			}
			s := newScreen(cmd.OutOrStdout())
			t := s.table("SOURCE", "IN EFFECT", "PENDING", "LAST RUN", "TRIGGER", "CHANGED", "REMOVED", "ERROR")
			for _, name := range slices.Sorted(maps.Keys(states)) {
				state := states[name]
				row := []any{name, fmt.Sprint(len(state.Applied)), fmt.Sprint(len(state.Pending)), "-", "-", "-", "-", ""}
				if last := state.Last; last != nil {
					row = append(row[:3], s.when(last.EndedAt), last.Trigger, fmt.Sprint(len(last.Changed)), fmt.Sprint(len(last.Removed)), last.Err)
				}
				if state.Run != nil {
					row[7] = "a run was cut off, or goes on"
				}
				t.row(row...)
			}
			return t.flush()
		},
	}
	convergeConfigFlag(cmd, &file)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newConvergeForget() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "forget SOURCE ID",
		Short: "Have a command count as gone whose remove cannot be run any more",
		Long: `Forget has a command of a source count as gone without removing it. It is for one
whose remove fails, and holds up all further runs, after somebody has seen to what
it left on the host.`,
		Args:    cobra.ExactArgs(2),
		Example: `  pocketci converge forget web "write a file"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := opened(cmd, file)
			if err != nil {
				return err
			}
			return p.Forget(cmd.Context(), args[0], args[1])
		},
	}
	convergeConfigFlag(cmd, &file)
	return cmd
}
