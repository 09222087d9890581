package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// relay calls a function on behalf of other functions, which ask it for /EVENT with the
// id of the event that they were called for.
type relay struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]bool
	// to is the agent's API. Nothing is called before it is there.
	to *client.Client
}

func newRelay(t *testing.T, call v1.CallRequest) *relay {
	r := &relay{asked: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next := call
		next.Cause = strings.TrimPrefix(req.URL.Path, "/")
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.to == nil || r.asked[next.Cause] { // the engine may ask twice
			return
		}
		r.asked[next.Cause] = true
		if _, err := r.to.StartCall(req.Context(), next); err != nil {
			t.Errorf("call after %s: %v", next.Cause, err)
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *relay) use(c *client.Client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = c
}

// A push has a mirror updated, which has a function called, which calls another, and so
// on in a circle: each event names the one before, and the last is not run any more,
// which people are told.
func TestChainOfEvents(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	r := newRelay(t, v1.CallRequest{Repository: fullName, Function: "next"})
	// The id is read from the event file by a step, as Dang reads no JSON.
	const script = `sed -n 's/^  "id": "\(.*\)",$/\1/p' /event.json | tr -d '\n'`
	id := fmt.Sprintf(`shell(src, "true").withFile("/event.json", eventTrigger).withExec(["/bin/sh", "-c", %q]).stdout`, script)
	f.repo.Commit("main", "1", join(rootfs(t), dang(fmt.Sprintf(`
  pub onMirrorUpdatedSite(src: Directory!, eventTrigger: File!): String! { http(%[1]q + %[2]s).contents + "called after the mirror" }
  pub next(src: Directory!, eventTrigger: File!): String! { http(%[1]q + %[2]s).contents + "called after a function" }
`, r.URL+"/", id)))...)

	site := gittest.NewServer(t)
	repo := site.Repo("acme/site")
	first := repo.Commit("main", "1", gittest.Write("index.html", "1"))
	home := t.TempDir()
	a := start(t, f, settings{args: append(agentYAML(t,
		"mirrors:",
		"- name: site",
		"  url: "+site.URL+"/acme/site.git",
		"  directory: "+filepath.Join(home, "site"),
		"  branch: main",
		"  calls: {repository: "+fullName+", clone-url: "+f.CloneURL(fullName)+"}"), "--clone-host", site.URL)})
	key := a.key("run")
	c, err := client.New(client.Options{Server: a.url, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := beside(t, a)
	started, err := c.Event(t.Context(), mirrored(t, c, "updated", 1))
	if err != nil {
		t.Fatal(err)
	}
	ended(t, s, started.Runs[0].ID)
	r.use(c)

	second := repo.Commit("main", "2", gittest.Write("index.html", "2"))
	cause := a.deliver("push", payload(t, "push", f, edits{
		"repository.full_name": "acme/site", "repository.clone_url": site.URL + "/acme/site.git", "before": first, "after": second, "head_commit.id": second,
	}))
	mirrored(t, c, "updated", 2)
	if data, err := os.ReadFile(filepath.Join(home, "site", "index.html")); err != nil || string(data) != "2" {
		t.Errorf("the mirror has %q, %v", data, err)
	}

	var last store.Run
	until(t, "the chain is cut", patience, func() bool {
		all := runsOf(t, s)
		at := slices.IndexFunc(all, func(run store.Run) bool { return strings.Contains(run.Reason, "are taken for a circle") })
		if at >= 0 {
			last = all[at]
		}
		return at >= 0
	})
	chain := chainTo(t, s, last.Event)
	if len(chain) != events.MaxDepth+2 || chain[0].ID != cause {
		t.Fatalf("the chain has %d events and begins with %s", len(chain), chain[0].Delivery)
	}
	vendors := []string{events.VendorGithub, events.VendorMirror, events.VendorManual}
	for depth, e := range chain {
		if e.Depth != depth || e.Vendor != vendors[min(depth, 2)] {
			t.Errorf("event %d is %s %s at depth %d", depth, e.Vendor, e.Name, e.Depth)
		}
		if depth == 0 || depth > events.MaxDepth {
			continue
		}
		runs, err := s.Runs(t.Context(), store.RunFilter{Event: e.ID})
		if err != nil || len(runs) != 1 {
			t.Fatalf("event %d has the runs %v (%v)", depth, runs, err)
		}
		ended(t, s, runs[0].ID)
		function, says := "next", "called after a function"
		if depth == 1 {
			function, says = "onMirrorUpdatedSite", "called after the mirror"
		}
		if call := callOf(t, s, runs[0].ID, function); call.State != store.StateSucceeded || !strings.Contains(string(call.Result), says) {
			t.Errorf("at depth %d %s %s: %s", depth, function, call.State, call.Result)
		}
	}

	// People see why it ended, and what it follows from.
	reason := fmt.Sprintf("it follows from %d events, one after the other, and more than %d are taken for a circle", events.MaxDepth+1, events.MaxDepth)
	if out := a.must(key, "runs", "show", strconv.FormatInt(last.Number, 10)); !strings.Contains(out, "skipped") || !strings.Contains(out, reason) {
		t.Errorf("runs show says %s", out)
	}
	var shown v1.Run
	if err := json.Unmarshal([]byte(a.must(key, "runs", "show", strconv.FormatInt(last.Number, 10), "--json")), &shown); err != nil || shown.Reason != reason {
		t.Errorf("as JSON its reason is %q (%v)", shown.Reason, err)
	}
	if out := a.must(key, "events", "show", last.Event); !strings.Contains(out, chain[events.MaxDepth].ID) {
		t.Errorf("events show says %s", out)
	}
}

// chainTo are the events that lead to one, from the first on.
func chainTo(t *testing.T, s *store.Store, id string) []store.Event {
	t.Helper()
	var chain []store.Event
	for id != "" {
		e, err := s.Event(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		chain, id = append([]store.Event{e}, chain...), e.Cause
	}
	return chain
}
