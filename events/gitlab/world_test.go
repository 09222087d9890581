package gitlab_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// object is JSON as GitLab answers with.
type object = map[string]any

// world answers as the pages "Commits API", "Members API", "Merge requests API",
// "Notes API", "Emoji reactions API", "Project webhooks API" and "Group webhooks
// API" say, and fails the test for every request that they do not know. Bodies
// are read into the request types of GitLab's own library, which must have all
// of their fields.
type world struct {
	*httptest.Server
	t    *testing.T
	base string

	mu       sync.Mutex
	token    string
	requests int
	failures int
	failWith int
	failHead http.Header

	statuses []*status
	notes    []*note
	hooks    []*hook
	// attempts are a webhook's deliveries, and resent the ids that were asked
	// for again; resends is how many GitLab allows in a minute.
	attempts []object
	resent   []int
	resends  int
	// old leaves out what older versions do not have.
	old bool
	// requested is what merge request 7 is like now.
	requested object
	branches  map[string]string
	userState string
}

// newWorld returns a GitLab below a path, and a client for it.
func newWorld(t *testing.T, below string) (*gitlab.Client, *world) {
	w := &world{
		t: t, base: below, token: forgetest.TokenOfTests, resends: 5, userState: "active",
		branches: map[string]string{"main": forgetest.Base},
		requested: object{
			"id": 107, "iid": 7, "project_id": 15, "title": "Sell more", "state": "opened", "draft": false,
			"source_branch": "feature", "target_branch": "main", "source_project_id": 15, "target_project_id": 15,
			"author": object{"id": 4, "username": forgetest.Anna, "name": "Anna", "state": "active"}, "sha": forgetest.Head,
			"diff_refs": object{"base_sha": commit("old base"), "head_sha": forgetest.Head, "start_sha": commit("old base")},
		},
	}
	mux := http.NewServeMux()
	w.routes(mux)
	w.Server = httptest.NewServer(w.gate(mux))
	t.Cleanup(w.Close)
	c, err := gitlab.NewClient(gitlab.ClientOptions{Token: forgetest.TokenOfTests, URL: w.URL + below, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, w
}

// gate checks what all requests have in common.
func (w *world) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.requests++
		if w.failures > 0 {
			w.failures--
			for name, values := range w.failHead {
				rw.Header()[name] = values
			}
			answer(rw, w.failWith, object{"message": http.StatusText(w.failWith)})
			return
		}
		want := map[string]string{"Accept": "application/json", "User-Agent": "pocketci", "Authorization": "", "Content-Type": ""}
		if r.Method == http.MethodPost || r.Method == http.MethodPut {
			want["Content-Type"] = "application/json"
		}
		for name, value := range want {
			if got := r.Header.Get(name); got != value {
				w.t.Errorf("%s %s with %s %q", r.Method, r.URL, name, got)
			}
		}
		if r.ContentLength != 0 && want["Content-Type"] == "" {
			w.t.Errorf("%s %s has a body", r.Method, r.URL)
		}
		if tokens := r.Header.Values("Private-Token"); len(tokens) != 1 || tokens[0] != w.token {
			answer(rw, http.StatusUnauthorized, object{"message": "401 Unauthorized"})
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (w *world) routes(mux *http.ServeMux) {
	handle := func(method, path string, h func(http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(method+" "+w.base+"/api/v4"+path, h)
	}
	// project wraps what is there in acme/shop alone.
	project := func(method, path string, h func(http.ResponseWriter, *http.Request)) {
		handle(method, "/projects/{project}"+path, func(rw http.ResponseWriter, r *http.Request) {
			if r.PathValue("project") != forgetest.Repository {
				answer(rw, http.StatusNotFound, object{"message": "404 Project Not Found"})
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
				answer(rw, http.StatusNotFound, object{"message": "404 Group Not Found"})
				return
			}
			h(rw, r)
		})
	}, "acme")
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		w.t.Errorf("asked for %s %s", r.Method, r.URL)
		answer(rw, http.StatusNotFound, object{"error": "404 Not Found"})
	})
}

func answer(rw http.ResponseWriter, code int, body any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(code)
	_ = json.NewEncoder(rw).Encode(body)
}

// query checks that a request has these parameters and no others.
func (w *world) query(r *http.Request, want url.Values) {
	if got := r.URL.Query(); got.Encode() != want.Encode() {
		w.t.Errorf("%s %s, want the query %s", r.Method, r.URL, want.Encode())
	}
}

// body reads a body into a request type that has all of its fields.
func body[T any](w *world, r *http.Request) *T {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	v := new(T)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		w.t.Errorf("%s %s with the body %s: %v", r.Method, r.URL, data, err)
	}
	return v
}

// paged answers with one page of two, to see that the next one is asked for.
func paged[T any](w *world, rw http.ResponseWriter, r *http.Request, list []T, also url.Values) {
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
	answer(rw, http.StatusOK, append([]T{}, list[from:to]...))
}

// The rest is the [forgetest.World].

// Status is of the latest one: GitLab shows no other.
func (w *world) Status(sha, context string) (forge.State, string, string, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ours := map[string]forge.State{
		"pending": forge.StatePending, "running": forge.StateRunning, "success": forge.StateSucceeded,
		"failed": forge.StateFailed, "canceled": forge.StateAborted,
	}
	var latest *status
	n := 0
	for _, s := range w.statuses {
		if s.sha == sha && s.name == context {
			latest = s
			n++
		}
	}
	if latest == nil {
		return "", "", "", 0
	}
	return ours[latest.state], latest.description, latest.url, n
}

func (w *world) Comments() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var texts []string
	for _, n := range w.notes {
		texts = append(texts, n.body)
	}
	return texts
}

func (w *world) AddComment(author, body string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &note{id: len(w.notes) + 1000, author: people[author], body: body}
	w.notes = append(w.notes, n)
	return strconv.Itoa(n.id)
}

func (w *world) Reaction(comment string) forge.Reaction {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notes {
		if strconv.Itoa(n.id) == comment && len(n.emoji) == 1 {
			return map[string]forge.Reaction{"eyes": forge.ReactionSeen, "thumbsdown": forge.ReactionRefused}[n.emoji[0]]
		}
	}
	return ""
}

func (w *world) Webhooks() map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := map[string]bool{}
	for _, h := range w.hooks {
		found[h.url] = h.token != "" || h.signing != ""
	}
	return found
}

func (w *world) Fail(n, code int, header http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures, w.failWith, w.failHead = n, code, header
}

func (w *world) Requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

func (w *world) Token(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.token = token
}

var _ forgetest.World = (*world)(nil)

// number reads an id out of a path.
func (w *world) number(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.PathValue(name))
	if err != nil {
		w.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	return n
}

func notFound(rw http.ResponseWriter, what string) {
	answer(rw, http.StatusNotFound, object{"message": fmt.Sprintf("404 %s Not Found", what)})
}
