package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/terminal"
)

func newCalls() *cobra.Command {
	return group("calls", "List and show the calls of an agent", newCallsList(), newCallsShow())
}

func newCallsList() *cobra.Command {
	var r remote
	var l listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List calls, the latest first",
		Args:  cobra.NoArgs,
		Example: `  pocketci calls list --repo you/hello --function testOnPush --state failed
  pocketci calls list --run 42 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := client.CallFilter{Repository: l.repo, State: l.state, Run: l.run, Module: l.module, Function: l.function}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			all, next, err := collect(l.limit, func(p client.Page) ([]v1.Call, string, error) {
				f.Page = p
				page, err := c.Calls(cmd.Context(), f)
				return page.Calls, page.Next, err
			})
			if err != nil {
				return err
			}
			s := newScreen(cmd.OutOrStdout())
			return l.listed(s, v1.Calls{Calls: all, Next: next}, len(all), next, func(t *table) {
				t.row("CALL", state("STATE"), "QUEUED", "TOOK", "RUN", "REPOSITORY", "FUNCTION", "ATTEMPT")
				for i := range all {
					c := &all[i]
					t.row(c.ID, state(c.State), s.whenPtr(c.QueuedAt), s.took(c.StartedAt, c.EndedAt),
						strconv.FormatInt(c.RunNumber, 10), c.Repository, qualified(c), c.Attempt)
				}
			})
		},
	}
	r.flags(cmd)
	l.add(cmd, "repo", "state", "run", "module", "function")
	cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(callStates, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func newCallsShow() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show CALL",
		Short:   "Show a call with what it returned",
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci calls show 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			call, err := c.Call(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), call)
			}
			s := newScreen(cmd.OutOrStdout())
			s.call(&call)
			return s.attempts(call.Attempts)
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// callStates are the states that completion knows.
var callStates = slices.DeleteFunc(slices.Clone(runStates), func(s string) bool { return s == "waiting-approval" })

// call writes one call in full.
func (s *screen) call(c *v1.Call) {
	s.printf("%s  %s  %s\n", qualified(c), state(c.State), joined(", ", s.took(c.StartedAt, c.EndedAt), "attempt "+strconv.Itoa(c.Attempt)))
	s.printf("  run %s of %s, call %s\n", strconv.FormatInt(c.RunNumber, 10), c.Repository, c.ID)
	if c.Agent != "" {
		s.printf("  agent: %s\n", c.Agent)
	}
	if c.RunsOn != "" {
		s.printf("  runs on: %s\n", c.RunsOn)
	}
	for _, id := range c.After {
		s.printf("  after: %s\n", id)
	}
	s.lines("  ", c.Reason)
	switch {
	case c.LogGone:
		s.printf("  log: deleted to make room\n")
	case c.LogSize > 0:
		cut := ""
		if c.LogCut {
			cut = ", cut at the end"
		}
		s.printf("  log: %s%s\n", humanize.IBytes(uint64(c.LogSize)), cut)
	}
	if c.Command != "" {
		s.lines("  ", "replay: "+c.Command)
	}
	for _, text := range []string{c.Error, c.Output} {
		if text == "" || text == c.Reason {
			continue
		}
		s.printf("\n")
		for _, line := range terminal.Lines(text) {
			fmt.Fprintf(s.w, "  %s\n", line)
		}
	}
}
