package main

import (
	"context"
	"time"

	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/store"
)

// signedPart replaces the sources of signed tokens.
func (p *process) signedPart(d *draft) (err error) {
	if d.signed, err = tokens.NewSet(d.settings.Signed, tokens.Options{Aim: p.targets.Aim, Secret: d.vault.Secret}); err != nil {
		return err
	}
	pulled := d.signed.Pulled()
	d.commits = append(d.commits, func() { p.poller.Set(tokens.Kind, pulled) })
	return nil
}

// push takes a signed token for a source that is configured now.
func (p *process) push(ctx context.Context, source, token string) (store.Receipt, error) {
	return p.configured.Load().signed.Push(ctx, p.store, source, token, time.Now())
}

// signedSources says how the sources fare that are configured now.
func (p *process) signedSources(ctx context.Context) ([]tokens.Status, error) {
	list, err := p.configured.Load().signed.List(ctx, p.store, p.poller.States(tokens.Kind))
	for i := range list {
		list[i].Pulling.Error = p.masker.String(list[i].Pulling.Error)
	}
	return list, err
}
