package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/gittest"
)

func TestPushCallsTwoFunctionsInParallel(t *testing.T) {
	t.Parallel()
	// The containers tell by the machine's own clock when they ran.
	const script = "read now rest < /proc/uptime; echo $now; sleep 2; read now rest < /proc/uptime; echo $now"
	module := `
  pub testOnGithubPush(src: Directory!): String! { shell(src, "` + script + `; echo tested").stdout }
  pub lintOnGithubPush(src: Directory!): String! { shell(src, "` + script + `; echo linted").stdout }
  pub deployOnGithubPushRelease(src: Directory!): String! { shell(src, "echo deployed").stdout }
`
	for name, tt := range map[string]struct {
		args     []string
		parallel bool
	}{
		"as it comes":        {parallel: true},
		"one call at a time": {args: []string{"--parallelism", "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			sha := f.repo.Commit("main", "1", join(rootfs(t), dang(module))...)
			a := start(t, f, settings{args: tt.args})
			r := a.finish(a.deliver("push", push(t, f, "", sha)))
			if len(r.results) != 2 || r.log.Succeeded != 2 {
				t.Errorf("want two calls, got %+v", r.results)
			}
			if reason := r.skipped("deployOnGithubPushRelease"); reason == "" {
				t.Error("no reason is given for not deploying")
			}
			var times [2][2]float64
			for i, call := range []string{"test", "lint"} {
				var said string
				output := r.succeeded(call + "OnGithubPush")
				if _, err := fmt.Sscan(output, &times[i][0], &times[i][1], &said); err != nil || said != call+"ed" {
					t.Fatalf("%sOnGithubPush returned %q: %v", call, output, err)
				}
			}
			overlap := min(times[0][1], times[1][1]) - max(times[0][0], times[1][0])
			t.Logf("the containers overlapped for %.2fs", overlap)
			if tt.parallel && overlap <= 1 {
				t.Errorf("the containers overlapped for %.2fs, want more than 1s of 2s", overlap)
			}
			if !tt.parallel && overlap > 0 {
				t.Errorf("the containers overlapped for %.2fs with one call at a time", overlap)
			}
			// The report says the same.
			startA, endA := r.interval("testOnGithubPush")
			startB, endB := r.interval("lintOnGithubPush")
			if together := startA.Before(endB) && startB.Before(endA); tt.parallel && !together {
				t.Errorf("the report has the calls from %s to %s and from %s to %s", startA, endA, startB, endB)
			}
		})
	}
}

func TestPullRequestIsFilteredByItsChanges(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	base := f.repo.Commit("main", "base", join(
		yaml("module-path: ./ci", "functions:", "  testOnGithubPullRequest:", `    on-changes: ["**/*.sh"]`),
		dang(`
  pub testOnGithubPullRequest(base: String!, onChanges: [String!]!): String! { "against " + base + ": " + JSON.encode(onChanges) }
`),
		[]gittest.Edit{gittest.Write("run.sh", "true\n"), gittest.Write("README.md", "hello\n")})...)
	f.repo.Branch("docs", base)
	docs := f.repo.Commit("docs", "docs", gittest.Write("README.md", "hello, world\n"))
	f.repo.Branch("code", base)
	code := f.repo.Commit("code", "code", gittest.Write("run.sh", "false\n"), gittest.Write("docs/x.md", "x\n"))
	// What happens on main afterwards is none of the pull request's doing.
	tip := f.repo.Commit("main", "later", gittest.Write("other.sh", "true\n"))

	a := start(t, f, settings{})
	r := a.finish(a.deliver("pull_request", pull(t, f, "pull_request_opened", docs, tip)))
	if len(r.results) != 0 {
		t.Errorf("documentation calls %+v", r.results)
	}
	if reason := r.skipped("testOnGithubPullRequest"); !strings.Contains(reason, "**/*.sh") {
		t.Errorf("the reason is %q, want one that names the condition", reason)
	}
	r = a.finish(a.deliver("pull_request", pull(t, f, "pull_request_opened", code, tip)))
	if got := r.succeeded("testOnGithubPullRequest"); got != `against main: ["docs/x.md","run.sh"]` {
		t.Errorf("testOnGithubPullRequest returned %s", got)
	}
	// A label changes no commit, and the function does not ask for filter.
	r = a.finish(a.deliver("pull_request", pull(t, f, "pull_request_labeled", code, tip)))
	if reason := r.skipped("testOnGithubPullRequest"); reason == "" || len(r.results) != 0 {
		t.Errorf("a label calls %+v, reason %q", r.results, reason)
	}
}

func TestFailureStopsNoSibling(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	nap := number()
	sha := f.repo.Commit("main", "1", join(rootfs(t),
		// Long enough for the container to be there: one that the engine is
		// about to start when its call is cancelled can stay behind.
		yaml("module-path: ci", "functions:", "  slowOnGithubPush: {timeout: 8s}"),
		dang(`
  pub failOnGithubPush(src: Directory!): Container! { shell(src, "echo before; echo the reason >&2; exit 3") }
  pub passOnGithubPush(src: Directory!): String! { shell(src, "sleep 3; echo passed").stdout }
  pub slowOnGithubPush(src: Directory!): Container! { shell(src, "echo sleeps; sleep `+nap+`") }
`))...)
	a := start(t, f, settings{})
	id := a.deliver("push", push(t, f, "", sha))
	r := a.finish(id)
	if got := r.succeeded("passOnGithubPush"); got != "passed\n" {
		t.Errorf("the sibling returned %q", got)
	}
	failed := r.result("failOnGithubPush")
	if failed.State != "failed" || !strings.Contains(failed.Error, "exit code 3") || !strings.Contains(failed.Error, "the reason") {
		t.Errorf("failOnGithubPush is %s: %q; want failed with exit code 3 and what it printed to stderr", failed.State, failed.Error)
	}
	_, failedAt := r.interval("failOnGithubPush")
	if _, passedAt := r.interval("passOnGithubPush"); !failedAt.Before(passedAt) {
		t.Errorf("the failure came at %s, after its sibling's end at %s", failedAt, passedAt)
	}
	slow := r.result("slowOnGithubPush")
	if slow.State != "timed-out" || !strings.Contains(slow.Error, "8s") {
		t.Errorf("slowOnGithubPush is %s: %q, want timed-out", slow.State, slow.Error)
	}
	if slow.Seconds < 8 || slow.Seconds > 11 {
		t.Errorf("slowOnGithubPush was ended after %.1fs, want 8s to 11s", slow.Seconds)
	}
	gone(t, 10*time.Second, "sleep", nap)
	if r.log.Succeeded != 1 || r.log.Failed != 1 || r.log.TimedOut != 1 {
		t.Errorf("the log counts otherwise: %s", r.log.text)
	}
}

// Same function, same tree: the engine would answer from its cache.
func TestEveryDeliveryReallyRuns(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", files(t, "testdata/fresh", "ci")...)
	a := start(t, f, settings{})
	body := push(t, f, "", sha)
	// One after the other, and two at the same time.
	first := a.finish(a.deliver("push", body)).succeeded("onGithubPush")
	ids := []string{a.deliver("push", another(body)), a.deliver("push", another(another(body)))}
	seen := map[string]bool{first: true}
	for _, id := range ids {
		seen[a.finish(id).succeeded("onGithubPush")] = true
	}
	if len(seen) != 3 {
		t.Errorf("three deliveries gave %d different results: %v", len(seen), seen)
	}
	if !strings.HasPrefix(first, "main ") {
		t.Errorf("onGithubPush returned %q, want the filter that its default value let through", first)
	}
	// The same default value, seen from the outside, lets no other branch
	// through.
	f.repo.Branch("feature", sha)
	r := a.finish(a.deliver("push", payload(t, "push", f, edits{"ref": "refs/heads/feature", "before": zeroSHA, "after": sha})))
	if reason := r.skipped("onGithubPush"); !strings.Contains(reason, "feature") {
		t.Errorf("the reason is %q", reason)
	}
}

func TestModuleThatDoesNotCompile(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(
		yaml("modules:", "  - path: broken", "  - path: unreadable", "  - path: ci"),
		files(t, "../../testdata/modules/broken", "broken"),
		[]gittest.Edit{
			gittest.Write("unreadable/dagger.json", manifest("unreadable", "go")),
			gittest.Write("unreadable/main.go", "package main\n\ntype Unreadable struct{}\n\nfunc (m *Unreadable) OnGithubPush( string {\n"),
		},
		dang(`  pub onGithubPush: String! { "fine" }`))...)
	a := start(t, f, settings{})
	r := a.finish(a.deliver("push", push(t, f, "", sha)))
	if got := r.succeeded("ci:onGithubPush"); got != "fine" {
		t.Errorf("the module that is fine returned %q", got)
	}
	for call, place := range map[string]string{"broken:onGithubPush": "main.go:7:9", "unreadable:": "main.go:5:43"} {
		if got := r.result(call); got.State != "invalid" || !strings.Contains(got.Error, place) {
			t.Errorf("%s is %s with %q; want invalid with %s", call, got.State, got.Error, place)
		}
	}
}

func TestRepositoriesWithModulesOfTheSameName(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	names := []string{"octo/one", "octo/two"}
	ids := map[string]string{}
	bodies := map[string][]byte{}
	for _, name := range names {
		repo := f.Repo(name)
		sha := repo.Commit("main", "1", join(rootfs(t), dang(`
  pub onGithubPush(src: Directory!): String! { shell(src, "sleep 1; echo `+name+`").stdout }
`))...)
		bodies[name] = payload(t, "push", f, edits{
			"repository.full_name": name, "repository.clone_url": f.CloneURL(name), "before": zeroSHA, "after": sha,
		})
	}
	a := start(t, f, settings{})
	for _, name := range names {
		ids[name] = a.deliver("push", bodies[name])
	}
	for _, name := range names {
		if got := a.finish(ids[name]).succeeded("onGithubPush"); got != name+"\n" {
			t.Errorf("%s returned %q", name, got)
		}
	}
}

func TestBadConfigurationMakesNoRun(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(
		yaml("module-path: ci", "secretz:", "  - name: token"),
		dang(`  pub onGithubPush: String! { "fine" }`))...)
	a := start(t, f, settings{})
	log := a.refuse(a.deliver("push", push(t, f, "", sha)))
	if !strings.Contains(log.Error, "pocketci.yaml:2:1") || !strings.Contains(log.Error, "secrets") {
		t.Errorf("the log says %q; want the place pocketci.yaml:2:1 and the right spelling", log.Error)
	}
	fixed := f.repo.Commit("main", "2", yaml("module-path: ci")...)
	if got := a.finish(a.deliver("push", push(t, f, sha, fixed))).succeeded("onGithubPush"); got != "fine" {
		t.Errorf("after the fix it returned %q", got)
	}
}

// Without an agent.yaml nothing says where other people's code may run.
func TestForkIsNotRun(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	base := f.repo.Commit("main", "1", dang(`  pub onGithubPullRequest: String! { "fine" }`)...)
	head := f.repo.Commit("refs/pull/9/head", "2", gittest.Write("a", "a"))
	a := start(t, f, settings{})
	log := a.refuse(a.deliver("pull_request", pull(t, f, "pull_request_fork", head, base)))
	for _, word := range []string{"code of the fork hubot-contrib/hello", "untrusted: true", "forks-share-engine: true"} {
		if !strings.Contains(log.Error, word) {
			t.Errorf("the reason %q does not say %q", log.Error, word)
		}
	}
	if len(f.Requests()) != 0 {
		t.Errorf("code of a fork was fetched: %+v", f.Requests())
	}
}
