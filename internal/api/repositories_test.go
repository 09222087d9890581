package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestRepositoriesAndFunctions(t *testing.T) {
	f := newFixture(t)
	f.ended()
	for _, state := range []store.State{store.StateFailed, store.StateSucceeded, store.StateAborted} {
		r := f.planned("a/b", "x")
		c := f.claimed(r)
		if state == store.StateAborted {
			f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/abort", nil, http.StatusOK, nil)
			continue
		}
		f.finish(c, state)
	}
	last := f.planned("c/d", "y")
	var repositories v1.Repositories
	f.get("/repositories", &repositories)
	if len(repositories.Repositories) != 2 {
		t.Fatalf("there are %+v", repositories)
	}
	if r := repositories.Repositories[1]; r.Repository != "c/d" || r.Runs != 1 || r.LastRun.ID != last.Run || r.LastEvent == nil || r.Disabled != nil {
		t.Errorf("the second is %+v", r)
	}
	var functions v1.Functions
	f.get("/functions", &functions)
	if len(functions.Functions) != 2 || functions.Functions[1].Days7 != nil || functions.Functions[1].LastState != "queued" {
		t.Errorf("functions are %+v", functions)
	}
	x := functions.Functions[0]
	if x.Module != "ci" || x.Function != "x" || x.LastState != "aborted" || x.LastCall == "" || x.Days7.Calls != 3 || x.Days7.Succeeded != 2 ||
		x.Days7.Ratio < 0.66 || x.Days7.Ratio > 0.67 || x.Days30.Calls != 3 {
		t.Errorf("x is %+v", x)
	}
	var one v1.Functions
	if f.get("/functions?repository=c/d", &one); len(one.Functions) != 1 {
		t.Errorf("of c/d there are %+v", one)
	}
	f.clock.ahead.Store(int64(10 * 24 * time.Hour))
	var later v1.Functions
	if f.get("/functions", &later); later.Functions[0].Days7 != nil || later.Functions[0].Days30 == nil {
		t.Errorf("ten days later x is %+v", later.Functions[0])
	}
}

func TestDisabling(t *testing.T) {
	f := newFixture(t)
	f.ended()
	disable := func(d v1.Disabled) {
		t.Helper()
		f.do(v1.ScopeRun, http.MethodPost, "/disable", d, http.StatusNoContent, nil)
	}
	disabled := func(repository string) string {
		t.Helper()
		var list v1.DisabledList
		f.get("/disabled?repository="+repository, &list)
		var all []string
		for _, d := range list.Disabled {
			all = append(all, strings.Join([]string{d.Repository, d.Module, d.Function, d.Person, d.Reason}, "|"))
			if d.At.IsZero() {
				t.Errorf("%+v has no time", d)
			}
		}
		return strings.Join(all, " ")
	}
	disable(v1.Disabled{Repository: "a/b", Module: "ci", Function: "x", Reason: "flaky"})
	disable(v1.Disabled{Repository: "a/b", Module: "ci", Function: "x", Reason: "größe"})
	disable(v1.Disabled{Repository: "c/d"})
	if got, want := disabled(""), "a/b|ci|x|runner|größe c/d|||runner|"; got != want {
		t.Errorf("disabled is %s, want %s", got, want)
	}
	if got, want := disabled("c/d"), "c/d|||runner|"; got != want {
		t.Errorf("of c/d disabled is %s, want %s", got, want)
	}
	reason := func() string {
		var functions v1.Functions
		f.get("/functions", &functions)
		if d := functions.Functions[0].Disabled; d != nil {
			return d.Reason
		}
		return ""
	}
	if got := reason(); got != "größe" {
		t.Errorf("the function is disabled for %q", got)
	}
	disable(v1.Disabled{Repository: "a/b", Reason: "all of it"})
	if got := reason(); got != "all of it" {
		t.Errorf("the function is disabled for %q", got)
	}
	var repositories v1.Repositories
	if f.get("/repositories", &repositories); repositories.Repositories[0].Disabled == nil {
		t.Errorf("the repository is %+v", repositories)
	}
	for _, status := range []int{http.StatusNoContent, http.StatusNotFound} {
		f.do(v1.ScopeRun, http.MethodPost, "/enable", v1.Enable{Repository: "a/b"}, status, nil)
	}
	f.do(v1.ScopeRun, http.MethodPost, "/enable", v1.Enable{Repository: "a/b", Module: "ci", Function: "x"}, http.StatusNoContent, nil)
	if got := reason(); got != "" {
		t.Errorf("the function is disabled for %q", got)
	}
}

func TestHealth(t *testing.T) {
	f := newFixture(t)
	f.claimed(f.planned("a/b", "x", "y"))
	f.accept(fork("a/b"))
	f.accept(push("a/b"))
	var h v1.Health
	f.get("/health", &h)
	if h.Version != "1.2.3" || h.Checks["engine"] != "ok" || len(h.Agents) != 1 || h.Agents[0].Name != "agent-1" || h.Agents[0].Calls != 1 {
		t.Errorf("health is %+v", h)
	}
	if q := h.Queue; q.Runs != 1 || q.Calls != 1 || q.Waiting != 1 || q.RunsOldest < 0 {
		t.Errorf("the queue is %+v", q)
	}
}
