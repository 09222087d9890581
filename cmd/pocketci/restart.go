package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newRestart() *cobra.Command {
	var r remote
	var w waiting
	var failed bool
	cmd := &cobra.Command{
		Use:   "restart RUN",
		Short: "Make the calls of a run again",
		Long: `Restart adds an attempt to a run that has ended: the same commit and plan, with
the present secrets. Replay plans anew instead.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci restart 42 --failed
  pocketci restart 42 --wait --fail`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			scope := "all"
			if failed {
				scope = "failed"
			}
			restarted, err := c.Restart(cmd.Context(), args[0], v1.Restart{Scope: scope})
			if err != nil {
				return err
			}
			return w.started(cmd, c, args[0], restarted.Attempt, restarted,
				fmt.Sprintf("attempt %d of run %s", restarted.Attempt, args[0]))
		},
	}
	r.flags(cmd)
	w.flags(cmd)
	cmd.Flags().BoolVar(&failed, "failed", false, "only the calls that did not succeed")
	jsonFlag(cmd, &w.json)
	return cmd
}

func newAbort() *cobra.Command {
	var r remote
	var call, reason string
	cmd := &cobra.Command{
		Use:   "abort RUN | abort --call CALL",
		Short: "End a run, or one of its calls",
		Args:  cobra.MaximumNArgs(1),
		Example: `  pocketci abort 42 --reason "wrong branch"
  pocketci abort --call 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (call == "") {
				return errors.New("name a RUN, or a call with --call CALL")
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			s := newScreen(cmd.OutOrStdout())
			if call != "" {
				if err := c.AbortCall(cmd.Context(), call, v1.Abort{Reason: reason}); err != nil {
					return err
				}
				s.printf("aborted call %s\n", call)
				return nil
			}
			if err := c.AbortRun(cmd.Context(), args[0], v1.Abort{Reason: reason}); err != nil {
				return err
			}
			s.printf("aborted run %s\n", args[0])
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&call, "call", "", "end this `CALL` alone, by its id")
	cmd.Flags().StringVar(&reason, "reason", "", "a `TEXT` to show behind who did it")
	return cmd
}
