package gitea

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

// hookEvents are what an installed webhook sends. To Gitea pull_request stands for
// everything about pull requests, comments and reviews included. Statuses are not
// among them: most of them would be pocketci's own.
var hookEvents = []string{"create", "delete", "push", "pull_request", "release"}

// hook is Hook of Gitea's API.
type hook struct {
	ID     int64             `json:"id"`
	Type   string            `json:"type"`
	Active bool              `json:"active"`
	Events []string          `json:"events"`
	Config map[string]string `json:"config"`
}

func (h *hook) webhook() forge.Webhook {
	return forge.Webhook{ID: strconv.FormatInt(h.ID, 10), URL: h.Config["url"], Active: h.Active, Events: slices.Clone(h.Events)}
}

// createHookOption is CreateHookOption of Gitea's API.
type createHookOption struct {
	Type string `json:"type"`
	editHookOption
}

// editHookOption is EditHookOption of Gitea's API. A filter for branches and a
// header for authorization that are not sent are taken away.
type editHookOption struct {
	Active bool              `json:"active"`
	Events []string          `json:"events"`
	Config map[string]string `json:"config"`
}

var organizationPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// hooksPath returns the path of a repository's or an organization's webhooks, and
// the permission to manage them.
func hooksPath(owner string) (path []string, needs string, err error) {
	if strings.Contains(owner, "/") {
		path, err = repositoryPath(owner, "hooks")
		return path, scopeAdminister, err
	}
	if !organizationPattern.MatchString(owner) {
		return nil, "", errors.Join(errors.New("this is not the name of an organization"), forge.ErrNotFound)
	}
	return []string{"orgs", owner, "hooks"}, scopeOrganization, nil
}

// hooks returns the webhooks that payloads are sent to; others post to chats.
func (c *Client) hooks(ctx context.Context, owner string) ([]hook, error) {
	path, needs, err := hooksPath(owner)
	if err != nil {
		return nil, err
	}
	var all []hook
	err = list(ctx, c, rest.Request{Path: path, Doing: "list webhooks", Needs: needs}, func(h hook) bool {
		if slices.Contains([]string{"gitea", "forgejo", "gogs"}, h.Type) {
			all = append(all, h)
		}
		return true
	})
	return all, err
}

// Webhooks implements [forge.Forge].
func (c *Client) Webhooks(ctx context.Context, owner, url string) ([]forge.Webhook, error) {
	all, err := c.hooks(ctx, owner)
	if err != nil {
		return nil, err
	}
	var own []forge.Webhook
	for _, h := range all {
		if rest.Below(h.Config["url"], url) {
			own = append(own, h.webhook())
		}
	}
	return own, nil
}

// InstallWebhook implements [forge.Forge]. The webhook is of the type gitea, which
// Forgejo has as well.
func (c *Client) InstallWebhook(ctx context.Context, owner string, w forge.NewWebhook) (forge.Webhook, bool, error) {
	all, err := c.hooks(ctx, owner)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	path, needs, err := hooksPath(owner)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	option := editHookOption{
		Active: true, Events: hookEvents, Config: map[string]string{"url": w.URL, "content_type": "json", "secret": w.Secret},
	}
	var answer hook
	for _, h := range all {
		if h.Config["url"] != w.URL {
			continue
		}
		err := c.api.Do(ctx, rest.Request{
			Method: http.MethodPatch, Path: append(path, strconv.FormatInt(h.ID, 10)), Body: option, Doing: "change a webhook", Needs: needs,
		}, &answer)
		return answer.webhook(), false, err
	}
	err = c.api.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: path, Body: createHookOption{"gitea", option}, Doing: "create a webhook", Needs: needs,
	}, &answer)
	return answer.webhook(), err == nil, err
}

// Redeliver implements [forge.Forge]. Gitea redelivers from its pages alone: its
// API knows no deliveries.
func (c *Client) Redeliver(context.Context, string, string, time.Time) (int, error) {
	return 0, forge.ErrUnsupported
}
