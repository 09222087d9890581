package github

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/internal/forge"
)

// hookEvents are what webhooks are installed for: the events that pocketci gives a
// meaning to. Not all, because anybody can open issues in a public repository or
// star it, and so have functions called; people add what they have functions for.
var hookEvents = []string{
	"check_run", "check_suite", "create", "delete", "deployment", "deployment_status", "issue_comment",
	"pull_request", "pull_request_review", "pull_request_review_comment", "push", "release", "status",
}

// withEvents adds the events that pocketci needs to those of a webhook.
func withEvents(events []string) []string {
	if slices.Contains(events, "*") {
		return []string{"*"}
	}
	all := slices.Concat(events, hookEvents)
	slices.Sort(all)
	return slices.Compact(all)
}

// at returns the API for a repository or an organisation.
func (c *Client) at(ctx context.Context, owner string) (place, *api, error) {
	p, err := placeOf(owner)
	if err != nil {
		return p, nil, err
	}
	a, err := c.access.of(ctx, p)
	return p, a, err
}

// Webhooks implements [forge.Forge].
func (c *Client) Webhooks(ctx context.Context, owner, below string) ([]forge.Webhook, error) {
	base, err := webAddress(below)
	if err != nil {
		return nil, fmt.Errorf("address of webhooks: %w", err)
	}
	p, a, err := c.at(ctx, owner)
	if err != nil {
		return nil, err
	}
	hooks, err := p.list(ctx, a)
	if err != nil {
		return nil, err
	}
	var found []forge.Webhook
	for _, hook := range hooks {
		if rest, ok := relative(base, hook.GetConfig().GetURL()); ok && (rest == "" || rest[0] == '/') {
			found = append(found, webhookOf(hook))
		}
	}
	return found, nil
}

// relative returns the rest of an address that begins with another one. As
// everywhere, http and https are the same server.
func relative(base *url.URL, address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Hostname(), base.Hostname()) || unusualPort(u) != unusualPort(base) {
		return "", false
	}
	return strings.CutPrefix(strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(base.Path, "/"))
}

func webhookOf(hook *github.Hook) forge.Webhook {
	return forge.Webhook{
		ID: strconv.FormatInt(hook.GetID(), 10), URL: hook.GetConfig().GetURL(), Active: hook.GetActive(), Events: hook.Events,
	}
}

// InstallWebhook implements [forge.Forge]. The webhook sends the events that
// pocketci reads as JSON, signed with the secret, and checks certificates. One with
// the same address that is inactive, sends forms, lacks events or has another
// secret is repaired; events that somebody has added are kept.
func (c *Client) InstallWebhook(ctx context.Context, owner string, w forge.NewWebhook) (forge.Webhook, bool, error) {
	address, err := webAddress(w.URL)
	if err != nil {
		return forge.Webhook{}, false, fmt.Errorf("address of the webhook: %w", err)
	}
	if strings.TrimSpace(w.Secret) == "" {
		return forge.Webhook{}, false, errors.New("a webhook without a secret proves nothing")
	}
	p, a, err := c.at(ctx, owner)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	want := &github.Hook{
		Active: github.Bool(true), Events: hookEvents, Config: &github.HookConfig{
			URL: github.String(w.URL), ContentType: github.String("json"), InsecureSSL: github.String("0"), Secret: github.String(w.Secret),
		},
	}
	hooks, err := p.list(ctx, a)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	for _, hook := range hooks {
		if rest, ok := relative(address, hook.GetConfig().GetURL()); !ok || rest != "" {
			continue
		}
		want.Events = withEvents(hook.Events)
		changed, err := p.edit(ctx, a, hook.GetID(), want)
		if err != nil {
			return forge.Webhook{}, false, err
		}
		return webhookOf(changed), false, nil
	}
	made, err := p.create(ctx, a, want)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	return webhookOf(made), true, nil
}

// Redeliver implements [forge.Forge], as [Webhooks.Redeliver] does for all
// webhooks of the agent.
func (c *Client) Redeliver(ctx context.Context, owner, webhook string, since time.Time) (int, error) {
	id, err := strconv.ParseInt(webhook, 10, 64)
	if err != nil || id <= 0 {
		return 0, fmt.Errorf("%.80q is no id of a webhook", webhook)
	}
	p, a, err := c.at(ctx, owner)
	if err != nil {
		return 0, err
	}
	var done Redelivery
	err = p.redeliver(ctx, a, c.pace, id, since, &done)
	return done.Asked, err
}
