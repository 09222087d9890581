package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newSchedules() *cobra.Command {
	return group("schedules", "Show the schedules of an agent, and what they would call", newSchedulesList(), newSchedulesPlan())
}

func newSchedulesList() *cobra.Command {
	var r remote
	var repository string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the schedules with their next five times and their last tick",
		Long: `List shows the schedules of agent.yaml, and those that functions have themselves
on the default branches of their repositories. Times are in the time zone of
each schedule; jitter is not added to them.`,
		Args: cobra.NoArgs,
		Example: `  pocketci schedules list
  pocketci schedules list --repo acme/shop --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Schedules(cmd.Context(), repository)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			s := newScreen(cmd.OutOrStdout())
			for i := range list.Schedules {
				if i > 0 {
					s.printf("\n")
				}
				if err := s.schedule(&list.Schedules[i]); err != nil {
					return err
				}
			}
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().StringVar(&repository, "repo", "", "only those that call functions of this `REPOSITORY`, by its full name")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// schedule writes one schedule.
func (s *screen) schedule(e *v1.Schedule) error {
	s.printf("%s\n", e.Name)
	t := s.table()
	due := e.Expression
	if e.TimeZone != "UTC" {
		due += " in " + e.TimeZone
	}
	t.row("  due", due)
	t.row("  calls", calledBy(e))
	late := "catch up with " + e.CatchUp
	if e.CatchUp != "none" {
		late += ", " + seconds(e.MaxAge) + " late at most"
	}
	if e.Jitter > 0 {
		late += "; up to " + seconds(e.Jitter) + " later than due"
	}
	t.row("  late", late)
	switch {
	case e.LastTick == nil:
		t.row("  last", "never")
	case e.LastTick.Run == nil:
		t.row("  last", inZone(e.LastTick.Due, e)+"  "+s.when(e.LastTick.Due))
	default:
		t.row("  last", inZone(e.LastTick.Due, e)+"  "+s.when(e.LastTick.Due), state(e.LastTick.Run.State), fmt.Sprintf("run %d", e.LastTick.Run.Number))
	}
	title := "  next"
	for _, at := range e.Next {
		t.row(title, at.Format("Mon 2006-01-02 15:04:05 -07:00")+"  "+s.when(at))
		title = ""
	}
	if len(e.Next) == 0 {
		t.row(title, "never again")
	}
	if e.Paused != "" {
		t.row("  paused", e.Paused)
	}
	if e.Error != "" {
		t.row("  error", e.Error)
	}
	return t.flush()
}

// inZone writes a time in the zone of the schedule's next times, else in UTC.
func inZone(at time.Time, e *v1.Schedule) string {
	if zone, err := time.LoadLocation(e.TimeZone); err == nil {
		at = at.In(zone)
	}
	return at.Format("Mon 2006-01-02 15:04:05 -07:00")
}

func calledBy(e *v1.Schedule) string {
	switch {
	case len(e.Functions) > 0:
		var names []string
		for _, f := range e.Functions {
			names = append(names, f.Module+":"+f.Function)
		}
		return strings.Join(names, ", ") + " of " + e.Repository
	case e.Module != "":
		return "what is named for it in the module " + e.Module
	case e.Repository != "":
		return "what is named for it in " + e.Repository
	}
	return "nothing"
}

func newSchedulesPlan() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan NAME",
		Short: "Show what the next tick of a schedule would call, and why not the others",
		Long: `Plan has the agent fetch the repository and plan the next tick of a schedule,
and calls nothing. NAME is that of the list. Exit codes are those of pocketci plan.`,
		Args:    cobra.ExactArgs(1),
		Example: `  pocketci schedules plan 'acme/shop#Nightly'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			data, err := c.Plan(cmd.Context(), v1.PlanRequest{Schedule: args[0]})
			if err != nil {
				return err
			}
			var view dispatcher.View
			if err := json.Unmarshal(data, &view); err != nil {
				return fmt.Errorf("read the plan of the agent: %w", err)
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), data)
			} else {
				newScreen(cmd.OutOrStdout()).plan(&view)
			}
			switch {
			case err != nil:
				return err
			case len(view.Invalid) > 0:
				return &exitError{code: exitUsage}
			case len(view.Calls) == 0:
				return &exitError{code: exitNothing}
			}
			return nil
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// plan writes a plan that an agent has made.
func (s *screen) plan(v *dispatcher.View) {
	s.printf("%s %s %s of %s at %s\n", v.Event.Vendor, v.Event.Event, v.Event.Filter, v.Event.Repository, v.Event.SHA)
	part := func(title string, n int) {
		if n > 0 {
			s.printf("\n%s:\n", title)
		}
	}
	part("calls", len(v.Calls))
	for _, c := range v.Calls {
		s.printf("  %s:%s  (%s)\n    %s\n", c.Module, c.Function, c.Why, c.Command)
	}
	part("invalid", len(v.Invalid))
	for _, i := range v.Invalid {
		s.printf("  %s:%s  %s\n", i.Module, i.Function, i.Error)
	}
	part("not called", len(v.Skipped))
	for _, n := range v.Skipped {
		s.printf("  %s:%s  %s\n", n.Module, n.Function, n.Reason)
	}
	for _, w := range v.Warnings {
		s.printf("\nwarning: %s\n", w)
	}
}
