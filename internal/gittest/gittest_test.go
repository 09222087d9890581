package gittest_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
)

func clone(t *testing.T, url string) (string, error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	cmd := exec.CommandContext(t.Context(), "git", "clone", "--quiet", url, dir)
	cmd.Env = append(cmd.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	return dir + string(out), err
}

func TestServerServesWhatWasBuilt(t *testing.T) {
	server := gittest.NewServer(t)
	repo := server.Repo("acme/shop")
	repo.Commit("main", "first",
		gittest.Write("a b,c\n.txt", "hello"), gittest.Executable("run.sh", "#!/bin/sh\n"),
		gittest.Symlink("link", "run.sh"), gittest.Write("ä.txt", "umlaut"))
	second := repo.Commit("main", "second", gittest.Rename("run.sh", "go.sh"), gittest.Delete("ä.txt"))
	repo.AnnotatedTag("v1", second, "one")

	dir, err := clone(t, server.CloneURL("acme/shop"))
	if err != nil {
		t.Fatalf("clone: %v %s", err, dir)
	}
	got := gittest.Git(t, dir, "ls-tree", "-r", "-z", "--name-only", "HEAD")
	want := "a b,c\n.txt\x00go.sh\x00link\x00"
	if got != want {
		t.Errorf("tree is %q, want %q", got, want)
	}
	if info, err := os.Stat(filepath.Join(dir, "go.sh")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("go.sh is not executable: %v", err)
	}
	if got := gittest.Git(t, dir, "describe"); got != "v1" {
		t.Errorf("describe is %q, want v1", got)
	}
	if server.Fetches() == 0 {
		t.Error("no fetch was counted")
	}
	if p := server.Requests()[0].Protocol; p != "version=2" {
		t.Errorf("protocol is %q", p)
	}
}

func TestServerRefuses(t *testing.T) {
	server := gittest.NewServer(t)
	server.Repo("acme/shop").Commit("main", "first", gittest.Write("a", "a"))
	withUser := strings.Replace(server.CloneURL("acme/shop"), "://", "://user:secret@", 1)

	server.Auth("user", "secret")
	if _, err := clone(t, server.CloneURL("acme/shop")); err == nil {
		t.Error("cloned without the password")
	}
	if out, err := clone(t, withUser); err != nil {
		t.Errorf("clone with the password: %v %s", err, out)
	}
	server.Auth("", "")
	if _, err := clone(t, server.CloneURL("acme/none")); err == nil {
		t.Error("cloned a repository that does not exist")
	}
	server.Reset()
	server.Fail(1, http.StatusServiceUnavailable)
	if _, err := clone(t, server.CloneURL("acme/shop")); err == nil {
		t.Error("a 503 went unnoticed")
	}
	if got := server.Requests()[0].Status; got != http.StatusServiceUnavailable {
		t.Errorf("status is %d", got)
	}
	if out, err := clone(t, server.CloneURL("acme/shop")); err != nil {
		t.Errorf("clone after the failure: %v %s", err, out)
	}
}

func TestServerTakesBigPushes(t *testing.T) {
	server := gittest.NewServer(t)
	repo := server.Repo("acme/shop")
	repo.Commit("main", "first", gittest.Write("a", "a"))
	dir := repo.Clone("main")
	gittest.Git(t, dir, "-c", "http.postBuffer=1024", "push", "--quiet", server.CloneURL("acme/shop"), "HEAD:refs/heads/copy")
	repo.SHA("refs/heads/copy")
}

func TestLargeIsDeterministic(t *testing.T) {
	a, b := gittest.NewRepo(t).Large(300, 20), gittest.NewRepo(t).Large(300, 20)
	if len(a) != 21 || a[20] != b[20] {
		t.Errorf("%d commits, tips %s and %s", len(a), a[len(a)-1], b[len(b)-1])
	}
}
