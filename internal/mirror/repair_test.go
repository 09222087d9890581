package mirror_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
)

func TestDamagedMirrorIsMadeAnew(t *testing.T) {
	damage := map[string]func(t *testing.T, dir string){
		"HEAD is gone": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "HEAD")); err != nil {
				t.Fatal(err)
			}
		},
		"objects are gone": func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "objects")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, "objects"), 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"a bit in the pack has changed": func(t *testing.T, dir string) {
			packs, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "*.pack"))
			if err != nil || len(packs) == 0 {
				t.Fatal(packs, err)
			}
			for _, pack := range packs {
				data, err := os.ReadFile(pack)
				if err != nil {
					t.Fatal(err)
				}
				for i := 20; i < len(data)-20; i += 10 {
					data[i] ^= 0x10
				}
				if err := errors.Join(os.Chmod(pack, 0o600), os.WriteFile(pack, data, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"objects are empty files": func(t *testing.T, dir string) {
			err := filepath.WalkDir(filepath.Join(dir, "objects"), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				if err := os.Chmod(path, 0o600); err != nil {
					return err
				}
				return os.Truncate(path, 0)
			})
			if err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t)
			first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
			second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
			s.snapshot(s.push("main", first, second))
			dirs, _ := filepath.Glob(filepath.Join(s.dir, "mirrors", "*", "*.git"))
			harm(t, dirs[0])
			s.mirrors = s.open()
			snap := s.snapshot(s.push("main", first, second))
			if got := read(t, snap.Tree.FS, "a"); got != "2" {
				t.Errorf("a is %q", got)
			}
		})
	}
}

func TestMirrorsArePackedUnderReaders(t *testing.T) {
	s := newSetup(t)
	mirror.LimitTo(s.mirrors, 2)
	before := ""
	var snaps []*mirror.Snapshot
	for i := range 8 {
		sha := s.repo.Commit("main", "c", gittest.Write("a", strings.Repeat("x", i+1)), gittest.Write(fmt.Sprint(i), "1"))
		snap := s.snapshot(s.push("main", before, sha))
		if i%2 == 0 { // the others read for the first time at the end
			read(t, snap.Tree.FS, "a")
		}
		snaps, before = append(snaps, snap), sha
	}
	for i, snap := range snaps {
		if got := len(read(t, snap.Tree.FS, "a")); got != i+1 {
			t.Errorf("snapshot %d has %d bytes", i, got)
		}
		read(t, snap.Tree.FS, fmt.Sprint(i))
	}
	for _, what := range []string{"refs/pocketci/commits/*", "objects/pack/*.pack"} {
		found, err := filepath.Glob(filepath.Join(snaps[0].Tree.GitDir, what))
		if err != nil || len(found) > 3 {
			t.Errorf("%d of %s, %v", len(found), what, err)
		}
	}
	n := len(s.server.Requests())
	s.snapshot(s.push("main", "", snaps[3].SHA))
	if len(s.server.Requests()) != n {
		t.Error("a packed commit was fetched again")
	}
}

func TestWhatAKilledGitLeftIsNoObstacle(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
	gitDir := s.snapshot(s.push("main", "", first)).Tree.GitDir
	stale := []string{"refs/pocketci/commits/" + second + ".lock", "packed-refs.lock", "objects/pack/tmp_pack_x"}
	for _, name := range stale {
		write(t, gitDir, name, "")
	}
	s.snapshot(s.push("main", first, second))
	for _, name := range stale {
		if _, err := os.Stat(filepath.Join(gitDir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}
