// Package giteatest stands in for the API of Gitea and Forgejo in tests.
package giteatest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/internal/forge/forgetest"
)

// World answers as Gitea's OpenAPI document says, with the types of Gitea's own
// client, and fails the test for every request that Gitea would not take. It is a [forgetest.World].
//
// Its fields may be set before it serves, and be used later while it is locked.
type World struct {
	*forgetest.StandIn
	// Below begins the paths of a Gitea below a path. URL is without it.
	Below string
	// Pull is pull request 7.
	Pull sdk.PullRequest
	// Hooks are the webhooks, by the path of their list.
	Hooks map[string][]*StoredHook

	statuses map[string][]sdk.CreateStatusOption // by commit
	comments []*sdk.Comment
	signs    map[int64]string
	closed   []*sdk.Issue
	pageSize int
}

// StoredHook is a webhook with what Gitea does not tell of it.
type StoredHook struct {
	sdk.Hook
	Secret string
}

// bot is the owner of the token.
const bot = "pocketci-bot"

// New returns a Gitea. It is served by [World.Serve] or by whoever handles requests
// with it.
func New(t *testing.T) *World {
	acme := &sdk.Repository{FullName: forgetest.Repository}
	s := &World{
		StandIn: forgetest.NewStandIn(t), statuses: map[string][]sdk.CreateStatusOption{}, signs: map[int64]string{},
		Hooks: map[string][]*StoredHook{}, pageSize: 2,
		Pull: sdk.PullRequest{
			Index: 7, Poster: &sdk.User{UserName: forgetest.Anna}, Title: "Sell more", State: sdk.StateOpen,
			Head: &sdk.PRBranchInfo{Name: "feature", Ref: "feature", Sha: forgetest.Head, Repository: acme},
			Base: &sdk.PRBranchInfo{Name: "main", Ref: "main", Sha: forgetest.Base, Repository: acme},
		},
	}
	for i, c := range []struct {
		author string
		merged bool
	}{{forgetest.Anna, false}, {forgetest.Anna, false}, {forgetest.Reed, false}, {forgetest.Mara, true}, {forgetest.Anna, true}} {
		s.closed = append(s.closed, &sdk.Issue{
			Index: int64(i + 1), Poster: &sdk.User{UserName: c.author}, State: sdk.StateClosed, PullRequest: &sdk.PullRequestMeta{HasMerged: c.merged},
		})
	}
	return s
}

// Serve serves it on a port of its own until the test ends.
func (s *World) Serve() *World {
	s.ServeOn(s, "")
	return s
}

// ServeHTTP answers as Gitea would.
func (s *World) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	if s.Failed(w, nil) {
		return
	}
	if path := s.Path(w, r, forgetest.Gate{
		Authorization: "token " + s.Accepted, Unauthorized: map[string]string{"message": "invalid username, password or token"},
		Prefix: s.Below + "/api/v1/",
	}); path != nil {
		s.route(w, r, path)
	}
}

func (s *World) route(w http.ResponseWriter, r *http.Request, path []string) {
	is := func(method string, pattern ...string) bool {
		return r.Method == method && slices.EqualFunc(path, pattern, func(a, b string) bool { return b == "*" || a == b })
	}
	if path[0] == "repos" && (len(path) < 3 || path[1]+"/"+path[2] != forgetest.Repository) {
		forgetest.Answer(w, http.StatusNotFound, map[string]any{"message": "The target couldn't be found.", "errors": nil})
		return
	}
	switch {
	case is("GET", "user"):
		s.Query(r)
		forgetest.Answer(w, http.StatusOK, sdk.User{UserName: bot})
	case is("GET", "repos", "acme", "shop", "collaborators", "*", "permission"):
		s.Query(r)
		s.permission(w, path[4])
	case is("GET", "repos", "acme", "shop", "issues"):
		s.Query(r, "type=pulls", "state=closed", "created_by", "page", "limit")
		s.issues(w, r)
	case is("GET", "repos", "acme", "shop", "pulls", "7"):
		s.Query(r)
		forgetest.Answer(w, http.StatusOK, s.Pull)
	case is("GET", "repos", "acme", "shop", "issues", "7", "comments"):
		s.Query(r)
		forgetest.Answer(w, http.StatusOK, s.comments)
	case is("GET", "repos", "acme", "shop", "pulls", "*"), is("GET", "repos", "acme", "shop", "issues", "*", "comments"):
		forgetest.Answer(w, http.StatusNotFound, nil)
	case is("POST", "repos", "acme", "shop", "statuses", "*"):
		s.status(w, r, path[4])
	case is("POST", "repos", "acme", "shop", "issues", "7", "comments"):
		var option sdk.CreateIssueCommentOption
		if s.Body(r, &option) && option.Validate() == nil {
			forgetest.Answer(w, http.StatusCreated, s.add(bot, option.Body))
		}
	case is("PATCH", "repos", "acme", "shop", "issues", "comments", "*"):
		var option sdk.EditIssueCommentOption
		if c := s.comment(path[5]); c != nil && s.Body(r, &option) {
			if c.Poster.UserName != bot {
				s.T.Errorf("a comment of %s is edited", c.Poster.UserName)
			}
			c.Body = option.Body
			forgetest.Answer(w, http.StatusOK, c)
		}
	case is("POST", "repos", "acme", "shop", "issues", "comments", "*", "reactions"):
		s.react(w, r, path[5])
	case is("GET", "repos", "acme", "shop", "hooks"), is("GET", "orgs", "acme", "hooks"):
		s.Query(r, "page", "limit")
		page(w, r, s.pageSize, s.Hooks[strings.Join(path, "/")])
	case is("POST", "repos", "acme", "shop", "hooks"), is("POST", "orgs", "acme", "hooks"):
		s.createHook(w, r, strings.Join(path, "/"))
	case is("PATCH", "repos", "acme", "shop", "hooks", "*"), is("PATCH", "orgs", "acme", "hooks", "*"):
		s.editHook(w, r, strings.Join(path[:len(path)-1], "/"), path[len(path)-1])
	default:
		s.Refuse(w, r)
	}
}

// page answers with a page of a list, of which it gives less than asked for.
func page[T any](w http.ResponseWriter, r *http.Request, most int, items []T) {
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	start := min((number-1)*most, len(items))
	w.Header().Set("X-Total-Count", strconv.Itoa(len(items)))
	forgetest.Answer(w, http.StatusOK, append([]T{}, items[start:min(start+most, len(items))]...))
}
