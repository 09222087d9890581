package mirror_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/mirror"
)

// shelf has the versions of one module, with the id "1", the last one of which is called.
type shelf struct {
	t        *testing.T
	versions map[string][]byte
	now      string
	opened   int
}

func newShelf(t *testing.T, words ...string) *shelf {
	s := &shelf{t: t, versions: map[string][]byte{}}
	for _, word := range words {
		files := []bundle.File{
			{Name: "dagger.json", Data: []byte("{}")}, {Name: "main.dang", Data: []byte(word)},
			{Name: "deep/run.sh", Data: []byte("true"), Exec: true}, {Name: "link", Link: "deep/run.sh"},
		}
		archive, err := bundle.Pack(files)
		if err != nil {
			t.Fatal(err)
		}
		if s.now, err = bundle.SHA(files); err != nil {
			t.Fatal(err)
		}
		s.versions[s.now] = archive
	}
	return s
}

func (s *shelf) Version(_ context.Context, id, sha string) (string, error) {
	if sha == "" {
		sha = s.now
	}
	if id != "1" || s.versions[sha] == nil {
		return "", mirror.ErrNoModule
	}
	return sha, nil
}

func (s *shelf) Archive(_ context.Context, id, sha string) ([]byte, error) {
	if id != "1" || s.versions[sha] == nil {
		return nil, mirror.ErrNoModule
	}
	s.opened++
	return s.versions[sha], nil
}

func storedEvent(sha string) *events.Event {
	e := events.Manual(events.ModuleRepository("1", "deploy"), "", sha, "octocat")
	e.ID = "1"
	return &e
}

func TestStoredModule(t *testing.T) {
	shelf := newShelf(t, "one", "two")
	s := newSetup(t, func(o *mirror.Options) { o.Modules = shelf })
	snap, err := s.mirrors.Snapshot(t.Context(), storedEvent(""))
	if err != nil {
		t.Fatal(err)
	}
	if snap.SHA != shelf.now || snap.Tree.Commit != shelf.now || snap.Changes.Unknown == "" {
		t.Errorf("the snapshot is of %s with the changes %+v", snap.SHA, snap.Changes)
	}
	if data, err := fs.ReadFile(snap.Tree.FS, "main.dang"); string(data) != "two" {
		t.Errorf("it has %q (%v)", data, err)
	}
	if refs, err := snap.Refs(t.Context()); err != nil || len(refs.Branches)+len(refs.Tags) > 0 {
		t.Errorf("its refs are %+v (%v)", refs, err)
	}
	if !s.mirrors.Trusts(storedEvent("")) {
		t.Error("its place is not known")
	}
	for _, withGit := range []bool{false, true} {
		dir, release, err := s.mirrors.Checkout(t.Context(), snap.Tree, withGit)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, "link")); err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("checked out: %v (%v)", info, err)
		}
		release()
	}

	// A version is unpacked once, also by the next process.
	opened := shelf.opened
	other := s.open(func(o *mirror.Options) { o.Modules = shelf })
	if _, err := other.Snapshot(t.Context(), storedEvent(shelf.now)); err != nil || shelf.opened != opened {
		t.Errorf("opened %d times more: %v", shelf.opened-opened, err)
	}
	for sha := range shelf.versions {
		snap, err := s.mirrors.Snapshot(t.Context(), storedEvent(sha))
		if err != nil || snap.SHA != sha {
			t.Errorf("version %s is %+v (%v)", sha, snap, err)
		}
	}

	// A pull of a signed source is a push in name alone.
	pushed := storedEvent(shelf.now)
	pushed.Vendor, pushed.Name = "signed", events.NamePush
	if snap, err := s.mirrors.Snapshot(t.Context(), pushed); err != nil || snap.SHA != shelf.now {
		t.Errorf("an event that is called a push: %+v (%v)", snap, err)
	}

	// Of a module that was deleted nothing is called, whatever the mirror has.
	delete(shelf.versions, shelf.now)
	if _, err := s.mirrors.Snapshot(t.Context(), storedEvent(shelf.now)); !errors.Is(err, mirror.ErrCommit) || !strings.Contains(err.Error(), ".modules/deploy: commit not found: there is no such module") {
		t.Errorf("of a version that is gone: %v", err)
	}
}

// A mirror that is damaged is made anew.
func TestStoredModuleIsRepaired(t *testing.T) {
	shelf := newShelf(t, "one")
	s := newSetup(t, func(o *mirror.Options) { o.Modules = shelf })
	if _, err := s.mirrors.Snapshot(t.Context(), storedEvent("")); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(s.dir, "mirrors", "*", "*.git", "objects", "??"))
	if err != nil || len(found) == 0 {
		t.Fatalf("objects are %v (%v)", found, err)
	}
	for _, dir := range found {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := s.open(func(o *mirror.Options) { o.Modules = shelf }).Snapshot(t.Context(), storedEvent(""))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := fs.ReadFile(snap.Tree.FS, "main.dang"); string(data) != "one" {
		t.Errorf("it has %q (%v)", data, err)
	}
}

func TestStoredModuleRefused(t *testing.T) {
	shelf := newShelf(t, "one")
	with := newSetup(t, func(o *mirror.Options) { o.Modules = shelf })
	without := newSetup(t)
	file := newSetup(t, func(o *mirror.Options) { o.Modules, o.Schemes = shelf, []string{"http", "file"} })
	wrong := newShelf(t, "one")
	wrong.versions[wrong.now] = newShelf(t, "two").versions[newShelf(t, "two").now]
	mixed := newSetup(t, func(o *mirror.Options) { o.Modules = wrong })
	for name, tc := range map[string]struct {
		mirrors    *mirror.Mirrors
		repository *events.Repository
		kind       error
	}{
		"none here":            {without.mirrors, events.ModuleRepository("1", "deploy"), mirror.ErrURL},
		"another id":           {with.mirrors, events.ModuleRepository("2", "deploy"), mirror.ErrCommit},
		"the URL alone":        {with.mirrors, &events.Repository{FullName: "acme/deploy", CloneURL: "module://1"}, mirror.ErrURL},
		"the URL beside file":  {file.mirrors, &events.Repository{FullName: "acme/deploy", CloneURL: "module://1"}, mirror.ErrURL},
		"a path in its place":  {file.mirrors, &events.Repository{FullName: ".modules/deploy", CloneURL: "module:///etc"}, mirror.ErrURL},
		"files of another one": {mixed.mirrors, events.ModuleRepository("1", "deploy"), mirror.ErrGit},
	} {
		t.Run(name, func(t *testing.T) {
			ev := storedEvent("")
			ev.Repository = tc.repository
			if _, err := tc.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, tc.kind) {
				t.Errorf("the error is %v, want %v", err, tc.kind)
			}
		})
	}
}
