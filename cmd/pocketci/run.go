package main

import (
	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/report"
)

func newRun() *cobra.Command {
	in := input{lines: true}
	cmd := &cobra.Command{
		Use:   "run --event NAME (--payload FILE)",
		Short: "Plan, then call the functions here and now",
		Long: `Run plans as "pocketci plan" does and calls what matches, all in parallel, on the
Dagger engine of this machine. It exits with 0 only if every call succeeded.`,
		Args: cobra.NoArgs,
		Example: `  pocketci run --event push --payload push.json
  pocketci run --event manual --json | jq 'select(.type == "finished")'`,
		RunE: func(cmd *cobra.Command, _ []string) error { return in.run(cmd) },
	}
	in.flags(cmd)
	cmd.Flags().BoolVar(&in.json, "json", false, "print one JSON object a line (see pocketci schema report)")
	return cmd
}

// run plans the event and makes the calls here and now.
func (in *input) run(cmd *cobra.Command) error {
	local, err := in.open(cmd)
	if err != nil {
		return err
	}
	defer local.Close()
	plan, outcomes, err := local.direct.Run(cmd.Context(), local.runID(), local.snapshot)
	if err != nil {
		return err
	}
	if len(plan.Calls) == 0 && len(plan.Invalid) == 0 {
		// As JSON the plan has been printed as the first line.
		if !in.json {
			report.Plan(local.masked(cmd.OutOrStdout()), plan, local.snapshot.Place)
		}
		return &exitError{code: exitNothing}
	}
	for _, o := range outcomes {
		if o.State != dispatcher.StateSucceeded {
			return &exitError{code: exitFailed}
		}
	}
	if len(plan.Invalid) > 0 {
		return &exitError{code: exitFailed}
	}
	return nil
}
