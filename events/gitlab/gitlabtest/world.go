// Package gitlabtest stands in for GitLab's API in tests.
package gitlabtest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// Object is JSON as GitLab answers with.
type Object = map[string]any

// World answers as the pages "Commits API", "Members API", "Merge requests API",
// "Notes API", "Emoji reactions API", "Project webhooks API" and "Group webhooks
// API" say, and fails the test for every request that they do not know. Bodies
// are read into the request types of GitLab's own library, which must have all
// of their fields. It is a [forgetest.World].
//
// URL has the path that it is below. The fields may be set before it serves, and be
// used later while it is locked.
type World struct {
	*forgetest.StandIn
	// Commits are those that are on a branch of the project, the head of merge
	// request 7 among them.
	Commits []string
	// Statuses are those that were made, in order.
	Statuses []*Status
	// Hooks are the webhooks of the project and of its group.
	Hooks []*Hook
	// Attempts are a webhook's deliveries, and Resent the ids that were asked
	// for again; Resends is how many GitLab allows in a minute.
	Attempts []Object
	Resent   []int
	Resends  int
	// Old leaves out what older versions do not have.
	Old bool
	// Requested is what merge request 7 is like now.
	Requested Object
	// Branches are commits by name.
	Branches map[string]string
	// UserState is that of all users.
	UserState string

	mux   *http.ServeMux
	below string
	notes []*note
}

// New returns a GitLab below a path. It is served by [World.Serve] or by whoever
// handles requests with it.
func New(t *testing.T, below string) *World {
	w := &World{
		StandIn: forgetest.NewStandIn(t), below: below, mux: http.NewServeMux(), Resends: 5, UserState: "active",
		Commits:  []string{forgetest.Head},
		Branches: map[string]string{"main": forgetest.Base},
		Requested: Object{
			"id": 107, "iid": 7, "project_id": 15, "title": "Sell more", "state": "opened", "draft": false,
			"source_branch": "feature", "target_branch": "main", "source_project_id": 15, "target_project_id": 15,
			"author": Object{"id": 4, "username": forgetest.Anna, "name": "Anna", "state": "active"}, "sha": forgetest.Head,
			"diff_refs": Object{"base_sha": Commit("old base"), "head_sha": forgetest.Head, "start_sha": Commit("old base")},
		},
	}
	w.routes(w.mux)
	return w
}

// Commit is the full name of the commit that tests call by a name.
func Commit(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Serve serves it on a port of its own until the test ends.
func (w *World) Serve() *World {
	w.ServeOn(w, w.below)
	return w
}

// ServeHTTP answers as GitLab would.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.gate(w.mux).ServeHTTP(rw, r) }

// gate checks what all requests have in common.
func (w *World) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.Lock()
		defer w.Unlock()
		if w.Failed(rw, func(status int) any { return Object{"message": http.StatusText(status)} }) {
			return
		}
		want := map[string]string{"Accept": "application/json", "User-Agent": "pocketci", "Authorization": "", "Content-Type": ""}
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			want["Content-Type"] = "application/json"
		}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				w.T.Errorf("%s %s with %s %q", r.Method, r.URL, name, got)
			}
		}
		if r.ContentLength != 0 && want["Content-Type"] == "" {
			w.T.Errorf("%s %s has a body", r.Method, r.URL)
		}
		if tokens := r.Header.Values("Private-Token"); len(tokens) != 1 || tokens[0] != w.Accepted {
			forgetest.Answer(rw, http.StatusUnauthorized, Object{"message": "401 Unauthorized"})
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (w *World) routes(mux *http.ServeMux) {
	handle := func(method, path string, h func(http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(method+" "+w.below+"/api/v4"+path, h)
	}
	// project wraps what is there in acme/shop alone.
	project := func(method, path string, h func(http.ResponseWriter, *http.Request)) {
		handle(method, "/projects/{project}"+path, func(rw http.ResponseWriter, r *http.Request) {
			if r.PathValue("project") != forgetest.Repository {
				forgetest.Answer(rw, http.StatusNotFound, Object{"message": "404 Project Not Found"})
				return
			}
			h(rw, r)
		})
	}
	handle("GET", "/user", w.user)
	handle("GET", "/users", w.users)
	handle("GET", "/projects/{id}", w.project)
	project("GET", "/members/all/{id}", w.member)
	project("GET", "/merge_requests", w.mergedRequests)
	project("GET", "/merge_requests/{iid}", w.mergeRequest)
	project("GET", "/repository/branches/{branch}", w.branch)
	project("POST", "/statuses/{sha}", w.setStatus)
	project("GET", "/repository/commits/{sha}/statuses", w.listStatuses)
	project("GET", "/repository/commits/{sha}/merge_requests", w.requestsOf)
	project("GET", "/merge_requests/{iid}/notes", w.listNotes)
	project("POST", "/merge_requests/{iid}/notes", w.createNote)
	project("PUT", "/merge_requests/{iid}/notes/{note}", w.updateNote)
	project("GET", "/merge_requests/{iid}/notes/{note}/award_emoji", w.listEmoji)
	project("POST", "/merge_requests/{iid}/notes/{note}/award_emoji", w.award)
	w.hookRoutes(project, "")
	w.hookRoutes(func(method, path string, h func(http.ResponseWriter, *http.Request)) {
		handle(method, "/groups/{group}"+path, func(rw http.ResponseWriter, r *http.Request) {
			if r.PathValue("group") != "acme" {
				forgetest.Answer(rw, http.StatusNotFound, Object{"message": "404 Group Not Found"})
				return
			}
			h(rw, r)
		})
	}, "acme")
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		w.T.Errorf("asked for %s %s", r.Method, r.URL)
		forgetest.Answer(rw, http.StatusNotFound, Object{"error": "404 Not Found"})
	})
}

// query checks that a request has these parameters and no others.
func (w *World) query(r *http.Request, want url.Values) {
	if got := r.URL.Query(); got.Encode() != want.Encode() {
		w.T.Errorf("%s %s, want the query %s", r.Method, r.URL, want.Encode())
	}
}

// body reads a body into a request type that has all of its fields.
func body[T any](w *World, r *http.Request) *T {
	v := new(T)
	w.Body(r, v)
	return v
}

// paged answers with one page of two, to see that the next one is asked for.
func paged[T any](w *World, rw http.ResponseWriter, r *http.Request, list []T, also url.Values) {
	page, _ := strconv.Atoi(r.URL.Query().Get("page"))
	want := url.Values{"per_page": {"100"}, "page": {strconv.Itoa(max(page, 1))}}
	for name, values := range also {
		want[name] = values
	}
	w.query(r, want)
	const size = 2
	from := min((max(page, 1)-1)*size, len(list))
	to := min(from+size, len(list))
	next := ""
	if to < len(list) {
		next = strconv.Itoa(page + 1)
	}
	rw.Header().Set("X-Next-Page", next)
	forgetest.Answer(rw, http.StatusOK, append([]T{}, list[from:to]...))
}

// Status implements [forgetest.World]. It is of the latest one: GitLab shows no other.
func (w *World) Status(sha, context string) (forge.State, string, string, int) {
	w.Lock()
	defer w.Unlock()
	ours := map[string]forge.State{
		"pending": forge.StatePending, "running": forge.StateRunning, "success": forge.StateSucceeded,
		"failed": forge.StateFailed, "canceled": forge.StateAborted,
	}
	var latest *Status
	n := 0
	for _, s := range w.Statuses {
		if s.SHA == sha && s.Name == context {
			latest = s
			n++
		}
	}
	if latest == nil {
		return "", "", "", 0
	}
	return ours[latest.State], latest.Description, latest.URL, n
}

// Comments implements [forgetest.World].
func (w *World) Comments() []string {
	w.Lock()
	defer w.Unlock()
	var texts []string
	for _, n := range w.notes {
		texts = append(texts, n.body)
	}
	return texts
}

// AddComment implements [forgetest.World].
func (w *World) AddComment(author, body string) string {
	w.Lock()
	defer w.Unlock()
	n := &note{id: len(w.notes) + 1000, author: people[author], body: body}
	w.notes = append(w.notes, n)
	return strconv.Itoa(n.id)
}

// Reaction implements [forgetest.World].
func (w *World) Reaction(comment string) forge.Reaction {
	w.Lock()
	defer w.Unlock()
	for _, n := range w.notes {
		if strconv.Itoa(n.id) == comment && len(n.emoji) == 1 {
			return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "thumbsdown": forge.ReactionRefused}[n.emoji[0]]
		}
	}
	return ""
}

// Webhooks implements [forgetest.World].
func (w *World) Webhooks() map[string]bool {
	w.Lock()
	defer w.Unlock()
	found := map[string]bool{}
	for _, h := range w.Hooks {
		found[h.URL] = h.Token != "" || h.Signing != ""
	}
	return found
}

var _ forgetest.World = (*World)(nil)

// number reads an id out of a path.
func (w *World) number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.PathValue(name))
	if err != nil {
		w.T.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	return n
}

func notFound(rw http.ResponseWriter, what string) {
	forgetest.Answer(rw, http.StatusNotFound, Object{"message": fmt.Sprintf("404 %s Not Found", what)})
}
