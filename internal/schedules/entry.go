// Package schedules keeps the clock: it tells when schedules are due, those of
// agent.yaml and those that functions of repositories have themselves, and keeps the
// latter from one push to the default branch to the next.
package schedules

import (
	"context"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/predicate"
)

// Kind is that of schedules among the sources that are asked.
const Kind = events.VendorTime

// Entry is one schedule.
type Entry struct {
	// Name tells the schedule from all others: nightly for one of agent.yaml,
	// acme/shop#Nightly for one of functions.
	Name string
	// Filter is what functions are named for.
	Filter   string
	Schedule schedule.Schedule
	Policy   schedule.Policy
	// Of says whose schedule it is.
	Of schedule.Owner
	// Repository is the full name of the repository whose functions are called,
	// or empty for a stored module.
	Repository string
	// Module is the name of the stored module whose functions are called, if it
	// is one.
	Module string
	// Functions are those that have the schedule themselves, empty for one of the
	// agent.
	Functions []dispatcher.FunctionName
	// Since is when functions came to have it, zero for one of the agent. What was
	// due before is not caught up with.
	Since time.Time
	// Paused says why the ticks are not told, empty if they are.
	Paused string
	// Conditions are what the payloads of its ticks must fulfil.
	Conditions []predicate.Filter
	// Aim has an event belong to the repository.
	Aim func(ctx context.Context, event *events.Event) error
	// belongs is the repository of functions that have the schedule.
	belongs events.Repository
}
