// Package giteatest stands in for the API of Gitea and Forgejo in tests.
package giteatest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/internal/forge/forgetest"
)

// World answers as Gitea's OpenAPI document says, with the types of Gitea's own
// client, and fails the test for every request that Gitea would not take. It is a [forgetest.World].
//
// Its fields may be set before it serves, and be used later while it is locked.
type World struct {
	sync.Mutex
	// URL is where it is served, without [World.Below].
	URL string
	// Below begins the paths of a Gitea below a path.
	Below string
	// Pull is pull request 7.
	Pull sdk.PullRequest
	// Hooks are the webhooks, by the path of their list.
	Hooks map[string][]*StoredHook

	t        *testing.T
	token    string
	requests int
	failures []failure
	statuses map[string][]sdk.CreateStatusOption // by commit
	comments []*sdk.Comment
	signs    map[int64]string
	closed   []*sdk.Issue
	pageSize int
}

type failure struct {
	status int
	header http.Header
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
		t: t, token: forgetest.TokenOfTests, statuses: map[string][]sdk.CreateStatusOption{}, signs: map[int64]string{},
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
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// ServeHTTP answers as Gitea would.
func (s *World) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	s.requests++
	if len(s.failures) > 0 {
		f := s.failures[0]
		s.failures = s.failures[1:]
		for name, values := range f.header {
			w.Header()[name] = values
		}
		w.WriteHeader(f.status)
		return
	}
	if strings.Contains(r.URL.String(), s.token) {
		s.t.Errorf("the token is in the address %s", r.URL)
	}
	if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != "token "+s.token {
		answer(w, http.StatusUnauthorized, map[string]string{"message": "invalid username, password or token"})
		return
	}
	if accept := r.Header.Get("Accept"); accept != "application/json" {
		s.t.Errorf("%s %s accepts %q", r.Method, r.URL, accept)
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.Below+"/api/v1/")
	if !ok || len(r.URL.Query()) > 0 && r.Method != http.MethodGet {
		s.refuse(w, r)
		return
	}
	s.route(w, r, strings.Split(path, "/"))
}

func (s *World) refuse(w http.ResponseWriter, r *http.Request) {
	s.t.Errorf("asked for %s %s", r.Method, r.URL)
	answer(w, http.StatusBadRequest, nil)
}

func (s *World) route(w http.ResponseWriter, r *http.Request, path []string) {
	is := func(method string, pattern ...string) bool {
		return r.Method == method && slices.EqualFunc(path, pattern, func(a, b string) bool { return b == "*" || a == b })
	}
	if path[0] == "repos" && (len(path) < 3 || path[1]+"/"+path[2] != forgetest.Repository) {
		answer(w, http.StatusNotFound, map[string]any{"message": "The target couldn't be found.", "errors": nil})
		return
	}
	switch {
	case is("GET", "user"):
		s.query(r)
		answer(w, http.StatusOK, sdk.User{UserName: bot})
	case is("GET", "repos", "acme", "shop", "collaborators", "*", "permission"):
		s.query(r)
		s.permission(w, path[4])
	case is("GET", "repos", "acme", "shop", "issues"):
		s.query(r, "type=pulls", "state=closed", "created_by", "page", "limit")
		s.issues(w, r)
	case is("GET", "repos", "acme", "shop", "pulls", "7"):
		s.query(r)
		answer(w, http.StatusOK, s.Pull)
	case is("GET", "repos", "acme", "shop", "issues", "7", "comments"):
		s.query(r)
		answer(w, http.StatusOK, s.comments)
	case is("GET", "repos", "acme", "shop", "pulls", "*"), is("GET", "repos", "acme", "shop", "issues", "*", "comments"):
		answer(w, http.StatusNotFound, nil)
	case is("POST", "repos", "acme", "shop", "statuses", "*"):
		s.status(w, r, path[4])
	case is("POST", "repos", "acme", "shop", "issues", "7", "comments"):
		var option sdk.CreateIssueCommentOption
		if s.body(r, &option) && option.Validate() == nil {
			answer(w, http.StatusCreated, s.add(bot, option.Body))
		}
	case is("PATCH", "repos", "acme", "shop", "issues", "comments", "*"):
		var option sdk.EditIssueCommentOption
		if c := s.comment(path[5]); c != nil && s.body(r, &option) {
			if c.Poster.UserName != bot {
				s.t.Errorf("a comment of %s is edited", c.Poster.UserName)
			}
			c.Body = option.Body
			answer(w, http.StatusOK, c)
		}
	case is("POST", "repos", "acme", "shop", "issues", "comments", "*", "reactions"):
		s.react(w, r, path[5])
	case is("GET", "repos", "acme", "shop", "hooks"), is("GET", "orgs", "acme", "hooks"):
		s.query(r, "page", "limit")
		page(w, r, s.pageSize, s.Hooks[strings.Join(path, "/")])
	case is("POST", "repos", "acme", "shop", "hooks"), is("POST", "orgs", "acme", "hooks"):
		s.createHook(w, r, strings.Join(path, "/"))
	case is("PATCH", "repos", "acme", "shop", "hooks", "*"), is("PATCH", "orgs", "acme", "hooks", "*"):
		s.editHook(w, r, strings.Join(path[:len(path)-1], "/"), path[len(path)-1])
	default:
		s.refuse(w, r)
	}
}

// query fails the test for parameters that the document does not have, and for
// those missing.
func (s *World) query(r *http.Request, want ...string) {
	query := r.URL.Query()
	for _, parameter := range want {
		name, value, fixed := strings.Cut(parameter, "=")
		if len(query[name]) != 1 || fixed && query.Get(name) != value {
			s.t.Errorf("%s: %s is %q", r.URL, name, query[name])
		}
		query.Del(name)
	}
	if len(query) > 0 {
		s.t.Errorf("%s has %v too much", r.URL, query)
	}
}

// body reads the body into a request type of Gitea's client.
func (s *World) body(r *http.Request, option any) bool {
	data, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s as %s: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(option); err != nil {
		s.t.Errorf("%s %s with %s: %v", r.Method, r.URL, data, err)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// page answers with a page of a list, of which it gives less than asked for.
func page[T any](w http.ResponseWriter, r *http.Request, most int, items []T) {
	number, _ := strconv.Atoi(r.URL.Query().Get("page"))
	start := min((number-1)*most, len(items))
	w.Header().Set("X-Total-Count", strconv.Itoa(len(items)))
	answer(w, http.StatusOK, append([]T{}, items[start:min(start+most, len(items))]...))
}
