package mirror_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/franela/pocketci/internal/gittest"
)

func TestTree(t *testing.T) {
	s := newSetup(t)
	big := strings.Repeat("0123456789", 100_000)
	sha := s.repo.Commit("main", "1",
		gittest.Write("a", "1"), gittest.Write("a.b", "sorts between a and a/"), gittest.Write("dir/sub/file", "deep"),
		gittest.Write("dir-x", "sorts before dir/"), gittest.Executable("run", "#!/bin/sh\n"), gittest.Write("big", big), gittest.Write("empty", ""),
		gittest.Write("größe/日本", "ja"), gittest.Submodule("module", strings.Repeat("12", 20)))
	fsys := s.snapshot(s.push("main", "", sha)).Tree.FS
	if err := fstest.TestFS(fsys, "a", "a.b", "dir/sub/file", "dir-x", "run", "big", "empty", "größe/日本", "module"); err != nil {
		t.Error(err)
	}
	if got := read(t, fsys, "big"); got != big {
		t.Errorf("big has %d bytes", len(got))
	}
	for name, want := range map[string]fs.FileMode{"a": 0o644, "run": 0o755, "dir": fs.ModeDir | 0o755, "module": fs.ModeDir | 0o755} {
		info, err := fs.Stat(fsys, name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if info, err := fs.Stat(fsys, "big"); err != nil || info.Size() != int64(len(big)) {
		t.Errorf("big: %v, %v", info, err)
	}
	for _, name := range []string{"none", "a/b", "dir/none", "/a", "../a", "dir/../a", "a/", "."} {
		if _, err := fs.ReadFile(fsys, name); err == nil {
			t.Errorf("read %q", name)
		}
	}
	if _, err := fsys.Open("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	matches, err := fs.Glob(fsys, "dir*/*/*")
	if err != nil || !slices.Equal(matches, []string{"dir/sub/file"}) {
		t.Errorf("glob: %v, %v", matches, err)
	}
}

func TestTreeFollowsLinksInsideOnly(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1",
		gittest.Write("dir/file", "inside"), gittest.Symlink("link", "dir/file"), gittest.Symlink("dir/up", "../link"),
		gittest.Symlink("dirlink", "dir/../dir"), gittest.Symlink("out", "../../etc/passwd"), gittest.Symlink("abs", "/etc/passwd"),
		gittest.Symlink("loop", "loop"), gittest.Symlink("dangling", "none"), gittest.Symlink("dir/root", ".."))
	fsys := s.snapshot(s.push("main", "", sha)).Tree.FS
	for _, name := range []string{"link", "dir/up", "dirlink/file", "dirlink/up", "dir/root/dir/file"} {
		if got := read(t, fsys, name); got != "inside" {
			t.Errorf("%s is %q", name, got)
		}
	}
	for _, name := range []string{"out", "abs", "loop", "dangling"} {
		if _, err := fs.ReadFile(fsys, name); err == nil {
			t.Errorf("read %s", name)
		}
	}
	if target, err := fs.ReadLink(fsys, "out"); err != nil || target != "../../etc/passwd" {
		t.Errorf("link is %q, %v", target, err)
	}
	info, err := fs.Lstat(fsys, "link")
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("link: %v, %v", info, err)
	}
	if info, err = fs.Stat(fsys, "link"); err != nil || info.Size() != 6 || info.Name() != "link" {
		t.Errorf("followed link: %v, %v", info, err)
	}
}

func TestTreeIsSafeForConcurrentUse(t *testing.T) {
	s := newSetup(t)
	shas := s.repo.Large(300, 3)
	fsys := s.snapshot(s.push("main", "", shas[0])).Tree.FS
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n := 0
			err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				n++
				_, err = fs.ReadFile(fsys, name)
				return err
			})
			if err != nil || n != 300 {
				t.Errorf("%d files, %v", n, err)
			}
		})
	}
	// Packs come and go meanwhile.
	s.snapshot(s.push("main", shas[0], shas[3]))
	wg.Wait()
}
