package main

import (
	"github.com/franela/pocketci/internal/webhooks"
)

// webhooksPart makes the webhooks that belong to no vendor with a name. They are
// received beside those of forges.
func (p *process) webhooksPart(d *draft) error {
	for _, w := range d.settings.Webhooks {
		hook, err := webhooks.Open(d.settings.File, w, d.vault.Secret, p.targets.Aim)
		if err != nil {
			return err
		}
		d.hooks = append(d.hooks, hook)
	}
	return nil
}
