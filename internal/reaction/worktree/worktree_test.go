package worktree_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/reaction/worktree"
)

// setup is a repository and a directory that is kept at its branch main.
type setup struct {
	t       *testing.T
	repo    *gittest.Repo
	dir     string
	trigger string
	options worktree.Options
	// achieved is the commit of the last update.
	achieved string
}

func newSetup(t *testing.T) *setup {
	t.Helper()
	repo := gittest.NewRepo(t)
	repo.Commit("main", "first", gittest.Write("a", "1"), gittest.Write("dir/b", "1"), gittest.Executable("run", "#!"))
	home := t.TempDir()
	s := &setup{t: t, repo: repo, dir: filepath.Join(home, "site"), trigger: filepath.Join(home, "trigger")}
	s.options = worktree.Options{Address: address(t, "file://"+repo.Dir), Directory: s.dir, Branch: "main", Trigger: s.trigger}
	return s
}

func address(t *testing.T, url string) git.Address {
	t.Helper()
	a, err := git.ParseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// update updates the directory, which has to succeed and be at a commit then.
func (s *setup) update(sha string) worktree.Result {
	s.t.Helper()
	result, err := s.try()
	if err != nil {
		s.t.Fatalf("update: %v", err)
	}
	if result.SHA != sha {
		s.t.Errorf("the directory is at %s, want %s", result.SHA, sha)
	}
	return result
}

// unchanged is update where there is nothing to do.
func (s *setup) unchanged(sha string) {
	s.t.Helper()
	if result := s.update(sha); result.Changed || result.Touched {
		s.t.Errorf("there was something to do: %+v", result)
	}
}

// changed is update where there is something to do.
func (s *setup) changed(sha string) {
	s.t.Helper()
	if result := s.update(sha); !result.Changed || !result.Touched {
		s.t.Errorf("there was nothing to do: %+v", result)
	}
}

func (s *setup) try() (worktree.Result, error) {
	result, err := worktree.New(s.options).Update(s.t.Context(), s.achieved, false)
	if err == nil {
		s.achieved = result.SHA
	}
	return result, err
}

// fails is an update that has to fail with a kind and some words.
func (s *setup) fails(kind error, words string) {
	s.t.Helper()
	_, err := s.try()
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), words) {
		s.t.Errorf("got %v; want %v with %q", err, kind, words)
	}
}

func (s *setup) has(files map[string]string) {
	s.t.Helper()
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(s.dir, name))
		if want == "" {
			if err == nil {
				s.t.Errorf("%s is there", name)
			}
			continue
		}
		if err != nil || string(got) != want {
			s.t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
}

func (s *setup) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *setup) git(args ...string) string { return gittest.Git(s.t, s.dir, args...) }

func TestUpdate(t *testing.T) {
	for name, atomic := range map[string]bool{"plain": false, "atomic": true} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			s.options.Atomic = atomic
			first := s.repo.SHA("main")
			s.changed(first)
			s.has(map[string]string{"a": "1", "dir/b": "1"})
			if info, err := os.Stat(filepath.Join(s.dir, "run")); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("run is %v, %v", info, err)
			}
			s.unchanged(first)

			second := s.repo.Commit("main", "second", gittest.Write("a", "2"), gittest.Delete("dir/b"))
			s.changed(second)
			s.has(map[string]string{"a": "2", "dir/b": ""})

			// Edits of somebody's, with and without something new.
			s.write("a", "edited")
			s.changed(second)
			s.has(map[string]string{"a": "2"})
			s.write("a", "edited")
			if err := os.Remove(filepath.Join(s.dir, "run")); err != nil {
				t.Fatal(err)
			}
			third := s.repo.Commit("main", "third", gittest.Write("c", "3"))
			s.changed(third)
			s.has(map[string]string{"a": "2", "c": "3", "run": "#!"})

			// A branch that was rewritten.
			s.repo.Branch("main", first)
			rewritten := s.repo.Commit("main", "rewritten", gittest.Write("a", "r"))
			s.changed(rewritten)
			s.has(map[string]string{"a": "r", "c": "", "dir/b": "1"})
			s.repo.Branch("main", first)
			s.changed(first)

			// A branch that was deleted, and came back in another place.
			s.repo.Delete("main")
			s.fails(worktree.ErrRef, "has no refs/heads/main; the directory stays as it is")
			s.has(map[string]string{"a": "1"})
			s.repo.Branch("main/below", third)
			s.fails(worktree.ErrRef, "no refs/heads/main")
			s.repo.Delete("main/below")
			s.repo.Branch("main", third)
			s.changed(third)
		})
	}
}

func TestTag(t *testing.T) {
	for name, atomic := range map[string]bool{"plain": false, "atomic": true} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			s.options.Atomic, s.options.Branch, s.options.Tag = atomic, "", "v1"
			first := s.repo.SHA("main")
			// Neither a branch of the name nor the tag's own object is meant.
			s.repo.Commit("v1", "branch", gittest.Write("a", "branch"))
			s.repo.AnnotatedTag("v1", first, "the first")
			s.changed(first)
			s.has(map[string]string{"a": "1"})
			s.unchanged(first)
			second := s.repo.Commit("main", "second", gittest.Write("a", "2"))
			s.repo.AnnotatedTag("v1", second, "moved")
			s.changed(second)
			s.has(map[string]string{"a": "2"})
			s.repo.Git("tag", "-d", "v1")
			s.fails(worktree.ErrRef, "has no refs/tags/v1")
			s.repo.Tag("v1", first)
			s.changed(first)
			blob := s.repo.SHA("main:a")
			s.repo.Tag("v1", blob)
			s.fails(worktree.ErrRef, "refs/tags/v1 is not a commit")
		})
	}
}

func TestPeopleInTheDirectory(t *testing.T) {
	s := newSetup(t)
	first := s.repo.SHA("main")
	s.changed(first)
	for name, act := range map[string]func(){
		"a commit":            func() { s.write("a", "local"); s.git("commit", "-qam", "local") },
		"another branch":      func() { s.git("checkout", "-qb", "mine"); s.write("a", "mine"); s.git("commit", "-qam", "mine") },
		"no branch":           func() { s.git("checkout", "-q", "--detach"); s.write("a", "x") },
		"staged":              func() { s.write("new", "x"); s.write("a", "x"); s.git("add", "-A") },
		"a merge in conflict": func() { s.conflict() },
		"a removed file":      func() { s.git("rm", "-q", "a") },
		"a directory for a file": func() {
			if err := os.Remove(filepath.Join(s.dir, "a")); err != nil {
				t.Fatal(err)
			}
			s.write("a/untracked", "x")
		},
		"a broken index": func() { s.write(".git/index", "broken") },
		"no index": func() {
			if err := os.Remove(filepath.Join(s.dir, ".git/index")); err != nil {
				t.Fatal(err)
			}
		},
		"an empty HEAD": func() { s.write(".git/HEAD", "") },
	} {
		t.Run(name, func(t *testing.T) {
			act()
			if _, err := s.try(); err != nil {
				t.Fatal(err)
			}
			s.has(map[string]string{"a": "1", "new": ""})
			if got := s.git("status", "--porcelain"); got != "" {
				t.Errorf("status is %q", got)
			}
			if got := s.git("symbolic-ref", "HEAD") + " " + s.git("rev-parse", "HEAD"); got != "refs/heads/main "+first {
				t.Errorf("HEAD is %s", got)
			}
			s.unchanged(first)
		})
	}
	// What nobody tracks is left alone, unless it is in the way.
	s.write("untracked", "mine")
	s.write("dir/c", "mine")
	second := s.repo.Commit("main", "second", gittest.Write("dir/c", "theirs"))
	s.changed(second)
	s.has(map[string]string{"untracked": "mine", "dir/c": "theirs"})
	if got := s.git("rev-parse", "mine^"); got != first {
		t.Errorf("the branch of somebody's has moved to %s", got)
	}
}

// An empty file for the branch counts as damage, for which the repository is made
// anew. It is not one of the cases above, since others' branches go with it.
func TestEmptyBranch(t *testing.T) {
	s := newSetup(t)
	first := s.repo.SHA("main")
	s.changed(first)
	s.write(".git/refs/heads/main", "")
	if _, err := s.try(); err != nil {
		t.Fatal(err)
	}
	s.has(map[string]string{"a": "1"})
	if got := s.git("status", "--porcelain"); got != "" {
		t.Errorf("status is %q", got)
	}
	if got := s.git("symbolic-ref", "HEAD") + " " + s.git("rev-parse", "HEAD"); got != "refs/heads/main "+first {
		t.Errorf("HEAD is %s", got)
	}
	s.unchanged(first)
}

func (s *setup) conflict() {
	s.t.Helper()
	s.git("checkout", "-qb", "other", "HEAD")
	s.write("a", "other")
	s.git("commit", "-qam", "other")
	s.git("checkout", "-q", "main")
	s.write("a", "ours")
	s.git("commit", "-qam", "ours")
	s.git("update-ref", "MERGE_HEAD", "other")
	s.write(".git/MERGE_MSG", "merge")
}

func TestDirectory(t *testing.T) {
	other := gittest.NewRepo(t)
	other.Commit("main", "first", gittest.Write("a", "other"))
	for name, c := range map[string]struct {
		atomic  bool
		before  func(s *setup)
		problem string
	}{
		"empty":                          {before: func(s *setup) { mkdir(s.t, s.dir) }},
		"empty, atomic":                  {atomic: true, before: func(s *setup) { mkdir(s.t, s.dir) }},
		"below what is not there":        {before: func(s *setup) { s.dir = filepath.Join(s.dir, "x/y"); s.options.Directory = s.dir }},
		"with files":                     {before: func(s *setup) { s.write("mine", "1") }, problem: "is not empty and not a clone of file://"},
		"with files, atomic":             {atomic: true, before: func(s *setup) { s.write("mine", "1") }, problem: "is there and not the symbolic link of this mirror"},
		"a file":                         {before: func(s *setup) { writeFile(s.t, s.dir, "x") }, problem: "not a directory"},
		"a file, atomic":                 {atomic: true, before: func(s *setup) { writeFile(s.t, s.dir, "x") }, problem: "is there and not the symbolic link"},
		"a link elsewhere, atomic":       {atomic: true, before: func(s *setup) { symlink(s.t, s.t.TempDir(), s.dir) }, problem: "is there and not the symbolic link"},
		"a link":                         {before: func(s *setup) { symlink(s.t, s.t.TempDir(), s.dir) }},
		"a clone of another":             {before: func(s *setup) { gittest.Git(s.t, "", "clone", "-q", other.Dir, s.dir) }, problem: "is a clone, and not one of file://"},
		"a clone that a person made":     {before: func(s *setup) { gittest.Git(s.t, "", "clone", "-q", "file://"+s.repo.Dir, s.dir) }},
		"a clone with another remote":    {before: func(s *setup) { gittest.Git(s.t, "", "clone", "-q", "-o", "up", "file://"+s.repo.Dir, s.dir) }},
		"a repository without a remote":  {before: func(s *setup) { gittest.Git(s.t, "", "init", "-q", s.dir) }, problem: "is a clone, and not one of"},
		"a work tree of another":         {before: func(s *setup) { s.write(".git", "gitdir: elsewhere") }, problem: "it is a work tree of a repository elsewhere"},
		"an attempt that was cut off":    {before: func(s *setup) { s.write(".git.pocketci/HEAD", "") }},
		"an attempt, and somebody's own": {before: func(s *setup) { s.write(".git.pocketci/HEAD", ""); s.write("mine", "1") }, problem: "is not empty"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			s.options.Atomic = c.atomic
			c.before(s)
			if c.problem != "" {
				s.fails(worktree.ErrDirectory, c.problem)
				return
			}
			s.changed(s.repo.SHA("main"))
			s.has(map[string]string{"a": "1"})
			s.unchanged(s.repo.SHA("main"))
		})
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func TestRemoteOfAClone(t *testing.T) {
	s := newSetup(t)
	s.options.Remote = "upstream"
	s.changed(s.repo.SHA("main"))
	s.repo.Tag("v1", s.repo.SHA("main"))
	s.unchanged(s.repo.SHA("main"))
	if got := s.git("rev-parse", "upstream/main", "v1"); got != s.repo.SHA("main")+"\n"+s.repo.SHA("main") {
		t.Errorf("the clone has %q", got)
	}
	// What a person does in there works.
	s.git("fetch", "-q", "upstream")
	if got := s.git("config", "remote.upstream.url"); got != "file://"+s.repo.Dir {
		t.Errorf("the remote is %s", got)
	}
}

func TestNothingOfTheRepositoryRuns(t *testing.T) {
	s := newSetup(t)
	proof := filepath.Join(t.TempDir(), "ran")
	script := "#!/bin/sh\ntouch '" + proof + "'\n"
	s.repo.Commit("main", "hooks", gittest.Write(".gitattributes", "* filter=evil diff=evil\n"), gittest.Executable("hook", script))
	s.changed(s.repo.SHA("main"))
	for _, hook := range []string{"post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"} {
		s.write(".git/hooks/"+hook, script)
		if err := os.Chmod(filepath.Join(s.dir, ".git/hooks", hook), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.git("config", "core.fsmonitor", filepath.Join(s.dir, "hook"))
	s.repo.Commit("main", "next", gittest.Write("a", "next"))
	s.changed(s.repo.SHA("main"))
	if _, err := os.Stat(proof); err == nil {
		t.Error("a program of the repository ran")
	}
}

func TestTrigger(t *testing.T) {
	s := newSetup(t)
	s.changed(s.repo.SHA("main"))
	info, err := os.Stat(s.trigger)
	if err != nil || info.Mode().Perm()&^0o660 != 0 || info.Size() != 0 {
		t.Fatalf("the trigger is %v, %v", info, err)
	}
	past := time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		touch, changed, want bool
	}{
		"nothing new":              {},
		"nothing new and asked to": {touch: true, want: true},
		"something new":            {changed: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			writeFile(t, s.trigger, "content")
			if err := os.Chmod(s.trigger, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(s.trigger, past, past); err != nil {
				t.Fatal(err)
			}
			if c.changed {
				s.repo.Commit("main", "more", gittest.Write("a", name))
			}
			result, err := worktree.New(s.options).Update(t.Context(), s.achieved, c.touch)
			if err != nil || result.Touched != c.want || result.Changed != c.changed {
				t.Errorf("got %+v, %v", result, err)
			}
			s.achieved = result.SHA
			info, err := os.Stat(s.trigger)
			if err != nil || info.ModTime().After(past.Add(time.Minute)) != c.want || info.Mode().Perm() != 0o600 || info.Size() != 7 {
				t.Errorf("the trigger is %v, %v", info, err)
			}
		})
	}

	// A trigger that cannot be touched is a failure, after which it is touched
	// although the files are there.
	s.options.Trigger = filepath.Join(s.dir, "none", "trigger")
	s.repo.Commit("main", "untouched", gittest.Write("a", "untouched"))
	s.fails(worktree.ErrTrigger, "no such file or directory")
	s.options.Trigger = t.TempDir()
	s.fails(worktree.ErrTrigger, "is a directory")
	s.options.Trigger = s.trigger
	s.changed(s.repo.SHA("main"))
	s.unchanged(s.repo.SHA("main"))
}

func TestHealsWhatWasKilled(t *testing.T) {
	s := newSetup(t)
	first := s.repo.SHA("main")
	s.changed(first)
	locks := []string{"index.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "refs/heads/main.lock", "refs/remotes/origin/main.lock", "refs/pocketci/target.lock"}
	for _, lock := range locks {
		s.write(".git/"+lock, "")
	}
	s.write(".git/objects/pack/tmp_pack_x", "half")
	second := s.repo.Commit("main", "second", gittest.Write("a", "2"))
	// A person may be at work.
	s.fails(worktree.ErrBusy, "if nobody runs git in there, it is removed once it is 10m0s old")
	// An agent was killed at work.
	s.write(".git/pocketci-busy", "")
	s.changed(second)
	for _, name := range append(locks, "objects/pack/tmp_pack_x", "pocketci-busy") {
		if _, err := os.Lstat(filepath.Join(s.dir, ".git", name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	// A person's git was killed, a while ago.
	s.write(".git/index.lock", "")
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(s.dir, ".git/index.lock"), past, past); err != nil {
		t.Fatal(err)
	}
	s.unchanged(second)
}

func TestDamage(t *testing.T) {
	for name, atomic := range map[string]bool{"plain": false, "atomic": true} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			s.options.Atomic = atomic
			s.changed(s.repo.SHA("main"))
			s.write("untracked", "mine")
			dir := filepath.Join(s.dir, ".git")
			if atomic {
				dir = filepath.Join(filepath.Dir(s.dir), ".site.mirror", "repository.git")
			}
			packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*"))
			if err != nil || len(packs) == 0 {
				t.Fatalf("packs are %v, %v", packs, err)
			}
			for _, pack := range packs {
				if err := os.Chmod(pack, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(pack, 10); err != nil {
					t.Fatal(err)
				}
			}
			second := s.repo.Commit("main", "second", gittest.Write("a", "2"))
			s.changed(second)
			s.has(map[string]string{"a": "2"})
			if !atomic {
				s.has(map[string]string{"untracked": "mine"})
			}
			s.unchanged(second)
		})
	}
}

func TestCancel(t *testing.T) {
	s := newSetup(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	if _, err := worktree.New(s.options).Update(ctx, "", false); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
	s.changed(s.repo.SHA("main"))
}
