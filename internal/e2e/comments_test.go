package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// People with write access steer runs by comments, which are answered with signs
// and with one comment of each kind.
func TestCommandsInComments(t *testing.T) {
	t.Parallel()
	nap := number()
	w := newWhole(t, events.VendorGithub)
	base := w.commit("main", "1", join(rootfs(t), dang(`
  pub failOnPullRequest(src: Directory!): Container! { shell(src, "exit 3") }
  pub passOnPullRequest: String! { "passed" }
  pub sleepOnPullRequestReopened(src: Directory!): Container! { shell(src, "echo sleeps; sleep `+nap+`") }
  pub nightly: String! { "by hand" }
`))...)
	w.repo.Branch("refs/pull/7/head", base)
	head := w.commit("refs/pull/7/head", "2", gittest.Write("a", "a"))
	w.opened(7, forgetest.Anna, head, base)
	a := w.start(settings{})
	s := beside(t, a)

	if did := w.answered(a, 7, forgetest.Anna, "/retest", talk.ReactionRefused); !strings.Contains(did, "nothing has run for commit "+head) {
		t.Errorf("/retest before anything has run did %q", did)
	}
	id := w.deliver(a, "pull_request", w.payload("pull_request_opened", "p7", head, "c2", base))
	a.finish(id)
	run := runOf(t, a, id)

	// Nobody else steers, and nobody else is answered.
	before := len(w.ours())
	for _, body := range []string{"/retest", "/abort", "/plan", "/test passOnPullRequest"} {
		if did := w.answered(a, 7, forgetest.Mara, body, talk.ReactionRefused); did != "not done: mara has no write access" {
			t.Errorf("%s by mara did %q", body, did)
		}
	}
	if n := len(w.ours()); n != before {
		t.Errorf("a stranger had %d comments written", n-before)
	}

	attempts := func(want map[string]int) {
		t.Helper()
		for function, attempt := range want {
			if c := callOf(t, s, run.ID, function); c.Attempt != attempt {
				t.Errorf("%s was made %d times, want %d", function, c.Attempt, attempt)
			}
		}
	}
	if did := w.answered(a, 7, forgetest.Anna, "Once more:\n\n/retest", talk.ReactionSeen); did != "/retest: restarted run "+a.runs[id] {
		t.Errorf("/retest did %q", did)
	}
	a.ended(id, 2)
	attempts(map[string]int{"failOnPullRequest": 2, "passOnPullRequest": 1})
	if did := w.answered(a, 7, forgetest.Anna, "/test ci:passOnPullRequest", talk.ReactionSeen); !strings.Contains(did, "restarted ci:passOnPullRequest of run "+a.runs[id]) {
		t.Errorf("/test did %q", did)
	}
	a.ended(id, 3)
	attempts(map[string]int{"failOnPullRequest": 2, "passOnPullRequest": 2})

	// What no event has called is called by hand.
	if did := w.answered(a, 7, forgetest.Anna, "/test nightly", talk.ReactionSeen); !strings.Contains(did, "calls nightly") {
		t.Errorf("/test nightly did %q", did)
	}
	w.awaitStatus(head, "pocketci/ci/nightly", talk.StateSucceeded, "succeeded in")

	// One plan, edited.
	for range 2 {
		if did := w.answered(a, 7, forgetest.Anna, "/plan", talk.ReactionSeen); !strings.Contains(did, "planned commit "+head) {
			t.Errorf("/plan did %q", did)
		}
	}
	plans := 0
	for _, text := range w.ours() {
		if strings.Contains(text, talk.MarkerOf("plan")) {
			plans++
			for _, row := range []string{"| `ci:failOnPullRequest` | called |", "| `ci:sleepOnPullRequestReopened` | not called |"} {
				if !strings.Contains(text, row) {
					t.Errorf("the plan has no %s:\n%s", row, text)
				}
			}
		}
	}
	if plans != 1 {
		t.Errorf("there are %d plans", plans)
	}

	again := w.deliver(a, "pull_request", w.payload("pull_request_reopened", "p7", head, "c2", base))
	runs(t, "sleep", nap)
	if did := w.answered(a, 7, forgetest.Anna, "/abort", talk.ReactionSeen); did != "/abort: aborted run "+a.runs[again] {
		t.Errorf("/abort did %q", did)
	}
	w.awaitStatus(head, "pocketci/ci/sleepOnPullRequestReopened", talk.StateAborted, "aborted by anna: asked for in a comment")
	if got := await(t, s, a.runs[again], store.StateAborted); got.Reason == "" {
		t.Errorf("the run has no reason: %+v", got)
	}

	// The agent's own words start nothing, nor does a comment without a command.
	for _, text := range w.ours() {
		_, answer := w.send(a, "issue_comment", changed(t, w.payload("issue_comment_pull_request"), edits{"comment.body": text}))
		if r := await(t, s, fmt.Sprint(a.remember([]byte(answer)).Run), store.StateSkipped); !strings.Contains(r.Reason, "pocketci itself made it") {
			t.Errorf("its own comment: %s", r.Reason)
		}
	}
	status, answer := w.send(a, "status", w.payload("status_own"))
	if got := a.remember([]byte(answer)); status != http.StatusAccepted || !strings.Contains(got.Reason, "pocketci itself made it") {
		t.Errorf("its own status: %d %s", status, answer)
	}
	event, comment := w.say(a, 7, forgetest.Anna, "We could /retest this.")
	if r := a.finish(event); len(r.results) != 0 || w.world.Reaction(comment) != "" {
		t.Errorf("a comment that asks for nothing: %+v, sign %q", r.results, w.world.Reaction(comment))
	}
}

// Whoever writes a commit can have it skipped, but not its tag.
func TestSkippedByItsMessage(t *testing.T) {
	t.Parallel()
	w := newWhole(t, events.VendorGithub)
	base := w.commit("main", "1", dang(`
  pub onPush: String! { "pushed" }
  pub onPullRequest: String! { "asked" }
  pub onTag: String! { "tagged" }
`)...)
	sha := w.commit("main", "Fix a word\n\nNothing else. [skip ci]", gittest.Write("a", "a"))
	w.repo.Tag("v1.2.0", sha)
	w.repo.Branch("refs/pull/7/head", sha)
	a := w.start(settings{})
	s := beside(t, a)
	for kind, body := range map[string][]byte{
		"push": w.payload("push", "c0", base, "c2", sha), "pull_request": w.payload("pull_request_opened", "p7", sha, "c2", base),
	} {
		id := w.deliver(a, kind, body)
		r := a.finish(id)
		stored := await(t, s, a.runs[id], store.StateSkipped)
		if len(r.results) != 0 || !strings.Contains(stored.Reason, "[skip ci]") {
			t.Errorf("%s calls %+v, reason %q", kind, r.results, stored.Reason)
		}
	}
	id := w.deliver(a, "push", w.payload("push_tag", "c2", sha))
	if got := a.finish(id).succeeded("onTag"); got != "tagged" {
		t.Errorf("onTag returned %q", got)
	}
}
