// Package bitbuckettest stands in for the API of Bitbucket Cloud in tests.
package bitbuckettest

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

	"github.com/franela/pocketci/internal/forge/forgetest"
)

// What follows are the documented fields of the types that a client may send:
// commitstatus, pullrequest_comment and webhook_subscription of Bitbucket's
// OpenAPI document. What the forge fills in itself is not among them.
type (
	// CommitStatus is a status of a commit.
	CommitStatus struct {
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

// User is an account as it is told. All have the same nickname: anybody may take
// any.
type User struct {
	Type      string `json:"type"`
	AccountID string `json:"account_id,omitempty"`
	UUID      string `json:"uuid"`
	Nickname  string `json:"nickname"`
}

// UserOf returns the account with an id.
func UserOf(id string) *User {
	u := &User{Type: "user", AccountID: id, UUID: fmt.Sprintf("{%08x-0000-0000-0000-000000000000}", len(id)*7+int(id[0])), Nickname: forgetest.Anna}
	if id == bot {
		u.Type, u.AccountID = "app_user", ""
	}
	return u
}

// bot is the owner of the token, an access token without an account id.
const bot = "bot"

// StoredComment is a comment on pull request 7.
type StoredComment struct {
	ID      int64             `json:"id"`
	Type    string            `json:"type"`
	Content map[string]string `json:"content"`
	User    *User             `json:"user"`
	Deleted bool              `json:"deleted"`
}

// StoredHook is a webhook with what Bitbucket does not tell of it.
type StoredHook struct {
	UUID      string   `json:"uuid"`
	Type      string   `json:"type"`
	URL       string   `json:"url"`
	Active    bool     `json:"active"`
	Events    []string `json:"events"`
	SecretSet bool     `json:"secret_set"`
	Secret    string   `json:"-"`
}

// World answers as Bitbucket's OpenAPI document says and fails the test for
// every request that Bitbucket would not take. It is a [forgetest.World].
//
// Its fields may be set before it serves, and be used later while it is locked.
type World struct {
	sync.Mutex
	// URL is where it is served; the API is below it, at /2.0.
	URL string
	// Username is that of an API token, empty for an access token.
	Username string
	// Nameless says that the token may not ask whose it is.
	Nameless bool
	// Statuses are by commit and key.
	Statuses map[string]map[string]CommitStatus
	// Said are the comments on pull request 7.
	Said []*StoredComment
	// Hooks are the webhooks, by the path of their list.
	Hooks map[string][]*StoredHook
	// Pull is pull request 7.
	Pull map[string]any
	// Commits are full names, by repository and what they begin with.
	Commits map[string]string

	t        *testing.T
	token    string
	requests int
	failures []failure
}

type failure struct {
	status int
	header http.Header
}

// New returns a Bitbucket. It is served by [World.Serve] or by whoever handles
// requests with it.
func New(t *testing.T) *World {
	end := func(branch, hash string) map[string]any {
		return map[string]any{
			"branch": map[string]any{"name": branch}, "commit": map[string]any{"type": "commit", "hash": hash[:12]},
			"repository": map[string]any{"type": "repository", "full_name": forgetest.Repository},
		}
	}
	s := &World{
		t: t, token: forgetest.TokenOfTests, Statuses: map[string]map[string]CommitStatus{}, Hooks: map[string][]*StoredHook{},
		Pull: map[string]any{
			"type": "pullrequest", "id": 7, "title": "Sell more", "state": "OPEN", "author": UserOf(forgetest.Anna),
			"source": end("feature", forgetest.Head), "destination": end("main", forgetest.Base),
		},
		Commits: map[string]string{
			forgetest.Repository + " " + forgetest.Head[:12]: forgetest.Head, forgetest.Repository + " " + forgetest.Base[:12]: forgetest.Base,
		},
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

// ServeHTTP answers as Bitbucket would.
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
	want := "Bearer " + s.token
	if s.Username != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Username+":"+s.token))
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

func (s *World) refuse(w http.ResponseWriter, r *http.Request) {
	s.t.Errorf("asked for %s %s", r.Method, r.URL)
	answer(w, http.StatusBadRequest, nil)
}

func (s *World) route(w http.ResponseWriter, r *http.Request, path []string) {
	is := func(method, pattern string) bool {
		return r.Method == method && slices.EqualFunc(path, strings.Split(pattern, "/"), func(a, b string) bool { return b == "*" || a == b })
	}
	const shop = "repositories/acme/shop/"
	list := strings.Join(path, "/")
	switch {
	case is("GET", "user"):
		s.query(r)
		if s.Nameless {
			answer(w, http.StatusForbidden, nil)
			return
		}
		answer(w, http.StatusOK, UserOf(bot))
	case is("GET", "workspaces/acme/permissions/repositories/shop"):
		s.query(r, `q=permission>"read"`, "pagelen")
		s.permissions(w, r)
	case is("GET", shop+"pullrequests"):
		s.query(r, "state=MERGED", "q", "pagelen")
		s.merged(w, r)
	case is("GET", shop+"pullrequests/7"):
		s.query(r)
		answer(w, http.StatusOK, s.Pull)
	case is("GET", "repositories/*/*/commit/*"):
		s.query(r)
		s.commit(w, path[1]+"/"+path[2], path[4])
	case is("POST", shop+"commit/*/statuses/build"):
		s.status(w, r, path[4])
	case is("GET", shop+"pullrequests/7/comments"):
		s.query(r, "pagelen")
		page(w, r, s.Said)
	case is("POST", shop+"pullrequests/7/comments"):
		var body pullRequestComment
		if s.body(r, &body) {
			answer(w, http.StatusCreated, s.add(bot, body.Content.Raw))
		}
	case is("PUT", shop+"pullrequests/7/comments/*"):
		s.edit(w, r, path[6])
	case is("GET", shop+"hooks"), is("GET", "workspaces/acme/hooks"):
		s.query(r, "pagelen")
		page(w, r, s.Hooks[list])
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
func (s *World) query(r *http.Request, want ...string) {
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
func (s *World) body(r *http.Request, into any) bool {
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
