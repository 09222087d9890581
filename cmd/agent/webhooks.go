package main

import (
	"context"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/targets"
	"github.com/franela/pocketci/internal/webhooks"
)

// webhooksPart makes the webhooks that belong to no vendor with a name. They are
// received beside those of forges.
func (p *process) webhooksPart(d *draft) error {
	for _, w := range d.settings.Webhooks {
		hook, err := webhooks.Open(d.settings.File, w, d.vault.Secret, p.aim)
		if err != nil {
			return err
		}
		d.hooks = append(d.hooks, hook)
	}
	return nil
}

// aim has an event belong to the repository of a target, by what is configured now.
func (p *process) aim(ctx context.Context, t settings.Target, e *events.Event) error {
	resolver := targets.Resolver{
		Store: p.store,
		Forges: func() (list []targets.Forge) {
			for _, f := range p.configured.Load().forges {
				list = append(list, targets.Forge{URL: f.URL, Has: f.Accepts})
			}
			return list
		},
		Module: func(ctx context.Context, name string) (*events.Repository, error) {
			m, err := p.store.Module(ctx, name)
			if err != nil {
				return nil, err
			}
			return m.Repository(), nil
		},
	}
	return resolver.Aim(ctx, t, e)
}
