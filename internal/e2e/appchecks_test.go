package e2e_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github/githubtest"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// As an App the agent makes checks: with a summary, with what the output says about
// places in files, and with buttons that make a call again.
func TestChecksOfAnApp(t *testing.T) {
	t.Parallel()
	w := newApp(t)
	before := w.commit("main", "1", join(rootfs(t), dang(`
  pub lintOnPush(src: Directory!): Container! {
    shell(src, "true").withNewFile("/lint", "echo 'shop.go:3: the till is open' >&2; echo 'other.go:1: not of this push' >&2; exit 3").withExec(["/bin/sh", "/lint"])
  }
  pub testOnPush: String! { "tested" }
  pub docsOnPush: String! { "never" }
`), yaml("module-path: ./ci", "functions:", "  docsOnPush: {on-changes: [docs/**]}"))...)
	sha := w.commit("main", "2", gittest.Write("shop.go", "package shop\n"))
	a := w.start(settings{})
	id := w.deliver(a, "push", w.payload("push", "c0", before, "c2", sha))

	const lint, test = "pocketci/ci/lintOnPush", "pocketci/ci/testOnPush"
	w.awaitStatus(sha, lint, talk.StateFailed, "exit code 3")
	w.awaitStatus(sha, test, talk.StateSucceeded, "succeeded in")
	w.awaitStatus(sha, "pocketci/ci/docsOnPush", talk.StateSkipped, "skipped: no matching changes")
	check := w.check(lint, 0)
	output := check["output"].(map[string]any)
	summary, _ := output["summary"].(string)
	for _, words := range []string{"`ci:lintOnPush` failed", "the till is open", "(" + publicURL + "/runs/" + a.runs[id] + ")"} {
		if !strings.Contains(summary, words) {
			t.Errorf("the summary does not say %q:\n%s", words, summary)
		}
	}
	annotations, _ := output["annotations"].([]any)
	if len(annotations) != 1 || !strings.Contains(fmt.Sprint(annotations), "path:shop.go start_line:3") || !strings.Contains(fmt.Sprint(annotations), "the till is open") {
		t.Errorf("annotations %v", annotations)
	}
	a.finish(id)

	s := beside(t, a)
	// What pocketci did itself, and what other Apps ask for, starts nothing.
	for file, kind := range map[string]string{"check_run_own": "check_run", "check_suite_own": "check_suite", "status_own": "status", "issue_comment_own": "issue_comment"} {
		status, answer := w.send(a, kind, w.payload(file))
		got := a.remember([]byte(answer))
		r := await(t, s, fmt.Sprint(got.Run), store.StateSkipped)
		if status != http.StatusAccepted || !strings.Contains(got.Reason, "pocketci itself made it") || r.Reason != got.Reason {
			t.Errorf("%s: %d %s", file, status, answer)
		}
	}

	again := w.deliver(a, "check_run", w.payload("check_run_rerequested", "p7", sha, "call-1", check["external_id"].(string)))
	if log := a.refuse(again); !strings.Contains(log.Error, "restarted ci:lintOnPush of run "+a.runs[id]) {
		t.Errorf("the button did %q", log.Error)
	}
	until(t, "there is another check", patience, func() bool { return w.check(lint, 1) != nil && w.check(lint, 1)["status"] == "completed" })
	if first := w.check(lint, 0); first["conclusion"] != "failure" || first["id"] == w.check(lint, 1)["id"] {
		t.Errorf("the first check is %v", first)
	}
	run := await(t, s, a.runs[id], store.StateFailed).ID
	for function, attempt := range map[string]int{"lintOnPush": 2, "testOnPush": 1} {
		if c := callOf(t, s, run, function); c.Attempt != attempt {
			t.Errorf("%s was made %d times, want %d", function, c.Attempt, attempt)
		}
	}
	if strings.Contains(a.everything(), w.token) {
		t.Error("the token is in the log")
	}
}

// check is the n-th check with a name as it is now, or nil.
func (w *whole) check(name string, n int) map[string]any {
	w.github.Lock()
	defer w.github.Unlock()
	for _, check := range w.github.Checks {
		if check["name"] != name {
			continue
		}
		if n == 0 {
			return maps.Clone(check)
		}
		n--
	}
	return nil
}

// A forge that does not take statuses for a while gets them later, and what runs
// does not wait for it.
func TestStatusesOutliveAnOutage(t *testing.T) {
	t.Parallel()
	w := newWhole(t, events.VendorGithub)
	sha := w.commit("main", "1", dang(`
  pub lintOnPush: String! { "linted" }
  pub testOnPush: String! { "tested" }
`)...)
	limit := githubtest.Failing{
		Status: http.StatusForbidden, Header: http.Header{"Retry-After": {"3"}},
		Body: `{"message":"You have exceeded a secondary rate limit."}`,
	}
	w.world.Fail(3, http.StatusBadGateway, nil)
	w.github.Fails = append(w.github.Fails, limit)
	a := w.start(settings{})
	id := w.deliver(a, "push", w.payload("push", "c0", zeroSHA, "c2", sha))
	r := a.finish(id)
	if r.log.Succeeded != 2 || r.log.Failed != 0 {
		t.Errorf("the forge decided a run: %+v", r.log)
	}
	a.log("the limit is in the log", func(l logLine) bool { return strings.Contains(l.Msg, "wants no statuses for a while") })
	for _, function := range []string{"lintOnPush", "testOnPush"} {
		w.awaitStatus(sha, "pocketci/ci/"+function, talk.StateSucceeded, "succeeded in")
	}
	metrics := a.metrics()
	for _, line := range []string{`pocketci_statuses_total{result="limited",vendor="github"}`, `pocketci_statuses_total{result="told",vendor="github"}`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics have no %s:\n%s", line, metrics)
		}
	}
}

// metrics asks for the agent's metrics.
func (a *agent) metrics() string {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.url+"/metrics", nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.key("read"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		a.t.Fatalf("metrics: %s, %v", response.Status, err)
	}
	return string(body)
}
