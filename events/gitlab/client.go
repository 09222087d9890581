package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
)

const (
	// perPage is how many of anything are asked for at once, which is GitLab's
	// most ("Pagination" of its REST API).
	perPage = 100
	// maxPages bounds how many pages are read of anything.
	maxPages = 50
)

// ClientOptions say how a GitLab is talked to.
type ClientOptions struct {
	// Token authenticates: a personal, group or project access token with the
	// scope api.
	Token string
	// URL is the address of the GitLab, https://gitlab.com if empty.
	URL string
	// Backoff is the wait before a failed request is made again, one second if
	// zero.
	Backoff time.Duration
}

// Client talks to one GitLab. It implements [forge.Forge] over version 4 of the
// REST API and may be used from several goroutines.
type Client struct {
	api       *gitlab.Client
	transport *forge.Transport
	host      string
	// self is the id of the token's user, zero until it is known.
	self atomic.Int64
}

var _ forge.Forge = (*Client)(nil)

// unlimited keeps the library from spreading requests by itself: the transport
// keeps to limits.
type unlimited struct{}

func (unlimited) Wait(context.Context) error { return nil }

// NewClient returns a client. It is an error if the token is missing or the
// address is none; the errors show neither the token nor credentials in the
// address.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Token == "" {
		return nil, errors.New("no token to talk to GitLab with")
	}
	base, err := url.Parse(cmp.Or(o.URL, "https://gitlab.com"))
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return nil, errors.New("the address of GitLab is not of the form https://HOST")
	case base.User != nil:
		return nil, errors.New("the address of GitLab has credentials in it")
	}
	transport := &forge.Transport{
		Base:    base,
		Backoff: o.Backoff,
		Authenticate: func(r *http.Request) error {
			r.Header.Set("Private-Token", o.Token)
			return nil
		},
	}
	api, err := gitlab.NewAuthSourceClient(gitlab.Unauthenticated{},
		gitlab.WithBaseURL(base.String()),
		gitlab.WithHTTPClient(&http.Client{Transport: transport, CheckRedirect: follow}),
		gitlab.WithoutRetries(),
		gitlab.WithCustomLimiter(unlimited{}),
		gitlab.WithUserAgent("pocketci"),
	)
	if err != nil {
		return nil, errors.New("the address of GitLab is not of the form https://HOST")
	}
	return &Client{api: api, transport: transport, host: base.Host}, nil
}

// follow follows the redirects of projects that have moved, but not those of
// requests that change something: they would become a GET.
func follow(r *http.Request, via []*http.Request) error {
	if via[0].Method != http.MethodGet || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// String keeps the token out of whatever prints a client.
func (c *Client) String() string { return "GitLab at " + c.host }

// GoString does the same for %#v.
func (c *Client) GoString() string { return c.String() }

// Vendor implements [forge.Forge].
func (c *Client) Vendor() string { return events.VendorGitlab }

// Limited returns the rate limit that holds now, or nil.
func (c *Client) Limited() *forge.LimitError { return c.transport.Limited() }

// asking is what is asked of GitLab, and the permission for it.
type asking struct{ doing, needs string }

// failure says what went wrong, without the addresses and the foreign text that
// the library puts into its errors.
func (a asking) failure(err error) error {
	if err == nil {
		return nil
	}
	if limit, ok := errors.AsType[*forge.LimitError](err); ok {
		return limit
	}
	if isNotFound(err) {
		return fmt.Errorf("%s: %w", a.doing, forge.ErrNotFound)
	}
	if answer, ok := errors.AsType[*gitlab.ErrorResponse](err); ok {
		switch answer.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return &forge.PermissionError{Status: answer.StatusCode, Doing: a.doing, Needs: a.needs}
		}
		return fmt.Errorf("%s: GitLab answers %d", a.doing, answer.StatusCode)
	}
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", a.doing, broken.Err)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", a.doing, err)
	}
	return fmt.Errorf("%s: %w", a.doing, errAnswer)
}

// isNotFound reports whether GitLab answered 404.
func isNotFound(err error) bool { return errors.Is(err, gitlab.ErrNotFound) }

var errAnswer = errors.New("the answer is not of the documented form")

// checkRepository keeps names that are none out of addresses.
func (a asking) checkRepository(name string) error {
	if err := events.CheckFullName(name); err != nil {
		return fmt.Errorf("%s: repository %w", a.doing, err)
	}
	return nil
}

// all calls page with the numbers of pages until one has no next.
func all(page func(gitlab.ListOptions) (*gitlab.Response, error)) error {
	o := gitlab.ListOptions{PerPage: perPage, Page: 1}
	for range maxPages {
		response, err := page(o)
		if err != nil {
			return err
		}
		if response.NextPage <= o.Page {
			break
		}
		o.Page = response.NextPage
	}
	return nil
}

// oneLine cuts text to at most so many bytes, with an ellipsis where it was cut.
func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(text[:most-len(ellipsis)], "") + ellipsis
}
