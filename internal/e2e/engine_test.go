package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/report"
)

func TestAgentStartsWithoutEngine(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub onGithubPush(src: Directory!): String! { shell(src, "echo ran").stdout }
`))...)
	g := newGateway(t)
	began := time.Now()
	a := start(t, f, settings{host: g.host()})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("the agent took %s to listen", took)
	}
	if status, body := a.get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, body)
	}
	began = time.Now()
	status, body := a.get("/readyz")
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("/readyz took %s", took)
	}
	var ready struct {
		Ready  bool
		Checks map[string]string
	}
	if err := json.Unmarshal([]byte(body), &ready); err != nil {
		t.Errorf("/readyz: %v: %s", err, body)
	}
	if status != http.StatusServiceUnavailable || ready.Ready || ready.Checks["engine"] == "ok" || ready.Checks["data-dir"] != "ok" {
		t.Errorf("/readyz: %d %s, want 503 because of the engine alone", status, body)
	}
	first := push(t, f, "", sha)
	ids := []string{a.deliver("push", first), a.deliver("push", another(first))}
	a.log("the agent says that it waits", func(l logLine) bool { return strings.Contains(l.Msg, "engine does not answer") })
	a.mu.Lock()
	lines := len(a.lines)
	a.mu.Unlock()
	if lines != 0 {
		t.Errorf("there are %d lines of reports without an engine", lines)
	}

	g.open()
	for _, id := range ids {
		if got := a.finish(id).succeeded("onGithubPush"); got != "ran\n" {
			t.Errorf("it returned %q", got)
		}
	}
	if status, body := a.get("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d %s", status, body)
	}
}

func TestEngineGoesAwayDuringACall(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	nap := number()
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub onGithubPush(src: Directory!, filter: String!): String! { shell(src, "echo begins; sleep `+nap+`").stdout }
  pub onGithubPushFeature(src: Directory!): String! { shell(src, "echo ran").stdout }
`))...)
	f.repo.Branch("feature", sha)
	g := newGateway(t)
	g.open()
	a := start(t, f, settings{host: g.host()})
	id := a.deliver("push", push(t, f, "", sha))
	a.printed(id, "begins")
	began := time.Now()
	g.shut()
	got := a.finish(id).result("onGithubPush")
	t.Logf("after %s: %s: %s", time.Since(began).Round(time.Millisecond), got.State, got.Error)
	if took := time.Since(began); took > 45*time.Second {
		t.Errorf("the call ended %s after the engine", took)
	}
	if got.State != "failed" || !strings.Contains(got.Error, "engine") {
		t.Errorf("the call is %s: %q; want failed because of the engine", got.State, got.Error)
	}
	if status, body := a.get("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d %s", status, body)
	}

	next := a.deliver("push", payload(t, "push", f, edits{"ref": "refs/heads/feature", "before": zeroSHA, "after": sha}))
	a.log("the agent says that it waits", func(l logLine) bool { return strings.Contains(l.Msg, "engine does not answer") })
	g.open()
	if got := a.finish(next).succeeded("onGithubPushFeature"); got != "ran\n" {
		t.Errorf("the next call returned %q", got)
	}
	// The call was not made again by itself: it may have had effects.
	count := 0
	a.mu.Lock()
	for _, l := range a.lines {
		if l.Run == a.runs[id] && l.Type == "started" {
			count++
		}
	}
	a.mu.Unlock()
	if count != 1 {
		t.Errorf("the call was started %d times", count)
	}
	gone(t, 30*time.Second, "sleep", nap)
}

// Before anything has been called, an engine that goes away costs only time.
func TestEngineGoesAwayWhilePlanning(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", dang(`  pub onGithubPush: String! { "ran" }`)...)
	g := newGateway(t)
	g.open()
	a := start(t, f, settings{host: g.host()})
	body := push(t, f, "", sha)
	a.finish(a.deliver("push", body))

	// Modules that are not known yet need the engine to plan.
	var ids []string
	for i := range 4 {
		sha := f.repo.Commit("main", "next", dang(`  pub onGithubPush: String! { "ran `+string(rune('0'+i))+`" }`)...)
		ids = append(ids, a.deliver("push", push(t, f, "", sha)))
	}
	g.shut()
	// Let go on once the agent knows.
	a.log("the agent notices", func(l logLine) bool {
		return strings.Contains(l.Msg, "engine does not answer") || strings.Contains(l.Msg, "engine went away")
	})
	g.open()
	for i, id := range ids {
		r := a.finish(id)
		planned := 0
		for _, l := range r.lines {
			if l.Type == "planned" {
				planned++
			}
		}
		if planned != 1 {
			t.Errorf("event %d was planned %d times", i, planned)
		}
		got := r.result("onGithubPush")
		want := report.Result{State: "succeeded", Output: "ran " + string(rune('0'+i))}
		if (got.State != want.State || got.Output != want.Output) && !strings.Contains(got.Error, "engine") {
			t.Errorf("event %d: %+v", i, got)
		}
	}
}
