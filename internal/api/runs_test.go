package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestOneRun(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "test", "größe")
	c := f.claimed(r)
	f.finish(c, store.StateFailed)
	for _, id := range []string{r.Run, strconv.FormatInt(r.Number, 10)} {
		var run v1.Run
		f.get("/runs/"+id, &run)
		if run.ID != r.Run || run.Number != r.Number || run.Event != r.Event || run.State != "running" || run.SHA != sha ||
			run.URL != fmt.Sprintf("https://ci.example/runs/%d", r.Number) || run.StartedAt == nil || run.EndedAt != nil || run.Sender != "octocat" {
			t.Errorf("shows %+v", run)
		}
		if run.Origin == nil || run.Origin.CommitURL != "https://github.com/a/b/commit/"+sha {
			t.Errorf("comes from %+v", run.Origin)
		}
		var view dispatcher.View
		if err := json.Unmarshal(run.Plan, &view); err != nil || len(view.Calls) != 2 || strings.Contains(string(run.Plan), "more") {
			t.Errorf("the plan is %s (%v)", run.Plan, err)
		}
		if len(run.Calls) != 2 {
			t.Fatalf("there are %d calls", len(run.Calls))
		}
		test, other := run.Calls[0], run.Calls[1]
		if test.State != "failed" || test.Command != "dagger call test" || test.Error != "exit code 1" || test.Agent != "agent-1" || test.RunNumber != r.Number {
			t.Errorf("the first call is %+v", test)
		}
		if other.State != "queued" || other.Command != "dagger call größe" || other.Repository != "a/b" {
			t.Errorf("the second call is %+v", other)
		}
	}
	var call v1.Call
	f.get("/calls/"+c.Call, &call)
	if call.Command != "dagger call test" || call.State != "failed" || call.Run != r.Run {
		t.Errorf("the call is %+v", call)
	}
}

func TestRunsAndCallsAreFiltered(t *testing.T) {
	f := newFixture(t)
	one := f.planned("a/b", "test")
	call := f.claimed(one)
	f.finish(call, store.StateSucceeded)
	two := f.planned("c/d", "lint")
	three := f.accept(fork("a/b"))
	for query, want := range map[string][]string{
		"":                               {three.Run, two.Run, one.Run},
		"repository=a/b":                 {three.Run, one.Run},
		"ref=refs/pull/7/head":           {three.Run},
		"state=succeeded":                {one.Run},
		"state=waiting-approval":         {three.Run},
		"event=" + two.Event:             {two.Run},
		"name=pull_request":              {three.Run},
		"function=lint":                  {two.Run},
		"pr_number=7":                    {three.Run},
		"since=2000-01-01T00:00:00Z":     {three.Run, two.Run, one.Run},
		"until=2000-01-01T00:00:00Z":     {},
		"state=succeeded&repository=c/d": {},
	} {
		var page v1.Runs
		f.get("/runs?"+query, &page)
		got := []string{}
		for _, r := range page.Runs {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("runs with %s are %v, want %v", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"": "lint test", "run=" + one.Run: "test", fmt.Sprintf("run=%d", two.Number): "lint", "repository=a/b": "test",
		"module=ci": "lint test", "function=lint": "lint", "state=queued": "lint", "state=failed": "",
	} {
		var page v1.Calls
		f.get("/calls?"+query, &page)
		got := []string{}
		for _, c := range page.Calls {
			got = append(got, c.Function)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("calls with %s are %v, want %s", query, got, want)
		}
	}
	var first, runs v1.Runs
	f.get("/runs?limit=2", &first)
	f.get("/runs?limit=2&cursor="+first.Next, &runs)
	if len(runs.Runs) != 1 || runs.Runs[0].ID != one.Run || runs.Next != "" {
		t.Errorf("the second page of runs is %+v", runs)
	}
	var latest, calls v1.Calls
	f.get("/calls?limit=1", &latest)
	f.get("/calls?limit=1&cursor="+latest.Next, &calls)
	if len(calls.Calls) != 1 || calls.Calls[0].ID != call.Call || calls.Next != "" {
		t.Errorf("the second page of calls is %+v", calls)
	}
}

func TestRestart(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "test", "lint")
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/restart", nil, http.StatusConflict, nil)
	c := f.claimed(r)
	f.finish(c, store.StateSucceeded)
	f.finish(f.claimed(r), store.StateFailed)
	var restarted v1.Restarted
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/restart", v1.Restart{Scope: "failed"}, http.StatusAccepted, &restarted)
	if restarted.Run != r.Run || restarted.Attempt != 2 {
		t.Errorf("restarted %+v", restarted)
	}
	f.finish(f.claimed(r), store.StateSucceeded)
	a := f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/restart", v1.Restart{Scope: "failed"}, http.StatusConflict, nil)
	if p := a.problem(t); !strings.Contains(p.Detail, "nothing to restart") {
		t.Errorf("a restart of nothing says %s", a.body)
	}
	// Without a body it is all of it.
	f.do(v1.ScopeRun, http.MethodPost, fmt.Sprintf("/runs/%d/restart", r.Number), nil, http.StatusAccepted, &restarted)
	var run v1.Run
	f.get("/runs/"+r.Run, &run)
	if run.Attempt != 3 || len(run.Attempts) != 2 || run.Attempts[0].State != "failed" || run.Cause != "restart by runner" {
		t.Errorf("the run is %+v", run)
	}
	var call v1.Call
	f.get("/calls/"+c.Call, &call)
	if call.Attempt != 2 || len(call.Attempts) != 1 || call.Attempts[0].Agent != "agent-1" {
		t.Errorf("the call is %+v", call)
	}
}

func TestAbort(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "test", "lint")
	var call v1.Call
	c := f.claimed(r)
	f.do(v1.ScopeRun, http.MethodPost, "/calls/"+c.Call+"/abort", nil, http.StatusOK, &call)
	if call.State != "aborted" || call.Reason != "aborted by runner" {
		t.Errorf("the call is %+v", call)
	}
	f.do(v1.ScopeRun, http.MethodPost, "/calls/"+c.Call+"/abort", nil, http.StatusConflict, nil)
	var run v1.Run
	f.do(v1.ScopeRun, http.MethodPost, fmt.Sprintf("/runs/%d/abort", r.Number), v1.Abort{Reason: "zu langsam 🐌"}, http.StatusOK, &run)
	if run.State != "aborted" || run.Reason != "aborted by runner: zu langsam 🐌" || run.Calls[1].State != "aborted" {
		t.Errorf("the run is %+v", run)
	}
	a := f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/abort", nil, http.StatusConflict, nil)
	if p := a.problem(t); !strings.Contains(p.Detail, "it is aborted") {
		t.Errorf("a second abort says %s", a.body)
	}
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/abort", `{"reason":"`+strings.Repeat("x", 1001)+`"}`, http.StatusUnprocessableEntity, nil)
}

func TestApprove(t *testing.T) {
	f := newFixture(t)
	held, anyCommit := push("a/b"), push("a/b")
	held.Hold, anyCommit.Hold, anyCommit.Event.SHA = "somebody must look at it", "somebody must look at it", ""
	other := strings.Repeat("c", 40)
	approve := func(r store.Receipt, sha string, status int) *answered {
		t.Helper()
		return f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/approve", v1.Approve{SHA: sha}, status, nil)
	}
	r := f.accept(held)
	if a := approve(r, other, http.StatusConflict); !strings.Contains(string(a.body), sha) || !strings.Contains(string(a.body), other) {
		t.Errorf("another commit gives %s", a.body)
	}
	approve(r, "abc", http.StatusUnprocessableEntity)
	approve(r, strings.ToUpper(sha), http.StatusUnprocessableEntity)
	var run v1.Run
	if err := json.Unmarshal(approve(r, sha, http.StatusOK).body, &run); err != nil {
		t.Fatal(err)
	}
	if run.State != "queued" || run.Approval != sha+" by runner" {
		t.Errorf("the run is %+v", run)
	}
	approve(r, sha, http.StatusConflict)
	approve(f.accept(anyCommit), other, http.StatusOK)
	r = f.accept(fork("a/b"))
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/approve", v1.Approve{SHA: sha, Trust: true}, http.StatusForbidden, nil)
	var still v1.Run
	f.get("/runs/"+r.Run, &still)
	if still.State != "waiting-approval" {
		t.Errorf("the fork's run is %s", still.State)
	}
	f.do(v1.ScopeAdmin, http.MethodPost, "/runs/"+r.Run+"/approve", v1.Approve{SHA: sha, Trust: true}, http.StatusOK, &still)
	if still.State != "queued" || still.Approval != sha+" trusted by admin" {
		t.Errorf("the fork's run is %s, %q", still.State, still.Approval)
	}
}
