package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newHealth() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Show the state of the agents and of what they need",
		Long:  `Health exits with 1 if a check of the agent does not give ok.`,
		Args:  cobra.NoArgs,
		Example: `  pocketci health
  pocketci health --json | jq .queue`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			h, err := c.Health(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), h)
			} else {
				err = newScreen(cmd.OutOrStdout()).health(&h)
			}
			if err != nil {
				return err
			}
			for _, result := range h.Checks {
				if result != "ok" {
					return &exitError{code: exitFailed}
				}
			}
			return nil
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (s *screen) health(h *v1.Health) error {
	s.printf("version %s\n", h.Version)
	t := s.table()
	for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
		t.row(name, h.Checks[name])
	}
	t.row("to be planned", waits(h.Queue.Runs, h.Queue.RunsOldest))
	t.row("to be called", waits(h.Queue.Calls, h.Queue.CallOldest))
	t.row("to be approved", h.Queue.Waiting)
	if c := h.Configuration; c.File != "" {
		t.row("configuration", c.File+", read "+s.when(c.LoadedAt))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if h.Configuration.Error != "" {
		s.printf("\nthe newest configuration is not in force: %s\n", h.Configuration.Error)
	}
	if len(h.Configuration.Restart) > 0 {
		s.printf("\nneeds a restart to be in force: %s\n", strings.Join(h.Configuration.Restart, ", "))
	}
	if len(h.Agents) == 0 {
		return nil
	}
	s.printf("\n")
	t = s.table("AGENT", "JOINED", "HEARD", "PLANS", "CALLS", "ID")
	for _, a := range h.Agents {
		t.row(a.Name, s.when(a.JoinedAt), s.when(a.SeenAt), a.Runs, a.Calls, a.ID)
	}
	return t.flush()
}

func waits(n int, oldest float64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%d, the oldest for %s", n, seconds(oldest))
}
