package main

import (
	"context"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
)

// newSchedules makes what keeps the clock.
func (p *process) newSchedules() {
	p.schedules = schedules.New(schedules.Config{
		Store: p.store, Poller: p.poller, Log: p.log,
		Watch: func() (<-chan struct{}, func()) { return p.store.Watch(store.TopicPositions) },
	})
}

// recorder keeps the schedules that functions have on default branches.
func (p *process) recorder(r repositories, planner *dispatcher.Planner) *schedules.Recorder {
	return &schedules.Recorder{Store: p.store, Repositories: r, Planner: planner, Log: p.log}
}

// schedulesPart replaces the schedules of agent.yaml.
func (p *process) schedulesPart(d *draft) error {
	var entries []schedules.Entry
	for _, s := range d.settings.Schedules {
		entries = append(entries, schedules.Entry{
			Name: s.Name, Filter: s.Name, Schedule: s.Schedule, Policy: s.Policy, Of: schedule.OfAgent,
			Repository: s.Target.Repository, Module: s.Target.Module, Conditions: s.Filters,
			Aim: func(ctx context.Context, e *events.Event) error { return p.targets.Aim(ctx, s.Target, e) },
		})
	}
	d.commits = append(d.commits, func() { p.schedules.SetOwn(entries) })
	return nil
}
