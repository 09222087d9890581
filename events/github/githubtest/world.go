// Package githubtest stands in for GitHub's API in tests. It judges every request,
// and its own answers, by GitHub's published description.
package githubtest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// Whom GitHub knows the clients of tests as: the owner of the token, and the App.
const (
	self = "pocketci-user"
	// BotApp is the App's name in addresses.
	BotApp = "pocketci-of-acme"
)

// World stands in for GitHub's API. It refuses, and fails the test for, whatever
// is not as GitHub's description of it says.
//
// Its fields may be set before it serves, and be used later while it is locked.
type World struct {
	sync.Mutex
	// URL is where it is served, without [World.Prefix].
	URL string
	// Prefix begins the paths: /api/v3 of an Enterprise Server.
	Prefix string
	// App is what GitHub knows of the App, nil where clients have a token.
	App *App
	// Commits are those that the repository has.
	Commits []string
	// Pulls are what the pull requests are like, by number: what is laid over
	// the description's example.
	Pulls map[int]map[string]any
	// Statuses and Checks are those that were made, in order.
	Statuses, Checks []map[string]any
	// Hooks are the repository's webhooks, and OrgHooks the organisation's.
	Hooks, OrgHooks map[int64]map[string]any
	// Missed are the deliveries of every webhook, and Again those that were
	// asked for again.
	Missed []map[string]any
	Again  []string
	// Fails are the answers to the next requests, in place of what they ask
	// for, and After those to the requests after the next one.
	Fails, After []Failing

	t        *testing.T
	spec     *Description
	requests int
	asked    []string
	token    string
	comments []*said
	next     int64
}

type said struct {
	id           int64
	pull         int
	author, body string
	reactions    []string
}

// Failing is an answer that is made up.
type Failing struct {
	Status int
	Header http.Header
	Body   string
}

// New returns a GitHub for clients with a token, by the description in a file:
// [OfGitHub] or [OfEnterpriseServer]. It is served by [World.Serve] or by whoever
// handles requests with it.
func New(t *testing.T, file string) *World {
	w := &World{
		t: t, spec: Describe(t, file), token: forgetest.TokenOfTests, next: 1000, Commits: []string{forgetest.Head, forgetest.Base},
		Hooks: map[int64]map[string]any{}, OrgHooks: map[int64]map[string]any{},
	}
	w.Pulls = map[int]map[string]any{7: Pull(7, forgetest.Anna, forgetest.Repository), 9: Pull(9, forgetest.Anna, "mara/shop")}
	w.Pulls[9]["state"], w.Pulls[9]["merged"] = "closed", true
	if file == OfEnterpriseServer {
		w.Prefix = "/api/v3"
	}
	return w
}

// Pull is an open pull request onto main, from the branch feature of a repository.
func Pull(number int, author, from string) map[string]any {
	return map[string]any{
		"requested_teams": []any{}, "number": number, "title": "Sell more", "state": "open", "merged": false, "user": map[string]any{"login": author},
		"head": map[string]any{"sha": forgetest.Head, "ref": "feature", "repo": map[string]any{"full_name": from}},
		"base": map[string]any{"sha": forgetest.Base, "ref": "main", "repo": map[string]any{"full_name": forgetest.Repository}},
	}
}

// Serve serves it on a port of its own until the test ends.
func (w *World) Serve() *World {
	server := httptest.NewServer(w)
	w.t.Cleanup(server.Close)
	w.URL = server.URL
	return w
}

// Client returns a client with a token.
func (w *World) Client() *github.Client {
	return w.ClientWith(github.ClientOptions{Token: forgetest.TokenOfTests})
}

// ClientWith returns a client that does not wait.
func (w *World) ClientWith(o github.ClientOptions) *github.Client {
	w.t.Helper()
	o.API, o.Backoff, o.Pace = w.URL+w.Prefix, time.Millisecond, time.Millisecond
	c, err := github.NewClient(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// ServeHTTP answers as GitHub would.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.Lock()
	defer w.Unlock()
	w.requests++
	w.asked = append(w.asked, r.Method+" "+r.URL.RequestURI())
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.checkHeader(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	path, ok := strings.CutPrefix(r.URL.Path, w.Prefix)
	if !ok {
		w.t.Errorf("%s is not below %s", r.URL, w.Prefix)
	}
	op, err := w.spec.Find(r.Method, path)
	if err == nil {
		err = op.Check(r.URL.Query(), r.Header.Get("Content-Type"), body)
	}
	if err != nil {
		w.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	if len(w.Fails) > 0 {
		f := w.Fails[0]
		w.Fails = w.Fails[1:]
		maps.Copy(rw.Header(), f.Header)
		rw.WriteHeader(f.Status)
		_, _ = io.WriteString(rw, f.Body)
		return
	}
	w.Fails, w.After = w.After, nil
	var sent map[string]any
	if len(body) > 0 {
		if err := json.Unmarshal(body, &sent); err != nil {
			w.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	}
	code, answer := http.StatusUnauthorized, any(message("Bad credentials"))
	if w.authentic(op, r) {
		code, answer = w.answer(op, r, sent)
	}
	if list, ok := answer.([]any); ok {
		answer = w.page(rw, r, list)
	}
	text, err := json.Marshal(answer)
	if err != nil {
		w.t.Error(err)
	}
	if err := op.checkAnswer(code, text); err != nil && code != http.StatusUnauthorized {
		w.t.Errorf("the stand-in's answer to %s is not GitHub's: %v", op.ID, err)
	}
	rw.WriteHeader(code)
	_, _ = rw.Write(text)
}

func (w *World) checkHeader(r *http.Request) {
	for header, want := range map[string]string{"Accept": "application/vnd.github+json", "X-Github-Api-Version": "2022-11-28", "User-Agent": "pocketci"} {
		if got := r.Header.Values(header); len(got) != 1 || got[0] != want {
			w.t.Errorf("%s %s with %s: %q", r.Method, r.URL, header, got)
		}
	}
	if len(r.Header.Values("Authorization")) != 1 || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		w.t.Errorf("%s %s is not authenticated as documented", r.Method, r.URL)
	}
	if strings.Contains(r.URL.String(), w.token) {
		w.t.Errorf("the token is in the address %s", r.URL)
	}
}

// authentic reports whether the credentials are those that the operation takes.
func (w *World) authentic(op *Operation, r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if w.App != nil {
		return w.App.authentic(op, token)
	}
	return token == w.token
}

func message(text string) map[string]any {
	return map[string]any{"message": text, "documentation_url": "https://docs.github.com/rest", "status": "404"}
}

// page cuts a list and links to the next page.
func (w *World) page(rw http.ResponseWriter, r *http.Request, list []any) []any {
	query := r.URL.Query()
	per, number := 30, 1
	if n, err := strconv.Atoi(query.Get("per_page")); err == nil {
		per = min(n, 100)
	}
	if n, err := strconv.Atoi(query.Get("page")); err == nil {
		number = n
	}
	from, to := min((number-1)*per, len(list)), min(number*per, len(list))
	if to < len(list) {
		query.Set("page", strconv.Itoa(number+1))
		rw.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, w.URL, r.URL.Path, query.Encode()))
	}
	return list[from:to]
}

// merge lays values over an example of the description.
func merge(example any, over map[string]any) map[string]any {
	m := example.(map[string]any)
	for key, value := range over {
		if inner, ok := value.(map[string]any); ok {
			if old, ok := m[key].(map[string]any); ok {
				value = merge(old, inner)
			}
		}
		m[key] = value
	}
	return m
}
