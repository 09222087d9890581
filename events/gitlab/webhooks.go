package gitlab

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/internal/forge"
)

// InstallWebhook implements [forge.Forge]. A secret that begins with whsec_
// becomes the webhook's signing token, any other its secret token. Events that
// people have switched on beside those that pocketci needs stay so.
func (c *Client) InstallWebhook(ctx context.Context, owner string, w forge.NewWebhook) (forge.Webhook, bool, error) {
	h, err := c.hooksOf("install a webhook", owner)
	if err != nil {
		return forge.Webhook{}, false, err
	}
	options := gitlab.AddProjectHookOptions{
		URL:                   &w.URL,
		PushEvents:            gitlab.Ptr(true),
		TagPushEvents:         gitlab.Ptr(true),
		MergeRequestsEvents:   gitlab.Ptr(true),
		NoteEvents:            gitlab.Ptr(true),
		ReleasesEvents:        gitlab.Ptr(true),
		EnableSSLVerification: gitlab.Ptr(true),
	}
	signs := strings.HasPrefix(w.Secret, signingPrefix)
	if signs {
		options.SigningToken = &w.Secret
	} else {
		options.Token = &w.Secret
	}
	existing, err := h.list(ctx)
	if err != nil {
		return forge.Webhook{}, false, h.failure(err)
	}
	created := true
	var id int64
	for _, hook := range existing {
		if hook.URL == w.URL {
			created, id = false, hook.ID
			break
		}
	}
	hook, err := h.put(ctx, id, &options)
	if err != nil {
		return forge.Webhook{}, false, h.failure(err)
	}
	if signs && !hook.SigningTokenPresent {
		// Older ones leave out what they do not know.
		return forge.Webhook{}, created, fmt.Errorf("%s: it has no signing token, which needs GitLab 19.0: use a secret that does not begin with %s", h.doing, signingPrefix)
	}
	return webhookOf(hook), created, nil
}

// Webhooks implements [forge.Forge].
func (c *Client) Webhooks(ctx context.Context, owner, address string) ([]forge.Webhook, error) {
	h, err := c.hooksOf("list webhooks", owner)
	if err != nil {
		return nil, err
	}
	hooks, err := h.list(ctx)
	if err != nil {
		return nil, h.failure(err)
	}
	var found []forge.Webhook
	for _, hook := range hooks {
		if below(hook.URL, address) {
			found = append(found, webhookOf(hook))
		}
	}
	return found, nil
}

// below reports whether an address is another one or lies under its path.
func below(address, base string) bool {
	a, err := url.Parse(address)
	if err != nil {
		return false
	}
	b, err := url.Parse(base)
	if err != nil || a.Scheme != b.Scheme || !strings.EqualFold(a.Host, b.Host) {
		return false
	}
	rest, ok := strings.CutPrefix(a.Path, strings.TrimSuffix(b.Path, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// hooks are the webhooks of a project or of a group.
type hooks struct {
	asking
	api   *gitlab.Client
	owner string
	group bool
}

// hooksOf takes a name without a slash for a group: a subgroup's looks like that
// of a project.
func (c *Client) hooksOf(doing, owner string) (*hooks, error) {
	h := &hooks{asking{doing, "the scope api, and the role Maintainer"}, c.api, owner, !strings.Contains(owner, "/")}
	if h.group {
		h.needs = "the scope api, the role Owner of the group, and GitLab Premium"
		if !loginPattern.MatchString(owner) {
			return nil, fmt.Errorf("%s: %.80q is no name of a group", doing, owner)
		}
		return h, nil
	}
	return h, h.checkRepository(owner)
}

func (h *hooks) list(ctx context.Context) ([]*gitlab.ProjectHook, error) {
	var found []*gitlab.ProjectHook
	err := all(func(page gitlab.ListOptions) (*gitlab.Response, error) {
		if !h.group {
			list, response, err := h.api.Projects.ListProjectHooks(h.owner, &gitlab.ListProjectHooksOptions{ListOptions: page}, gitlab.WithContext(ctx))
			for _, hook := range list {
				if hook != nil {
					found = append(found, hook)
				}
			}
			return response, err
		}
		list, response, err := h.api.Groups.ListGroupHooks(h.owner, &gitlab.ListGroupHooksOptions{ListOptions: page}, gitlab.WithContext(ctx))
		for _, hook := range list {
			if hook != nil {
				found = append(found, ofGroup(hook))
			}
		}
		return response, err
	})
	return found, err
}

// put creates a webhook, or changes the one with an id.
func (h *hooks) put(ctx context.Context, id int64, o *gitlab.AddProjectHookOptions) (*gitlab.ProjectHook, error) {
	with := gitlab.WithContext(ctx)
	if !h.group {
		if id == 0 {
			hook, _, err := h.api.Projects.AddProjectHook(h.owner, o, with)
			return hook, err
		}
		edit := gitlab.EditProjectHookOptions(*o)
		hook, _, err := h.api.Projects.EditProjectHook(h.owner, id, &edit, with)
		return hook, err
	}
	add := gitlab.AddGroupHookOptions{
		URL: o.URL, PushEvents: o.PushEvents, TagPushEvents: o.TagPushEvents, MergeRequestsEvents: o.MergeRequestsEvents,
		NoteEvents: o.NoteEvents, ReleasesEvents: o.ReleasesEvents, EnableSSLVerification: o.EnableSSLVerification,
		Token: o.Token, SigningToken: o.SigningToken,
	}
	var hook *gitlab.GroupHook
	var err error
	if id == 0 {
		hook, _, err = h.api.Groups.AddGroupHook(h.owner, &add, with)
	} else {
		edit := gitlab.EditGroupHookOptions(add)
		hook, _, err = h.api.Groups.EditGroupHook(h.owner, id, &edit, with)
	}
	if err != nil {
		return nil, err
	}
	return ofGroup(hook), nil
}

// path is where the API has one of the webhooks.
func (h *hooks) path(webhook int64) string {
	collection := "projects"
	if h.group {
		collection = "groups"
	}
	return fmt.Sprintf("%s/%s/hooks/%d", collection, gitlab.PathEscape(h.owner), webhook)
}

// known returns [forge.ErrNotFound] unless the webhook is there.
func (h *hooks) known(ctx context.Context, id int64) error {
	var err error
	if h.group {
		_, _, err = h.api.Groups.GetGroupHook(h.owner, id, gitlab.WithContext(ctx))
	} else {
		_, _, err = h.api.Projects.GetProjectHook(h.owner, id, gitlab.WithContext(ctx))
	}
	return err
}

// ofGroup puts what matters of a group's webhook into that of a project, which
// has the same fields.
func ofGroup(g *gitlab.GroupHook) *gitlab.ProjectHook {
	return &gitlab.ProjectHook{
		ID: g.ID, URL: g.URL, AlertStatus: g.AlertStatus, SigningTokenPresent: g.SigningTokenPresent,
		PushEvents: g.PushEvents, TagPushEvents: g.TagPushEvents, MergeRequestsEvents: g.MergeRequestsEvents,
		NoteEvents: g.NoteEvents, ReleasesEvents: g.ReleasesEvents, IssuesEvents: g.IssuesEvents, JobEvents: g.JobEvents,
		PipelineEvents: g.PipelineEvents, DeploymentEvents: g.DeploymentEvents, WikiPageEvents: g.WikiPageEvents,
		MilestoneEvents: g.MilestoneEvents, FeatureFlagEvents: g.FeatureFlagEvents, EmojiEvents: g.EmojiEvents,
	}
}

func webhookOf(h *gitlab.ProjectHook) forge.Webhook {
	w := forge.Webhook{
		ID:  strconv.FormatInt(h.ID, 10),
		URL: h.URL,
		// GitLab stops sending to a webhook that fails; before 15.7 it says
		// nothing of it.
		Active: h.AlertStatus == "executable" || h.AlertStatus == "",
	}
	for _, event := range []struct {
		name string
		on   bool
	}{
		{"push_events", h.PushEvents}, {"tag_push_events", h.TagPushEvents}, {"merge_requests_events", h.MergeRequestsEvents},
		{"note_events", h.NoteEvents}, {"releases_events", h.ReleasesEvents}, {"issues_events", h.IssuesEvents},
		{"job_events", h.JobEvents}, {"pipeline_events", h.PipelineEvents}, {"deployment_events", h.DeploymentEvents},
		{"wiki_page_events", h.WikiPageEvents}, {"milestone_events", h.MilestoneEvents},
		{"feature_flag_events", h.FeatureFlagEvents}, {"emoji_events", h.EmojiEvents},
	} {
		if event.on {
			w.Events = append(w.Events, event.name)
		}
	}
	return w
}
