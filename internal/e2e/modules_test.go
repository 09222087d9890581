package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// folder writes files to a new folder of a name.
func folder(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// tool is a module in Dang with the given functions, in a folder of its own.
func tool(t *testing.T, name, functions string) string {
	t.Helper()
	return folder(t, name, map[string]string{
		"dagger.json":   manifest("tool", "dang"),
		"main.dang":     "type Tool {\n" + functions + "\n}\n",
		"docs/notes.md": "notes of " + name,
		".gitignore":    "*.tmp\n",
		"a.tmp":         "not of the module",
		".env":          "SECRET=not of the module",
	})
}

// must runs pocketci against the agent, and wants it to succeed.
func (a *agent) must(key string, args ...string) string {
	a.t.Helper()
	code, out := a.cli(key, args...)
	if code != 0 {
		a.t.Fatalf("pocketci %s: exit code %d: %s", strings.Join(args, " "), code, out)
	}
	return out
}

// byHand has the agent call a function of a stored module and waits for the end.
func (a *agent) byHand(key, repository, function string, more ...string) *run {
	a.t.Helper()
	return a.begun(a.must(key, append([]string{"call", function, "--repo", repository, "--json"}, more...)...))
}

// begun waits for the end of what a command has started.
func (a *agent) begun(answer string) *run {
	a.t.Helper()
	var made v1.Accepted
	if err := json.Unmarshal([]byte(answer), &made); err != nil {
		a.t.Fatalf("%v: %s", err, answer)
	}
	a.mu.Lock()
	a.runs[made.Event] = strconv.FormatInt(made.Number, 10)
	a.mu.Unlock()
	return a.finish(made.Event)
}

// The life of modules that are in no repository, with a restart of the agent in it.
func TestStoredModules(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	dir := t.TempDir()
	settings := settings{args: append(agentYAML(t,
		"secrets:", "- repositories: [.modules/greeter]", "  env: [GREETING]", "- repositories: [.modules/host]", "  env: [OTHER]"),
		"--data-dir", dir), env: []string{"GREETING=swordfish"}}
	a := start(t, f, settings)
	a.dataDir = dir
	key := a.key("admin")

	greeter := tool(t, "greeter", `  pub greet(name: String!, times: Int!): String! { "hello " + name + " " + JSON.encode(times) }
  pub read(notes: File!, src: Directory!): String! { notes.contents + " " + src.entries.join(",") }
  pub reveal(token: Secret!): String! { "got " + token.plaintext }`)
	broken := tool(t, "broken", "  pub greet: String! { nothing }")

	// One is broken, and none is stored.
	code, out := a.cli(key, "module", "deploy", greeter, broken)
	if code != 1 || !strings.Contains(out, "broken: ") || !strings.Contains(out, "nothing was stored") {
		t.Errorf("a broken module: exit code %d: %s", code, out)
	}
	if out := a.must(key, "module", "list"); strings.Contains(out, "greeter") {
		t.Errorf("stored are %s", out)
	}
	if out := a.must(key, "module", "deploy", "--dry-run", greeter); !strings.Contains(out, "greeter would be created") || !strings.Contains(out, "added .:greet") {
		t.Errorf("a dry run says %s", out)
	}
	farewell := tool(t, "farewell", `  pub onTimeTick: String! { "ticks" }`)
	a.must(key, "module", "deploy", greeter, farewell)

	first := a.byHand(key, ".modules/greeter", "greet", "--arg", "name=Ada", "--arg", "times=3")
	if got := first.succeeded(".:greet"); got != "hello Ada 3" {
		t.Errorf("it returned %q", got)
	}
	if command := first.plan.Calls[0].Command; command != "cd greeter && dagger call -m . greet --name Ada --times 3" {
		t.Errorf("its command is %s", command)
	}
	if got := a.byHand(key, ".modules/greeter", "read", "--arg", "notes=docs/notes.md").succeeded(".:read"); got != "notes of greeter .gitignore,dagger.json,docs/,main.dang" {
		t.Errorf("it read %q", got)
	}
	if got := a.byHand(key, ".modules/greeter", "reveal", "--arg", "token=env://GREETING").succeeded(".:reveal"); got != "got ***" {
		t.Errorf("with its secret it returned %q", got)
	}
	// Wrong arguments are refused at once, as the functions are known.
	for args, says := range map[string]string{
		"--arg name=Ada --arg times=three":          `.:greet: "three" is not a whole number`,
		"--arg name=Ada":                            ".:greet: it is required (Int!)",
		"--arg name=Ada --arg times=3 --arg x=y":    ".:greet: the function does not declare it",
		"--module ci --arg name=Ada --arg times=3 ": "the repository has no module ci",
	} {
		args := append([]string{"call", "greet", "--repo", ".modules/greeter"}, strings.Fields(args)...)
		if code, out := a.cli(key, args...); code != 1 || !strings.Contains(out, says) {
			t.Errorf("%s: exit code %d: %s, want %q", args, code, out, says)
		}
	}
	if code, out := a.cli(key, "call", "read", "--repo", ".modules/greeter", "--arg", "notes=../notes.md"); code != 1 || !strings.Contains(out, "leaves the repository") {
		t.Errorf("a file outside: exit code %d: %s", code, out)
	}
	if out := a.must(key, "call", "greet", "--repo", ".modules/greeter", "--show"); !strings.Contains(out, "times") || !strings.Contains(out, "required") {
		t.Errorf("it is shown as %s", out)
	}

	// Another version, and the agent starts anew.
	a.must(key, "disable", ".modules/greeter", "--module", ".", "--function", "reveal")
	if err := os.WriteFile(filepath.Join(greeter, "main.dang"), []byte("type Tool {\n  pub greet(name: String!): String! { \"good day \" + name }\n  pub reveal(token: Secret!): String! { \"x\" }\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := a.must(key, "module", "deploy", greeter); !strings.Contains(out, "greeter is updated") || !strings.Contains(out, "changed .:greet") || !strings.Contains(out, "removed .:read") {
		t.Errorf("deploying again says %s", out)
	}
	a.endNow()
	a = start(t, f, settings)
	a.dataDir = dir
	if got := a.byHand(key, ".modules/greeter", "greet", "--arg", "name=Ada").succeeded(".:greet"); got != "good day Ada" {
		t.Errorf("the new version returned %q", got)
	}
	if out := a.must(key, "call", "reveal", "--repo", ".modules/greeter", "--arg", "token=env://GREETING", "--wait"); !strings.Contains(out, "skipped") {
		t.Errorf("what is disabled was called: %s", out)
	}

	// The old run is replayed and restarted with the old version.
	if got := a.begun(a.must(key, "replay", first.log.Event.ID, "--json")).succeeded(".:greet"); got != "hello Ada 3" {
		t.Errorf("the replay returned %q", got)
	}
	if out := a.must(key, "restart", "1", "--fail"); !strings.Contains(out, "succeeded") {
		t.Errorf("the restart says %s", out)
	}

	// What comes out is what went in.
	exported := filepath.Join(t.TempDir(), "exported")
	a.must(key, "module", "export", "greeter", "--dir", exported)
	for _, name := range []string{"dagger.json", "main.dang", "docs/notes.md", ".gitignore"} {
		want, err := os.ReadFile(filepath.Join(greeter, name))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(exported, name)); err != nil || string(got) != string(want) {
			t.Errorf("%s came out as %q (%v)", name, got, err)
		}
	}
	for _, name := range []string{".env", "a.tmp"} {
		if _, err := os.Lstat(filepath.Join(exported, name)); err == nil {
			t.Errorf("%s was stored", name)
		}
	}

	// Under another name it keeps its past; secrets go by the name.
	a.must(key, "module", "rename", "greeter", "host")
	if got := a.byHand(key, ".modules/host", "greet", "--arg", "name=Bo").succeeded(".:greet"); got != "good day Bo" {
		t.Errorf("under its new name it returned %q", got)
	}
	if out := a.must(key, "runs", "list", "--repo", ".modules/host", "--limit", "100"); !strings.Contains(out, "\n1 ") {
		t.Errorf("its runs are %s", out)
	}
	a.must(key, "enable", ".modules/host", "--module", ".", "--function", "reveal")
	if code, out := a.cli(key, "call", "reveal", "--repo", ".modules/host", "--arg", "token=env://GREETING"); code != 1 || !strings.Contains(out, "GREETING") {
		t.Errorf("the secret of its old name: exit code %d: %s", code, out)
	}

	// Deleted, it is not called any more, and its runs stay.
	a.must(key, "module", "delete", "host")
	if out := a.must(key, "runs", "show", "1"); !strings.Contains(out, ".modules/host") || !strings.Contains(out, ".:greet") {
		t.Errorf("its run is %s", out)
	}
	if code, out := a.cli(key, "restart", "1", "--fail"); code != 1 || !strings.Contains(out, "the module of the run has been deleted") {
		t.Errorf("restarted after it was deleted: exit code %d: %s", code, out)
	}
	if out := a.must(key, "replay", first.log.Event.ID, "--wait"); !strings.Contains(out, "there is no such module") {
		t.Errorf("replayed after it was deleted: %s", out)
	}
}

// What a module needs has to be in its folder.
func TestStoredModuleWithDependencies(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	a := start(t, f, settings{})
	key := a.key("admin")
	both := folder(t, "both", map[string]string{
		"pocketci.yaml":     "module-path: app\n",
		"app/dagger.json":   `{"name": "app", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}, "dependencies": [{"name": "words", "source": "../words"}]}`,
		"app/main.dang":     "type App {\n  pub say: String! { words.word }\n}\n",
		"words/dagger.json": manifest("words", "dang"),
		"words/main.dang":   "type Words {\n  pub word: String! { \"together\" }\n}\n",
	})
	code, out := a.cli(key, "module", "deploy", filepath.Join(both, "app"))
	if code != 1 || !strings.Contains(out, "leaves the repository") || !strings.Contains(out, "deploy one that holds it all, with a pocketci.yaml") {
		t.Errorf("a dependency outside: exit code %d: %s", code, out)
	}
	a.must(key, "module", "deploy", both)
	if got := a.byHand(key, ".modules/both", "say").succeeded("app:say"); got != "together" {
		t.Errorf("it returned %q", got)
	}
	empty := folder(t, "empty", map[string]string{"README.md": "nothing"})
	if code, out := a.cli(key, "module", "deploy", empty); code != 1 || !strings.Contains(out, "empty: the repository has no Dagger module") {
		t.Errorf("no module: exit code %d: %s", code, out)
	}
}

// Agents that share a database share its modules, whoever was given them.
func TestStoredModuleOnSeveralAgents(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	dsn, s := shared(t)
	one, two := with(t, f, dsn), with(t, f, dsn)
	_, key, err := s.CreateKey(t.Context(), store.NewKey{Name: "ann", Scope: store.KeyScopeAdmin}, store.Actor{Person: "test"})
	if err != nil {
		t.Fatal(err)
	}
	one.must(key, "module", "deploy", tool(t, "shared", `  pub where: String! { "anywhere" }`))
	for _, a := range []*agent{one, two} {
		if out := a.must(key, "call", "where", "--repo", ".modules/shared", "--wait", "--fail"); !strings.Contains(out, "succeeded") {
			t.Errorf("it came to %s", out)
		}
	}
}

// A function of any name of a repository's module is called by hand, and takes parts of
// the repository.
func TestCallByHandOfARepository(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(dang(`
  pub onGithubPush: String! { "pushed" }
  pub count(level: Level!, numbers: [Int!]!, notes: File!, part: Directory!): String! { JSON.encode(level) + JSON.encode(numbers) + notes.contents + part.entries.join(",") }
}

enum Level {
  LOW
  HIGH
`), files(t, "../../testdata/modules/broken", "docs"))...)
	a := start(t, f, settings{})
	event := a.deliver("push", push(t, f, "", sha))
	a.finish(event)
	key := a.key("run")
	args := []string{"--arg", "level=HIGH", "--arg", "numbers=1,-2", "--arg", "notes=ci/dagger.json", "--arg", "part=docs", "--cause", event}
	r := a.byHand(key, fullName, "ci:count", append(args, "--ref", "main")...)
	got := r.succeeded("count")
	for _, part := range []string{`"HIGH"[1,-2]`, `"sdk": {"source": "dang"}`, "main.go"} {
		if !strings.Contains(got, part) {
			t.Errorf("it returned %q, want %q in it", got, part)
		}
	}
	if want := f.CloneURL(fullName) + "#" + sha + ":docs"; r.plan.Calls[0].Args["part"] != want {
		t.Errorf("the plan has %v, want %s", r.plan.Calls[0].Args["part"], want)
	}
	for arg, says := range map[string]string{
		"level=MIDDLE": `"MIDDLE" is none of HIGH, LOW`, "numbers=1,x": `"x" is not a whole number`,
		"notes=none": `"none" is not there at this commit`, "part=/etc": "is an absolute path",
	} {
		wrong := append(append([]string{"call", "count", "--repo", fullName}, args...), "--arg", arg)
		if code, out := a.cli(key, wrong...); code != 1 || !strings.Contains(out, says) {
			t.Errorf("%s: exit code %d: %s, want %q", arg, code, out, says)
		}
	}
	if out := a.must(key, "functions", "--repo", fullName, "--declared"); !strings.Contains(out, "ci:count") || !strings.Contains(out, "level CiLevel!") {
		t.Errorf("declared are %s", out)
	}
	if out := a.must(key, "events", "show", r.log.Event.ID, "--file", "-"); !strings.Contains(out, `"cause": "`+event+`"`) {
		t.Errorf("the event file is %s, want the cause %s in it", out, event)
	}
}

// A source of agent.yaml calls a stored module, as it is when the event comes.
func TestScheduleCallsAStoredModule(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	a := start(t, f, settings{args: agentYAML(t, "schedules:", "- {name: often, every: 2s, calls: {module: ticker}}", "- {name: never, every: 2s, calls: {module: nobody}}")})
	key := a.key("admin")
	dir := tool(t, "ticker", `  pub onTimeTickOften(filter: String!): String! { "ticked " + filter }
  pub onTimeTickNever: String! { "never" }
  pub onTimeTickOwn: String! { "own" }`)
	// Dang hides the defaults of arguments, so that the schedule stands there.
	if err := os.WriteFile(filepath.Join(dir, "pocketci.yaml"), []byte("module-path: .\nfunctions:\n  onTimeTickOwn: {schedule: '@every 2s'}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a.must(key, "module", "deploy", dir)
	// That of agent.yaml, and the function's own, which begins with the deployment.
	for _, function := range []string{"onTimeTickOften", "onTimeTickOwn"} {
		until(t, function+" is called by its schedule", patience, func() bool {
			return strings.Contains(a.must(key, "calls", "list", "--limit", "100"), function)
		})
	}
	if out := a.must(key, "events", "list", "--limit", "100"); !strings.Contains(out, ".modules/ticker") || !strings.Contains(out, "often") {
		t.Errorf("the events are %s", out)
	}
	a.must(key, "module", "delete", "ticker")
	if out := a.must(key, "calls", "list", "--limit", "100"); !strings.Contains(out, "onTimeTickOften") || strings.Contains(out, "onTimeTickNever") {
		t.Errorf("called are %s", out)
	}
}
