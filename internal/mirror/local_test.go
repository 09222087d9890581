package mirror_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func local(t *testing.T, dir string, ev *events.Event, o mirror.LocalOptions) *mirror.Snapshot {
	t.Helper()
	snap, err := mirror.Local(t.Context(), dir, ev, o)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func TestLocalWithoutGit(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "ci/dagger.json", "{}")
	s := &setup{t: t, server: &gittest.Server{}}
	snap := local(t, dir, s.push("main", "", strings.Repeat("ab", 20)), mirror.LocalOptions{})
	if got := read(t, snap.Tree.FS, "ci/dagger.json"); got != "{}" {
		t.Errorf("dagger.json is %q", got)
	}
	if snap.SHA != "" || snap.Tree.GitDir != "" || !filepath.IsAbs(snap.Tree.Dir) || !strings.Contains(snap.Changes.Unknown, "--changes") {
		t.Errorf("got %+v", snap)
	}
	if refs, err := snap.Refs(t.Context()); err != nil || len(refs.Branches)+len(refs.Tags) > 0 {
		t.Errorf("refs are %v, %v", refs, err)
	}
	if _, err := mirror.Local(t.Context(), dir, s.event("push"), mirror.LocalOptions{Base: "main"}); !errors.Is(err, mirror.ErrRevision) {
		t.Errorf("base without git: %v", err)
	}
	snap = local(t, dir, s.event("push"), mirror.LocalOptions{Changes: []string{"./b", "a", "b"}})
	if diff := cmp.Diff(mirror.Changes{Files: []string{"a", "b"}}, snap.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if snap = local(t, dir, s.event("push"), mirror.LocalOptions{Changes: []string{}}); snap.Changes.Unknown != "" {
		t.Errorf("an empty list is %+v", snap.Changes)
	}
	if _, err := mirror.Local(t.Context(), filepath.Join(dir, "none"), s.event("push"), mirror.LocalOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	manual := &events.Event{Vendor: events.VendorManual, Name: events.NameRun}
	if got := local(t, dir, manual, mirror.LocalOptions{}).Changes.Unknown; got != "run events have no diff" {
		t.Errorf("changes of a manual run: %q", got)
	}
}

func TestLocalStaysInside(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "outside", "secret")
	write(t, dir, "in/file", "1")
	for name, target := range map[string]string{"out": "../outside", "abs": filepath.Join(dir, "outside"), "ok": "file"} {
		if err := os.Symlink(target, filepath.Join(dir, "in", name)); err != nil {
			t.Fatal(err)
		}
	}
	fsys := local(t, filepath.Join(dir, "in"), &events.Event{Name: events.NameRun}, mirror.LocalOptions{}).Tree.FS
	if got := read(t, fsys, "ok"); got != "1" {
		t.Errorf("ok is %q", got)
	}
	for _, name := range []string{"out", "abs", "../outside"} {
		if data, err := fs.ReadFile(fsys, name); err == nil {
			t.Errorf("%s is %q", name, data)
		}
	}
}

func TestLocalBase(t *testing.T) {
	repo := gittest.NewRepo(t)
	fork := repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("b", "1"), gittest.Write("del", "1"), gittest.Write("moved", "1"),
		gittest.Write("committed-only", "1"), gittest.Write(".gitignore", "ignored\n"))
	repo.Branch("topic", fork)
	repo.Commit("main", "2", gittest.Write("main-only", "1"))
	repo.Commit("topic", "3", gittest.Write("topic", "1"), gittest.Write("committed-only", "2"))
	dir := repo.Clone("topic")
	gittest.Git(t, dir, "branch", "clean", "origin/topic")
	changes := func(base string) mirror.Changes {
		t.Helper()
		return local(t, dir, &events.Event{Name: events.NamePush}, mirror.LocalOptions{Base: base}).Changes
	}
	if diff := cmp.Diff(mirror.Changes{Files: []string{"committed-only", "topic"}}, changes("origin/main")); diff != "" {
		t.Errorf("clean work tree (-want +got):\n%s", diff)
	}
	if got := changes("clean"); got.Unknown != "nothing differs from clean" {
		t.Errorf("a clean tree at the base: %+v", got)
	}
	write(t, dir, "a", "changed")
	write(t, dir, "new\nfile", "1")
	write(t, dir, "sub/größe", "1")
	write(t, dir, "ignored", "1")
	write(t, dir, "staged", "1")
	gittest.Git(t, dir, "add", "staged")
	gittest.Git(t, dir, "mv", "moved", "moved-to")
	gittest.Git(t, dir, "rm", "-q", "del")
	write(t, dir, "committed-only", "1")
	want := []string{"a", "del", "moved", "moved-to", "new\nfile", "staged", "sub/größe", "topic"}
	if diff := cmp.Diff(mirror.Changes{Files: want}, changes("origin/main")); diff != "" {
		t.Errorf("work tree (-want +got):\n%s", diff)
	}
	for _, base := range []string{"none", "--all", "-n", "HEAD:a", strings.Repeat("12", 20)} {
		_, err := mirror.Local(t.Context(), dir, &events.Event{Name: events.NamePush}, mirror.LocalOptions{Base: base})
		if !errors.Is(err, mirror.ErrRevision) || !strings.Contains(err.Error(), base) {
			t.Errorf("base %s: %v", base, err)
		}
	}
	if got, want := local(t, dir, &events.Event{Name: "x"}, mirror.LocalOptions{}).SHA, repo.SHA("topic"); got != want {
		t.Errorf("sha is %s, want %s", got, want)
	}
}

func TestLocalPayload(t *testing.T) {
	s := &setup{t: t, server: &gittest.Server{}, repo: gittest.NewRepo(t)}
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.repo.Branch("topic", first)
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
	head := s.repo.Commit("topic", "3", gittest.Write("t", "1"))
	s.repo.Tag("v1", first)
	dir := s.repo.Clone("topic")
	missing := strings.Repeat("12", 20)
	tests := map[string]struct {
		event   *events.Event
		files   []string
		unknown string
	}{
		"push":                        {event: s.push("main", first, second), files: []string{"a"}},
		"pull request":                {event: s.pull(second, head), files: []string{"t"}},
		"new branch":                  {event: s.push("topic", "", head), files: []string{"t"}},
		"first push":                  {event: s.push("main", "", second), files: []string{"a"}},
		"before is not here":          {event: s.push("topic", missing, head), files: []string{"t"}},
		"after is not here":           {event: s.push("main", first, missing), unknown: "the history has no commit " + missing[:12] + "; name the changed files with --changes"},
		"base is not here":            {event: s.pull(missing, head), unknown: "the base " + missing[:12] + " cannot be fetched; name"},
		"no repository":               {event: &events.Event{Vendor: events.VendorGithub, Name: events.NamePush}, unknown: "the event names no repository; name"},
		"a payload that is a mistake": {event: s.push("main", "x", "y"), unknown: `"y" is not a full SHA-1; name`},
		"release":                     {event: s.event("release"), unknown: "release events have no diff"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := local(t, dir, tt.event, mirror.LocalOptions{}).Changes
			if diff := cmp.Diff(tt.files, got.Files); diff != "" || !strings.HasPrefix(got.Unknown, tt.unknown) || (tt.unknown == "") != (got.Unknown == "") {
				t.Errorf("changes are %+v, want %v or %q", got, tt.files, tt.unknown)
			}
		})
	}
	refs, err := local(t, dir, s.event("push"), mirror.LocalOptions{}).Refs(t.Context())
	if diff := cmp.Diff(mirror.Refs{Branches: []string{"main", "topic"}, Tags: []string{"v1"}}, refs); err != nil || diff != "" {
		t.Errorf("refs: %v (-want +got):\n%s", err, diff)
	}
}

func TestLocalBelowARepository(t *testing.T) {
	repo := gittest.NewRepo(t)
	repo.Commit("main", "1", gittest.Write("sub/a", "1"))
	dir := filepath.Join(repo.Clone("main"), "sub")
	snap := local(t, dir, (&setup{t: t, server: &gittest.Server{}}).push("main", "", repo.SHA("main")), mirror.LocalOptions{})
	if snap.SHA != "" || snap.Changes.Unknown == "" {
		t.Errorf("the history of a repository above was taken: %+v", snap)
	}
}

func TestLocalWithoutCommits(t *testing.T) {
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet")
	write(t, dir, "a", "1")
	snap := local(t, dir, &events.Event{Name: events.NameRun}, mirror.LocalOptions{})
	if snap.SHA != "" || read(t, snap.Tree.FS, "a") != "1" {
		t.Errorf("got %+v", snap)
	}
	if _, err := mirror.Local(t.Context(), dir, &events.Event{Name: events.NamePush}, mirror.LocalOptions{Base: "HEAD"}); !errors.Is(err, mirror.ErrRevision) {
		t.Errorf("base: %v", err)
	}
}

// The commit of an event is what a server would pin it to, whatever is checked
// out.
func TestLocalCommit(t *testing.T) {
	repo := gittest.NewRepo(t)
	first := repo.Commit("main", "one", gittest.Write("a", "1"))
	repo.Commit("main", "two", gittest.Write("a", "2"))
	tag := repo.AnnotatedTag("v1", first, "version one")
	dir := repo.Clone("main")
	unknown := strings.Repeat("ab", 20)
	for name, c := range map[string]struct{ sha, want string }{
		"no sha, what is checked out":  {"", repo.SHA("main")},
		"a commit":                     {first, first},
		"an annotated tag, its commit": {tag, first},
		"a commit of elsewhere":        {unknown, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			snap := local(t, dir, &events.Event{Name: "x", SHA: c.sha}, mirror.LocalOptions{})
			if snap.SHA != c.want {
				t.Errorf("got %s, want %s", snap.SHA, c.want)
			}
			if snap.Tree.Commit != repo.SHA("main") {
				t.Errorf("the tree is of %s, want what is checked out", snap.Tree.Commit)
			}
		})
	}
}
