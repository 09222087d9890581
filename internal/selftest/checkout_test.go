package selftest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/gittest"
)

// root is the project's own checkout.
var root = filepath.Join("..", "..")

// checkout makes a repository of one commit with the project's files as a
// clean clone would have them: what git ignores is left behind.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	// The checkout may belong to somebody else, as in a container.
	files := gittest.Git(t, root, "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z")
	for name := range strings.SplitSeq(strings.TrimRight(files, "\x00"), "\x00") {
		copyFile(t, filepath.Join(root, name), filepath.Join(dir, name))
	}
	gittest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	commit(t, dir)
	return dir
}

// copyFile copies a file with its permissions. One that is gone was deleted in
// the work tree.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Lstat(from)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if info.Mode()&os.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err == nil {
			err = os.Symlink(target, to)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, info.Mode().Perm())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// commit commits everything in a work tree and returns the sha.
func commit(t *testing.T, dir string) string {
	t.Helper()
	gittest.Git(t, dir, "add", "--all")
	gittest.Git(t, dir, "commit", "--quiet", "--message", "change")
	return commitOf(t, dir)
}

// commitOf is the commit that a work tree is at.
func commitOf(t *testing.T, dir string) string {
	t.Helper()
	return gittest.Git(t, dir, "rev-parse", "HEAD")
}

// plan is what pocketci plan --json says about an event in a checkout.
func plan(t *testing.T, dir, event string, payload map[string]any) dispatcher.View {
	t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program(t), "plan", "--dir", dir, "--event", event, "--payload", "-", "--json")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pocketci plan: %v\n%s%s", err, out, &stderr)
	}
	var view dispatcher.View
	if err := json.Unmarshal(out, &view); err != nil {
		t.Fatalf("pocketci plan --json: %v\n%s", err, out)
	}
	return view
}

// program builds the command line.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pocketci")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", name, "./cmd/pocketci")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build pocketci: %v\n%s", err, out)
	}
	return name
}

// repository is the part of GitHub's payloads that says which repository an
// event is about.
func repository() map[string]any {
	return map[string]any{
		"id": 1, "name": "pocketci", "full_name": "franela/pocketci", "private": false, "default_branch": "main",
		"owner": map[string]any{"login": "franela"}, "html_url": "https://github.com/franela/pocketci",
		"clone_url": "https://github.com/franela/pocketci.git",
	}
}

// pullRequest is GitHub's payload for a pull request that was opened.
func pullRequest(base, head string) map[string]any {
	return map[string]any{
		"action": "opened", "number": 7,
		"pull_request": map[string]any{
			"number": 7, "state": "open", "draft": false, "merged": false,
			"head": map[string]any{"ref": "change", "sha": head, "repo": repository()},
			"base": map[string]any{"ref": "main", "sha": base, "repo": repository()},
			"user": map[string]any{"login": "ada"},
		},
		"repository": repository(), "sender": map[string]any{"login": "ada"},
	}
}

// push is GitHub's payload for a push to main.
func push(before, after string) map[string]any {
	return map[string]any{
		"ref": "refs/heads/main", "before": before, "after": after,
		"created": false, "deleted": false, "forced": false, "commits": []any{},
		"repository": repository(), "sender": map[string]any{"login": "ada"},
	}
}

// called lists the functions that a plan calls.
func called(view dispatcher.View) []string {
	names := []string{}
	for _, c := range view.Calls {
		names = append(names, c.Function)
	}
	return names
}

// reason is why a plan does not call a function.
func reason(t *testing.T, view dispatcher.View, function string) string {
	t.Helper()
	for _, s := range view.Skipped {
		if s.Function == function {
			return s.Reason
		}
	}
	t.Fatalf("%s is not among the skipped: %+v", function, view.Skipped)
	return ""
}
