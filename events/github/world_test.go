package github_test

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

// The bot and the user that the clients of the tests are.
const (
	self   = "pocketci-user"
	botApp = "pocketci-of-acme"
)

// world stands in for GitHub's API. It refuses, and fails the test for, whatever
// is not as GitHub's description of it says.
type world struct {
	*httptest.Server
	t      *testing.T
	spec   *description
	prefix string // /api/v3 of an Enterprise Server
	app    *appOfWorld

	mu       sync.Mutex
	requests int
	asked    []string
	fails    []failing
	after    []failing // fails of the requests after the next one
	token    string
	statuses []map[string]any
	checks   []map[string]any
	comments []*said
	hooks    map[int64]map[string]any
	orgHooks map[int64]map[string]any
	again    []string
	missed   []map[string]any
	next     int64
}

type said struct {
	id           int64
	author, body string
	reactions    []string
}

type failing struct {
	status int
	header http.Header
	body   string
}

func newWorld(t *testing.T, file string) *world {
	w := &world{
		t: t, spec: describe(t, file), token: forgetest.TokenOfTests, next: 1000,
		hooks: map[int64]map[string]any{}, orgHooks: map[int64]map[string]any{},
	}
	if file == ofEnterpriseServer {
		w.prefix = "/api/v3"
	}
	w.Server = httptest.NewServer(w)
	t.Cleanup(w.Close)
	return w
}

// client returns a client with a token.
func (w *world) client() *github.Client {
	return w.clientWith(github.ClientOptions{Token: forgetest.TokenOfTests})
}

func (w *world) clientWith(o github.ClientOptions) *github.Client {
	w.t.Helper()
	o.API, o.Backoff, o.Pace = w.URL+w.prefix, time.Millisecond, time.Millisecond
	c, err := github.NewClient(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	w.asked = append(w.asked, r.Method+" "+r.URL.RequestURI())
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.checkHeader(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	path, ok := strings.CutPrefix(r.URL.Path, w.prefix)
	if !ok {
		w.t.Errorf("%s is not below %s", r.URL, w.prefix)
	}
	op, err := w.spec.find(r.Method, path)
	if err == nil {
		err = op.check(r.URL.Query(), r.Header.Get("Content-Type"), body)
	}
	if err != nil {
		w.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	if len(w.fails) > 0 {
		f := w.fails[0]
		w.fails = w.fails[1:]
		maps.Copy(rw.Header(), f.header)
		rw.WriteHeader(f.status)
		_, _ = io.WriteString(rw, f.body)
		return
	}
	w.fails, w.after = w.after, nil
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
		w.t.Errorf("the stand-in's answer to %s is not GitHub's: %v", op.id, err)
	}
	rw.WriteHeader(code)
	_, _ = rw.Write(text)
}

func (w *world) checkHeader(r *http.Request) {
	for header, want := range map[string]string{"Accept": "application/vnd.github+json", "X-Github-Api-Version": "2022-11-28", "User-Agent": "pocketci"} {
		if got := r.Header.Values(header); len(got) != 1 || got[0] != want {
			w.t.Errorf("%s %s with %s: %q", r.Method, r.URL, header, got)
		}
	}
	if len(r.Header.Values("Authorization")) != 1 || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		w.t.Errorf("%s %s is not authenticated as documented", r.Method, r.URL)
	}
	if strings.Contains(r.URL.String(), forgetest.TokenOfTests) {
		w.t.Errorf("the token is in the address %s", r.URL)
	}
}

// authentic reports whether the credentials are those that the operation takes.
func (w *world) authentic(op *operation, r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if w.app != nil {
		return w.app.authentic(op, token)
	}
	return token == w.token
}

func message(text string) map[string]any {
	return map[string]any{"message": text, "documentation_url": "https://docs.github.com/rest", "status": "404"}
}

// page cuts a list and links to the next page.
func (w *world) page(rw http.ResponseWriter, r *http.Request, list []any) []any {
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
