package moduletest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/modules/engine"
)

// built is the directory of the command line, built once.
var built string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pocketci-moduletest-")
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	defer os.RemoveAll(dir)
	built = dir
	return m.Run()
}

var build = sync.OnceValues(func() ([]byte, error) {
	cmd := exec.Command("go", "build", "-o", filepath.Join(built, "pocketci"), "./cmd/pocketci")
	cmd.Dir = root
	return cmd.CombinedOutput()
})

// repository is a work tree with the module in it.
type repository struct {
	t   *testing.T
	dir string
}

// newRepository makes a repository of one commit that has the module, a root
// file system for containers, and a module that uses it from testdata.
func newRepository(t *testing.T, sample string) *repository {
	t.Helper()
	r := &repository{t, t.TempDir()}
	r.copy(filepath.Join(root, "pocketci-module"), "pocketci-module")
	if sample != "" {
		r.copy(filepath.Join("testdata", sample), "ci")
	}
	enginetest.Busybox(t, r.dir)
	gittest.Git(t, r.dir, "init", "--quiet", "--initial-branch=main")
	return r
}

func (r *repository) copy(from, to string) {
	r.t.Helper()
	if err := os.CopyFS(filepath.Join(r.dir, to), os.DirFS(from)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repository) write(name, content string) {
	r.t.Helper()
	name = filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// replace changes a file of the work tree.
func (r *repository) replace(name string, oldnew ...string) {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(text, oldnew[i]) {
			r.t.Fatalf("%s does not hold %q", name, oldnew[i])
		}
	}
	r.write(name, strings.NewReplacer(oldnew...).Replace(text))
}

// commit commits the work tree and returns the sha.
func (r *repository) commit() string {
	r.t.Helper()
	gittest.Git(r.t, r.dir, "add", "--all")
	gittest.Git(r.t, r.dir, "commit", "--quiet", "--message", "change")
	return gittest.Git(r.t, r.dir, "rev-parse", "HEAD")
}

// outcome is what a run came to.
type outcome struct {
	code    int
	results map[string]report.Result
	// printed is what steps in containers printed.
	printed string
	stderr  string
}

// run has the command line call what an event calls.
func (r *repository) run(event string, payload map[string]any, env ...string) outcome {
	r.t.Helper()
	if out, err := build(); err != nil {
		r.t.Fatalf("build pocketci: %v\n%s", err, out)
	}
	host, cli := enginetest.Env(r.t)
	data, err := json.Marshal(payload)
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.CommandContext(r.t.Context(), filepath.Join(built, "pocketci"), "run", "--json", "--dir", r.dir, "--event", event, "--payload", "-")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+r.t.TempDir(), engine.EnvRunnerHost+"="+host, engine.EnvCLI+"="+cli)
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(data), &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		r.t.Fatalf("run pocketci: %v", err)
	}
	o := outcome{code: cmd.ProcessState.ExitCode(), results: map[string]report.Result{}, stderr: stderr.String()}
	for line := range strings.Lines(stdout.String()) {
		var l report.Line
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			r.t.Fatalf("pocketci run --json printed %q: %v\n%s", line, err, &stderr)
		}
		if l.Type == "output" {
			o.printed += l.Text + "\n"
		}
		for _, result := range l.Results {
			o.results[result.Function] = result
		}
	}
	return o
}

// hosted is the part of GitHub's payloads that says which repository an event
// is about.
func hosted() map[string]any {
	return map[string]any{
		"full_name": "octo/hello", "clone_url": "https://github.com/octo/hello.git", "html_url": "https://github.com/octo/hello", "default_branch": "main",
	}
}

// push is GitHub's payload for a push of one commit.
func push(ref, before, after string) map[string]any {
	commit := map[string]any{"id": after, "message": "change", "author": map[string]any{"name": "Mona Lisa", "email": "mona@example.com", "username": "mona"}}
	return map[string]any{
		"ref": ref, "before": before, "after": after, "forced": false, "commits": []any{commit}, "head_commit": commit,
		"repository": hosted(), "sender": map[string]any{"login": "mona"},
	}
}

// pullRequest is GitHub's payload for a pull request that was opened.
func pullRequest(base, head string) map[string]any {
	return map[string]any{
		"action": "opened", "number": 7,
		"pull_request": map[string]any{
			"number": 7, "title": "Change", "html_url": "https://github.com/octo/hello/pull/7", "user": map[string]any{"login": "mona"},
			"head": map[string]any{"ref": "change", "sha": head, "repo": hosted()},
			"base": map[string]any{"ref": "main", "sha": base, "repo": hosted()},
		},
		"repository": hosted(), "sender": map[string]any{"login": "mona"},
	}
}
