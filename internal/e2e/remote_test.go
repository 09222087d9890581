package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// library is the repository that others take a module from.
const library = "acme/tools"

// publish commits the module go of the library, which says a word and depends on a
// module beside it.
func publish(f *forge, repo *gittest.Repo, word string) string {
	return repo.Commit("main", word,
		gittest.Write("go/dagger.json", `{"name": "go", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}, "dependencies": [{"name": "words", "source": "../words"}]}`),
		gittest.Write("go/.env", "LEAK=cmd://id"),
		gittest.Write("go/main.dang", `type Go {
  let own: Directory!
  new(own: Directory! @defaultPath(path: "/")) {
    self.own = own
    self
  }
  pub sayOnGithubPush(src: Directory!): String! { words.word + " " + JSON.encode(src.entries) }
  pub ownOnGithubPush: String! { JSON.encode(own.entries) }
  pub secretOnGithubPush(token: Secret!): String! { "got " + token.plaintext }
  pub leakOnGithubPush: String! { Dagger.secret("env://GITHUB_TOKEN").plaintext }
}
`),
		gittest.Write("words/dagger.json", manifest("words", "dang")),
		gittest.Write("words/main.dang", `type Words {
  pub word: String! { "`+word+`" }
}
`))
}

// agentYAML writes an agent.yaml and returns the flag that names it.
func agentYAML(t *testing.T, lines ...string) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", name}
}

// A repository names a module of another one, by a tag.
func TestModuleOfAnotherRepository(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	tools := f.Repo(library)
	one := publish(f, tools, "one")
	tools.Tag("v1", one)
	ref := f.CloneURL(library) + "/go@v1"
	allowed := f.Host() + "/" + library + "/go@v1"
	sha := f.repo.Commit("main", "1", join(
		yaml("modules:",
			"  - path: ci",
			"  - path: "+ref,
			"    secrets: [{name: token, from-env: GITHUB_TOKEN}]",
			"    functions: {sayOnGithubPush: {after: 'ci:onGithubPush'}}"),
		dang(`  pub onGithubPush: String! { "of the repository" }`))...)
	body := push(t, f, "", sha)

	// Without the operator's word, it alone is invalid.
	closed := start(t, f, settings{})
	f.Reset()
	r := closed.finish(closed.deliver("push", body))
	if got := r.succeeded("onGithubPush"); got != "of the repository" {
		t.Errorf("the repository's own module returned %q", got)
	}
	got := r.result(ref + ":")
	if want := "the agent does not allow the module " + allowed + " of another repository; in its agent.yaml, modules: {remote: [\"" + f.Host() + "/" + library + "/go@*\"]} does"; got.State != "invalid" || !strings.Contains(got.Error, want) {
		t.Errorf("it is %s: %q, want %q", got.State, got.Error, want)
	}
	for _, request := range f.Requests() {
		if strings.Contains(request.Path, library) {
			t.Errorf("the refused module was asked for: %s", request.Path)
		}
	}

	open := settings{args: agentYAML(t, `modules: {remote: ["`+f.Host()+`/acme/*/go@v*"]}`)}
	a := start(t, f, open)
	first := a.deliver("push", another(body))
	r = a.finish(first)
	check := func(r *run, word string) {
		t.Helper()
		if got := r.succeeded(ref + ":sayOnGithubPush"); got != word+` ["ci/","pocketci.yaml"]` {
			t.Errorf("its function returned %q, want %s and the event's repository", got, word)
		}
		if got := r.succeeded(ref + ":ownOnGithubPush"); got != `["go/","words/"]` {
			t.Errorf("a default path is %q, want the module's own repository", got)
		}
		if got := r.succeeded(ref + ":secretOnGithubPush"); got != "got ***" {
			t.Errorf("with a secret it returned %q", got)
		}
		if got := r.result(ref + ":leakOnGithubPush"); got.State != "failed" {
			t.Errorf("a variable of the agent: %+v", got)
		}
	}
	pinned := func(r *run, commit string) {
		t.Helper()
		if len(r.plan.Pinned) != 1 || r.plan.Pinned[0] != (dispatcher.PinnedView{Module: ref, Commit: commit}) {
			t.Errorf("the plan has the commits %v, want %s", r.plan.Pinned, commit)
		}
		for _, call := range r.plan.Calls {
			if want := "dagger call -m " + f.CloneURL(library) + "/go@" + commit + " "; call.Module == ref && !strings.HasPrefix(call.Command, want) {
				t.Errorf("the command is %s, want %s", call.Command, want)
			}
		}
	}
	check(r, "one")
	pinned(r, one)

	// The tag moves, and the agent is another process.
	two := publish(f, tools, "two")
	tools.Git("tag", "--force", "v1", two)
	a.endNow()
	open.args = append(open.args, "--data-dir", a.dataDir)
	b := start(t, f, open)
	b.runs[first] = a.runs[first]
	b.dataDir = a.dataDir
	s := beside(t, b)
	number := a.runs[first]
	before := await(t, s, number, store.StateFailed) // of leakOnGithubPush
	if _, err := s.Restart(t.Context(), before.ID, store.RestartAll, somebody); err != nil {
		t.Fatal(err)
	}
	until(t, "the second attempt ends", patience, func() bool {
		for _, again := range runsOf(t, s) {
			if again.ID == before.ID {
				return again.Attempt == 2 && again.State.Final()
			}
		}
		return false
	})
	if c := callOf(t, s, before.ID, "sayOnGithubPush"); c.Attempt != 2 || !strings.Contains(string(c.Result), "one") {
		t.Errorf("attempt %d of the restarted run is %s: %s, want what the tag was", c.Attempt, c.State, c.Result)
	}
	r = b.finish(b.deliver("push", another(another(body))))
	check(r, "two")
	pinned(r, two)
}

// On a laptop whoever types the command decides, and it is https or nothing.
func TestModuleOfAnotherRepositoryOnALaptop(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	tls := gittest.NewTLSServer(t)
	one := publish(f, tls.Repo(library), "one")
	ref := tls.CloneURL(library) + "/go@main"
	sha := f.repo.Commit("main", "1", yaml("module-path: "+ref, "secrets: [{name: token, from-env: GITHUB_TOKEN}]")...)
	l := newLaptop(t, f)
	l.env = append(l.env, "GIT_SSL_CAINFO="+tls.CAFile())
	dir := checkout(t, f, sha)
	body := push(t, f, "", sha)
	code, plan := l.plan(dir, "push", body)
	if code != 0 || len(plan.Calls) != 4 || len(plan.Pinned) != 1 || plan.Pinned[0].Commit != one {
		t.Fatalf("exit code %d, plan %+v", code, plan)
	}
	code, stdout, stderr := l.run(dir, pocketciBinary(), "plan", "--event", "push", "--payload", l.file(body))
	if want := ref + " is at commit " + one + "\n"; code != 0 || !strings.Contains(stdout, want) || !strings.Contains(stdout, "\n  "+ref+":sayOnGithubPush  (") {
		t.Errorf("exit code %d, the plan does not say %q: %s %s", code, want, stdout, stderr)
	}
	code, stdout, stderr = l.run(dir, pocketciBinary(), "call", ref+":say-on-github-push")
	if code != 0 || !strings.Contains(stdout, `one ["pocketci.yaml"]`) {
		t.Errorf("called by hand: exit code %d: %s %s", code, stdout, stderr)
	}
	code, stdout, _ = l.run(dir, pocketciBinary(), "call", "own-on-github-push")
	if code != 0 || !strings.Contains(stdout, `["go/","words/"]`) {
		t.Errorf("a default path on a laptop: exit code %d: %s", code, stdout)
	}
	code, stdout, _ = l.run(dir, pocketciBinary(), "functions")
	if code != 0 || !strings.Contains(stdout, ref+":sayOnGithubPush") {
		t.Errorf("functions: exit code %d: %s", code, stdout)
	}
}
