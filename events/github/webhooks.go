package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
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
	api    *api
	public *url.URL
	host   string // of the repositories
	pace   *pace
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
	base, err := apiAddress(o.API)
	if err != nil {
		return nil, fmt.Errorf("address of GitHub's API: %w", err)
	}
	return &Webhooks{
		api: newAPI(base, o.Backoff, bearer(o.Token)), public: public, host: webHost(base), pace: &pace{every: cmp.Or(o.Pace, time.Second)},
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
	at, err := repositoryOf(repository)
	if err != nil {
		return done, err
	}
	hooks, err := at.list(ctx, w.api)
	if err != nil {
		return done, denied(err)
	}
	for _, hook := range hooks {
		if !hook.GetActive() || !w.sentHere(hook.GetConfig().GetURL()) {
			continue
		}
		done.Webhooks++
		if err := at.redeliver(ctx, w.api, w.pace, hook.GetID(), since, &done); err != nil {
			return done, denied(err)
		}
	}
	return done, nil
}

// denied takes for a missing permission what GitHub hides, since the agent has
// had events of the repository.
func denied(err error) error {
	if missing, ok := errors.AsType[*missingError](err); ok {
		return &PermissionError{Status: http.StatusNotFound, Doing: missing.what, Needs: missing.needs + ", and to see the repository"}
	}
	return err
}

// sentHere reports whether a webhook with this address comes to the agent.
func (w *Webhooks) sentHere(address string) bool {
	path, ok := relative(w.public, address)
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
