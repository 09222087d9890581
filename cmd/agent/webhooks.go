package main

import (
	"context"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/webhooks"
)

// webhooksPart makes the webhooks that belong to no vendor with a name. They are
// received beside those of forges.
func (p *process) webhooksPart(d *draft) error {
	aim := func(ctx context.Context, t settings.Target, e *events.Event) error { return p.targets.Aim(ctx, t, e) }
	for _, w := range d.settings.Webhooks {
		hook, err := webhooks.Open(d.settings.File, w, d.vault.Secret, aim)
		if err != nil {
			return err
		}
		d.hooks = append(d.hooks, hook)
	}
	return nil
}
