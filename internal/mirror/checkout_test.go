package mirror_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/modules"
)

// files reads a directory but .git: content by name, with the target of links
// and the executable bit.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		found[name] = info.Mode().String() + " " + string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (s *setup) checkout(tree modules.Tree, git bool) (string, func()) {
	s.t.Helper()
	dir, release, err := s.mirrors.Checkout(s.t.Context(), tree, git)
	if err != nil {
		s.t.Fatal(err)
	}
	return dir, release
}

func TestCheckout(t *testing.T) {
	s := newSetup(t)
	marker := filepath.Join(t.TempDir(), "marker")
	sha := s.repo.Commit("main", "1",
		gittest.Write("a", "1"), gittest.Executable("run", "x"), gittest.Symlink("out", "../../../etc/passwd"), gittest.Symlink("in", "a"),
		gittest.Write("dir/new\nline", "2"), gittest.Write("ignored/x", "3"), gittest.Submodule("module", strings.Repeat("12", 20)),
		gittest.Write(".gitignore", "ignored\n"), gittest.Write("big.bin", "version https://git-lfs.github.com/spec/v1\n"),
		gittest.Write(".gitconfig", "[filter \"lfs\"]\n\tsmudge = touch "+marker+"\n"),
		gittest.Write(".gitattributes", "a export-ignore\n*.bin filter=lfs diff=lfs merge=lfs -text\nsubst export-subst\n*.bat text eol=crlf\n"),
		gittest.Write("subst", "$Format:%H$"), gittest.Write("x.bat", "one\ntwo\n"))
	tree := s.snapshot(s.push("main", "", sha)).Tree
	dir, release := s.checkout(tree, false)
	defer release()
	want := map[string]string{
		"a": "-rw-r--r-- 1", "run": "-rwxr-xr-x x", "out": "-> ../../../etc/passwd", "in": "-> a",
		"dir/new\nline": "-rw-r--r-- 2", "ignored/x": "-rw-r--r-- 3", ".gitignore": "-rw-r--r-- ignored\n",
		"big.bin":        "-rw-r--r-- version https://git-lfs.github.com/spec/v1\n",
		".gitconfig":     "-rw-r--r-- " + read(t, tree.FS, ".gitconfig"),
		".gitattributes": "-rw-r--r-- " + read(t, tree.FS, ".gitattributes"),
		"subst":          "-rw-r--r-- $Format:%H$", "x.bat": "-rw-r--r-- one\r\ntwo\r\n",
	}
	if diff := cmp.Diff(want, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "module")); err != nil || len(entries) != 0 {
		t.Errorf("submodule: %v, %v", entries, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
		t.Error("there is a .git")
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a command of the repository was run")
	}
}

func TestModesDoNotDependOnTheUmask(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Executable("b", "1"))
	tree := s.snapshot(s.push("main", "", sha)).Tree
	defer syscall.Umask(syscall.Umask(0o077))
	for _, git := range []bool{false, true} {
		dir, release := s.checkout(tree, git)
		defer release()
		if diff := cmp.Diff(map[string]string{"a": "-rw-r--r-- 1", "b": "-rwxr-xr-x 1"}, files(t, dir)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	}
}

func TestCheckoutsAreSharedAndReused(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("gone/x", "1"), gittest.Write("x.bat", "1\n"), gittest.Write("link/x", "1"))
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"), gittest.Delete("gone"), gittest.Delete("link"), gittest.Symlink("link", "a"))
	third := s.repo.Commit("main", "3", gittest.Write(".gitattributes", "*.bat text eol=crlf\n"))
	trees := map[string]modules.Tree{}
	for _, sha := range []string{first, second, third} {
		trees[sha] = s.snapshot(s.push("main", "", sha)).Tree
	}

	var mu sync.Mutex
	dirs := map[string]bool{}
	var releases []func()
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			dir, release, err := s.mirrors.Checkout(t.Context(), trees[first], false)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			dirs[dir], releases = true, append(releases, release)
		})
	}
	wg.Wait()
	if len(dirs) != 1 {
		t.Errorf("six callers got %d directories", len(dirs))
	}
	// While the first is in use, another commit gets its own directory.
	other, release := s.checkout(trees[second], false)
	if dirs[other] {
		t.Error("a directory in use was given away")
	}
	release()
	for _, release := range releases {
		release()
	}

	for _, sha := range []string{second, first, second, third, first} {
		dir, release := s.checkout(trees[sha], false)
		fresh := t.TempDir()
		if err := mirror.Files(t.Context(), trees[sha], fresh); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files(t, fresh), files(t, dir)); diff != "" {
			t.Errorf("%s (-fresh +reused):\n%s", sha, diff)
		}
		release()
	}
	if entries, err := filepath.Glob(filepath.Join(s.dir, "checkouts", "*", "*", "src")); err != nil || len(entries) != 2 {
		t.Errorf("directories are %v, %v", entries, err)
	}
}

func TestCheckoutsAreRemoved(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	crashed, err := mirror.New(mirror.Options{Dir: s.dir, Schemes: []string{"http"}, KeepCheckouts: -1})
	if err != nil {
		t.Fatal(err)
	}
	snap, err := crashed.Snapshot(t.Context(), s.push("main", "", sha))
	if err != nil {
		t.Fatal(err)
	}
	dir, release, err := crashed.Checkout(t.Context(), snap.Tree, false)
	if err != nil {
		t.Fatal(err)
	}
	release()
	await(t, "the removal", func() bool { _, err := os.Stat(dir); return err != nil })

	dir, _, err = crashed.Checkout(t.Context(), snap.Tree, false)
	if err != nil {
		t.Fatal(err)
	}
	s.open() // another process leaves it alone
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("a living process lost its checkout: %v", err)
	}
	mirror.Abandon(crashed)
	s.open()
	if _, err := os.Stat(dir); err == nil {
		t.Error("the checkout of a dead process is still there")
	}
}

func TestCheckoutWithGit(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "first", gittest.Write("a", "1"))
	s.repo.AnnotatedTag("v1.0", first, "one")
	s.repo.Tag("light", first)
	second := s.repo.Commit("main", "second", gittest.Write("a", "2"), gittest.Symlink("l", "a"))
	later := s.repo.Commit("main", "later", gittest.Write("later", "1"))
	s.repo.AnnotatedTag("v2.0", later, "two")
	s.repo.Branch("other", first)
	hidden := s.repo.Commit("other", "hidden", gittest.Write("hidden", "1"))
	s.snapshot(s.push("other", "", hidden))
	tree := s.snapshot(s.push("main", first, second)).Tree
	dir, release := s.checkout(tree, true)
	defer release()

	// It works where nothing of ours is in reach.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.CopyFS(moved, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string]string{
		"log --format=%s":                  "second\nfirst",
		"describe":                         "v1.0-1-g" + second[:7],
		"describe --tags --always HEAD~1":  "v1.0",
		"tag":                              "light\nv1.0",
		"rev-parse HEAD":                   second,
		"branch --list main":               "",
		"remote get-url origin":            s.server.CloneURL(fullName),
		"for-each-ref --format=%(refname)": "refs/tags/light\nrefs/tags/v1.0",
		"fsck --full --strict":             "",
		"count-objects":                    "0 objects, 0 kilobytes",
		"rev-list --all --objects --count": "8",
		"diff --stat HEAD~1 HEAD -- a":     "a | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)",
	} {
		if got := gittest.Git(t, moved, strings.Fields(command)...); got != want {
			t.Errorf("git %s is %q, want %q", command, got, want)
		}
	}
	if got := gittest.Git(t, dir, "status", "--porcelain"); got != "" {
		t.Errorf("status is %q", got)
	}
	for _, name := range []string{"hooks", "objects/info/alternates", "FETCH_HEAD", "logs"} {
		if _, err := os.Lstat(filepath.Join(dir, ".git", name)); err == nil {
			t.Errorf("there is a .git/%s", name)
		}
	}
	cmd := slices.Collect(strings.Lines(gittest.Git(t, dir, "cat-file", "--batch-all-objects", "--batch-check")))
	for _, line := range cmd {
		if strings.HasPrefix(line, hidden) {
			t.Error("a commit of another branch is in the repository")
		}
	}
}

func TestCheckoutOfADamagedMirror(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	tree := s.snapshot(s.push("main", "", sha)).Tree
	if err := os.RemoveAll(filepath.Join(tree.GitDir, "objects")); err != nil {
		t.Fatal(err)
	}
	dir, release := s.checkout(tree, false)
	defer release()
	if diff := cmp.Diff(map[string]string{"a": "-rw-r--r-- 1"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if got := read(t, tree.FS, "a"); got != "1" {
		t.Errorf("a is %q", got)
	}
}

func TestFiles(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1",
		gittest.Write("ci/main.go", "m"), gittest.Write("ci/sub/x", "x"), gittest.Write("cix", "no"), gittest.Write("*", "star"),
		gittest.Symlink("ci/l", "../cix"), gittest.Write("other", "no"))
	tree := s.snapshot(s.push("main", "", sha)).Tree
	tests := map[string]struct {
		paths []string
		want  []string
	}{
		"all":          {want: []string{"*", "ci/l", "ci/main.go", "ci/sub/x", "cix", "other"}},
		"a directory":  {paths: []string{"ci"}, want: []string{"ci/l", "ci/main.go", "ci/sub/x"}},
		"files":        {paths: []string{"ci/main.go", "other"}, want: []string{"ci/main.go", "other"}},
		"no wildcards": {paths: []string{"*"}, want: []string{"*"}},
		"nothing":      {paths: []string{"none"}, want: []string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dest := filepath.Join(t.TempDir(), "new", "dir")
			if err := mirror.Files(t.Context(), tree, dest, tt.paths...); err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for name := range files(t, dest) {
				got = append(got, name)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
		})
	}
	t.Chdir(t.TempDir())
	if err := mirror.Files(t.Context(), tree, "relative", "other"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]string{"relative/other": "-rw-r--r-- no"}, files(t, ".")); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if err := mirror.Files(t.Context(), modules.Tree{GitDir: tree.GitDir, Commit: "--all"}, t.TempDir()); err == nil {
		t.Error("took an option for a commit")
	}
}

func TestCheckoutEndsWithTheContext(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	tree := s.snapshot(s.push("main", "", sha)).Tree
	s.server.Slow(time.Hour) // tags are asked for
	ctx, cancel := context.WithCancel(t.Context())
	n := len(s.server.Requests())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, _, err := s.mirrors.Checkout(ctx, tree, true); !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v", err)
			}
		})
	}
	await(t, "the request", func() bool { return len(s.server.Requests()) > n })
	cancel()
	wg.Wait()
	s.server.Slow(0)
	_, release := s.checkout(tree, true)
	release()
	if _, _, err := s.mirrors.Checkout(t.Context(), modules.Tree{GitDir: t.TempDir(), Commit: sha}, false); err == nil {
		t.Error("a repository that is no mirror was checked out")
	}
	if _, _, err := s.mirrors.Checkout(t.Context(), modules.Tree{Dir: t.TempDir(), Commit: sha}, false); err == nil {
		t.Error("a work tree was checked out")
	}
}
