package e2e_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// host is what functions of a module change: things that have a version, behind a
// server that the engine reaches.
type host struct {
	*httptest.Server
	t *testing.T

	mu sync.Mutex
	// there are versions of things by their ids.
	there map[string]string
	// log are the requests that have come.
	log []string
	// fails and holds are requests that fail, and that are not answered.
	fails, holds map[string]bool
	held, leave  chan struct{}
}

func newHost(t *testing.T) *host {
	h := &host{t: t, there: map[string]string{}, fails: map[string]bool{}, holds: map[string]bool{}, held: make(chan struct{}, 9), leave: make(chan struct{})}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

// serve answers /check/ID/VERSION, /change/ID/VERSION and /remove/ID/VERSION.
func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	does, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	id, version, _ := strings.Cut(rest, "/")
	w.Header().Set("Cache-Control", "no-store")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, does+" "+id+"@"+version)
	if h.holds[does+" "+id] {
		h.mu.Unlock()
		h.held <- struct{}{}
		select {
		case <-h.leave:
		case <-r.Context().Done():
		}
		h.mu.Lock()
	}
	if h.fails[does+" "+id] {
		http.Error(w, "it is broken", http.StatusTeapot)
		return
	}
	switch does {
	case "check":
		io.WriteString(w, strconv.FormatBool(h.there[id] == version))
		return
	case "verify":
		if h.there[id] != version {
			http.Error(w, "it is "+h.there[id], http.StatusConflict)
		}
	case "change":
		h.there[id] = version
	case "remove":
		delete(h.there, id)
	}
	io.WriteString(w, "done")
}

func (h *host) set(list map[string]bool, request string, on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list[request] = on
}

func (h *host) drift(id, version string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.there[id] = version
}

// once forgets that the same request came twice, one after the other.
func (h *host) once(request string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = slices.CompactFunc(h.log, func(a, b string) bool { return a == b && a == request })
}

// expect compares the requests since the last time and what is there.
func (h *host) expect(what, log, there string) {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := strings.Join(h.log, ", "); got != log {
		h.t.Errorf("%s: asked for\n%s, want\n%s", what, got, log)
	}
	h.log = nil
	var list []string
	for _, id := range slices.Sorted(maps.Keys(h.there)) {
		list = append(list, id+"@"+h.there[id])
	}
	if got := strings.Join(list, " "); got != there {
		h.t.Errorf("%s: there is %q, want %q", what, got, there)
	}
}

// deploy is a commit whose module converges the ids to a version. What is called
// database answers with a Boolean, everything else by failing.
func (h *host) deploy(version string, ids ...string) []gittest.Edit {
	var functions strings.Builder
	for _, id := range ids {
		name := strings.ToUpper(id[:1]) + id[1:]
		at := func(does string) string { return fmt.Sprintf("http(%q).contents", h.URL+"/"+does+"/"+id+"/"+version) }
		if id == "database" {
			fmt.Fprintf(&functions, "  pub check%s: Boolean! { %s == \"true\" }\n", name, at("check"))
		} else {
			fmt.Fprintf(&functions, "  pub check%s: String! { %s }\n", name, at("verify"))
		}
		fmt.Fprintf(&functions, "  pub change%s: String! { %s }\n  pub remove%s: String! { %s }\n", name, at("change"), name, at("remove"))
	}
	functions.WriteString("  pub version: String! { \"" + version + "\" }\n")
	return join(dang(functions.String()), yaml("module-path: ./ci", "converge: ["+strings.Join(ids, ", ")+"]"))
}

// applyOf asks for a module to converge at the head of the default branch.
func applyOf(module string) v1.ApplyRequest {
	return v1.ApplyRequest{Repository: fullName, Module: module}
}

// converged delivers a push and returns the run that follows from it, once that has
// ended.
func converged(t *testing.T, a *agent, s *store.Store, body []byte) store.Run {
	t.Helper()
	cause := a.deliver("push", body)
	a.finish(cause)
	return ended(t, s, following(t, s, cause))
}

// following is the run that follows from an event.
func following(t *testing.T, s *store.Store, cause string) string {
	t.Helper()
	list, err := s.Runs(t.Context(), store.RunFilter{Name: events.NameApply})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		e, err := s.Event(t.Context(), r.Event)
		if err != nil {
			t.Fatal(err)
		}
		if e.Cause == cause {
			return r.ID
		}
	}
	t.Fatalf("nothing follows from %s", cause)
	return ""
}

func ended(t *testing.T, s *store.Store, id string) (r store.Run) {
	t.Helper()
	until(t, "the run of the convergence ends", patience, func() bool {
		var err error
		if r, err = s.Run(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return r.State.Final()
	})
	return r
}

// What a module converges is applied, repaired, and removed by the commit that applied
// it, over failures, an agent that is killed, and commits that the server has lost.
func TestModulesConverge(t *testing.T) {
	t.Parallel()
	f, h := newForge(t), newHost(t)
	one := f.repo.Commit("main", "1", h.deploy("one", "database", "app")...)
	a := start(t, f, settings{})
	s := beside(t, a)
	must := func(r store.Run, want store.State) {
		t.Helper()
		if r.State != want {
			calls, _ := s.Calls(t.Context(), r.ID)
			for _, c := range calls {
				t.Logf("%s is %s: %s %s", c.Function, c.State, c.Reason, c.Result)
			}
			t.Fatalf("the run is %s: %s", r.State, r.Reason)
		}
	}

	body := push(t, f, "", one)
	must(converged(t, a, s, body), store.StateSucceeded)
	h.expect("the first time", "check database@one, change database@one, verify app@one, change app@one", "app@one database@one")
	r := converged(t, a, s, another(body))
	must(r, store.StateSucceeded)
	h.expect("nothing to do", "check database@one, verify app@one", "app@one database@one")
	if c := callOf(t, s, r.ID, "changeApp"); c.State != store.StateSkipped || c.Reason != dispatcher.WhyNeedless {
		t.Errorf("a needless change is %s: %s", c.State, c.Reason)
	}

	h.drift("app", "somebody's own")
	accepted, err := ann(t, a, s).Apply(t.Context(), applyOf("ci"))
	if err != nil {
		t.Fatal(err)
	}
	must(ended(t, s, accepted.Run), store.StateSucceeded)
	h.expect("asked for by hand after a drift", "check database@one, verify app@one, change app@one", "app@one database@one")

	// The new commit has no function that removes the database.
	two := f.repo.Commit("main", "2", h.deploy("two", "app", "dns")...)
	body = push(t, f, one, two)
	h.set(h.fails, "change dns", true)
	must(converged(t, a, s, body), store.StateFailed)
	h.expect("a failure in the middle", "remove database@one, verify app@two, change app@two, verify dns@two, change dns@two", "app@two")

	h.set(h.fails, "change dns", false)
	h.set(h.holds, "change dns", true)
	cause := a.deliver("push", another(body))
	a.finish(cause)
	run := following(t, s, cause)
	select {
	case <-h.held:
	case <-time.After(patience):
		t.Fatal("the change does not begin")
	}
	a.signal(syscall.SIGKILL)
	a.exit()
	b := start(t, f, settings{args: []string{"--data-dir", a.dataDir}})
	h.set(h.holds, "change dns", false)
	close(h.leave)
	must(ended(t, s, run), store.StateSucceeded)
	// The engine may have the second one wait for the first.
	h.once("change dns@two")
	h.expect("after the agent was killed", "verify app@two, verify dns@two, change dns@two", "app@two dns@two")

	// Neither the branch nor the server has the commit any more that removes them.
	f.repo.Commit("three", "3", h.deploy("three")...)
	three := f.repo.SHA("three")
	f.repo.Branch("main", three)
	f.repo.Prune()
	must(converged(t, b, s, push(t, f, two, three)), store.StateSucceeded)
	h.expect("nothing is in the list any more", "remove dns@two, remove app@two", "")
	p, err := s.Position(t.Context(), "converge-module", fullName+":ci")
	if err != nil || string(p.Value) != "[]" {
		t.Errorf("applied counts %s (%v)", p.Value, err)
	}
}
