package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
)

func newPlan() *cobra.Command {
	var in input
	cmd := &cobra.Command{
		Use:   "plan (--event NAME --payload FILE | --schedule NAME)",
		Short: "Show which functions an event calls, and why not the others",
		Args:  cobra.NoArgs,
		Example: `  # what would this push call?
  pocketci plan --event push --payload push.json

  # as if these files had changed
  pocketci plan --event pull_request --payload pr.json --changes main.go,go.mod

  # what the schedule nightly would call
  pocketci plan --schedule nightly

  # what a manual run of this directory would call, compared with main
  pocketci plan --event manual --base main --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			local, err := in.open(cmd)
			if err != nil {
				return err
			}
			defer local.Close()
			plan, err := local.direct.Plan(cmd.Context(), local.snapshot)
			if err != nil {
				return err
			}
			if err := in.print(local.masked(cmd.OutOrStdout()), plan, local.snapshot.Place); err != nil {
				return err
			}
			invalid := slices.ContainsFunc(plan.Following, func(f dispatcher.Following) bool { return len(f.Preview.Invalid) > 0 })
			switch {
			case len(plan.Invalid) > 0, invalid:
				return &exitError{code: exitUsage}
			case len(plan.Calls)+len(plan.Following) == 0:
				return &exitError{code: exitNothing}
			}
			return nil
		},
	}
	in.flags(cmd)
	cmd.Flags().BoolVar(&in.json, "json", false, "print the plan as JSON (see pocketci schema plan)")
	return cmd
}

// writeJSON prints one value for programs and people.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
