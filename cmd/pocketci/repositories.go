package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newRepositories() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "repositories",
		Short:   "List the repositories that an agent has received events of",
		Args:    cobra.NoArgs,
		Example: "  pocketci repositories",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Repositories(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			s := newScreen(cmd.OutOrStdout())
			t := s.table("REPOSITORY", "RUNS", "LAST EVENT", "LAST RUN", state("STATE"), "DISABLED")
			for _, e := range list.Repositories {
				number, last := "", state("")
				if e.LastRun != nil {
					number, last = strconv.FormatInt(e.LastRun.Number, 10), state(e.LastRun.State)
				}
				t.row(e.Repository, e.Runs, s.whenPtr(e.LastEvent), number, last, disabledBy(e.Disabled))
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// disabledBy says who disabled something, if anybody has.
func disabledBy(d *v1.Disabled) string {
	if d == nil {
		return ""
	}
	return joined(": ", strings.TrimSpace("by "+d.Person), d.Reason)
}

// serverFunctions lists the functions of a repository as an agent knows them.
func serverFunctions(cmd *cobra.Command, r *remote, repository string, asJSON bool) error {
	c, err := r.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	list, err := c.Functions(cmd.Context(), repository)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), list)
	}
	t := newScreen(cmd.OutOrStdout()).table("FUNCTION", state("STATE"), "7 DAYS", "SUCCEEDED", "P50", "P90",
		"30 DAYS", "SUCCEEDED", "P50", "P90", "DISABLED")
	for _, f := range list.Functions {
		cells := []any{f.Module + ":" + f.Function, state(f.LastState)}
		for _, days := range []*v1.Statistics{f.Days7, f.Days30} {
			if days == nil || days.Calls == 0 {
				cells = append(cells, "0", "", "", "")
				continue
			}
			ratio := strconv.FormatFloat(100*days.Ratio, 'f', 0, 64) + " %"
			cells = append(cells, days.Calls, ratio, seconds(days.P50), seconds(days.P90))
		}
		t.row(append(cells, disabledBy(f.Disabled))...)
	}
	return t.flush()
}
