package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v60/github"
)

const (
	// maxWebhookPages bounds how many pages of a hundred webhooks are read.
	// GitHub allows twenty for each event.
	maxWebhookPages = 10
	// maxMissedPages bounds how many pages of a hundred deliveries are read of
	// one webhook. GitHub keeps three days of them ("Redelivering webhooks").
	maxMissedPages = 50
)

// WebhooksOptions say how GitHub is asked about webhooks.
type WebhooksOptions struct {
	// Token authenticates. A classic one needs the scope admin:repo_hook, a
	// fine-grained one the repository permission Webhooks (write).
	Token string
	// PublicURL is where the agent is reached. Webhooks are its own if they are
	// sent there, to "/" or "/webhooks/github" below it. http or https and their
	// usual ports make no difference.
	PublicURL string
	// API is the address of the API, https://HOST/api/v3 on a GitHub Enterprise
	// Server. Empty is GitHub's own.
	API string
	// Backoff is the pause before a failed request is made again, one second if
	// zero. It doubles each time.
	Backoff time.Duration
	// Pace is how far apart redeliveries are asked for, over all repositories;
	// one second if zero, which is what GitHub wants ("Best practices for using
	// the REST API").
	Pace time.Duration
}

// Webhooks asks GitHub about deliveries to the agent's webhooks. It may be used
// by several goroutines.
type Webhooks struct {
	client  *github.Client
	public  *url.URL
	host    string // of the repositories
	backoff time.Duration
	pace    *pace
	limited atomic.Pointer[RateError]
}

// NewWebhooks returns Webhooks. It is an error if the token is missing or an
// address is none; the errors show neither the token nor credentials in an
// address.
func NewWebhooks(o WebhooksOptions) (*Webhooks, error) {
	if o.Token == "" {
		return nil, errors.New("no token to ask GitHub with")
	}
	public, err := webAddress(o.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("public address of the agent: %w", err)
	}
	api, err := webAddress(cmp.Or(o.API, "https://api.github.com"))
	if err != nil {
		return nil, fmt.Errorf("address of GitHub's API: %w", err)
	}
	api.Path = strings.TrimSuffix(api.Path, "/") + "/"
	client := github.NewClient(&http.Client{Timeout: 30 * time.Second, Transport: &apiTransport{api: api, token: o.Token}})
	client.BaseURL = api
	return &Webhooks{
		client: client, public: public, host: webHost(api),
		backoff: cmp.Or(o.Backoff, time.Second), pace: &pace{every: cmp.Or(o.Pace, time.Second)},
	}, nil
}

// webHost returns the host that repositories are on whose API this is: api.HOST
// of GitHub's own, HOST/api/v3 of a GitHub Enterprise Server ("Getting started
// with the REST API").
func webHost(api *url.URL) string {
	if api.Path == "/api/v3/" {
		return api.Hostname()
	}
	return strings.TrimPrefix(api.Hostname(), "api.")
}

// Holds reports whether a repository with this clone URL is on the server that is
// asked. The token is for no other, and another may have one of the same name.
func (w *Webhooks) Holds(cloneURL string) bool {
	u, err := url.Parse(cloneURL)
	return err == nil && u.Hostname() != "" && strings.EqualFold(u.Hostname(), w.host)
}

// String keeps the token out of whatever prints Webhooks.
func (w *Webhooks) String() string { return "webhooks of " + w.public.Host }

// webAddress parses an http or https address without credentials.
func webAddress(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("it is not of the form https://HOST")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has more than a host and a path")
	}
	return u, nil
}

// Redelivery is what was found and asked for in one repository.
type Redelivery struct {
	// Webhooks is how many webhooks of the agent the repository has.
	Webhooks int
	// Asked is how many deliveries GitHub will make again.
	Asked int
	// Refused is how many GitHub will not, for instance because they are too old.
	Refused int
	// Truncated says that a webhook has more deliveries than were looked at.
	Truncated bool
}

// Redeliver asks GitHub to make again the deliveries since a time that did not
// reach the agent: those of its own active webhooks in the repository OWNER/NAME
// that got no answer or another than 2xx, and did not succeed in another attempt.
// Each is asked for once, the oldest first. An error that GitHub itself may get
// over, a 5xx or a broken connection, is one only after some attempts. The result
// counts what was done before an error.
//
// Errors are a [*PermissionError], a [*RateError], the context's and others. They
// do not name the repository, so that those with the same reason have the same
// text.
//
// GitHub describes the requests on "REST API endpoints for repository webhooks":
// "List repository webhooks", "List deliveries for a repository webhook" and
// "Redeliver a delivery for a repository webhook"; and which deliveries to ask
// for on "Automatically redelivering failed deliveries for a repository webhook".
func (w *Webhooks) Redeliver(ctx context.Context, repository string, since time.Time) (Redelivery, error) {
	var done Redelivery
	owner, name, ok := strings.Cut(repository, "/")
	if !ok || !repositoryPart(owner) || !repositoryPart(name) {
		return done, errors.New("the repository's name is not of the form OWNER/NAME")
	}
	hooks, err := w.own(ctx, owner, name)
	if err != nil {
		return done, err
	}
	done.Webhooks = len(hooks)
	for _, hook := range hooks {
		ids, truncated, err := w.missed(ctx, owner, name, hook, since)
		if err != nil {
			return done, err
		}
		done.Truncated = done.Truncated || truncated
		for _, id := range ids {
			taken, err := w.again(ctx, owner, name, hook, id)
			switch {
			case err != nil:
				return done, err
			case taken:
				done.Asked++
			default:
				done.Refused++
			}
		}
	}
	return done, nil
}

var repositoryName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// repositoryPart keeps what is no name out of the path of a request.
func repositoryPart(s string) bool {
	return repositoryName.MatchString(s) && s != "." && s != ".."
}

// own returns the ids of the repository's active webhooks that are the agent's.
func (w *Webhooks) own(ctx context.Context, owner, name string) ([]int64, error) {
	var ids []int64
	options := &github.ListOptions{PerPage: 100}
	for range maxWebhookPages {
		var hooks []*github.Hook
		var response *github.Response
		err := w.ask(ctx, asking{"list webhooks", "read"}, func() (err error) {
			hooks, response, err = w.client.Repositories.ListHooks(ctx, owner, name, options)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, hook := range hooks {
			if hook.GetActive() && w.sentHere(hook.GetConfig().GetURL()) && !slices.Contains(ids, hook.GetID()) {
				ids = append(ids, hook.GetID())
			}
		}
		if response.NextPage <= options.Page {
			break
		}
		options.Page = response.NextPage
	}
	return ids, nil
}

// sentHere reports whether a webhook with this address comes to the agent.
func (w *Webhooks) sentHere(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !strings.EqualFold(u.Hostname(), w.public.Hostname()) || unusualPort(u) != unusualPort(w.public) {
		return false
	}
	path, ok := strings.CutPrefix(strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(w.public.Path, "/"))
	return ok && (path == "" || path == "/webhooks/github")
}

// unusualPort returns a port that is not its scheme's own.
func unusualPort(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return ""
	}
	return port
}

// missed returns the deliveries to ask for, the oldest first, and whether there
// are more than were looked at.
func (w *Webhooks) missed(ctx context.Context, owner, name string, hook int64, since time.Time) ([]int64, bool, error) {
	var order []string                 // guids, the latest first
	latest := map[string]int64{}       // what failed, by guid, which all attempts share
	arrived := map[string]bool{}       // guids of which an attempt succeeded
	asked := map[string]bool{"": true} // cursors
	options := &github.ListCursorOptions{PerPage: 100}
	truncated := true
pages:
	for range maxMissedPages {
		var deliveries []*github.HookDelivery
		var response *github.Response
		err := w.ask(ctx, asking{"list deliveries", "read"}, func() (err error) {
			deliveries, response, err = w.client.Repositories.ListHookDeliveries(ctx, owner, name, hook, options)
			return err
		})
		if err != nil {
			return nil, false, err
		}
		for _, delivery := range deliveries { // the latest first
			guid, at := delivery.GetGUID(), delivery.GetDeliveredAt()
			if guid == "" || at.IsZero() {
				continue
			}
			if at.Before(since) {
				truncated = false
				break pages
			}
			if code := delivery.GetStatusCode(); code >= 200 && code < 300 {
				arrived[guid] = true
			} else if _, known := latest[guid]; !known {
				latest[guid] = delivery.GetID()
				order = append(order, guid)
			}
		}
		if asked[response.Cursor] {
			truncated = false
			break
		}
		asked[response.Cursor] = true
		options.Cursor = response.Cursor
	}
	var ids []int64
	for _, guid := range slices.Backward(order) {
		if !arrived[guid] {
			ids = append(ids, latest[guid])
		}
	}
	return ids, truncated, nil
}

// again asks for one delivery and reports whether GitHub will make it.
func (w *Webhooks) again(ctx context.Context, owner, name string, hook, delivery int64) (bool, error) {
	taken := false
	// A request that failed may have been heard: then the delivery comes twice,
	// which makes no second run.
	err := w.ask(ctx, asking{"redeliver", "write"}, func() error {
		if err := w.pace.wait(ctx); err != nil {
			return err
		}
		_, _, err := w.client.Repositories.RedeliverHookDelivery(ctx, owner, name, hook, delivery)
		if _, accepted := errors.AsType[*github.AcceptedError](err); accepted {
			err = nil // GitHub answers 202, which its library takes for an error
		}
		switch statusOf(err) {
		case http.StatusBadRequest, http.StatusUnprocessableEntity:
			return nil
		}
		taken = err == nil
		return err
	})
	return taken, err
}
