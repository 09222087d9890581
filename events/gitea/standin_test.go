package gitea_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// standIn answers as Gitea's OpenAPI document says, with the types of Gitea's own
// client, and fails the test for every request that Gitea would not take.
type standIn struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	token    string
	requests int
	failures []failure
	statuses map[string][]sdk.CreateStatusOption // by commit
	comments []*sdk.Comment
	signs    map[int64]string
	hooks    map[string][]*storedHook // by path of the list
	pull     sdk.PullRequest
	closed   []*sdk.Issue
	pageSize int
}

type failure struct {
	status int
	header http.Header
}

type storedHook struct {
	sdk.Hook
	secret string
}

// bot is the owner of the token.
const bot = "pocketci-bot"

func newStandIn(t *testing.T) *standIn {
	acme := &sdk.Repository{FullName: forgetest.Repository}
	s := &standIn{
		t: t, token: forgetest.TokenOfTests, statuses: map[string][]sdk.CreateStatusOption{}, signs: map[int64]string{},
		hooks: map[string][]*storedHook{}, pageSize: 2,
		pull: sdk.PullRequest{
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
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/sub/api/v1/")
	if !ok || len(r.URL.Query()) > 0 && r.Method != http.MethodGet {
		s.refuse(w, r)
		return
	}
	s.route(w, r, strings.Split(path, "/"))
}

func (s *standIn) refuse(w http.ResponseWriter, r *http.Request) {
	s.t.Errorf("asked for %s %s", r.Method, r.URL)
	answer(w, http.StatusBadRequest, nil)
}

func (s *standIn) route(w http.ResponseWriter, r *http.Request, path []string) {
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
		answer(w, http.StatusOK, s.pull)
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
		page(w, r, s.pageSize, s.hooks[strings.Join(path, "/")])
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
func (s *standIn) query(r *http.Request, want ...string) {
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
func (s *standIn) body(r *http.Request, option any) bool {
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

func (s *standIn) permission(w http.ResponseWriter, login string) {
	mode := map[string]sdk.AccessMode{
		forgetest.Anna: sdk.AccessModeWrite, forgetest.Reed: sdk.AccessModeRead, forgetest.Mara: sdk.AccessModeRead, "owner": sdk.AccessModeOwner,
	}[login]
	if mode == "" {
		answer(w, http.StatusNotFound, map[string]string{"message": "user does not exist"})
		return
	}
	answer(w, http.StatusOK, sdk.CollaboratorPermissionResult{Permission: mode, Role: string(mode), User: &sdk.User{UserName: login}})
}

func (s *standIn) issues(w http.ResponseWriter, r *http.Request) {
	by := r.URL.Query().Get("created_by")
	if by == forgetest.Neil {
		answer(w, http.StatusNotFound, map[string]string{"message": "user does not exist"})
		return
	}
	page(w, r, s.pageSize, slices.DeleteFunc(slices.Clone(s.closed), func(i *sdk.Issue) bool { return i.Poster.UserName != by }))
}

func (s *standIn) status(w http.ResponseWriter, r *http.Request, sha string) {
	var option sdk.CreateStatusOption
	if !s.body(r, &option) {
		return
	}
	if !slices.Contains([]sdk.StatusState{sdk.StatusPending, sdk.StatusSuccess, sdk.StatusError, sdk.StatusFailure, sdk.StatusWarning}, option.State) || option.Context == "" {
		s.t.Errorf("status %+v", option)
	}
	s.statuses[sha] = append(s.statuses[sha], option)
	answer(w, http.StatusCreated, sdk.Status{State: option.State, Context: option.Context})
}

func (s *standIn) add(author, body string) *sdk.Comment {
	c := &sdk.Comment{ID: int64(len(s.comments) + 1), Poster: &sdk.User{UserName: author}, Body: body, Created: time.Now()}
	s.comments = append(s.comments, c)
	return c
}

func (s *standIn) comment(id string) *sdk.Comment {
	for _, c := range s.comments {
		if strconv.FormatInt(c.ID, 10) == id {
			return c
		}
	}
	s.t.Errorf("there is no comment %s", id)
	return nil
}

func (s *standIn) react(w http.ResponseWriter, r *http.Request, id string) {
	// The SDK keeps this type to itself.
	var option struct {
		Reaction string `json:"content"`
	}
	c := s.comment(id)
	if c == nil || !s.body(r, &option) {
		return
	}
	if !slices.Contains([]string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}, option.Reaction) {
		s.t.Errorf("reaction %q", option.Reaction)
	}
	s.signs[c.ID] = option.Reaction
	answer(w, http.StatusCreated, sdk.Reaction{Reaction: option.Reaction})
}

// hookEvents are the events that Gitea knows in options of webhooks.
var hookEvents = []string{
	"create", "delete", "fork", "push", "issues", "issue_assign", "issue_label", "issue_milestone", "issue_comment", "pull_request",
	"pull_request_assign", "pull_request_label", "pull_request_milestone", "pull_request_comment", "pull_request_review",
	"pull_request_sync", "pull_request_review_request", "wiki", "repository", "release", "package", "status",
}

func (s *standIn) checkHook(config map[string]string, events []string) {
	if config["content_type"] != "json" || !strings.HasPrefix(config["url"], "https://") || len(config) != 3 {
		s.t.Errorf("config of a webhook: %d entries, content type %q", len(config), config["content_type"])
	}
	for _, e := range events {
		if !slices.Contains(hookEvents, e) {
			s.t.Errorf("event %q", e)
		}
	}
	if len(events) == 0 {
		s.t.Error("without events Gitea sends pushes alone")
	}
}

func (s *standIn) createHook(w http.ResponseWriter, r *http.Request, list string) {
	var option sdk.CreateHookOption
	if !s.body(r, &option) {
		return
	}
	s.checkHook(option.Config, option.Events)
	if option.Type != sdk.HookTypeGitea {
		s.t.Errorf("type %q", option.Type)
	}
	h := &storedHook{Hook: sdk.Hook{
		ID: int64(len(s.hooks[list]) + 1), Type: string(option.Type), Active: option.Active, Events: option.Events,
		Config: map[string]string{"url": option.Config["url"], "content_type": "json"},
	}, secret: option.Config["secret"]}
	s.hooks[list] = append(s.hooks[list], h)
	answer(w, http.StatusCreated, h.Hook)
}

func (s *standIn) editHook(w http.ResponseWriter, r *http.Request, list, id string) {
	var option sdk.EditHookOption
	if !s.body(r, &option) {
		return
	}
	s.checkHook(option.Config, option.Events)
	for _, h := range s.hooks[list] {
		if fmt.Sprint(h.ID) == id {
			h.Config["url"], h.secret, h.Events = option.Config["url"], option.Config["secret"], option.Events
			if option.Active != nil {
				h.Active = *option.Active
			}
			answer(w, http.StatusOK, h.Hook)
			return
		}
	}
	answer(w, http.StatusNotFound, nil)
}

// What follows is [forgetest.World].

func (s *standIn) Status(sha, context string) (state forge.State, description, url string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, option := range s.statuses[sha] {
		if option.Context == context {
			count++
			description, url = option.Description, option.TargetURL
			state = map[sdk.StatusState]forge.State{
				sdk.StatusPending: forge.StatePending, sdk.StatusSuccess: forge.StateSucceeded,
				sdk.StatusFailure: forge.StateFailed, sdk.StatusError: forge.StateAborted,
			}[option.State]
		}
	}
	return state, description, url, count
}

func (s *standIn) Comments() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, c := range s.comments {
		texts = append(texts, c.Body)
	}
	return texts
}

func (s *standIn) AddComment(author, body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.FormatInt(s.add(author, body).ID, 10)
}

func (s *standIn) Reaction(comment string) forge.Reaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _ := strconv.ParseInt(comment, 10, 64)
	return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "-1": forge.ReactionRefused}[s.signs[id]]
}

func (s *standIn) Webhooks() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]bool{}
	for _, h := range s.hooks["repos/"+forgetest.Repository+"/hooks"] {
		found[h.Config["url"]] = h.secret != ""
	}
	return found
}

func (s *standIn) Fail(n, status int, header http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = slices.Repeat([]failure{{status, header}}, n)
}

func (s *standIn) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *standIn) Token(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}
