package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

const (
	// pageSize is how many of a list are asked for at a time, which is the most
	// that Gitea gives unless it is configured otherwise (MAX_RESPONSE_ITEMS).
	pageSize = 50
	// maxPages bounds how many pages of a list are read.
	maxPages = 40
)

// The permissions of tokens, in Gitea's words.
const (
	scopeReadRepository  = "the scope read:repository"
	scopeWriteRepository = "the scope write:repository, and write access to the repository"
	scopeAdminister      = "the scope write:repository, and to be an administrator of the repository"
	scopeOrganization    = "the scope write:organization, and to be an owner of the organization"
	scopeReadIssue       = "the scope read:issue"
	scopeWriteIssue      = "the scope write:issue"
	scopeReadUser        = "the scope read:user"
)

// ClientOptions say how a Gitea or Forgejo is reached.
type ClientOptions struct {
	// URL is the address of the instance as people open it. The API is served
	// below it, at api/v1.
	URL string
	// Token authenticates; docs/gitea.md lists the scopes that it needs.
	Token string
	// Backoff is the pause before a failed request is made again, one second if
	// zero. It doubles each time.
	Backoff time.Duration
}

// Client talks back to one Gitea or Forgejo. It implements [forge.Forge].
//
// The requests are those of the API that Gitea publishes as its OpenAPI document
// (api/v1), which Forgejo has kept.
type Client struct {
	api  *rest.API
	host string

	mu sync.Mutex
	// login is the token's owner, empty until it was asked for.
	login string
}

var _ forge.Forge = (*Client)(nil)

// NewClient returns a client. It is an error if the token is missing or the
// address is none; the errors show neither.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Token == "" {
		return nil, errors.New("no token to ask Gitea with")
	}
	base, err := rest.Address(o.URL)
	if err != nil {
		return nil, fmt.Errorf("address of Gitea: %w", err)
	}
	base = base.JoinPath("api/v1")
	token := o.Token
	return &Client{host: base.Host, api: rest.New(&forge.Transport{
		Base: base, Backoff: o.Backoff,
		Authenticate: func(r *http.Request) error {
			r.Header.Set("Authorization", "token "+token)
			return nil
		},
	})}, nil
}

// String keeps the token out of whatever prints a client.
func (c *Client) String() string { return "client of " + c.host }

// Vendor returns [events.VendorGitea], for Forgejo as well.
func (c *Client) Vendor() string { return events.VendorGitea }

// repositoryPath returns the segments of a repository's path and those after it.
func repositoryPath(repository string, more ...string) ([]string, error) {
	if err := delivery.CheckRepository(repository); err != nil {
		return nil, fmt.Errorf("the name of the repository %w: %w", err, forge.ErrNotFound)
	}
	owner, name, _ := strings.Cut(repository, "/")
	return append([]string{"repos", owner, name}, more...), nil
}

// loginPattern is what Gitea allows in names of people.
var loginPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// CanWrite implements [forge.Forge]. The token's owner has to be an administrator
// of the repository: Gitea tells others of nobody's permission but their own.
func (c *Client) CanWrite(ctx context.Context, repository, login string) (bool, error) {
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	path, err := repositoryPath(repository, "collaborators", login, "permission")
	if err != nil {
		return false, err
	}
	var answer struct {
		Permission string `json:"permission"`
		User       *struct {
			Login string `json:"login"`
		} `json:"user"`
	}
	err = c.api.Do(ctx, rest.Request{Path: path, Doing: "ask for somebody's permission", Needs: scopeAdminister}, &answer)
	switch {
	case errors.Is(err, forge.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	switch answer.Permission {
	case "write", "admin", "owner":
		return answer.User != nil && strings.EqualFold(answer.User.Login, login), nil
	}
	return false, nil
}

// HasMerged implements [forge.Forge].
func (c *Client) HasMerged(ctx context.Context, repository, login string) (bool, error) {
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	path, err := repositoryPath(repository, "issues")
	if err != nil {
		return false, err
	}
	query := url.Values{"type": {"pulls"}, "state": {"closed"}, "created_by": {login}}
	merged := false
	err = list(ctx, c, rest.Request{Path: path, Query: query, Doing: "list somebody's pull requests", Needs: scopeReadIssue}, func(p closedPull) bool {
		merged = p.PullRequest != nil && p.PullRequest.Merged && p.User != nil && strings.EqualFold(p.User.Login, login)
		return !merged
	})
	if errors.Is(err, forge.ErrNotFound) {
		return false, nil // a person that Gitea does not know
	}
	return merged, err
}

type closedPull struct {
	User *struct {
		Login string `json:"login"`
	} `json:"user"`
	PullRequest *struct {
		Merged bool `json:"merged"`
	} `json:"pull_request"`
}

// list calls yield with the items of a list, page by page, until it returns false.
// A list is at its end where a page is empty: servers may give less than was
// asked for.
func list[T any](ctx context.Context, c *Client, r rest.Request, yield func(T) bool) error {
	query := url.Values{}
	for key, values := range r.Query {
		query[key] = values
	}
	query.Set("limit", strconv.Itoa(pageSize))
	r.Query = query
	for page := range maxPages {
		query.Set("page", strconv.Itoa(page+1))
		var items []T
		if err := c.api.Do(ctx, r, &items); err != nil {
			return err
		}
		if len(items) == 0 {
			break
		}
		for _, item := range items {
			if !yield(item) {
				return nil
			}
		}
	}
	return nil
}

// PullRequest implements [forge.Forge]. A head that is no branch of the
// repository, such as one that was pushed to refs/for, is a fork's.
func (c *Client) PullRequest(ctx context.Context, repository string, number int) (forge.PullRequest, error) {
	const doing = "read a pull request"
	path, err := repositoryPath(repository, "pulls", strconv.Itoa(number))
	if err != nil {
		return forge.PullRequest{}, err
	}
	var answer struct {
		pullRequest
		Title  string `json:"title"`
		State  string `json:"state"`
		Merged bool   `json:"merged"`
		User   *struct {
			Login string `json:"login"`
		} `json:"user"`
	}
	err = c.api.Do(ctx, rest.Request{Path: path, Doing: doing, Needs: scopeReadRepository}, &answer)
	if err != nil {
		return forge.PullRequest{}, err
	}
	// The same reading as that of events, so that both see the same forks.
	e := events.Event{Repository: &events.Repository{FullName: repository}}
	if err := readPull(&e, &answer.pullRequest); err != nil {
		return forge.PullRequest{}, fmt.Errorf("%s: %w", doing, err)
	}
	p := forge.PullRequest{
		Number: e.PullRequest, Title: answer.Title, HeadSHA: e.SHA, BaseSHA: e.BaseSHA, HeadRef: e.Branch, BaseRef: e.BaseRef,
		Fork: e.Fork, Open: answer.State == "open", Merged: answer.Merged,
	}
	if answer.User != nil {
		p.Author = answer.User.Login
	}
	return p, nil
}
