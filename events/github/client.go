package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

// ClientOptions say how GitHub is talked to: with a token, or as a GitHub App.
type ClientOptions struct {
	// Token authenticates as the person that it belongs to. docs/github.md
	// lists the permissions that it needs.
	Token string
	// AppID and PrivateKey, in PEM, authenticate as a GitHub App instead, in
	// whatever repositories it is installed.
	AppID      int64
	PrivateKey []byte
	// API is the address of the API, https://HOST/api/v3 on a GitHub Enterprise
	// Server. Empty is GitHub's own.
	API string
	// Backoff is the pause before a failed request is made again, one second if
	// zero. It doubles each time.
	Backoff time.Duration
	// Pace is how far apart redeliveries are asked for, one second if zero.
	Pace time.Duration
	// Now is the clock that an App's tokens expire by, [time.Now] if nil.
	Now func() time.Time
}

// Client talks to GitHub. It implements [forge.Forge] and [forge.Credentials].
type Client struct {
	access access
	pace   *pace
	// checks says that calls are shown as check runs, which Apps alone may make.
	checks bool
	// commenting holds a value while a comment is looked for and written, so
	// that two do not both find none.
	commenting chan struct{}
}

var (
	_ forge.Forge       = (*Client)(nil)
	_ forge.Credentials = (*Client)(nil)
)

// access is whom a client is to GitHub.
type access interface {
	// of returns the API with the credentials for a place.
	of(ctx context.Context, at place) (*api, error)
	// login is the name that comments are written under.
	login(ctx context.Context) (string, error)
	// token returns a token for a place that is valid for some minutes.
	token(ctx context.Context, at place) (string, error)
	// limited returns the limit that ends last, or nil.
	limited() *forge.LimitError
}

// NewClient returns a client. It is an error if there is not exactly one of a
// token and an App, the key is none, or the address is none; the errors show no
// credentials.
func NewClient(o ClientOptions) (*Client, error) {
	base, err := apiAddress(o.API)
	if err != nil {
		return nil, fmt.Errorf("address of GitHub's API: %w", err)
	}
	c := &Client{pace: &pace{every: cmp.Or(o.Pace, time.Second)}, commenting: make(chan struct{}, 1)}
	isApp := o.AppID != 0 || len(o.PrivateKey) > 0
	switch {
	case o.Token != "" && isApp:
		return nil, errors.New("a token and a GitHub App are given: one of them is needed")
	case o.Token != "":
		c.access = newPerson(o, base)
	case isApp:
		c.checks = true
		if c.access, err = newApp(o, base); err != nil {
			return nil, err
		}
	default:
		return nil, errors.New("neither a token nor a GitHub App to talk to GitHub with")
	}
	return c, nil
}

// String keeps credentials out of whatever prints a client.
func (c *Client) String() string { return "client of " + c.Vendor() }

// GoString does so for %#v.
func (c *Client) GoString() string { return c.String() }

// Vendor returns [events.VendorGithub].
func (c *Client) Vendor() string { return events.VendorGithub }

// Limited returns the rate limit that holds now, or nil. As an App it is the one
// of all installations' that ends last.
func (c *Client) Limited() *forge.LimitError { return c.access.limited() }

// Credentials implements [forge.Credentials]. The user name is what GitHub wants
// for tokens of Apps ("Authenticating as a GitHub App installation"); with those
// of persons it takes any.
func (c *Client) Credentials(ctx context.Context, repository string) (username, token string, err error) {
	at, err := repositoryOf(repository)
	if err != nil {
		return "", "", err
	}
	if token, err = c.access.token(ctx, at); err != nil {
		return "", "", err
	}
	return "x-access-token", token, nil
}

// in makes requests about a repository.
func (c *Client) in(ctx context.Context, repository string, what asking, request func(c *github.Client, owner, name string) error) error {
	at, err := repositoryOf(repository)
	if err != nil {
		return err
	}
	a, err := c.access.of(ctx, at)
	if err != nil {
		return err
	}
	return a.call(ctx, what, func(g *github.Client) error { return request(g, at.owner, at.name) })
}

// login is what GitHub may call a person, or a bot. Others are in nobody's path.
var loginPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}(?:\[bot\])?$`)

// CanWrite implements [forge.Forge]: "Get repository permissions for a user",
// whose permission is write for whoever may maintain, and read for triage.
func (c *Client) CanWrite(ctx context.Context, repository, login string) (bool, error) {
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	var level *github.RepositoryPermissionLevel
	what := asking{"ask for somebody's permission", "the scope repo, or the repository permission Metadata (read), and push access"}
	err := c.in(ctx, repository, what, func(g *github.Client, owner, name string) (err error) {
		level, _, err = g.Repositories.GetPermissionLevel(ctx, owner, name, login)
		if answer, ok := errors.AsType[*github.ErrorResponse](err); ok && statusOf(err) == http.StatusNotFound && strings.HasSuffix(answer.Message, "is not a user") {
			level, err = nil, nil
		}
		return err
	})
	if err != nil {
		return false, err
	}
	switch level.GetPermission() {
	case "admin", "maintain", "write":
		return true, nil
	}
	return false, nil
}

// maxMergedPages bounds how many pages of a hundred are read of what a person has
// opened. Whoever has that much and nothing merged has to wait.
const maxMergedPages = 5

// HasMerged implements [forge.Forge] with "List repository issues" of one creator,
// which are pull requests as well and say when they were merged. The search could
// tell it in one request, but has a limit of thirty a minute and lags behind; the
// list of pull requests cannot be asked for one person's.
func (c *Client) HasMerged(ctx context.Context, repository, login string) (bool, error) {
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	options := &github.IssueListByRepoOptions{State: "closed", Creator: login, Sort: "created", Direction: "asc", ListOptions: github.ListOptions{PerPage: 100}}
	what := asking{"ask for somebody's pull requests", "the scope repo, or the repository permissions Issues (read) and Pull requests (read)"}
	for range maxMergedPages {
		var issues []*github.Issue
		var response *github.Response
		err := c.in(ctx, repository, what, func(g *github.Client, owner, name string) (err error) {
			issues, response, err = g.Issues.ListByRepo(ctx, owner, name, options)
			if statusOf(err) == http.StatusUnprocessableEntity {
				err = nil // it knows no such creator
			}
			return err
		})
		if err != nil {
			return false, err
		}
		for _, issue := range issues {
			if !issue.GetPullRequestLinks().GetMergedAt().IsZero() {
				return true, nil
			}
		}
		if response.NextPage <= options.Page {
			break
		}
		options.Page = response.NextPage
	}
	return false, nil
}

// PullRequest implements [forge.Forge].
func (c *Client) PullRequest(ctx context.Context, repository string, number int) (forge.PullRequest, error) {
	var p *github.PullRequest
	what := asking{"read a pull request", "the scope repo, or the repository permission Pull requests (read)"}
	err := c.in(ctx, repository, what, func(g *github.Client, owner, name string) (err error) {
		p, _, err = g.PullRequests.Get(ctx, owner, name, number)
		return err
	})
	if err != nil {
		return forge.PullRequest{}, err
	}
	head, base := p.GetHead(), p.GetBase()
	pull := forge.PullRequest{
		Number: p.GetNumber(), Author: p.GetUser().GetLogin(), Title: p.GetTitle(),
		HeadSHA: head.GetSHA(), HeadRef: head.GetRef(), BaseSHA: base.GetSHA(), BaseRef: base.GetRef(),
		Open: p.GetState() == "open", Merged: p.GetMerged(),
	}
	switch {
	case events.CheckSHA(pull.HeadSHA) != nil || events.CheckSHA(pull.BaseSHA) != nil || pull.Number != number:
		return forge.PullRequest{}, fmt.Errorf("%s: %w", what.what, errAnswer)
	case head.Repo == nil:
		pull.Fork = delivery.UnknownFork
	case head.Repo.GetFullName() != base.GetRepo().GetFullName():
		pull.Fork = head.Repo.GetFullName()
	}
	return pull, nil
}

// person is a token's owner. It implements access.
type person struct {
	*api
	secret string
	name   once[string]
}

func newPerson(o ClientOptions, base *url.URL) *person {
	return &person{api: newAPI(base, o.Backoff, bearer(o.Token)), secret: o.Token}
}

func (p *person) of(context.Context, place) (*api, error) { return p.api, nil }

func (p *person) token(context.Context, place) (string, error) { return p.secret, nil }

func (p *person) limited() *forge.LimitError { return p.transport.Limited() }

func (p *person) login(ctx context.Context) (string, error) {
	return p.name.get(func() (login string, err error) {
		err = p.call(ctx, asking{"ask whose the token is", "to belong to a user"}, func(g *github.Client) error {
			user, _, err := g.Users.Get(ctx, "")
			login = user.GetLogin()
			return err
		})
		if err == nil && login == "" {
			err = fmt.Errorf("ask whose the token is: %w", errAnswer)
		}
		return login, err
	})
}
