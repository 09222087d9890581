// Package webhooks makes of agent.yaml the webhooks that belong to no vendor with a
// name.
package webhooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/webhook"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

// Aim has an event belong to the repository of a target; it is that of
// [github.com/franela/pocketci/internal/targets.Resolver].
type Aim func(ctx context.Context, t settings.Target, e *events.Event) error

// Open makes the hook that receives a webhook of the file of that name. Secret returns
// the value of a secret of the file. The errors name the place in the file and hold no
// value.
func Open(file string, w settings.Webhook, secret func(settings.Secret) (string, error), aim Aim) (server.Hook, error) {
	fail := func(err error) (server.Hook, error) {
		return server.Hook{}, fmt.Errorf("%s:%d: webhook %s: %w", file, w.Line, w.Name, err)
	}
	proof, err := proofOf(w.Verify, secret)
	if err != nil {
		return fail(err)
	}
	source, err := webhook.New(webhook.Options{
		Name: w.Name, Proof: proof, Filter: w.Filter, Key: webhook.Key{Pointer: w.Dedup.Pointer, Header: w.Dedup.Header},
		Headers: w.Headers, Query: w.Query, Trusted: w.Trusted,
	})
	if err != nil {
		return fail(err)
	}
	hook := server.Hook{
		Name: w.Name, Source: source, Filters: w.Filters, Unproven: w.Verify.None,
		Rules: &server.Rules{Methods: w.Methods, ContentTypes: w.ContentTypes, MaxBody: w.MaxSize, Challenge: source.Challenge()},
		Aim:   func(ctx context.Context, e *events.Event) (string, error) { return aimed(ctx, w.Calls, e, aim) },
	}
	if w.Wait != nil {
		hook.Wait = &server.Wait{Timeout: w.Wait.Timeout, ContentType: w.Wait.ContentType}
	}
	return hook, nil
}

// proofOf is how deliveries are proven.
func proofOf(v settings.Verify, secret func(settings.Secret) (string, error)) (webhook.Proof, error) {
	values := func(list []settings.Secret) (all []string, err error) {
		for _, s := range list {
			value, err := secret(s)
			if err != nil {
				return nil, err
			}
			all = append(all, value)
		}
		return all, nil
	}
	switch {
	case v.HMAC != nil:
		secrets, err := values(v.HMAC.Secrets)
		if err != nil {
			return nil, err
		}
		h := webhook.HMAC{Header: v.HMAC.Header, Algorithm: v.HMAC.Algorithm, Encoding: v.HMAC.Encoding, Prefix: v.HMAC.Prefix, Secrets: secrets}
		if t := v.HMAC.Timestamp; t != nil {
			h.Timestamp = &webhook.Timestamp{Header: t.Header, Tolerance: t.Tolerance, Before: t.Before, After: t.After}
		}
		return h.Proof()
	case v.Bearer != nil:
		tokens, err := values(v.Bearer.Tokens)
		if err != nil {
			return nil, err
		}
		return webhook.Bearer(v.Bearer.Header, tokens...)
	case v.Basic != nil:
		passwords, err := values(v.Basic.Passwords)
		if err != nil {
			return nil, err
		}
		return webhook.Basic(v.Basic.Username, passwords...)
	case v.None:
		return webhook.None(), nil
	}
	return nil, errors.New("it is not said how deliveries are proven")
}

// aimed finds out whose functions an event calls. What cannot be found is the reason
// why nothing is planned for it; a store that is away is none.
func aimed(ctx context.Context, t settings.Target, e *events.Event, aim Aim) (nothing string, err error) {
	switch err := aim(ctx, t, e); {
	case err == nil && e.Repository == nil:
		return "it belongs to no repository: calls in agent.yaml says whose functions it calls", nil
	case err == nil:
		return "", nil
	case errors.Is(err, store.ErrClosed):
		return "", fmt.Errorf("%w: %w", server.ErrStopping, err)
	case errors.Is(err, store.ErrUnavailable), ctx.Err() != nil:
		return "", fmt.Errorf("%w: %w", server.ErrUnavailable, err)
	default:
		return err.Error(), nil
	}
}
