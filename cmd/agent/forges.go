package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/commands"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/statuses"
	"github.com/franela/pocketci/internal/trust"
	"github.com/franela/pocketci/modules/engine"
)

// openForges makes the forges of agent.yaml or, without any there, GitHub by the
// variables.
func openForges(o *options, conf *settings.Settings, vault *secrets.Vault) ([]forges.Forge, error) {
	if len(conf.Forges) == 0 {
		source, err := newSource(o, vault)
		if err != nil && conf.HasSources() {
			slog.Warn("nothing is received from GitHub: there is no webhook secret", "variable", envSignature)
			source, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		username, _ := vault.Value(envUsername)
		token, _ := vault.Value(envToken)
		f, err := forges.GitHub(source, username, token, o.githubAPI)
		return []forges.Forge{f}, err
	}
	var all []forges.Forge
	for _, f := range conf.Forges {
		api := ""
		if f.Vendor == events.VendorGithub && f.URL == "" {
			api = o.githubAPI
		}
		made, err := forges.Open(conf.File, f, vault.Secret, api)
		if err != nil {
			return nil, err
		}
		if made.Source == nil {
			slog.Warn("a forge has no webhook-secrets, so that nothing is received from it", "forge", f.Name)
		}
		all = append(all, made)
	}
	return all, nil
}

// newSource refuses to start without a webhook secret unless the risk is
// accepted by name.
func newSource(o *options, vault *secrets.Vault) (events.Source, error) {
	secret, _ := vault.Value(envSignature)
	switch {
	case secret == "" && o.noSignature:
		slog.Warn("webhooks are accepted from anybody", "flag", "--insecure-no-webhook-secret")
		return github.NewInsecure(), nil
	case secret == "":
		return nil, fmt.Errorf("no webhook secret: set %s to the secret of the webhook, name forges with webhook-secrets or other sources of events in agent.yaml, or accept webhooks from anybody with --insecure-no-webhook-secret", envSignature)
	}
	return github.New(secret)
}

// hooks are the webhooks that are received.
func hooks(all []forges.Forge) []server.Hook {
	var list []server.Hook
	for _, f := range all {
		if f.Source != nil {
			list = append(list, server.Hook{Name: f.Name, Source: f.Source, Accepts: f.Accepts, Filters: f.Filters})
		}
	}
	return list
}

// logins open the repositories of the forges that agent.yaml names. Without any
// there, the variables of the environment do.
func logins(conf *settings.Settings, all []forges.Forge) []mirror.Login {
	var list []mirror.Login
	if len(conf.Forges) > 0 {
		for _, f := range all {
			list = append(list, mirror.Login{Host: f.Origin, Get: f.Login})
		}
	}
	return list
}

// openRunners makes the agent's own runner, which is the first, and those of
// agent.yaml.
func (p *process) openRunners(conf *settings.Settings, own engine.Config) error {
	for _, r := range append([]settings.Runner{{Host: own.Host, Labels: p.o.labels}}, conf.Runners...) {
		config := own
		config.Host = r.Host
		if r.Name != "" {
			config.Dir += "-" + r.Name
		}
		e, err := engine.New(config)
		if err != nil {
			return err
		}
		p.runners = append(p.runners, &runs.Runner{Name: r.Name, Engine: e, Labels: r.Labels, Untrusted: r.Untrusted})
	}
	return nil
}

// policy is what agent.yaml says about other people's code.
func policy(conf *settings.Settings, runners runs.Runners) trust.Policy {
	words := map[settings.Forks]trust.Forks{
		settings.ForksApprove: trust.ForksApprove, settings.ForksNever: trust.ForksNever, settings.ForksNoSecrets: trust.ForksNoSecrets,
	}
	return trust.Policy{Forks: words[conf.Forks], Isolated: runners.Isolated(), ShareEngine: conf.ForksShareEngine}
}

// people answers who is behind an event, where its forge can be asked.
func people(set forge.Finder) func(*events.Event) trust.Forge {
	return func(event *events.Event) trust.Forge {
		known := set.Of(event)
		if known == nil {
			return nil
		}
		return forge.People{Forge: known, Repository: event.Repository.FullName}
	}
}

// writers answers who may write to an event's repository, where its forge can be
// asked.
func writers(set forge.Finder) func(context.Context, *events.Event, string) (bool, error) {
	return func(ctx context.Context, event *events.Event, login string) (bool, error) {
		known := set.Of(event)
		if known == nil {
			return false, errors.New("the agent has no token for the API of the forge")
		}
		return known.CanWrite(ctx, event.Repository.FullName, login)
	}
}

// tells reports whether a forge is told what becomes of an event's calls.
func tells(set forge.Finder) func(*events.Event) bool {
	return func(event *events.Event) bool {
		known := set.Of(event)
		return known != nil && known.Statuses
	}
}

// complete adds to an event what its payload leaves out and its forge knows.
func complete(set forge.Finder) func(context.Context, *events.Event) error {
	return func(ctx context.Context, event *events.Event) error {
		known := set.Of(event)
		if known == nil {
			return nil
		}
		if c, ok := known.Forge.(forge.Completer); ok {
			return c.Complete(ctx, event)
		}
		return nil
	}
}

// handler does what people ask for on the pages of forges. The plan is the agent's,
// which is made after it.
func (p *process) handler() func(context.Context, *events.Event) (string, error) {
	h := &commands.Handler{Store: p.store, Planner: p, Forges: p, Log: p.log}
	return h.Handle
}

// teller tells forges what becomes of runs.
func (p *process) teller() *statuses.Teller {
	return statuses.New(statuses.Config{
		Store: p.store, Forges: p, RunURL: p.o.runURL, Annotate: forge.AnnotationsIn, Count: p.metrics.Status, Log: p.log,
	})
}
