package bitbucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

const (
	// pageSize is how many of a list are asked for at a time.
	pageSize = "50"
	// maxPages bounds how many pages of a list are read.
	maxPages = 40
)

// The permissions of tokens, in Bitbucket's words: for access tokens, and for API
// tokens, which name the same with three parts.
const (
	scopeRepository  = "the scope repository (read:repository:bitbucket)"
	scopeWrite       = "the scope repository:write (write:repository:bitbucket)"
	scopeAdmin       = "the scope repository:admin (admin:repository:bitbucket), and to be an administrator of the repository"
	scopePull        = "the scope pullrequest (read:pullrequest:bitbucket)"
	scopePullWrite   = "the scope pullrequest:write (write:pullrequest:bitbucket)"
	scopeWebhook     = "the scope webhook (read:webhook:bitbucket and write:webhook:bitbucket), and to be an administrator"
	scopeOwnIdentity = "the scope account (read:user:bitbucket)"
)

// ClientOptions say how Bitbucket Cloud is asked.
type ClientOptions struct {
	// Username goes with an API token: the Atlassian account's e-mail address.
	// It is empty for access tokens of repositories, projects and workspaces.
	Username string
	// Token authenticates; docs/bitbucket.md lists the scopes that it needs.
	Token string
	// API is the address of the API, Bitbucket's own if empty.
	API string
	// Backoff is the pause before a failed request is made again, one second if
	// zero. It doubles each time.
	Backoff time.Duration
}

// Client talks back to Bitbucket Cloud. It implements [forge.Forge].
//
// People are named by their Atlassian account ids, or by UUIDs in braces. The
// requests are those of Atlassian's "Bitbucket Cloud REST API", version 2.0.
type Client struct {
	api *rest.API

	mu sync.Mutex
	// own identifies the token's owner, empty until it is known.
	own string
}

var _ forge.Forge = (*Client)(nil)

// NewClient returns a client. It is an error if the token is missing or the
// address is none; the errors show neither.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Token == "" {
		return nil, errors.New("no token to ask Bitbucket with")
	}
	base, err := rest.Address(cmp.Or(o.API, "https://api.bitbucket.org/2.0"))
	if err != nil {
		return nil, fmt.Errorf("address of Bitbucket's API: %w", err)
	}
	username, token := o.Username, o.Token
	return &Client{api: rest.New(&forge.Transport{
		Base: base, Backoff: o.Backoff,
		Authenticate: func(r *http.Request) error {
			if username != "" {
				r.SetBasicAuth(username, token)
			} else {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			return nil
		},
	})}, nil
}

// String keeps the token out of whatever prints a client.
func (c *Client) String() string { return "client of " + c.Vendor() }

// Vendor returns [events.VendorBitbucket].
func (c *Client) Vendor() string { return events.VendorBitbucket }

// split returns the two parts of a repository's name.
func split(repository string) (workspace, slug string, err error) {
	if err := delivery.CheckRepository(repository); err != nil {
		return "", "", fmt.Errorf("the name of the repository %w: %w", err, forge.ErrNotFound)
	}
	workspace, slug, _ = strings.Cut(repository, "/")
	return workspace, slug, nil
}

// repositoryPath returns the segments of a repository's path and those after it.
func repositoryPath(repository string, more ...string) ([]string, error) {
	workspace, slug, err := split(repository)
	if err != nil {
		return nil, err
	}
	return append([]string{"repositories", workspace, slug}, more...), nil
}

// loginPattern are Atlassian account ids, and UUIDs in braces. It has nothing that
// would end a string in a query.
var loginPattern = regexp.MustCompile(`^(?:[A-Za-z0-9_:-]{1,128}|\{[0-9A-Fa-f-]{36}\})$`)

// CanWrite implements [forge.Forge]. The token's owner has to be an administrator
// of the repository.
func (c *Client) CanWrite(ctx context.Context, repository, login string) (bool, error) {
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	workspace, slug, err := split(repository)
	if err != nil {
		return false, err
	}
	may := false
	err = list(ctx, c, rest.Request{
		Path:  []string{"workspaces", workspace, "permissions", "repositories", slug},
		Query: url.Values{"q": {`permission>"read"`}},
		Doing: "list who may write", Needs: scopeAdmin,
	}, func(p struct {
		Permission string   `json:"permission"`
		User       *account `json:"user"`
	}) bool {
		may = p.User.is(login) && (p.Permission == "write" || p.Permission == "admin")
		return !may
	})
	return may, err
}

// is reports whether login names the account.
func (a *account) is(login string) bool {
	return a != nil && login != "" && (a.AccountID == login || a.UUID == login)
}

// HasMerged implements [forge.Forge].
func (c *Client) HasMerged(ctx context.Context, repository, login string) (bool, error) {
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	path, err := repositoryPath(repository, "pullrequests")
	if err != nil {
		return false, err
	}
	field := "author.account_id"
	if login[0] == '{' {
		field = "author.uuid"
	}
	merged := false
	err = list(ctx, c, rest.Request{
		Path: path, Query: url.Values{"state": {"MERGED"}, "q": {field + `="` + login + `"`}},
		Doing: "list somebody's pull requests", Needs: scopePull,
	}, func(p pullRequest) bool {
		merged = p.State == "MERGED" && p.Author.is(login)
		return !merged
	})
	return merged, err
}

// list calls yield with the items of a list, page by page, until it returns false.
func list[T any](ctx context.Context, c *Client, r rest.Request, yield func(T) bool) error {
	query := url.Values{}
	for key, values := range r.Query {
		query[key] = values
	}
	query.Set("pagelen", pageSize)
	r.Query = query
	for range maxPages {
		var page struct {
			Values []T    `json:"values"`
			Next   string `json:"next"`
		}
		if err := c.api.Do(ctx, r, &page); err != nil {
			return err
		}
		for _, item := range page.Values {
			if !yield(item) {
				return nil
			}
		}
		if page.Next == "" {
			break
		}
		// Only the query of a next page's address is used: its path is the
		// same, and where it leads is not for an answer to say.
		next, err := url.Parse(page.Next)
		if err != nil {
			return fmt.Errorf("%s: the next page has no address", r.Doing)
		}
		r.Query = next.Query()
	}
	return nil
}

// PullRequest implements [forge.Forge]. The full names of the commits are asked
// for where they are: the head's in the fork, which the token has to see.
func (c *Client) PullRequest(ctx context.Context, repository string, number int) (forge.PullRequest, error) {
	const doing = "read a pull request"
	path, err := repositoryPath(repository, "pullrequests", fmt.Sprint(number))
	if err != nil {
		return forge.PullRequest{}, err
	}
	var answer pullRequest
	if err := c.api.Do(ctx, rest.Request{Path: path, Doing: doing, Needs: scopePull}, &answer); err != nil {
		return forge.PullRequest{}, err
	}
	// The same reading as that of events, so that both see the same forks.
	e := events.Event{Repository: &events.Repository{FullName: repository}}
	if err := readPull(&e, &answer); err != nil {
		return forge.PullRequest{}, fmt.Errorf("%s: %w", doing, err)
	}
	if err := c.resolve(ctx, &e, &answer); err != nil {
		return forge.PullRequest{}, err
	}
	return forge.PullRequest{
		Number: e.PullRequest, Author: answer.Author.login(), Title: answer.Title,
		HeadSHA: e.SHA, BaseSHA: e.BaseSHA, HeadRef: e.Branch, BaseRef: e.BaseRef, Fork: e.Fork,
		Open: answer.State == "OPEN", Merged: answer.State == "MERGED",
	}, nil
}

// Complete fills in the commits of a pull request event, of which the payload has
// the first twelve digits: those of the event, wherever the branches are by now.
// It leaves every other event as it is. The errors are those of [forge.Forge],
// and then the event has not changed.
func (c *Client) Complete(ctx context.Context, e *events.Event) error {
	if e.Vendor != events.VendorBitbucket || e.Name != events.NamePullRequest || e.SHA != "" && e.BaseSHA != "" {
		return nil
	}
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.PullRequest == nil {
		return delivery.Malformed("pullrequest", errors.New("is missing"))
	}
	complete := *e
	if err := c.resolve(ctx, &complete, p.PullRequest); err != nil {
		return err
	}
	e.SHA, e.BaseSHA = complete.SHA, complete.BaseSHA
	return nil
}

// resolve asks for the commits that a pull request abbreviates.
func (c *Client) resolve(ctx context.Context, e *events.Event, p *pullRequest) error {
	from := e.Fork
	if from == "" || from == delivery.UnknownFork {
		// What a fork that is gone proposed may still be in the repository.
		from = e.Repository.FullName
	}
	var err error
	if e.SHA == "" {
		if e.SHA, err = c.commit(ctx, from, p.Source.hash()); err != nil {
			return err
		}
	}
	if e.BaseSHA == "" {
		e.BaseSHA, err = c.commit(ctx, e.Repository.FullName, p.Destination.hash())
	}
	return err
}

// commit returns the full name of a commit.
func (c *Client) commit(ctx context.Context, repository, hash string) (string, error) {
	const doing = "look up a commit"
	if !hashPattern.MatchString(hash) {
		return "", fmt.Errorf("%s: %w", doing, forge.ErrNotFound)
	}
	path, err := repositoryPath(repository, "commit", hash)
	if err != nil {
		return "", err
	}
	var answer struct {
		Hash string `json:"hash"`
	}
	if err := c.api.Do(ctx, rest.Request{Path: path, Doing: doing, Needs: scopeRepository}, &answer); err != nil {
		return "", err
	}
	if events.CheckSHA(answer.Hash) != nil || !strings.HasPrefix(answer.Hash, hash) {
		return "", fmt.Errorf("%s: the answer is about another one", doing)
	}
	return answer.Hash, nil
}
