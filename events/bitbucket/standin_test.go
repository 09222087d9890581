package bitbucket_test

import (
	"bytes"
	"encoding/base64"
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

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// What follows are the documented fields of the types that a client may send:
// commitstatus, pullrequest_comment and webhook_subscription of Bitbucket's
// OpenAPI document. What the forge fills in itself is not among them.
type (
	commitStatus struct {
		Key         string `json:"key"`
		State       string `json:"state"`
		Name        string `json:"name"`
		URL         string `json:"url"`
		Description string `json:"description"`
		Refname     string `json:"refname"`
	}
	pullRequestComment struct {
		Content struct {
			Raw string `json:"raw"`
		} `json:"content"`
		Parent *struct {
			ID int64 `json:"id"`
		} `json:"parent"`
		Inline *struct {
			Path string `json:"path"`
			From *int   `json:"from"`
			To   *int   `json:"to"`
		} `json:"inline"`
	}
	webhookSubscription struct {
		Description string   `json:"description"`
		URL         string   `json:"url"`
		Active      bool     `json:"active"`
		Secret      *string  `json:"secret"`
		Events      []string `json:"events"`
	}
)

// user is an account as it is told. All have the same nickname: anybody may take
// any.
type user struct {
	Type      string `json:"type"`
	AccountID string `json:"account_id,omitempty"`
	UUID      string `json:"uuid"`
	Nickname  string `json:"nickname"`
}

func userOf(id string) *user {
	u := &user{Type: "user", AccountID: id, UUID: fmt.Sprintf("{%08x-0000-0000-0000-000000000000}", len(id)*7+int(id[0])), Nickname: forgetest.Anna}
	if id == bot {
		u.Type, u.AccountID = "app_user", ""
	}
	return u
}

// bot is the owner of the token, an access token without an account id.
const bot = "bot"

type storedComment struct {
	ID      int64             `json:"id"`
	Type    string            `json:"type"`
	Content map[string]string `json:"content"`
	User    *user             `json:"user"`
	Deleted bool              `json:"deleted"`
}

type storedHook struct {
	UUID      string   `json:"uuid"`
	Type      string   `json:"type"`
	URL       string   `json:"url"`
	Active    bool     `json:"active"`
	Events    []string `json:"events"`
	SecretSet bool     `json:"secret_set"`
	secret    string
}

// standIn answers as Bitbucket's OpenAPI document says and fails the test for
// every request that Bitbucket would not take.
type standIn struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	token    string
	username string // of an API token
	requests int
	failures []failure
	statuses map[string]map[string]commitStatus // by commit and key
	comments []*storedComment
	hooks    map[string][]*storedHook // by path of the list
	pull     map[string]any
	commits  map[string]string // full names, by repository and what they begin with
	// nameless says that the token may not ask whose it is.
	nameless bool
}

type failure struct {
	status int
	header http.Header
}

func newStandIn(t *testing.T) *standIn {
	end := func(branch, hash string) map[string]any {
		return map[string]any{
			"branch": map[string]any{"name": branch}, "commit": map[string]any{"type": "commit", "hash": hash[:12]},
			"repository": map[string]any{"type": "repository", "full_name": forgetest.Repository},
		}
	}
	s := &standIn{
		t: t, token: forgetest.TokenOfTests, statuses: map[string]map[string]commitStatus{}, hooks: map[string][]*storedHook{},
		pull: map[string]any{
			"type": "pullrequest", "id": 7, "title": "Sell more", "state": "OPEN", "author": userOf(forgetest.Anna),
			"source": end("feature", forgetest.Head), "destination": end("main", forgetest.Base),
		},
		commits: map[string]string{
			forgetest.Repository + " " + forgetest.Head[:12]: forgetest.Head, forgetest.Repository + " " + forgetest.Base[:12]: forgetest.Base,
		},
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
	want := "Bearer " + s.token
	if s.username != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.username+":"+s.token))
	}
	if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != want {
		answer(w, http.StatusUnauthorized, nil)
		return
	}
	if accept := r.Header.Get("Accept"); accept != "application/json" {
		s.t.Errorf("%s %s accepts %q", r.Method, r.URL, accept)
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/2.0/")
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
	is := func(method, pattern string) bool {
		return r.Method == method && slices.EqualFunc(path, strings.Split(pattern, "/"), func(a, b string) bool { return b == "*" || a == b })
	}
	const shop = "repositories/acme/shop/"
	list := strings.Join(path, "/")
	switch {
	case is("GET", "user"):
		s.query(r)
		if s.nameless {
			answer(w, http.StatusForbidden, nil)
			return
		}
		answer(w, http.StatusOK, userOf(bot))
	case is("GET", "workspaces/acme/permissions/repositories/shop"):
		s.query(r, `q=permission>"read"`, "pagelen")
		s.permissions(w, r)
	case is("GET", shop+"pullrequests"):
		s.query(r, "state=MERGED", "q", "pagelen")
		s.merged(w, r)
	case is("GET", shop+"pullrequests/7"):
		s.query(r)
		answer(w, http.StatusOK, s.pull)
	case is("GET", "repositories/*/*/commit/*"):
		s.query(r)
		s.commit(w, path[1]+"/"+path[2], path[4])
	case is("POST", shop+"commit/*/statuses/build"):
		s.status(w, r, path[4])
	case is("GET", shop+"pullrequests/7/comments"):
		s.query(r, "pagelen")
		page(w, r, s.comments)
	case is("POST", shop+"pullrequests/7/comments"):
		var body pullRequestComment
		if s.body(r, &body) {
			answer(w, http.StatusCreated, s.add(bot, body.Content.Raw))
		}
	case is("PUT", shop+"pullrequests/7/comments/*"):
		s.edit(w, r, path[6])
	case is("GET", shop+"hooks"), is("GET", "workspaces/acme/hooks"):
		s.query(r, "pagelen")
		page(w, r, s.hooks[list])
	case is("POST", shop+"hooks"), is("POST", "workspaces/acme/hooks"):
		s.hook(w, r, list, "")
	case is("PUT", shop+"hooks/*"), is("PUT", "workspaces/acme/hooks/*"):
		s.hook(w, r, strings.Join(path[:len(path)-1], "/"), path[len(path)-1])
	case is("POST", "repositories/acme/gone/commit/*/statuses/build"), is("GET", "workspaces/acme/permissions/repositories/gone"),
		is("GET", shop+"pullrequests/8"), is("GET", shop+"pullrequests/8/comments"):
		answer(w, http.StatusNotFound, map[string]any{"type": "error", "error": map[string]any{"message": "not found"}})
	default:
		s.refuse(w, r)
	}
}

// query fails the test for parameters that the document does not have, and for
// those missing. Those of a next page are the stand-in's own.
func (s *standIn) query(r *http.Request, want ...string) {
	query := r.URL.Query()
	for _, parameter := range want {
		name, value, fixed := strings.Cut(parameter, "=")
		if len(query[name]) != 1 || fixed && query.Get(name) != value {
			s.t.Errorf("%s: %s is %q", r.URL, name, query[name])
		}
		query.Del(name)
	}
	query.Del("page")
	if len(query) > 0 {
		s.t.Errorf("%s has %v too much", r.URL, query)
	}
}

// body reads the body into a documented type.
func (s *standIn) body(r *http.Request, into any) bool {
	data, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %s as %s: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		s.t.Errorf("%s %s with %s: %v", r.Method, r.URL, data, err)
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// page answers with a page of two items, whatever was asked for.
func page[T any](w http.ResponseWriter, r *http.Request, items []T) {
	const size = 2
	start, _ := strconv.Atoi(r.URL.Query().Get("page"))
	end := min(start+size, len(items))
	body := map[string]any{"values": append([]T{}, items[min(start, len(items)):end]...), "pagelen": size}
	if end < len(items) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(end))
		body["next"] = "https://elsewhere.example.com" + r.URL.Path + "?" + query.Encode()
	}
	answer(w, http.StatusOK, body)
}

func (s *standIn) permissions(w http.ResponseWriter, r *http.Request) {
	type permission struct {
		Type       string `json:"type"`
		Permission string `json:"permission"`
		User       *user  `json:"user"`
	}
	page(w, r, []permission{
		{"repository_permission", "admin", userOf("owner")}, {"repository_permission", "write", userOf("other")},
		{"repository_permission", "read", userOf(forgetest.Reed)}, {"repository_permission", "write", userOf(forgetest.Anna)},
	})
}

func (s *standIn) merged(w http.ResponseWriter, r *http.Request) {
	type pull struct {
		State  string `json:"state"`
		Author *user  `json:"author"`
	}
	var found []pull
	for _, id := range []string{forgetest.Anna, forgetest.Mara} {
		if u := userOf(id); slices.Contains([]string{`author.account_id="` + id + `"`, `author.uuid="` + u.UUID + `"`}, r.URL.Query().Get("q")) {
			found = append(found, pull{"MERGED", u})
		}
	}
	page(w, r, found)
}

func (s *standIn) commit(w http.ResponseWriter, repository, hash string) {
	full, known := s.commits[repository+" "+hash]
	if !known {
		answer(w, http.StatusNotFound, nil)
		return
	}
	answer(w, http.StatusOK, map[string]any{"type": "commit", "hash": full})
}

func (s *standIn) status(w http.ResponseWriter, r *http.Request, sha string) {
	var body commitStatus
	if !s.body(r, &body) {
		return
	}
	known := slices.Contains([]string{"FAILED", "INPROGRESS", "STOPPED", "SUCCESSFUL"}, body.State)
	if !known || body.Key == "" || len(body.Key) > 40 || !strings.HasPrefix(body.URL, "https://") || len(body.Description) > 255 || len(body.Name) > 255 {
		s.t.Errorf("status %+v", body)
	}
	if s.statuses[sha] == nil {
		s.statuses[sha] = map[string]commitStatus{}
	}
	s.statuses[sha][body.Key] = body
	answer(w, http.StatusCreated, body)
}

func (s *standIn) add(author, body string) *storedComment {
	c := &storedComment{
		ID: int64(len(s.comments) + 1), Type: "pullrequest_comment", User: userOf(author), Content: map[string]string{"raw": body, "markup": "markdown"},
	}
	s.comments = append(s.comments, c)
	return c
}

func (s *standIn) edit(w http.ResponseWriter, r *http.Request, id string) {
	var body pullRequestComment
	if !s.body(r, &body) {
		return
	}
	for _, c := range s.comments {
		if strconv.FormatInt(c.ID, 10) == id {
			if c.User.UUID != userOf(bot).UUID {
				s.t.Errorf("a comment of %s is edited", c.User.AccountID)
			}
			c.Content["raw"] = body.Content.Raw
			answer(w, http.StatusOK, c)
			return
		}
	}
	s.t.Errorf("there is no comment %s", id)
}

// hookEvents are the events of a webhook_subscription.
var hookEvents = []string{
	"issue:comment_created", "issue:created", "issue:updated", "project:updated", "pullrequest:approved", "pullrequest:changes_request_created",
	"pullrequest:changes_request_removed", "pullrequest:comment_created", "pullrequest:comment_deleted", "pullrequest:comment_reopened",
	"pullrequest:comment_resolved", "pullrequest:comment_updated", "pullrequest:created", "pullrequest:fulfilled", "pullrequest:push",
	"pullrequest:rejected", "pullrequest:unapproved", "pullrequest:updated", "repo:commit_comment_created", "repo:commit_status_created",
	"repo:commit_status_updated", "repo:created", "repo:deleted", "repo:fork", "repo:imported", "repo:push", "repo:transfer", "repo:updated",
}

// hook creates a webhook, or changes the one with that id, which is a UUID in
// braces.
func (s *standIn) hook(w http.ResponseWriter, r *http.Request, list, id string) {
	var body webhookSubscription
	if !s.body(r, &body) {
		return
	}
	if body.URL == "" || len(body.Events) == 0 || body.Secret == nil {
		s.t.Errorf("a webhook to %q of %v, with a secret: %t", body.URL, body.Events, body.Secret != nil)
		return
	}
	for _, e := range body.Events {
		if !slices.Contains(hookEvents, e) {
			s.t.Errorf("event %q", e)
		}
	}
	status := http.StatusOK
	var h *storedHook
	for _, stored := range s.hooks[list] {
		if id == strings.NewReplacer("{", "%7B", "}", "%7D").Replace(stored.UUID) {
			h = stored
		}
	}
	if h == nil && id != "" {
		answer(w, http.StatusNotFound, nil)
		return
	}
	if h == nil {
		h = &storedHook{UUID: fmt.Sprintf("{00000000-0000-0000-0000-%012d}", len(s.hooks[list])+1), Type: "webhook_subscription"}
		s.hooks[list], status = append(s.hooks[list], h), http.StatusCreated
	}
	h.URL, h.Active, h.Events, h.secret, h.SecretSet = body.URL, body.Active, body.Events, *body.Secret, *body.Secret != ""
	answer(w, status, h)
}

// What follows is [forgetest.World].

func (s *standIn) Status(sha, context string) (state forge.State, description, url string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range s.statuses[sha] {
		if body.Name == context {
			count++
			description, url = body.Description, body.URL
			state = map[string]forge.State{
				"INPROGRESS": forge.StatePending, "SUCCESSFUL": forge.StateSucceeded, "FAILED": forge.StateFailed, "STOPPED": forge.StateAborted,
			}[body.State]
		}
	}
	return state, description, url, count
}

func (s *standIn) Comments() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, c := range s.comments {
		texts = append(texts, c.Content["raw"])
	}
	return texts
}

func (s *standIn) AddComment(author, body string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strconv.FormatInt(s.add(author, body).ID, 10)
}

func (s *standIn) Reaction(string) forge.Reaction { return "" }

func (s *standIn) Webhooks() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[string]bool{}
	for _, h := range s.hooks["repositories/"+forgetest.Repository+"/hooks"] {
		found[h.URL] = h.SecretSet
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
