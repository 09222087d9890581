package github_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hookToken must be in a header and nowhere else.
const hookToken = "ghp_token_of_the_test"

// answer is what the forge says to one request: 200 if there is no status.
type answer struct {
	status int
	header map[string]string
	body   string
	next   string // the query of the next page, in the Link header
	cut    bool   // the connection ends in the middle of the body
}

// scripted answers as GitHub's pages "REST API endpoints for repository webhooks",
// "Using pagination in the REST API" and "Rate limits for the REST API" say, and
// fails the test for every request that it has no answer for.
type scripted struct {
	*httptest.Server
	t *testing.T

	mu      sync.Mutex
	answers map[string][]answer // by method, path and query, in order
	asked   []string
}

func newForge(t *testing.T, answers map[string][]answer) *scripted {
	f := &scripted{t: t, answers: maps.Clone(answers)}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for header, want := range map[string]string{
		"Authorization": "Bearer " + hookToken, "Accept": "application/vnd.github+json", "X-Github-Api-Version": "2022-11-28",
	} {
		if got := r.Header.Values(header); len(got) != 1 || got[0] != want {
			f.t.Errorf("%s %s with %s: %q", r.Method, r.URL, header, got)
		}
	}
	if strings.Contains(r.URL.String(), hookToken) {
		f.t.Errorf("the token is in the address %s", r.URL)
	}
	if r.ContentLength != 0 {
		f.t.Errorf("%s %s has a body", r.Method, r.URL)
	}
	a, known := f.take(r.Method + " " + r.URL.RequestURI())
	if !known {
		f.t.Errorf("asked for %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	for k, v := range a.header {
		header.Set(k, v)
	}
	if a.next != "" {
		// GitHub gives the id of the repository instead of its name.
		path := strings.Replace(r.URL.Path, "repos/octo/hello", "repositories/1", 1)
		header.Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, f.URL, path, a.next))
	}
	if a.cut {
		header.Set("Content-Length", fmt.Sprint(len(a.body)))
		a.body = a.body[:len(a.body)/2]
	}
	w.WriteHeader(max(a.status, http.StatusOK))
	_, _ = w.Write([]byte(a.body))
}

func (f *scripted) take(request string) (answer, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, request)
	left := f.answers[request]
	if len(left) == 0 {
		return answer{}, false
	}
	f.answers[request] = left[1:]
	return left[0], true
}

// posts returns the redeliveries that were asked for, in order.
func (f *scripted) posts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.asked), func(s string) bool { return !strings.HasPrefix(s, "POST ") })
}

// allAsked fails the test if an answer is left.
func (f *scripted) allAsked() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for request, left := range f.answers {
		if len(left) > 0 {
			f.t.Errorf("%s was not asked for %d times", request, len(left))
		}
	}
}
