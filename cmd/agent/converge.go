package main

import (
	"github.com/franela/pocketci/internal/webhooks"
)

// convergePart makes the webhooks that hosts report to.
func (p *process) convergePart(d *draft) error {
	for _, c := range d.settings.Converge {
		hook, err := webhooks.OpenConverge(d.settings.File, c, d.vault.Secret, p.targets.Aim)
		if err != nil {
			return err
		}
		d.hooks = append(d.hooks, hook)
	}
	return nil
}
