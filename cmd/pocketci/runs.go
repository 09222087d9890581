package main

import (
	"strconv"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

func newRuns() *cobra.Command {
	return group("runs", "List and show the runs of an agent", newRunsList(), newRunsShow())
}

// runStates are the states that completion knows.
var runStates = []string{"queued", "waiting-approval", "running", "succeeded", "failed", "aborted", "timed-out", "invalid", "skipped"}

func newRunsList() *cobra.Command {
	var r remote
	var l listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, the latest first",
		Args:  cobra.NoArgs,
		Example: `  pocketci runs list --repo you/hello --state failed --since 7d
  pocketci runs list --json | jq '.runs[].number'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := client.RunFilter{Repository: l.repo, Ref: l.ref, State: l.state, Function: l.function}
			var err error
			if f.Event, f.Name, err = l.named(); err != nil {
				return err
			}
			if f.Since, f.Until, err = l.between(); err != nil {
				return err
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			all, next, err := collect(l.limit, func(p client.Page) ([]v1.Run, string, error) {
				f.Page = p
				page, err := c.Runs(cmd.Context(), f)
				return page.Runs, page.Next, err
			})
			if err != nil {
				return err
			}
			s := newScreen(cmd.OutOrStdout())
			return l.listed(s, v1.Runs{Runs: all, Next: next}, len(all), next, func(t *table) {
				t.row("RUN", state("STATE"), "CREATED", "TOOK", "REPOSITORY", "WHAT", "SHA", "SENDER")
				for _, r := range all {
					t.row(strconv.FormatInt(r.Number, 10), state(r.State), s.when(r.CreatedAt), s.took(r.StartedAt, r.EndedAt),
						r.Repository, what(r.Vendor, r.Name, r.Filter), shortSHA(r.SHA), r.Sender)
				}
			})
		},
	}
	r.flags(cmd)
	l.add(cmd, "repo", "ref", "state", "event", "name", "function", "since", "until")
	cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(runStates, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func newRunsShow() *cobra.Command {
	var r remote
	var plan, asJSON bool
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show a run with its calls",
		Long: `Show a run, by its number or id, with the state and duration of each call, why it
is in that state, and the command that replays it.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci runs show 42
  pocketci runs show 42 --plan`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			run, err := c.Run(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), run)
			}
			s := newScreen(cmd.OutOrStdout())
			s.tree(&run)
			if err := s.attempts(run.Attempts); err != nil {
				return err
			}
			if plan {
				return s.notCalled(run.Plan)
			}
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&plan, "plan", false, "show also which functions are not called, and why")
	jsonFlag(cmd, &asJSON)
	return cmd
}
