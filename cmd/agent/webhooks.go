package main

import (
	v1 "github.com/franela/pocketci/internal/api/v1"
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

// webhookList is what is received now, of forges and of others, for the API.
func (p *process) webhookList() []v1.Webhook {
	var list []v1.Webhook
	for _, h := range p.intake.HookStates() {
		w := v1.Webhook{Name: h.Name, Path: h.Path, Vendor: h.Vendor, Methods: h.Methods, Root: h.Root, Unproven: h.Unproven, Waits: h.Waits, Filters: h.Filters}
		if l := h.Last; l != nil {
			w.Last = &v1.WebhookDelivery{At: l.At.UTC(), Status: l.Status, Event: l.Event, Run: l.Run, Reason: p.masker.String(l.Reason)}
		}
		list = append(list, w)
	}
	return list
}
