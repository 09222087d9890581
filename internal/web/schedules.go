package web

import (
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

// schedulesPage is the schedules of the agent and of functions.
type schedulesPage struct {
	Repository string
	Schedules  []*scheduleRow
	More       string
	None       unconfigured
}

// scheduleRow is a schedule in the list.
type scheduleRow struct {
	v1.Schedule
	// Words say when it is due; empty where the expression says it as well.
	Words string
	// Try is the address at which its next tick is planned.
	Try string
	// Target is the repository whose functions are called. For a stored module its
	// page is at TargetPath.
	Target, TargetPath string
	// Forms are the addresses at which its functions are called by hand, in their
	// order.
	Forms []string
}

// State is how it fares: ok, paused, failing or over.
func (r *scheduleRow) State() string {
	switch {
	case r.Paused != "":
		return "paused"
	case r.Error != "":
		return "failing"
	case len(r.Next) == 0:
		return "over"
	}
	return "on"
}

func scheduleRowOf(s v1.Schedule) *scheduleRow {
	row := &scheduleRow{Schedule: s, Words: schedule.Words(s.Expression), Try: address("/try", "schedule", s.Name)}
	row.Target, row.TargetPath = s.Repository, repositoryPath(s.Repository)
	repository := s.Repository
	if s.Module != "" {
		row.Target, row.TargetPath, repository = "module "+s.Module, under("/modules", s.Module), events.ModuleFullName(s.Module)
	} else if name, stored := events.ModuleName(s.Repository); stored {
		row.Target, row.TargetPath = "module "+name, under("/modules", name)
	}
	for _, f := range s.Functions {
		row.Forms = append(row.Forms, runForm(repository, "", f.Module, f.Function))
	}
	return row
}

func (s *Site) schedules(v *visit) error {
	page := schedulesPage{Repository: strings.TrimSpace(v.r.URL.Query().Get("repository")), None: noSchedules}
	found, err := v.api.Schedules(v.ctx(), page.Repository)
	if err != nil {
		return err
	}
	list, more := part(v, found.Schedules)
	page.More = more
	for i := range list {
		page.Schedules = append(page.Schedules, scheduleRowOf(list[i]))
	}
	return v.show("schedules", page)
}
