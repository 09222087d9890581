package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/gittest"
)

// hooksAPI answers what GitHub's API is asked about the webhooks of one
// repository, and nothing else.
type hooksAPI struct {
	*httptest.Server
	t       *testing.T
	token   string
	answers map[string]string // bodies by method and path

	mu    sync.Mutex
	asked []string
}

func newHooksAPI(t *testing.T, token string, answers map[string]string) *hooksAPI {
	api := &hooksAPI{t: t, token: token, answers: answers}
	api.Server = httptest.NewServer(api)
	t.Cleanup(api.Close)
	return api
}

func (api *hooksAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request := r.Method + " " + r.URL.Path
	api.mu.Lock()
	api.asked = append(api.asked, request)
	api.mu.Unlock()
	if got := r.Header.Values("Authorization"); !slices.Equal(got, []string{"Bearer " + api.token}) {
		api.t.Errorf("%s is authorised by %q", request, got)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) > 0 {
		api.t.Errorf("%s has the body %q (%v)", request, body, err)
	}
	r.Header.Del("Authorization")
	if strings.Contains(fmt.Sprint(r.RequestURI, r.Header), api.token) {
		api.t.Errorf("%s has the token elsewhere: %s %v", request, r.RequestURI, r.Header)
	}
	answer, known := api.answers[request]
	if !known {
		api.t.Errorf("asked for %s", request)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if r.Method == http.MethodPost {
		w.WriteHeader(http.StatusAccepted)
	}
	_, _ = w.Write([]byte(answer))
}

func (api *hooksAPI) requests() []string {
	api.mu.Lock()
	defer api.mu.Unlock()
	return slices.Clone(api.asked)
}

// lastHeard makes the last heartbeat in a data directory that no agent uses as
// old as is said.
func lastHeard(t *testing.T, dir string, ago time.Duration) {
	t.Helper()
	db := rawSQLite(t, dir)
	defer db.Close()
	result, err := db.ExecContext(t.Context(), `UPDATE agents SET seen_at = ?`, time.Now().Add(-ago).UnixMicro())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		t.Fatalf("%d agents were heard (%v)", n, err)
	}
}

// logged counts the lines of log with a text.
func (a *agent) logged(text string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.logs {
		if strings.Contains(l.text, text) {
			n++
		}
	}
	return n
}

// What GitHub could not deliver while no agent listened is delivered again, and
// nothing else is.
func TestOutage(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	first := f.repo.Commit("main", "1", gittest.Write("README", "1\n"))
	second := f.repo.Commit("main", "2", gittest.Write("README", "2\n"))
	killed := start(t, f, settings{})
	if killed.log("it is the first", func(l logLine) bool { return l.Msg == "no agent has listened before" }); killed.logged("nobody is asked") != 0 {
		t.Error("the first agent misses deliveries")
	}
	killed.finish(killed.deliver("push", push(t, f, "", first)))
	// The token is not for this one's server.
	killed.deliver("push", payload(t, "push", f, edits{
		"repository.full_name": "octo/elsewhere", "repository.clone_url": "https://git.invalid/octo/elsewhere.git",
	}))
	killed.signal(syscall.SIGKILL)
	killed.exit()
	lastHeard(t, killed.dataDir, 2*time.Hour)

	attempt := func(id int, guid string, ago time.Duration, code int) string {
		return fmt.Sprintf(`{"id":%d,"guid":%q,"delivered_at":%q,"redelivery":false,"status":"x","status_code":%d,"event":"push"}`,
			id, guid, time.Now().Add(-ago).UTC().Format(time.RFC3339), code)
	}
	const hooks = "/api/v3/repos/octo/hello/hooks"
	answers := map[string]string{
		"GET " + hooks: `[{"id":7,"active":true,"config":{"url":"https://ci.example.com/webhooks/github"}},
			{"id":8,"active":true,"config":{"url":"https://elsewhere.example.com/webhooks/github"}}]`,
		"GET " + hooks + "/7/deliveries": "[" + strings.Join([]string{
			attempt(105, "again", 10*time.Minute, 202), attempt(104, "again", 20*time.Minute, 502),
			attempt(103, "missed", 30*time.Minute, 0), attempt(102, "arrived", 40*time.Minute, 202),
			attempt(101, "before", 3*time.Hour, 502),
		}, ",") + "]",
		"POST " + hooks + "/7/deliveries/103/attempts": "{}",
	}
	api := newHooksAPI(t, f.token, answers)
	dir := []string{"--data-dir", killed.dataDir}
	a := start(t, f, settings{args: append(dir, "--public-url", "https://ci.example.com", "--github-api", api.URL+"/api/v3")})
	a.log("it has asked", func(l logLine) bool { return l.Msg == "asked for what was not delivered" })
	want := []string{"GET " + hooks, "GET " + hooks + "/7/deliveries", "POST " + hooks + "/7/deliveries/103/attempts"}
	if got := api.requests(); !slices.Equal(got, want) {
		t.Errorf("GitHub was asked for %q, want %q", got, want)
	}
	for _, text := range []string{
		`"msg":"no agent listened for a while;`, `"repository":"octo/hello","deliveries":1,"refused":0`,
		`"deliveries":1,"refused":0,"webhooks":1,"repositories":1,"failed":0,"untried":0`,
	} {
		if n := a.logged(text); n != 1 {
			t.Errorf("it says %d times %s", n, text)
		}
	}
	// What GitHub then does.
	status, answer, err := a.post("push", push(t, f, first, second), map[string]string{"X-GitHub-Delivery": "missed"})
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("the delivery is answered with %d %s (%v)", status, answer, err)
	}
	a.finish(a.remember([]byte(answer)).ID)
	a.endNow()

	// An agent that was away for a moment asks for nothing.
	soon := start(t, f, settings{args: append(dir, "--public-url", "https://ci.example.com", "--github-api", api.URL+"/api/v3")})
	soon.endNow()
	lastHeard(t, killed.dataDir, time.Hour)
	without := start(t, f, settings{args: dir, env: []string{"GITHUB_TOKEN="}})
	without.log("it says what is missing", func(l logLine) bool {
		return strings.Contains(l.text, `"msg":"nobody is asked for the deliveries of that time","missing":"--public-url, GITHUB_TOKEN"`)
	})
	if n := soon.logged("no agent listened"); n != 0 {
		t.Errorf("an agent that was away for a moment logs a gap %d times", n)
	}
	if got := api.requests(); !slices.Equal(got, want) {
		t.Errorf("then GitHub was asked for %q", got[len(want):])
	}
}
