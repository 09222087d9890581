package mirror_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/modules"
)

// module is a reference to the setup's repository.
func (s *setup) module(folder, version string) modules.Remote {
	s.t.Helper()
	name := s.server.CloneURL(fullName)
	if folder != "" {
		name += "/" + folder
	}
	ref, err := modules.ParseRemote(name + "@" + version)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

func TestModule(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("go/a", "1"))
	second := s.repo.Commit("main", "2", gittest.Write("go/a", "2"))
	third := s.repo.Commit("release/1.x", "3", gittest.Write("go/a", "3"))
	s.repo.Tag("v1", first)
	s.repo.AnnotatedTag("v2", second, "two")
	s.repo.Tag("go/v1", third)
	s.repo.Branch("v1", second) // a tag goes before a branch
	for name, c := range map[string]struct{ folder, version, want string }{
		"a tag":               {"", "v1", first},
		"an annotated tag":    {"", "v2", second},
		"a tag of the folder": {"go", "v1", third},
		"a tag of all":        {"go", "v2", second},
		"a branch":            {"", "main", second},
		"a branch in folders": {"go", "release/1.x", third},
		"a commit":            {"", first, first},
	} {
		t.Run(name, func(t *testing.T) {
			tree, err := s.mirrors.Module(t.Context(), s.module(c.folder, c.version))
			if err != nil {
				t.Fatal(err)
			}
			if tree.Commit != c.want || tree.GitDir == "" || tree.Dir != "" {
				t.Errorf("got commit %s, want %s", tree.Commit, c.want)
			}
			if got, want := read(t, tree.FS, "go/a"), map[string]string{first: "1", second: "2", third: "3"}[c.want]; got != want {
				t.Errorf("the file is %q, want %q", got, want)
			}
		})
	}
}

// A tag is what it is now; a commit that was fetched once stays to be had without
// the server, also when no ref has it any more.
func TestModuleMoves(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.repo.Tag("v1", first)
	tree, err := s.mirrors.Module(t.Context(), s.module("", "v1"))
	if err != nil || tree.Commit != first {
		t.Fatalf("%+v, %v", tree, err)
	}
	s.repo.Delete("refs/tags/v1")
	s.repo.Delete("main")
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
	s.repo.Tag("v1", second)
	s.repo.Prune()
	if tree, err = s.mirrors.Module(t.Context(), s.module("", "v1")); err != nil || tree.Commit != second {
		t.Errorf("after the tag has moved: %+v, %v, want %s", tree, err, second)
	}
	s.server.Reset()
	if tree, err = s.mirrors.Module(t.Context(), s.module("", first)); err != nil || read(t, tree.FS, "a") != "1" {
		t.Errorf("the first commit: %v", err)
	}
	if n := len(s.server.Requests()); n != 0 {
		t.Errorf("a commit that is there took %d requests", n)
	}
}

func TestModuleErrors(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.repo.Git("tag", "file", s.repo.Git("rev-parse", sha+":a"))
	other := s.module("", "v1")
	other.Repository = "acme/none"
	https := s.open(func(o *mirror.Options) { o.Schemes = nil })
	for name, c := range map[string]struct {
		mirrors *mirror.Mirrors
		ref     modules.Remote
		kind    error
		says    string
	}{
		"no such version":              {s.mirrors, s.module("", "v9"), mirror.ErrCommit, "refs/tags/v9, refs/heads/v9"},
		"no such version of a folder":  {s.mirrors, s.module("go", "v9"), mirror.ErrCommit, "refs/tags/go/v9, refs/tags/v9, refs/heads/v9"},
		"no such commit":               {s.mirrors, s.module("", strings.Repeat("1", 40)), mirror.ErrCommit, ""},
		"a tag of a file":              {s.mirrors, s.module("", "file"), mirror.ErrCommit, "is not a commit"},
		"no such repository":           {s.mirrors, other, mirror.ErrNotFound, ""},
		"a scheme that is not allowed": {https, s.module("", "main"), mirror.ErrURL, `"http" is not allowed`},
	} {
		_, err := c.mirrors.Module(t.Context(), c.ref)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v and %q", name, err, c.kind, c.says)
		}
	}
}

// Credentials go to the hosts that are named, and to no other for the sake of a
// module.
func TestModuleCredentials(t *testing.T) {
	s := newSetup(t)
	s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.server.Auth("bot", token)
	if _, err := s.open(withToken("elsewhere.example")).Module(t.Context(), s.module("", "main")); !errors.Is(err, mirror.ErrAuth) {
		t.Errorf("without trust in the host: %v", err)
	}
	for _, r := range s.server.Requests() {
		if r.Authorization != "" {
			t.Error("the server was sent the credentials")
		}
	}
	if _, err := s.open(withToken(s.server.URL)).Module(t.Context(), s.module("", "main")); err != nil {
		t.Errorf("with trust in the host: %v", err)
	}
}
