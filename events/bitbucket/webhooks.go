package bitbucket

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

// hookEvents are what an installed webhook sends. Statuses are not among them:
// most of them would be pocketci's own.
var hookEvents = []string{
	"repo:push",
	"pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled", "pullrequest:rejected",
	"pullrequest:approved", "pullrequest:changes_request_created", "pullrequest:comment_created",
}

// hook is what a webhook_subscription of Bitbucket's API tells.
type hook struct {
	UUID   string   `json:"uuid"`
	URL    string   `json:"url"`
	Active bool     `json:"active"`
	Events []string `json:"events"`
}

func (h *hook) webhook() forge.Webhook {
	return forge.Webhook{ID: h.UUID, URL: h.URL, Active: h.Active, Events: slices.Clone(h.Events)}
}

// hookBody is what a webhook_subscription is made of.
type hookBody struct {
	Description string   `json:"description"`
	URL         string   `json:"url"`
	Active      bool     `json:"active"`
	Secret      string   `json:"secret"`
	Events      []string `json:"events"`
}

var workspacePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// hooksPath returns the path of a repository's or a workspace's webhooks.
func hooksPath(owner string) ([]string, error) {
	if strings.Contains(owner, "/") {
		return repositoryPath(owner, "hooks")
	}
	if !workspacePattern.MatchString(owner) {
		return nil, errors.Join(errors.New("this is not the name of a workspace"), forge.ErrNotFound)
	}
	return []string{"workspaces", owner, "hooks"}, nil
}

// Webhooks implements [forge.Forge]. An owner without a slash is a workspace.
func (c *Client) Webhooks(ctx context.Context, owner, url string) ([]forge.Webhook, error) {
	path, err := hooksPath(owner)
	if err != nil {
		return nil, err
	}
	var own []forge.Webhook
	err = list(ctx, c, rest.Request{Path: path, Doing: "list webhooks", Needs: scopeWebhook}, func(h hook) bool {
		if rest.Below(h.URL, url) {
			own = append(own, h.webhook())
		}
		return true
	})
	return own, err
}

// InstallWebhook implements [forge.Forge].
func (c *Client) InstallWebhook(ctx context.Context, owner string, w forge.NewWebhook) (forge.Webhook, bool, error) {
	installed, err := c.Webhooks(ctx, owner, w.URL)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	path, err := hooksPath(owner)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	body := hookBody{Description: "pocketci", URL: w.URL, Active: true, Secret: w.Secret, Events: hookEvents}
	var answer hook
	for _, h := range installed {
		if h.URL != w.URL {
			continue
		}
		err := c.api.Do(ctx, rest.Request{
			Method: http.MethodPut, Path: append(path, h.ID), Body: body, Doing: "change a webhook", Needs: scopeWebhook,
		}, &answer)
		return answer.webhook(), false, err
	}
	err = c.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: path, Body: body, Doing: "create a webhook", Needs: scopeWebhook}, &answer)
	return answer.webhook(), err == nil, err
}

// Redeliver implements [forge.Forge]. Bitbucket sends a request again from its
// pages alone.
func (c *Client) Redeliver(context.Context, string, string, time.Time) (int, error) {
	return 0, forge.ErrUnsupported
}
