package github

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"
)

// maxWebhookPages bounds how many pages of a hundred webhooks are read. GitHub
// allows twenty for each event.
const maxWebhookPages = 10

var (
	errNoRepository = errors.New("the repository's name is not of the form OWNER/NAME")
	errNoOwner      = errors.New("it is neither the name of a repository, OWNER/NAME, nor that of an organisation")
)

// place is what has webhooks: a repository, or an organisation, which has no
// name besides its owner.
type place struct{ owner, name string }

// placeOf refuses what would be another path of a request.
func placeOf(name string) (place, error) {
	owner, repository, slash := strings.Cut(name, "/")
	if !repositoryPart(owner) || slash && !repositoryPart(repository) {
		return place{}, errNoOwner
	}
	return place{owner, repository}, nil
}

// repositoryOf is placeOf for repositories alone.
func repositoryOf(name string) (place, error) {
	at, err := placeOf(name)
	if err != nil || at.name == "" {
		return place{}, errNoRepository
	}
	return at, nil
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// repositoryPart keeps what is no name out of the path of a request.
func repositoryPart(s string) bool {
	return repositoryName.MatchString(s) && s != "." && s != ".."
}

// asking says which permission for webhooks something needs: read or write.
func (p place) asking(what, access string) asking {
	if p.name == "" {
		return asking{what, fmt.Sprintf("the scope admin:org_hook, or the organisation permission Webhooks (%s)", access)}
	}
	return asking{what, fmt.Sprintf("the scope admin:repo_hook, or the repository permission Webhooks (%s)", access)}
}

// list returns the webhooks.
func (p place) list(ctx context.Context, a *api) ([]*github.Hook, error) {
	var all []*github.Hook
	options := &github.ListOptions{PerPage: 100}
	for range maxWebhookPages {
		var hooks []*github.Hook
		var response *github.Response
		err := a.call(ctx, p.asking("list webhooks", "read"), func(c *github.Client) (err error) {
			if p.name == "" {
				hooks, response, err = c.Organizations.ListHooks(ctx, p.owner, options)
			} else {
				hooks, response, err = c.Repositories.ListHooks(ctx, p.owner, p.name, options)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, hook := range hooks {
			if hook.GetID() != 0 && !slices.ContainsFunc(all, func(h *github.Hook) bool { return h.GetID() == hook.GetID() }) {
				all = append(all, hook)
			}
		}
		if response.NextPage <= options.Page {
			break
		}
		options.Page = response.NextPage
	}
	return all, nil
}

// create makes a webhook.
func (p place) create(ctx context.Context, a *api, hook *github.Hook) (made *github.Hook, err error) {
	err = a.call(ctx, p.asking("create a webhook", "write"), func(c *github.Client) (err error) {
		if p.name == "" {
			made, _, err = c.Organizations.CreateHook(ctx, p.owner, hook)
		} else {
			made, _, err = c.Repositories.CreateHook(ctx, p.owner, p.name, hook)
		}
		return err
	})
	return made, err
}

// edit changes a webhook.
func (p place) edit(ctx context.Context, a *api, id int64, hook *github.Hook) (made *github.Hook, err error) {
	err = a.call(ctx, p.asking("change a webhook", "write"), func(c *github.Client) (err error) {
		if p.name == "" {
			made, _, err = c.Organizations.EditHook(ctx, p.owner, id, hook)
		} else {
			made, _, err = c.Repositories.EditHook(ctx, p.owner, p.name, id, hook)
		}
		return err
	})
	return made, err
}
