package main

import (
	"context"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/webhooks"
)

// convergePart makes the webhooks that hosts report to.
func (p *process) convergePart(d *draft) error {
	aim := func(ctx context.Context, t settings.Target, e *events.Event) error { return p.targets.Aim(ctx, t, e) }
	for _, c := range d.settings.Converge {
		hook, err := webhooks.OpenConverge(d.settings.File, c, d.vault.Secret, aim)
		if err != nil {
			return err
		}
		d.hooks = append(d.hooks, hook)
	}
	return nil
}
