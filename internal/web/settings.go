package web

import (
	"cmp"
	"maps"
	"slices"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// settingsPage is how the agent is.
type settingsPage struct {
	v1.Health
	States []checkState
}

// checkState is what is needed and how it is, by the name of a state.
type checkState struct{ Name, State string }

// Waited is how long the oldest of those that wait has waited.
func (settingsPage) Waited(seconds float64) string {
	return duration(secondsOf(seconds))
}

func (s *Site) settings(v *visit) error {
	health, err := v.api.Health(v.ctx())
	if err != nil {
		return err
	}
	page := settingsPage{Health: health}
	for _, name := range slices.Sorted(maps.Keys(health.Checks)) {
		state := health.Checks[name]
		if state == "timed out" {
			state = "timed-out"
		}
		page.States = append(page.States, checkState{name, state})
	}
	slices.SortFunc(page.Agents, func(a, b v1.Agent) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return v.show("settings", page)
}

// configurationPage is the configuration as it is in force.
type configurationPage struct {
	v1.LoadedConfiguration
}

func (s *Site) configuration(v *visit) error {
	loaded, err := v.api.Configuration(v.ctx())
	if err != nil {
		return err
	}
	return v.show("configuration", configurationPage{loaded})
}

// auditPage is a page of what people did.
type auditPage struct {
	Entries []v1.AuditEntry
	// Older is the address of the next page.
	Older string
}

func (s *Site) audit(v *visit) error {
	found, err := v.api.Audit(v.ctx(), client.Page{Cursor: v.r.URL.Query().Get("cursor"), Limit: perPage})
	if err != nil {
		return err
	}
	page := auditPage{Entries: found.Entries}
	if found.Next != "" {
		page.Older = address("/settings/audit", "cursor", found.Next)
	}
	return v.show("audit", page)
}
