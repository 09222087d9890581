package e2e_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
)

// A repository with checks is served without pocketci.yaml: each is a call of
// its own, and one that does not pass is told about like a function.
func TestChecksWithoutConfiguration(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	const source = `  pub source: Directory!

  new(source: Directory! @defaultPath(path: "/")) {
    self.source = source
    self
  }

  pub lintAll: String! @check { source.file("README.md").contents }

  pub unit: Container! @check { shell(source, "echo before it fails; echo the reason >&2; exit 3") }

  pub testOnGithubPush: String! @check { "called by its name" }

  pub helper(name: String!): String! { name }
`
	first := f.repo.Commit("main", "1", join(dang(source), rootfs(t))...)
	a := start(t, f, settings{})

	r := a.finish(a.deliver("push", push(t, f, "", first)))
	if len(r.results) != 3 || r.log.Succeeded != 1 || r.log.Failed != 2 {
		t.Errorf("the run is logged as %s, with results %+v", r.log.text, r.results)
	}
	if got := r.succeeded("testOnGithubPush"); got != "called by its name" {
		t.Errorf("it returned %q", got)
	}
	// There is no README.md yet.
	if got := r.result("lint-all"); got.State != "failed" || !strings.Contains(got.Error, "README.md") || got.Command == "" {
		t.Errorf("the check that reads a file that is not there is %+v", got)
	}
	if got := r.result("unit"); got.State != "failed" || !strings.Contains(got.Error, "exit code 3") || !strings.Contains(got.Command, "dagger check -m") {
		t.Errorf("the check that fails is %+v", got)
	}
	var printed []string
	for _, l := range r.lines {
		if l.Type == "output" && l.Function == "unit" {
			printed = append(printed, l.Text)
		}
	}
	if text := strings.Join(printed, "\n"); !strings.Contains(text, "before it fails") || !strings.Contains(text, "the reason") {
		t.Errorf("the output of its step is %q", text)
	}
	if got := r.skipped("helper"); !strings.Contains(got, "not a trigger") {
		t.Errorf("helper is not called because %s", got)
	}
	for _, c := range r.plan.Calls {
		if c.Check != (c.Function != "testOnGithubPush") {
			t.Errorf("the plan has %+v", c)
		}
	}

	// A check sees the commit that is checked, and a pull request calls it too.
	f.repo.Branch("topic", first)
	second := f.repo.Commit("topic", "2", gittest.Write("README.md", "read me"))
	r = a.finish(a.deliver("pull_request", pull(t, f, "pull_request_opened", second, first)))
	if got := r.succeeded("lint-all"); got != "read me" {
		t.Errorf("it read %q", got)
	}
	if got := r.result("unit"); got.State != "failed" {
		t.Errorf("the check that fails is %+v", got)
	}
	if got := r.skipped("testOnGithubPush"); !strings.Contains(got, "its name waits for") {
		t.Errorf("it is not called because %s", got)
	}
}
