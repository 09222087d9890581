// Package bitbuckettest stands in for the API of Bitbucket Cloud in tests.
package bitbuckettest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
// The API is at /2.0 below URL. The fields may be set before it serves, and be used
// later while it is locked.
type World struct {
	*forgetest.StandIn
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
		StandIn: forgetest.NewStandIn(t), Statuses: map[string]map[string]CommitStatus{}, Hooks: map[string][]*StoredHook{},
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
	s.ServeOn(s, "")
	return s
}

// ServeHTTP answers as Bitbucket would.
func (s *World) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	if s.Failed(w, nil) {
		return
	}
	want := "Bearer " + s.Accepted
	if s.Username != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Username+":"+s.Accepted))
	}
	if path := s.Path(w, r, forgetest.Gate{Authorization: want, Prefix: "/2.0/"}); path != nil {
		s.route(w, r, path)
	}
}

func (s *World) route(w http.ResponseWriter, r *http.Request, path []string) {
	is := func(method, pattern string) bool {
		return r.Method == method && slices.EqualFunc(path, strings.Split(pattern, "/"), func(a, b string) bool { return b == "*" || a == b })
	}
	const shop = "repositories/acme/shop/"
	list := strings.Join(path, "/")
	query := func(want ...string) {
		if r.URL.Query().Has("page") { // of a link to the next page, which is the stand-in's own
			want = append(want, "page")
		}
		s.Query(r, want...)
	}
	switch {
	case is("GET", "user"):
		query()
		if s.Nameless {
			forgetest.Answer(w, http.StatusForbidden, nil)
			return
		}
		forgetest.Answer(w, http.StatusOK, UserOf(bot))
	case is("GET", "workspaces/acme/permissions/repositories/shop"):
		query(`q=permission>"read"`, "pagelen")
		s.permissions(w, r)
	case is("GET", shop+"pullrequests"):
		query("state=MERGED", "q", "pagelen")
		s.merged(w, r)
	case is("GET", shop+"pullrequests/7"):
		query()
		forgetest.Answer(w, http.StatusOK, s.Pull)
	case is("GET", "repositories/*/*/commit/*"):
		query()
		s.commit(w, path[1]+"/"+path[2], path[4])
	case is("POST", shop+"commit/*/statuses/build"):
		s.status(w, r, path[4])
	case is("GET", shop+"pullrequests/7/comments"):
		query("pagelen")
		page(w, r, s.Said)
	case is("POST", shop+"pullrequests/7/comments"):
		var body pullRequestComment
		if s.Body(r, &body) {
			forgetest.Answer(w, http.StatusCreated, s.add(bot, body.Content.Raw))
		}
	case is("PUT", shop+"pullrequests/7/comments/*"):
		s.edit(w, r, path[6])
	case is("GET", shop+"hooks"), is("GET", "workspaces/acme/hooks"):
		query("pagelen")
		page(w, r, s.Hooks[list])
	case is("POST", shop+"hooks"), is("POST", "workspaces/acme/hooks"):
		s.hook(w, r, list, "")
	case is("PUT", shop+"hooks/*"), is("PUT", "workspaces/acme/hooks/*"):
		s.hook(w, r, strings.Join(path[:len(path)-1], "/"), path[len(path)-1])
	case is("POST", "repositories/acme/gone/commit/*/statuses/build"), is("GET", "workspaces/acme/permissions/repositories/gone"),
		is("GET", shop+"pullrequests/8"), is("GET", shop+"pullrequests/8/comments"):
		forgetest.Answer(w, http.StatusNotFound, map[string]any{"type": "error", "error": map[string]any{"message": "not found"}})
	default:
		s.Refuse(w, r)
	}
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
	forgetest.Answer(w, http.StatusOK, body)
}
