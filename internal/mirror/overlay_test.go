package mirror_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/modules"
)

func TestOverlay(t *testing.T) {
	const file, exec = "-rw-r--r-- ", "-rwxr-xr-x "
	for name, c := range map[string]struct {
		base, head []gittest.Edit
		paths      []string
		want       map[string]string
	}{
		"the base's files win, the head's others stay": {
			base:  []gittest.Edit{gittest.Write("pocketci.yaml", "base"), gittest.Write("ci/main", "base"), gittest.Write("app", "1")},
			head:  []gittest.Edit{gittest.Write("pocketci.yaml", "head"), gittest.Write("ci/main", "head"), gittest.Write("app", "2"), gittest.Write("new", "3")},
			paths: []string{"pocketci.yaml", "ci"},
			want:  map[string]string{"pocketci.yaml": file + "base", "ci/main": file + "base", "app": file + "2", "new": file + "3"},
		},
		"what the head added is gone": {
			base:  []gittest.Edit{gittest.Write("ci/main", "base")},
			head:  []gittest.Edit{gittest.Write("ci/evil", "head"), gittest.Write("ci/deep/evil", "head"), gittest.Write("pocketci.yaml", "head"), gittest.Write("cider", "stays")},
			paths: []string{"pocketci.yaml", "ci"},
			want:  map[string]string{"ci/main": file + "base", "cider": file + "stays"},
		},
		"what the head deleted is there": {
			base:  []gittest.Edit{gittest.Write("pocketci.yaml", "base"), gittest.Executable("ci/run", "base"), gittest.Symlink("ci/link", "run")},
			head:  []gittest.Edit{gittest.Delete("pocketci.yaml"), gittest.Delete("ci"), gittest.Write("app", "1")},
			paths: []string{"pocketci.yaml", "ci"},
			want:  map[string]string{"pocketci.yaml": file + "base", "ci/run": exec + "base", "ci/link": "-> run", "app": file + "1"},
		},
		"a file in the place of the folder": {
			base:  []gittest.Edit{gittest.Write("ci/main", "base")},
			head:  []gittest.Edit{gittest.Delete("ci"), gittest.Write("ci", "head")},
			paths: []string{"ci"},
			want:  map[string]string{"ci/main": file + "base"},
		},
		"a link in the place of a folder on the way": {
			base:  []gittest.Edit{gittest.Write("apps/api/ci/main", "base"), gittest.Write("apps/api/app", "1")},
			head:  []gittest.Edit{gittest.Delete("apps"), gittest.Symlink("apps", "elsewhere"), gittest.Write("elsewhere/api/ci/main", "head")},
			paths: []string{"apps/api/ci"},
			want:  map[string]string{"apps/api/ci/main": file + "base", "elsewhere/api/ci/main": file + "head"},
		},
		"a folder in the place of the file": {
			base:  []gittest.Edit{gittest.Write("pocketci.yaml", "base")},
			head:  []gittest.Edit{gittest.Delete("pocketci.yaml"), gittest.Write("pocketci.yaml/evil", "head")},
			paths: []string{"pocketci.yaml"},
			want:  map[string]string{"pocketci.yaml": file + "base"},
		},
		"names that git could take for something else": {
			base:  []gittest.Edit{gittest.Write("c[i]/*", "base"), gittest.Write("-x/:(top)", "base")},
			head:  []gittest.Edit{gittest.Write("c[i]/*", "head"), gittest.Write("ci/y", "head"), gittest.Write("-x/:(top)", "head"), gittest.Write("new\nline", "head")},
			paths: []string{"c[i]", "-x"},
			want:  map[string]string{"c[i]/*": file + "base", "-x/:(top)": file + "base", "ci/y": file + "head", "new\nline": file + "head"},
		},
		"neither has it": {
			base: []gittest.Edit{gittest.Write("a", "1")}, head: []gittest.Edit{gittest.Write("a", "2")}, paths: []string{"ci"},
			want: map[string]string{"a": file + "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			base := s.repo.Commit("main", "base", c.base...)
			s.repo.Branch("feature", base)
			head := s.repo.Commit("feature", "head", c.head...)
			under, over := s.snapshot(s.push("feature", "", head)).Tree, s.snapshot(s.push("main", "", base)).Tree
			var laid [2]modules.Tree
			for i := range laid {
				var err error
				if laid[i], err = s.mirrors.Overlay(t.Context(), under, over, c.paths); err != nil {
					t.Fatal(err)
				}
			}
			if laid[0].Commit != laid[1].Commit || laid[0].Commit == head {
				t.Errorf("commits %s and %s", laid[0].Commit, laid[1].Commit)
			}
			dir, release := s.checkout(laid[0], true)
			defer release()
			if diff := cmp.Diff(c.want, files(t, dir)); diff != "" {
				t.Error(diff)
			}
			if parent := gittest.Git(t, dir, "rev-parse", "HEAD^"); strings.TrimSpace(parent) != head {
				t.Errorf("its parent is %s", parent)
			}
		})
	}
}

func TestOverlayRefuses(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	tree := s.snapshot(s.push("main", "", sha)).Tree
	for _, path := range []string{".", "", "..", "../x", "/a", "a/", "a/../b", "a//b"} {
		if _, err := s.mirrors.Overlay(t.Context(), tree, tree, []string{path}); err == nil {
			t.Errorf("%q is taken for a path", path)
		}
	}
	other := tree
	other.GitDir += "x"
	if _, err := s.mirrors.Overlay(t.Context(), tree, other, []string{"a"}); err == nil {
		t.Error("trees of two repositories are laid over each other")
	}
}
