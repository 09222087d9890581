package main

import (
	"net/http"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/server"
)

// newRegistries makes the set of what is watched, which is empty at first.
func (p *process) newRegistries() *registries.Set {
	return registries.New(registries.Config{
		Store:  p.store,
		Aim:    p.targets.Aim,
		Nudge:  func(name string) { p.poller.Nudge(registry.Kind, name) },
		Mask:   p.masker.String,
		States: func() []poll.State { return p.poller.States(registry.Kind) },
	})
}

// registriesPart makes what is watched in registries, and where they tell of it.
func (p *process) registriesPart(d *draft) error {
	watches, hooks, err := p.registries.Prepare(d.settings.Registries, d.vault.Secret)
	if err != nil {
		return err
	}
	for _, hook := range hooks {
		d.hooks = append(d.hooks, server.Hook{Name: hook.Name, Source: hook.Source, Rules: &server.Rules{
			Methods: []string{http.MethodPost}, ContentTypes: []string{"application/*"}, MaxBody: 1 << 20, Challenge: `Bearer realm="pocketci"`,
		}})
	}
	d.commits = append(d.commits, func() {
		p.registries.Use(watches)
		p.poller.Set(registry.Kind, watches.Sources())
	})
	return nil
}

// watcher serves what people do with what is watched, at registrywatcher's paths.
func (p *process) watcher(service *api.API) *registries.Watcher {
	return &registries.Watcher{
		Set: p.registries,
		Protect: func(write bool, h http.Handler) http.Handler {
			if write {
				return service.Protect(v1.ScopeRun, h)
			}
			return service.Protect(v1.ScopeRead, h)
		},
		Caller: api.Caller,
		Log:    p.log,
	}
}
