package e2e_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/report"
)

// laptop is where a person runs the command line.
type laptop struct {
	t *testing.T
	// path holds a program dagger.
	path string
	env  []string
}

func newLaptop(t *testing.T, f *forge) *laptop {
	t.Helper()
	host, cli := enginetest.Env(t)
	l := &laptop{t: t, path: t.TempDir()}
	if err := os.Symlink(cli, filepath.Join(l.path, "dagger")); err != nil {
		t.Fatal(err)
	}
	l.env = append(cleanEnv(),
		"PATH="+l.path+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+t.TempDir(),
		"DAGGER_NO_NAG=1", "_EXPERIMENTAL_DAGGER_RUNNER_HOST="+host,
		"GITHUB_USERNAME="+f.user, "GITHUB_TOKEN="+f.token)
	return l
}

// run runs a program and returns its exit code and output.
func (l *laptop) run(dir, program string, args ...string) (code int, stdout, stderr string) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, l.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		l.t.Fatalf("run %s: %v", program, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// checkout is a clone of the forge's repository at a commit.
func checkout(t *testing.T, f *forge, sha string) string {
	t.Helper()
	dir := f.repo.Clone("main")
	gittest.Git(t, dir, "checkout", "--quiet", "--detach", sha)
	return dir
}

// plan asks the command line what an event calls.
func (l *laptop) plan(dir, kind string, body []byte) (int, *dispatcher.View) {
	l.t.Helper()
	code, stdout, stderr := l.run(dir, pocketciBinary(), "plan", "--json", "--event", kind, "--payload", l.file(body))
	var view dispatcher.View
	if err := json.Unmarshal([]byte(stdout), &view); err != nil {
		l.t.Fatalf("pocketci plan ended with %d and no plan: %v\n%s\n%s", code, err, stdout, stderr)
	}
	return code, &view
}

func (l *laptop) file(body []byte) string {
	l.t.Helper()
	name := filepath.Join(l.t.TempDir(), "payload.json")
	if err := os.WriteFile(name, body, 0o600); err != nil {
		l.t.Fatal(err)
	}
	return name
}

// comparable is a plan without what names the place where it was made: the
// event's id, what stands for the tree and the event file, and the commands
// that hold both.
func comparable(v *dispatcher.View) *dispatcher.View {
	same := *v
	same.Event.ID = ""
	same.Calls = slices.Clone(v.Calls)
	for i := range same.Calls {
		call := &same.Calls[i]
		call.Command = ""
		call.Args = maps.Clone(call.Args)
		for _, name := range []string{"src", "eventTrigger"} {
			if _, ok := call.Args[name]; ok {
				call.Args[name] = name
			}
		}
	}
	return &same
}

func TestServerAndLaptopPlanTheSame(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	modules := filepath.Join("..", "..", "testdata", "modules")
	first := f.repo.Commit("main", "first", join(
		files(t, filepath.Join(modules, "matching"), "matching"),
		files(t, filepath.Join(modules, "conditions"), "apps/conditions"),
		dang(`  pub onGithubPush: String! { "never" }`),
		yaml(
			"modules:",
			"  - path: matching",
			"    functions:",
			`      testOnGithubPullRequest: {on-changes: ["**/*.go", "!vendor/**"], timeout: 5m}`,
			`      labelOnGithubPullRequest: {filter: ["label*", opened]}`,
			"  - path: ./apps/conditions",
			"    secrets: [{name: token, from-env: GITHUB_TOKEN}, {name: extra, from-env: REFUSED}]",
			"    functions:",
			"      onGithubCreate:",
			"        args: {text: it's, count: 3, ratio: 0.5, strict: true, level: FULL, words: [a, b c], numbers: [1, 2]}",
			"  - path: ci",
			`    paths: ["nothing/**"]`),
		[]gittest.Edit{gittest.Write("docs/a.md", "a\n")})...)
	main := f.repo.Commit("main", "second", gittest.Write("app/main.go", "package main\n"), gittest.Write("docs/ünï, b.md", "b\n"))
	const branch = "feature/login-v2"
	f.repo.Branch(branch, first)
	before := f.repo.Commit(branch, "draft", gittest.Write("app/login.go", "package main\n"))
	f.repo.Branch("draft", before) // so that the clone has it as well
	f.repo.Branch(branch, main)
	head := f.repo.Commit(branch, "login", gittest.Write("app/login.go", "package main // 2\n"), gittest.Rename("docs/a.md", "docs/z.md"))
	f.repo.Branch("release/1.x", first)
	f.repo.Tag("v1.2.0", main)
	annotated := f.repo.AnnotatedTag("v2.0.0", main, "two")

	type delivery struct {
		kind, payload, at string
		changes           edits
	}
	requests := 0.0
	// Each is a pull request of its own, lest one ends the other's calls.
	request := func() edits {
		requests++
		return edits{"pull_request.head.sha": head, "pull_request.base.sha": main, "number": requests, "pull_request.number": requests}
	}
	tests := map[string]delivery{
		"a push":                      {"push", "push", main, edits{"before": first, "after": main}},
		"a first push":                {"push", "push_first_commit", first, edits{"after": first}},
		"a forced push":               {"push", "push_forced", head, edits{"before": before, "after": head}},
		"a new branch":                {"push", "push_new_branch", head, edits{"after": head}},
		"a tag":                       {"push", "push_tag", main, edits{"after": main}},
		"an annotated tag":            {"push", "push_tag_annotated", main, edits{"after": annotated}},
		"a deleted branch":            {"push", "push_deleted", main, nil},
		"a pull request opened":       {"pull_request", "pull_request_opened", head, request()},
		"a pull request synchronized": {"pull_request", "pull_request_synchronize", head, request()},
		"a pull request labeled":      {"pull_request", "pull_request_labeled", head, request()},
		"a pull request closed":       {"pull_request", "pull_request_closed", head, request()},
		"a release":                   {"release", "release_published", main, nil},
		"a created branch":            {"create", "create_branch", main, nil},
		"a deleted branch, as delete": {"delete", "delete_branch", main, nil},
		"a dispatch of a workflow":    {"workflow_dispatch", "workflow_dispatch", first, nil},
	}
	a := start(t, f, settings{})
	l := newLaptop(t, f)
	states := map[string]int{}
	var mu sync.Mutex
	t.Run("events", func(t *testing.T) {
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				body := payload(t, tt.payload, f, tt.changes)
				mine := *l
				mine.t = t
				code, view := mine.plan(checkout(t, f, tt.at), tt.kind, body)
				if tt.payload == "push_deleted" {
					// The agent has said all that there is in its answer.
					if code != 3 || len(view.Calls) != 0 {
						t.Errorf("exit code %d, %d calls", code, len(view.Calls))
					}
					return
				}
				r := a.finish(a.deliver(tt.kind, body))
				if diff := cmp.Diff(comparable(r.plan), comparable(view), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("the agent (-) and the laptop (+) differ:\n%s", diff)
				}
				want := 0
				switch {
				case len(view.Invalid) > 0:
					want = 2
				case len(view.Calls) == 0:
					want = 3
				}
				if code != want {
					t.Errorf("exit code %d, want %d", code, want)
				}
				mu.Lock()
				defer mu.Unlock()
				states["calls"] += len(view.Calls)
				states["invalid"] += len(view.Invalid)
				states["skipped"] += len(view.Skipped)
			})
		}
	})
	// What was compared was not empty.
	if states["calls"] < 10 || states["invalid"] < 2 || states["skipped"] < 50 {
		t.Errorf("the plans hold too little to prove something: %v", states)
	}
	t.Logf("compared %v in %d plans", states, len(tests))
}

// The dagger command line has no way to leave something out of a directory, so
// that its src has the .git that ours has not: the one difference.
func TestCommandOfAPlanGivesTheSameOutput(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	first := f.repo.Commit("main", "1", join(rootfs(t),
		yaml(
			"module-path: ./ci",
			"secrets: [{name: token, from-env: GITHUB_TOKEN}]",
			"functions:",
			"  constantsOnGithubPush:",
			"    args:",
			`      text: "it's \"$HOME\" and \\ `+"`date`"+`"`,
			`      dash: "--help"`,
			`      empty: ""`,
			"      yes: true",
			"      no: false",
			"      count: -3",
			`      words: ["a,b", "c d", "it's", '"quoted"']`,
			`      lines: "one\ntwo"`),
		dang(`
  pub constantsOnGithubPush(text: String!, dash: String!, empty: String!, yes: Boolean!, no: Boolean!, count: Int!, words: [String!]!, lines: String!): String! {
    JSON.encode([text, dash, empty, JSON.encode(yes), JSON.encode(no), JSON.encode(count), JSON.encode(words), lines])
  }
  pub changesOnGithubPush(onChanges: [String!]!, filter: String!, vendor: String!, event: String!): String! { JSON.encode(onChanges) + filter + vendor + event }
  pub joinedOnGithubPush(onChanges: String!, base: String!, runUrl: String!): String! { onChanges + base + runUrl }
  pub eventOnGithubPush(eventTrigger: File!): String! { eventTrigger.contents }
  pub sourceOnGithubPush(src: Directory!): String! { JSON.encode(src.withoutDirectory(".git").entries) }
  pub shellOnGithubPush(src: Directory!, token: Secret!): String! {
    shell(src, "true").withSecretVariable("TOKEN", token).withExec(["/bin/sh", "-c", "printf %s \"$TOKEN\" | sha256sum"]).stdout
  }
  pub countOnGithubPush: Int! { 42 }
  pub yesOnGithubPush: Boolean! { true }
`))...)
	second := f.repo.Commit("main", "2",
		gittest.Write("a,b.txt", "x"), gittest.Write(`it's "quoted".txt`, "x"), gittest.Write("ünï.txt", "x"), gittest.Write("dir with space/$HOME", "x"))
	l := newLaptop(t, f)
	body := push(t, f, first, second)
	payload := l.file(body)
	dir := checkout(t, f, second)
	elsewhere := t.TempDir()

	code, stdout, stderr := l.run(elsewhere, pocketciBinary(), "run", "--json", "--dir", dir, "--event", "push", "--payload", payload)
	if code != 0 {
		t.Fatalf("pocketci run: exit code %d\n%s\n%s", code, stdout, stderr)
	}
	outputs := map[string]report.Result{}
	for line := range strings.Lines(stdout + stderr) {
		var l report.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("pocketci run --json printed %q: %v", line, err)
		}
		for _, result := range l.Results {
			outputs[result.Function] = result
		}
	}
	if got, want := outputs["shellOnGithubPush"].Output, sha256sum(f.token)+"  -\n"; got != want {
		t.Errorf("the secret's sum is %q, want %q", got, want)
	}

	code, stdout, stderr = l.run(elsewhere, pocketciBinary(), "plan", "--json", "--dir", dir, "--event", "push", "--payload", payload)
	var view dispatcher.View
	if err := json.Unmarshal([]byte(stdout), &view); err != nil || code != 0 {
		t.Fatalf("pocketci plan: exit code %d: %v\n%s\n%s", code, err, stdout, stderr)
	}
	if len(view.Calls) != 8 || len(outputs) != 8 {
		t.Fatalf("%d calls and %d outputs, want 8", len(view.Calls), len(outputs))
	}
	if strings.Contains(stdout+stderr, f.token) {
		t.Error("the plan holds the token")
	}
	for _, call := range view.Calls {
		t.Run(call.Function, func(t *testing.T) {
			t.Parallel()
			mine := *l
			mine.t = t
			code, stdout, stderr := mine.run(elsewhere, "/bin/sh", "-c", call.Command)
			if code != 0 {
				t.Fatalf("%s\nexit code %d\n%s\n%s", call.Command, code, stdout, stderr)
			}
			got, want := strings.TrimSuffix(stdout, "\n"), strings.TrimSuffix(outputs[call.Function].Output, "\n")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\npocketci run (-) and the command (+) differ:\n%s", call.Command, diff)
			}
			if result := outputs[call.Function]; result.Command != call.Command {
				t.Errorf("the run reports the command %s, the plan %s", result.Command, call.Command)
			}
		})
	}
}
