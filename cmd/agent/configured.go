package main

import (
	"reflect"
	"slices"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/trust"
)

// configured is what agent.yaml makes of the agent. It never changes and is replaced
// as a whole.
type configured struct {
	settings *settings.Settings
	vault    *secrets.Vault
	forges   []forges.Forge
	set      forge.Set
	trust    trust.Policy
	allow    settings.Modules
	signed   *tokens.Set
}

// Of is that of [forge.Finder], of the forges that are configured now.
func (p *process) Of(event *events.Event) *forge.Known { return p.configured.Load().set.Of(event) }

// draft is what new settings come to, before they are in force.
type draft struct {
	configured
	// hooks are the webhooks to receive, those of forges first.
	hooks []server.Hook
	// commits put what the parts have prepared into force, and cannot fail.
	commits []func()
}

// part prepares what new settings mean for one matter, and changes nothing. An error
// keeps all of the old.
type part func(d *draft) error

// parts are all that agent.yaml configures and that needs no restart.
func (p *process) parts() []part {
	return []part{
		p.forgesPart, p.webhooksPart, p.convergePart, p.schedulesPart, p.registriesPart, p.signedPart, p.mirrorsPart,
	}
}

// configure puts settings into force, all of them or, with an error, none.
func (p *process) configure(conf *settings.Settings, vault *secrets.Vault) error {
	// Before anything can use a secret: what a part cannot prepare may be told with it,
	// and webhooks are received as soon as they are set.
	vault.AddTo(p.masker)
	d := &draft{configured: configured{settings: conf, vault: vault}}
	for _, prepare := range p.parts() {
		if err := prepare(d); err != nil {
			return err
		}
	}
	if p.intake != nil {
		if err := p.intake.SetHooks(d.hooks); err != nil {
			return err
		}
	}
	p.hooks = d.hooks
	p.configured.Store(&d.configured)
	for _, commit := range d.commits {
		commit()
	}
	return nil
}

// reconfigure puts a new version of agent.yaml into force, and names what of it needs
// a restart.
func (p *process) reconfigure(conf *settings.Settings) (restart []string, err error) {
	vault := p.configured.Load().vault.Renew(p.allowed.With(conf), ownVariables...)
	if err := p.configure(conf, vault); err != nil {
		return nil, err
	}
	p.warnOf(conf, vault)
	if !slices.EqualFunc(p.startedWith.Runners, conf.Runners, sameRunner) {
		restart = append(restart, "runners")
	}
	return restart, nil
}

// sameRunner compares runners wherever they stand in the file.
func sameRunner(a, b settings.Runner) bool {
	a.Line, b.Line = 0, 0
	return reflect.DeepEqual(a, b)
}

// forgesPart makes the forges with their webhooks and logins.
func (p *process) forgesPart(d *draft) (err error) {
	if d.forges, err = openForges(p.o, d.settings, d.vault); err != nil {
		return err
	}
	d.set = forges.Set(d.forges)
	d.hooks = append(d.hooks, hooks(d.forges)...)
	d.trust = policy(d.settings, p.runners)
	d.allow = d.settings.Modules
	list := logins(d.settings, d.forges)
	d.commits = append(d.commits, func() { p.mirrors.SetLogins(list) })
	return nil
}
