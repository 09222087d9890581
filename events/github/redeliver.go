package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// maxDeliveryPages is how many pages of a hundred deliveries are looked at of one
// webhook. GitHub keeps three days of them.
const maxDeliveryPages = 50

// Deliveries asks GitHub for what it tried to deliver while nobody answered. It
// may be used by several goroutines.
type Deliveries struct {
	client *github.Client
	public *url.URL
}

// NewDeliveries returns Deliveries that authenticate with a token: a classic one
// with the scope admin:repo_hook, or a fine-grained one that may write webhooks.
// Webhooks count as the agent's own if their address begins with publicURL. The
// api is GitHub's own if it is empty.
func NewDeliveries(token, publicURL, api string) (*Deliveries, error) {
	public, err := url.Parse(publicURL)
	if err != nil || public.Host == "" {
		return nil, fmt.Errorf("%q is no address that webhooks can be sent to", publicURL)
	}
	d := &Deliveries{client: github.NewClient(&http.Client{Timeout: 30 * time.Second}).WithAuthToken(token), public: public}
	if api != "" {
		if d.client.BaseURL, err = url.Parse(strings.TrimSuffix(api, "/") + "/"); err != nil {
			return nil, fmt.Errorf("address of the API: %w", err)
		}
	}
	return d, nil
}

// DeniedError says that the token may not see or redeliver the webhooks of a
// repository.
type DeniedError struct{ Repository string }

func (e *DeniedError) Error() string {
	return fmt.Sprintf("the token may not manage the webhooks of %s: it needs the scope admin:repo_hook, or write access to webhooks", e.Repository)
}

// Redeliver asks GitHub to deliver again what it could not deliver to the agent
// since a time, and returns how many deliveries that were. A delivery that has
// succeeded since then is left alone. The errors are a [*DeniedError] and those
// of the connection.
//
// See https://docs.github.com/rest/repos/webhooks, "List deliveries for a
// repository webhook" and "Redeliver a delivery for a repository webhook".
func (d *Deliveries) Redeliver(ctx context.Context, repository string, since time.Time) (int, error) {
	owner, name, ok := strings.Cut(repository, "/")
	if !ok {
		return 0, fmt.Errorf("%q is no name of a repository", repository)
	}
	hooks, _, err := d.client.Repositories.ListHooks(ctx, owner, name, &github.ListOptions{PerPage: 100})
	if err != nil {
		return 0, asked(repository, "list webhooks", err)
	}
	asks := 0
	for _, hook := range hooks {
		if !hook.GetActive() || !d.own(hook.Config.GetURL()) {
			continue
		}
		failed, err := d.failed(ctx, owner, name, hook.GetID(), since)
		if err != nil {
			return asks, asked(repository, "list deliveries", err)
		}
		for _, id := range failed {
			_, _, err := d.client.Repositories.RedeliverHookDelivery(ctx, owner, name, hook.GetID(), id)
			// GitHub answers 202, which its library takes for an error.
			if later := (*github.AcceptedError)(nil); err != nil && !errors.As(err, &later) {
				return asks, asked(repository, "redeliver", err)
			}
			asks++
		}
	}
	return asks, nil
}

// own reports whether a webhook's address is the agent's.
func (d *Deliveries) own(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Host, d.public.Host) {
		return false
	}
	path, ok := strings.CutPrefix(strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(d.public.Path, "/"))
	return ok && (path == "" || path == "/webhooks/github")
}

// failed returns the latest attempt of each delivery that has not succeeded, the
// oldest first.
func (d *Deliveries) failed(ctx context.Context, owner, name string, hook int64, since time.Time) ([]int64, error) {
	var ids []int64
	seen := map[string]bool{}
	options := &github.ListCursorOptions{PerPage: 100}
	for range maxDeliveryPages {
		page, response, err := d.client.Repositories.ListHookDeliveries(ctx, owner, name, hook, options)
		if err != nil {
			return nil, err
		}
		for _, delivery := range page { // the latest first
			if delivery.GetDeliveredAt().Before(since) {
				response.Cursor = ""
				break
			}
			if seen[delivery.GetGUID()] {
				continue
			}
			seen[delivery.GetGUID()] = true
			if code := delivery.GetStatusCode(); code == 0 || code >= 500 {
				ids = append([]int64{delivery.GetID()}, ids...)
			}
		}
		if options.Cursor = response.Cursor; options.Cursor == "" {
			break
		}
	}
	return ids, nil
}

// asked says what was asked of GitHub in vain. What the library says of it holds
// no token, which is in a header.
func asked(repository, doing string, err error) error {
	var answer *github.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil {
		switch answer.Response.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
			return &DeniedError{repository}
		}
	}
	return fmt.Errorf("%s of %s: %w", doing, repository, err)
}
