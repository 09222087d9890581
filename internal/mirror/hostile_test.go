package mirror_test

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostileTrees checks out trees that git itself would not make.
func TestHostileTrees(t *testing.T) {
	outside := t.TempDir()
	blob := func(s *setup, content string) string {
		write(t, outside, "content", content)
		return s.repo.Git("hash-object", "-w", filepath.Join(outside, "content"))
	}
	// tree writes a tree whose entries are "MODE SHA\tNAME".
	tree := func(s *setup, entries ...string) string {
		var raw []byte
		for _, e := range entries {
			mode, rest, _ := strings.Cut(e, " ")
			sha, name, _ := strings.Cut(rest, "\t")
			bytes, err := hex.DecodeString(sha)
			if err != nil {
				t.Fatal(err)
			}
			raw = append(raw, mode+" "+name+"\x00"...)
			raw = append(raw, bytes...)
		}
		write(t, outside, "tree", string(raw))
		return s.repo.Git("hash-object", "-w", "-t", "tree", "--literally", filepath.Join(outside, "tree"))
	}
	tests := map[string]func(s *setup) string{
		"a .git of its own": func(s *setup) string {
			return tree(s, "40000 "+tree(s, "100644 "+blob(s, "[core]\n\tfsmonitor = touch x\n")+"\tconfig")+"\t.git")
		},
		"a .GIT of its own": func(s *setup) string {
			return tree(s, "40000 "+tree(s, "100644 "+blob(s, "x")+"\tconfig")+"\t.GIT")
		},
		"dots": func(s *setup) string {
			return tree(s, "40000 "+tree(s, "100644 "+blob(s, "x")+"\tescaped")+"\t..")
		},
		"slashes": func(s *setup) string {
			return tree(s, "100644 "+blob(s, "x")+"\t../escaped", "100644 "+blob(s, "x")+"\t"+outside+"/escaped")
		},
		"a link and a directory of one name": func(s *setup) string {
			return tree(s, "120000 "+blob(s, outside)+"\td", "40000 "+tree(s, "100644 "+blob(s, "x")+"\tescaped")+"\td")
		},
	}
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			root := build(s)
			sha := s.repo.Git("commit-tree", "-m", "hostile", root)
			s.repo.Branch("main", sha)
			snap, err := s.mirrors.Snapshot(t.Context(), s.push("main", "", sha))
			if err != nil {
				t.Logf("snapshot: %v", err) // refused: as good as it gets
				return
			}
			for _, git := range []bool{false, true} {
				dir, release, err := s.mirrors.Checkout(t.Context(), snap.Tree, git)
				if err != nil {
					t.Logf("checkout: %v", err)
					continue
				}
				for name := range files(t, dir) {
					if name != "d" && name != "d/escaped" {
						t.Errorf("%s was written", name)
					}
				}
				release()
			}
			err = fs.WalkDir(snap.Tree.FS, ".", func(name string, d fs.DirEntry, err error) error {
				if strings.Contains(strings.ToLower(name), ".git") || strings.Contains(name, "..") {
					t.Errorf("the tree shows %s", name)
				}
				return err
			})
			if err != nil {
				t.Logf("walk: %v", err)
			}
			for _, path := range []string{filepath.Join(outside, "escaped"), filepath.Join(s.dir, "escaped")} {
				if _, err := os.Lstat(path); err == nil {
					t.Errorf("%s was written", path)
				}
			}
		})
	}
}
