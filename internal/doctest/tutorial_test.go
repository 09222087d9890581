package doctest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules/engine"
)

// shell is where a reader of the README follows it.
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	host, cli := enginetest.Env(t)
	home := t.TempDir()
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"dagger": cli, "pocketci": program(t, "pocketci")} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return &shell{t: t, dir: t.TempDir(), env: append(os.Environ(),
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, "cache"), "XDG_CONFIG_HOME="+filepath.Join(home, "config"),
		"GIT_AUTHOR_NAME=Reader", "GIT_AUTHOR_EMAIL=reader@example.com",
		"GIT_COMMITTER_NAME=Reader", "GIT_COMMITTER_EMAIL=reader@example.com",
		engine.EnvRunnerHost+"="+host, engine.EnvCLI+"="+cli,
	)}
}

// run gives a script to a shell that stops at the first mistake, and returns
// what it printed to standard output.
func (s *shell) run(dir, script string) (string, error) {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "bash", "-eu", "-o", "pipefail", "-c", script)
	command.Dir, command.Env = filepath.Join(s.dir, dir), s.env
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%w\n%s\n%s", err, out, stderr.String())
	}
	return string(out), err
}

func (s *shell) must(dir, script string) string {
	s.t.Helper()
	out, err := s.run(dir, script)
	if err != nil {
		s.t.Fatalf("%s\n%v", script, err)
	}
	return out
}

// plan makes the plan of an event as JSON.
func (s *shell) plan(flags string) dispatcher.View {
	s.t.Helper()
	return viewOf(s.t, s.must("hello", "pocketci plan --json "+flags))
}

func viewOf(t *testing.T, plan string) (view dispatcher.View) {
	t.Helper()
	if err := json.Unmarshal([]byte(plan), &view); err != nil {
		t.Fatalf("%v: %s", err, plan)
	}
	return view
}

// The first module of the README, word for word, on the real engine: all of its
// blocks but the first, which gets the programs.
func TestFirstModule(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	s := newShell(t)
	var scripts []string
	var source string
	for _, b := range readPage(t, "README.md").blocks {
		switch {
		case b.section != "Your first module":
		case b.language == "go":
			source = b.text
		case b.language == "sh" && !strings.Contains(b.text, "git clone"):
			scripts = append(scripts, b.text)
		}
	}
	if len(scripts) != 3 || source == "" {
		t.Fatalf("README.md has %d blocks of commands, want 3 and one of Go", len(scripts))
	}

	s.must("", scripts[0])
	if err := os.WriteFile(filepath.Join(s.dir, "hello/ci/main.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	out := s.must("hello", scripts[1])
	for _, want := range []string{
		"changed files: 9\n",
		"ci:onGithubPushMain  (named On<Vendor><Event><Filter>)",
		"ci:lintOnGithubPullRequest  its name waits for OnGithubPullRequest, the event is github push main",
		"ci:onGithubPushMain  succeeded",
		"Go files, 9 files changed by this push",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the push printed no %q:\n%s", want, out)
		}
	}

	out = s.must("hello", scripts[2])
	for _, want := range []string{
		"ci:testOnGithubPullRequest  (named On<Vendor><Event>)",
		"ci:lintOnGithubPullRequest  no changed file matches **/*.go, go.mod, go.sum",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the pull request printed no %q:\n%s", want, out)
		}
	}

	t.Run("the example of docs/cli.md", func(t *testing.T) {
		cli := readPage(t, "docs/cli.md")
		var example dispatcher.View
		for _, b := range cli.blocksOf("json") {
			if b.section == "plan" {
				if err := json.Unmarshal([]byte(b.text), &example); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := s.plan("--event pull_request --payload ../pr.json")
		// What depends on the time of the commit.
		example.Event.ID, example.Event.SHA = got.Event.ID, got.Event.SHA
		if diff := cmp.Diff(example, got); diff != "" {
			t.Errorf("plan (-docs/cli.md +now):\n%s", diff)
		}
		text := strings.ReplaceAll(cli.blocksOf("text")[0].text, "e3eb2bf9d483", got.Event.SHA[:12])
		if _, plan, _ := strings.Cut(out, "create mode 100644 README.md\n"); plan != text {
			t.Errorf("plan (-docs/cli.md +README's):\n%s", cmp.Diff(text, plan))
		}
	})

	t.Run("with a Go file", func(t *testing.T) {
		view := s.plan("--event pull_request --payload ../pr.json --changes main.go,README.md")
		if len(view.Calls) != 2 || view.Calls[0].Function != "lintOnGithubPullRequest" {
			t.Errorf("calls %v, want both", view.Calls)
		}
	})

	t.Run("the command", func(t *testing.T) {
		view := s.plan("--event push --payload ../push.json")
		if len(view.Calls) != 1 {
			t.Fatalf("calls %v, want one", view.Calls)
		}
		if out := s.must("hello", view.Calls[0].Command); !strings.Contains(out, "9 files changed by this push") {
			t.Errorf("%s printed %q", view.Calls[0].Command, out)
		}
	})

	t.Run("the example of docs/event-file.md", func(t *testing.T) {
		examples := readPage(t, "docs/event-file.md").blocksOf("go")
		if len(examples) != 1 {
			t.Fatalf("docs/event-file.md has %d examples in Go, want one", len(examples))
		}
		source := "package main\n\nimport (\n\t\"context\"\n\t\"encoding/json\"\n\n\t\"dagger/ci/internal/dagger\"\n)\n\n" + examples[0].text
		file := filepath.Join(s.dir, "hello/ci/event.go")
		if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(file)
		out := s.must("hello", `sha=$(git rev-parse HEAD)
pocketci run --event push --payload - <<END
{
  "ref": "refs/heads/docs", "before": "$(git rev-parse main)", "after": "$sha", "sender": {"login": "mona"},
  "repository": {"full_name": "you/hello", "clone_url": "https://github.com/you/hello.git", "default_branch": "main"}
}
END
echo "want mona pushed $sha"`)
		_, want, _ := strings.Cut(strings.TrimSpace(out), "want ")
		if strings.Count(out, want) != 2 {
			t.Errorf("it returned no %q:\n%s", want, out)
		}
	})

	t.Run("exit codes", func(t *testing.T) {
		for flags, want := range map[string]int{
			"plan --event push --payload ../push.json":   0,
			"plan --event manual":                        3,
			"run --event manual":                         3,
			"plan --event push --payload /dev/null":      2,
			"plan --event push":                          2,
			"plan --event push --payload ../pr.json":     2,
			"call onGithubPushMain":                      2,
			"call onGithubPushMain --arg nobody=knows":   2,
			"functions --json":                           0,
			"call on-github-push-main --arg on-changes=": 0,
		} {
			_, err := s.run("hello", "pocketci "+flags)
			code := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				code = exit.ExitCode()
			}
			if code != want {
				t.Errorf("pocketci %s: exit %d, want %d: %v", flags, code, want, err)
			}
		}
	})
}

// With the three variables of the README the agent starts, takes what the
// secret has signed and nothing else, and stops in order.
func TestAgentOfTheReadme(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	var script string
	for _, b := range readPage(t, "README.md").blocksOf("sh") {
		if b.section == "The agent" {
			script = b.text
		}
	}
	secret := rand.Text()
	env := os.Environ()
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if words[0] != "export" {
			continue
		}
		name, _, _ := strings.Cut(words[1], "=")
		env = append(env, name+"="+secret)
	}
	if len(env) != len(os.Environ())+3 {
		t.Fatalf("README.md sets %d variables, want 3", len(env)-len(os.Environ()))
	}
	// A free port, and nothing of the machine's own.
	env = append(env, "POCKETCI_LISTEN=127.0.0.1:0", "POCKETCI_DATA_DIR="+t.TempDir())

	a := startAgent(t, env)
	base := a.url

	if response, err := http.Get(base + "/healthz"); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %v %v", response, err)
	}
	for key, want := range map[string]int{secret: http.StatusOK, "another": http.StatusUnauthorized} {
		body := []byte(`{"zen": "Keep it logically awesome."}`)
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(body)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-GitHub-Event", "ping")
		request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("a ping: %s, want %d", response.Status, want)
		}
	}
	a.stop()
}
