package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// Calls of one group are made one after the other, or the newest ends the
// others, as pocketci.yaml says.
func TestConcurrencyGroups(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	nap := number()
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub deployOnGithubPush(src: Directory!): String! { shell(src, "echo deploying; sleep 3; echo deployed").stdout }
  pub previewOnGithubPush(src: Directory!): String! { shell(src, "echo previewing; sleep `+nap+`").stdout }
`), yaml("module-path: ./ci", "functions:",
		"  deployOnGithubPush: {concurrency: deploy}",
		"  previewOnGithubPush: {concurrency: {group: preview, cancel: true}}"))...)
	a := start(t, f, settings{})
	body := push(t, f, "", sha)
	first := a.deliver("push", body)
	a.printed(first, "previewing")
	second := a.deliver("push", another(body))
	s := beside(t, a)
	until(t, "the first deployment and preview end", patience, func() bool {
		calls, err := s.ListCalls(t.Context(), store.CallFilter{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		ended := 0
		for _, c := range calls {
			if c.RunNumber == 1 && c.State.Final() {
				ended++
			}
		}
		return ended == 2
	})
	a.line(second, "the second deployment ends", func(l report.Line) bool { return l.Type == "ended" && l.Function == "deployOnGithubPush" })
	one, two := store.Run{}, store.Run{}
	for _, r := range runsOf(t, s) {
		if r.Number == 1 {
			one = r
		} else {
			two = r
		}
	}
	if c := callOf(t, s, one.ID, "previewOnGithubPush"); c.State != store.StateAborted || c.Reason != "superseded by run 2" {
		t.Errorf("the first preview is %s: %s", c.State, c.Reason)
	}
	if c := callOf(t, s, two.ID, "previewOnGithubPush"); c.State != store.StateRunning {
		t.Errorf("the second preview is %s: %s", c.State, c.Reason)
	}
	before, after := callOf(t, s, one.ID, "deployOnGithubPush"), callOf(t, s, two.ID, "deployOnGithubPush")
	if before.State != store.StateSucceeded || after.StartedAt.Before(before.EndedAt) {
		t.Errorf("the first deployment is %s and ended at %s, the second began at %s", before.State, before.EndedAt, after.StartedAt)
	}
	if err := s.Abort(t.Context(), two.ID, somebody, ""); err != nil {
		t.Fatal(err)
	}
	gone(t, 10*time.Second, "sleep", nap)
}

// A pull request's newer head takes the place of the older one, a label does
// not, and closing it ends what is left but for its own run.
func TestPullRequestSupersedesItself(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	nap := number()
	base := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub testOnGithubPullRequest(src: Directory!): String! { shell(src, "echo testing; sleep `+nap+`").stdout }
  pub labelOnGithubPullRequestLabeled: String! { "labeled" }
  pub closeOnGithubPullRequestClosed: String! { "closed" }
`))...)
	const branch = "feature/login-v2"
	f.repo.Branch(branch, base)
	older := f.repo.Commit(branch, "2")
	newer := f.repo.Commit(branch, "3")
	a := start(t, f, settings{})
	s := beside(t, a)
	test := func(id string) store.Call {
		for _, r := range runsOf(t, s) {
			if r.Event == id {
				return callOf(t, s, r.ID, "testOnGithubPullRequest")
			}
		}
		t.Fatalf("event %s has no run", id)
		return store.Call{}
	}
	opened := a.deliver("pull_request", pull(t, f, "pull_request_opened", older, base))
	a.printed(opened, "testing")
	if got := a.finish(a.deliver("pull_request", pull(t, f, "pull_request_labeled", older, base))).succeeded("labelOnGithubPullRequestLabeled"); got != "labeled" {
		t.Errorf("the label returned %q", got)
	}
	if c := test(opened); c.State != store.StateRunning {
		t.Fatalf("after a label the test of the same head is %s: %s", c.State, c.Reason)
	}
	synchronized := a.deliver("pull_request", pull(t, f, "pull_request_synchronize", newer, base))
	until(t, "the older head's test is superseded", patience, func() bool { return test(opened).State == store.StateAborted })
	if c := test(opened); c.Reason != "superseded by run "+a.runs[synchronized] {
		t.Errorf("the reason is %q", c.Reason)
	}
	a.printed(synchronized, "testing")
	if got := a.finish(a.deliver("pull_request", pull(t, f, "pull_request_closed", newer, base))).succeeded("closeOnGithubPullRequestClosed"); got != "closed" {
		t.Errorf("closing returned %q", got)
	}
	if c := test(synchronized); c.State != store.StateAborted || !strings.Contains(c.Reason, "was closed") {
		t.Errorf("after closing the test is %s: %s", c.State, c.Reason)
	}
	gone(t, 15*time.Second, "sleep", nap)
}

// What somebody has disabled is not called, and the plan says by whom.
func TestDisabledFunction(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", dang(`
  pub onGithubPush: String! { "never" }
  pub otherOnGithubPush: String! { "other" }
`)...)
	a := start(t, f, settings{})
	s := beside(t, a)
	if err := s.Disable(t.Context(), store.Disabled{Repository: fullName, Module: "ci", Function: "onGithubPush", Reason: "flaky"}, somebody); err != nil {
		t.Fatal(err)
	}
	body := push(t, f, "", sha)
	r := a.finish(a.deliver("push", body))
	if got := r.skipped("onGithubPush"); got != "disabled by ann: flaky" {
		t.Errorf("the reason is %q", got)
	}
	if got := r.succeeded("otherOnGithubPush"); got != "other" {
		t.Errorf("the other function returned %q", got)
	}
	if err := s.Enable(t.Context(), fullName, "ci", "onGithubPush", somebody); err != nil {
		t.Fatal(err)
	}
	if got := a.finish(a.deliver("push", another(body))).succeeded("onGithubPush"); got != "never" {
		t.Errorf("the function that is enabled again returned %q", got)
	}
}
