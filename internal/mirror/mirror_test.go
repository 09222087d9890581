package mirror_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
)

const fullName = "acme/shop"

// setup is a server with one repository, and mirrors that may fetch it.
type setup struct {
	t       *testing.T
	server  *gittest.Server
	repo    *gittest.Repo
	dir     string
	mirrors *mirror.Mirrors
}

func newSetup(t *testing.T, change ...func(*mirror.Options)) *setup {
	t.Helper()
	server := gittest.NewServer(t)
	s := &setup{t: t, server: server, repo: server.Repo(fullName), dir: t.TempDir()}
	s.mirrors = s.open(change...)
	return s
}

// open makes another set of mirrors on the same directory, as a second process
// would.
func (s *setup) open(change ...func(*mirror.Options)) *mirror.Mirrors {
	s.t.Helper()
	o := mirror.Options{Dir: s.dir, Schemes: []string{"http"}, Backoff: time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	m, err := mirror.New(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := m.Close(); err != nil {
			s.t.Errorf("close mirrors: %v", err)
		}
	})
	return m
}

func (s *setup) event(name string) *events.Event {
	return &events.Event{
		ID: "1", Vendor: events.VendorGithub, Name: name,
		Repository: &events.Repository{FullName: fullName, CloneURL: s.server.CloneURL(fullName), DefaultBranch: "main"},
	}
}

// push is the push of after to a branch that held before, empty for a new one.
func (s *setup) push(branch, before, after string) *events.Event {
	ev := s.event(events.NamePush)
	ev.Ref, ev.Branch, ev.Filter = "refs/heads/"+branch, branch, branch
	ev.Before, ev.SHA = before, after
	return ev
}

// pull is a pull request of head, at refs/pull/1/head, into main at base.
func (s *setup) pull(base, head string) *events.Event {
	ev := s.event(events.NamePullRequest)
	ev.Filter, ev.PullRequest, ev.Ref = "opened", 1, "refs/pull/1/head"
	ev.BaseRef, ev.BaseSHA, ev.SHA = "main", base, head
	return ev
}

func (s *setup) snapshot(ev *events.Event) *mirror.Snapshot {
	s.t.Helper()
	snap, err := s.mirrors.Snapshot(s.t.Context(), ev)
	if err != nil {
		s.t.Fatalf("snapshot: %v", err)
	}
	return snap
}

func read(t *testing.T, fsys fs.FS, name string) string {
	t.Helper()
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFetchIsIncremental(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))

	snap := s.snapshot(s.push("main", first, second))
	if snap.SHA != second || read(t, snap.Tree.FS, "a") != "2" || snap.Tree.Commit != second {
		t.Errorf("got %+v", snap)
	}
	if got := s.server.Fetches(); got != 1 {
		t.Errorf("two commits took %d fetches: %+v", got, s.server.Requests())
	}
	before := len(s.server.Requests())
	s.snapshot(s.push("main", first, second))
	if got := len(s.server.Requests()); got != before {
		t.Errorf("the same commits cost %d more requests", got-before)
	}
	s.repo.Prune()
	third := s.repo.Commit("main", "3", gittest.Write("a", "3"))
	if got := read(t, s.snapshot(s.push("main", second, third)).Tree.FS, "a"); got != "3" {
		t.Errorf("a is %q", got)
	}
	// The first snapshot lives on, though packs have come since.
	if got := read(t, snap.Tree.FS, "a"); got != "2" {
		t.Errorf("a of the first snapshot is %q", got)
	}
}

func TestShaCountsNotTheRef(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.repo.Commit("main", "2", gittest.Write("a", "2"))
	for _, old := range []bool{false, true} {
		if old {
			s.server.Old()
			s.mirrors = newSetupOn(s)
		}
		snap := s.snapshot(s.push("main", "", first))
		if snap.SHA != first || read(t, snap.Tree.FS, "a") != "1" {
			t.Errorf("old server %v: got %s", old, snap.SHA)
		}
	}
}

// newSetupOn opens mirrors in a new directory.
func newSetupOn(s *setup) *mirror.Mirrors {
	s.dir = s.t.TempDir()
	return s.open()
}

func TestOldServer(t *testing.T) {
	s := newSetup(t)
	s.server.Old()
	base := s.repo.Commit("main", "base", gittest.Write("a", "1"))
	s.repo.Commit("main", "later", gittest.Write("later", "1"))
	s.repo.Branch("refs/pull/1/head", base)
	head := s.repo.Commit("refs/pull/1/head", "head", gittest.Write("b", "1"))
	s.repo.Commit("refs/pull/1/head", "more", gittest.Write("c", "1"))

	snap := s.snapshot(s.pull(base, head))
	if snap.SHA != head || len(snap.Changes.Files) != 1 || snap.Changes.Files[0] != "b" {
		t.Errorf("got %s, %+v", snap.SHA, snap.Changes)
	}
	if snap.Base == nil || snap.Base.Commit != base {
		t.Errorf("base is %+v", snap.Base)
	}
	gone := s.pull(base, strings.Repeat("ab", 20))
	if _, err := s.mirrors.Snapshot(t.Context(), gone); !errors.Is(err, mirror.ErrCommit) {
		t.Errorf("a commit that is nowhere: %v", err)
	}
}

func TestCommitOfEventsWithoutSha(t *testing.T) {
	s := newSetup(t)
	first := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	tag := s.repo.AnnotatedTag("v1", first, "one")
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
	side := s.repo.Branch("side/x", first)
	tests := map[string]struct {
		ref, sha, want string
		noDefault      bool
	}{
		"default branch":             {want: second},
		"HEAD":                       {noDefault: true, want: second},
		"annotated tag":              {ref: "refs/tags/v1", want: first},
		"branch":                     {ref: "refs/heads/side/x", want: side},
		"the sha of a tag object":    {ref: "refs/tags/v1", sha: tag, want: first},
		"an all-zero sha means none": {ref: "refs/heads/main", sha: strings.Repeat("0", 40), want: second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ev := s.event("release")
			ev.Ref, ev.SHA = tt.ref, tt.sha
			if tt.noDefault {
				ev.Repository.DefaultBranch = ""
			}
			snap, err := s.mirrors.Snapshot(t.Context(), ev)
			if err != nil {
				t.Fatal(err)
			}
			if snap.SHA != tt.want {
				t.Errorf("commit is %s, want %s", snap.SHA, tt.want)
			}
			if snap.Changes.Unknown != "release events have no diff" {
				t.Errorf("changes are %+v", snap.Changes)
			}
		})
	}
	t.Run("the tip moves", func(t *testing.T) {
		third := s.repo.Commit("main", "3", gittest.Write("a", "3"))
		if got := s.snapshot(s.event("release")).SHA; got != third {
			t.Errorf("commit is %s, want %s", got, third)
		}
	})
	t.Run("missing ref", func(t *testing.T) {
		ev := s.event("release")
		ev.Ref = "refs/tags/none"
		if _, err := s.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, mirror.ErrCommit) {
			t.Errorf("got %v", err)
		}
		ev.Ref, ev.Branch = "refs/heads/none", "none"
		if _, err := s.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, mirror.ErrCommit) || strings.Count(err.Error(), "refs/heads/none") != 1 {
			t.Errorf("got %v, want the branch named once", err)
		}
	})
	t.Run("bad refs and shas", func(t *testing.T) {
		for _, change := range []func(*events.Event){
			func(e *events.Event) { e.Ref = "--upload-pack=touch /tmp/x" },
			func(e *events.Event) { e.Ref = "refs/heads/a:refs/heads/b" },
			func(e *events.Event) { e.Ref = "+refs/heads/main" },
			func(e *events.Event) { e.Ref = "refs/heads/../x" },
			func(e *events.Event) { e.SHA = "main" },
			func(e *events.Event) { e.SHA = "--all" },
			func(e *events.Event) { e.Repository.DefaultBranch = "a b" },
		} {
			ev := s.event("release")
			change(ev)
			if _, err := s.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, mirror.ErrCommit) {
				t.Errorf("%+v: %v", ev, err)
			}
		}
	})
}

func TestConcurrentEvents(t *testing.T) {
	s := newSetup(t)
	shas := s.repo.Large(200, 12)
	sets := []*mirror.Mirrors{s.mirrors, s.open()} // the second as another process
	var wg sync.WaitGroup
	for i := 1; i < len(shas); i++ {
		wg.Go(func() {
			snap, err := sets[i%2].Snapshot(t.Context(), s.push("main", shas[i-1], shas[i]))
			if err != nil {
				t.Error(err)
				return
			}
			if len(snap.Changes.Files) == 0 || snap.SHA != shas[i] {
				t.Errorf("commit %d: %+v", i, snap)
			}
			n := 0
			err = fs.WalkDir(snap.Tree.FS, ".", func(_ string, d fs.DirEntry, err error) error {
				if !d.IsDir() {
					n++
				}
				return err
			})
			if err != nil || n != 200 {
				t.Errorf("commit %d: %d files, %v", i, n, err)
			}
		})
	}
	wg.Wait()
	mirrors, err := filepath.Glob(filepath.Join(s.dir, "mirrors", "*", "*.git"))
	if err != nil || len(mirrors) != 1 {
		t.Errorf("mirrors: %v, %v", mirrors, err)
	}
}

func TestRefs(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.repo.Branch("feature/x", sha)
	s.repo.Tag("v1", sha)
	s.repo.AnnotatedTag("v2", sha, "two")
	snap := s.snapshot(s.push("main", "", sha))
	n := len(s.server.Requests())
	for range 2 {
		refs, err := snap.Refs(t.Context())
		if err != nil || strings.Join(refs.Branches, " ") != "feature/x main" || strings.Join(refs.Tags, " ") != "v1 v2" {
			t.Errorf("refs are %v, %v", refs, err)
		}
	}
	if got := len(s.server.Requests()) - n; got != 2 {
		t.Errorf("refs cost %d requests", got)
	}
}

func TestWaitingForAnotherProcessEndsWithTheContext(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	gitDir := s.snapshot(s.push("main", "", sha)).Tree.GitDir
	file, err := os.OpenFile(strings.TrimSuffix(gitDir, ".git")+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	s.snapshot(s.push("main", "", sha)) // reading needs no lock
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // it waits for as long as there is time
	defer cancel()
	if _, err := s.mirrors.Snapshot(ctx, s.push("main", sha, second)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	s.snapshot(s.push("main", sha, second))
}

func TestRefsOfPullRequests(t *testing.T) {
	for vendor, ref := range map[string]string{
		events.VendorGithub: "refs/pull/7/head", events.VendorGitea: "refs/pull/7/head",
		events.VendorGitlab: "refs/merge-requests/7/head", // Bitbucket has none
	} {
		t.Run(vendor, func(t *testing.T) {
			s := newSetup(t)
			s.server.Old()
			base := s.repo.Commit("main", "1", gittest.Write("a", "1"))
			s.repo.Branch(ref, base)
			head := s.repo.Commit(ref, "2", gittest.Write("b", "1"))
			s.repo.Commit(ref, "3", gittest.Write("c", "1"))
			ev := s.pull(base, head)
			ev.Vendor, ev.PullRequest, ev.Ref, ev.Fork = vendor, 7, "", "stranger/shop"
			if got := s.snapshot(ev); got.SHA != head {
				t.Errorf("commit is %s", got.SHA)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]mirror.Options{
		"a scheme that git could run":  {Schemes: []string{"ext"}},
		"a line break in the token":    {Credentials: mirror.Credentials{Token: "a\nhost=evil.example"}},
		"a line break in the username": {Credentials: mirror.Credentials{Username: "a\r", Token: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Dir = t.TempDir()
			if _, err := mirror.New(o); err == nil {
				t.Error("was accepted")
			}
		})
	}
}

func TestFileScheme(t *testing.T) {
	s := &setup{t: t, server: &gittest.Server{}, repo: gittest.NewRepo(t), dir: t.TempDir()}
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.mirrors = s.open(func(o *mirror.Options) { o.Schemes = []string{"file"} })
	ev := s.push("main", "", sha)
	ev.Repository.CloneURL = "file://" + s.repo.Dir
	if got := read(t, s.snapshot(ev).Tree.FS, "a"); got != "1" {
		t.Errorf("a is %q", got)
	}
	ev.Repository.CloneURL += "none"
	if _, err := s.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("missing repository: %v", err)
	}
}

// Bitbucket keeps the head of a fork's pull request in the fork alone.
func TestForkOnBitbucket(t *testing.T) {
	s := newSetup(t)
	base := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	fork := s.server.Repo("mallory/shop")
	fork.Commit("main", "0", gittest.Write("a", "0"))
	head := fork.Commit("feature", "2", gittest.Write("a", "2"))
	event := s.push("main", "", base)
	event.Vendor, event.Name, event.PullRequest = events.VendorBitbucket, events.NamePullRequest, 7
	event.Ref, event.Branch, event.Fork, event.SHA, event.BaseSHA, event.BaseRef = "", "feature", "mallory/shop", head, base, "main"
	snap := s.snapshot(event)
	if data, err := fs.ReadFile(snap.Tree.FS, "a"); err != nil || string(data) != "2" || snap.SHA != head || snap.Base == nil {
		t.Errorf("%q of %s, %v", data, snap.SHA, err)
	}
	for name, change := range map[string]func(*events.Event){
		"a fork that is gone":      func(e *events.Event) { e.Fork, e.SHA = "unknown", strings.Repeat("8", 40) },
		"a fork that is elsewhere": func(e *events.Event) { e.Fork, e.SHA = "../other", strings.Repeat("7", 40) },
		"a commit it has not":      func(e *events.Event) { e.SHA = strings.Repeat("9", 40) },
		"no commit":                func(e *events.Event) { e.SHA = "" },
	} {
		other := *event
		change(&other)
		if _, err := s.mirrors.Snapshot(t.Context(), &other); !errors.Is(err, mirror.ErrCommit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
