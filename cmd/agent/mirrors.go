package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/reaction/worktree"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
)

// newHost makes what keeps this host's mirrors, without any.
func (p *process) newHost() *worktree.Host {
	return worktree.NewHost(reaction.Config{
		Store: p.store, Agent: p.identity.Name, Aim: p.targets.Aim, Count: p.metrics.Mirror, Log: p.log,
	})
}

// mirrorsPart makes the mirrors of agent.yaml with their webhooks.
func (p *process) mirrorsPart(d *draft) error {
	mirrors, commit, err := p.host.Prepare(d.settings, worktree.Environment{
		Secret: d.vault.Secret, KnownHosts: p.knownHosts(), Login: p.mirrors.Login, Log: p.log,
	})
	if err != nil {
		return err
	}
	for _, m := range mirrors {
		hook, err := mirrorHook(m, d.vault.Secret)
		if err != nil {
			return err
		}
		if hook != nil {
			d.hooks = append(d.hooks, *hook)
		}
	}
	d.commits = append(d.commits, commit)
	return nil
}

// knownHosts are the files with the keys of ssh servers for mirrors that name none:
// the agent's own, or those that ssh has by itself.
func (p *process) knownHosts() []string {
	if p.o.knownHosts != "" {
		return []string{p.o.knownHosts}
	}
	list := []string{git.SystemKnownHosts}
	if home, err := os.UserHomeDir(); err == nil {
		list = append([]string{filepath.Join(home, ".ssh", "known_hosts")}, list...)
	}
	return list
}

// mirrorHook is the webhook of a mirror's own, nil if it has none. It takes deliveries
// about the mirror's repository alone.
func mirrorHook(m *worktree.Mirror, secret func(settings.Secret) (string, error)) (*server.Hook, error) {
	s := m.Settings()
	if s.Webhook == nil {
		return nil, nil
	}
	var secrets []string
	for _, one := range s.Webhook.Secrets {
		value, err := secret(one)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, value)
	}
	source, err := forges.Source(s.Webhook.Vendor, secrets...)
	if err != nil {
		return nil, err
	}
	address, err := git.ParseAddress(s.URL)
	if err != nil {
		return nil, err
	}
	return &server.Hook{
		Name: m.Hook(), Path: cmp.Or(s.Webhook.Path, "/webhooks/"+s.Name), Source: source,
		Accepts: func(repository string) bool { return strings.EqualFold(repository, address.Name()) },
	}, nil
}

// mirrorList is that of [api.Options].
func (p *process) mirrorList(ctx context.Context) ([]v1.Mirror, error) {
	found, err := p.host.Statuses(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]v1.Mirror, len(found))
	for i, s := range found {
		list[i] = v1.Mirror{
			Name: s.Name, Agent: s.Agent, URL: s.Have.URL, Directory: s.Have.Directory, Ref: s.Have.Ref, SHA: s.Have.SHA, Error: p.masker.String(s.Error),
		}
		if !s.At.IsZero() {
			at := s.At.UTC()
			list[i].ChangedAt = &at
		}
		if !s.FailedAt.IsZero() {
			at := s.FailedAt.UTC()
			list[i].FailedAt = &at
		}
		if state := s.State; state != nil {
			list[i].Phase, list[i].Failures = state.Phase, state.Failures
			if state.Error != "" {
				list[i].Error = p.masker.String(state.Error)
			}
			if !state.LastRound.IsZero() {
				at := state.LastRound.UTC()
				list[i].LookedAt = &at
			}
			if !state.Next.IsZero() {
				at := state.Next.UTC()
				list[i].Next = &at
			}
		}
	}
	return list, nil
}
