package main

import (
	"context"
	"sync"

	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/targets"
)

// newSources makes what sources that are asked have in common: the poller, and the
// resolver of whose functions their events call.
func (p *process) newSources() {
	p.poller = poll.New(poll.Config{Store: p.store, Log: p.log})
	p.targets = &targets.Resolver{Store: p.store, Forges: p.origins, Module: stored{p.store}.module}
	p.registries = p.newRegistries()
	p.newSchedules()
}

// runSources has all sources asked until stop is done.
func (p *process) runSources(stop context.Context) {
	var all sync.WaitGroup
	all.Go(func() { p.poller.Run(stop) })
	all.Go(func() { p.schedules.Run(stop) })
	all.Go(func() { p.clock.Run(stop) })
	all.Wait()
}

// origins are where the repositories of the configured forges are.
func (p *process) origins() []targets.Forge {
	var list []targets.Forge
	for _, f := range p.configured.Load().forges {
		list = append(list, targets.Forge{URL: f.URL, Has: f.Accepts})
	}
	return list
}
