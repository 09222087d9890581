package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// stored is a module to store whose files are made of a word.
func stored(name, word string) store.NewModule {
	return store.NewModule{
		Name: name, SHA: strings.Repeat(word, 40)[:40], Archive: []byte{0, 0xff, word[0]}, Files: 2, Size: 7,
		Functions: []byte(`[{"module":".","name":"` + word + `"}]`),
	}
}

func deploy(t testing.TB, s *store.Store, list ...store.NewModule) {
	t.Helper()
	if err := s.DeployModules(t.Context(), list, octocat); err != nil {
		t.Fatal(err)
	}
}

func module(t testing.TB, s *store.Store, name string) store.Module {
	t.Helper()
	m, err := s.Module(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// called accepts the event of a call of the module as it is now.
func called(t testing.TB, s *store.Store, name string) store.Receipt {
	t.Helper()
	m := module(t, s, name)
	e := events.Manual(m.Repository(), "", m.SHA, "octocat")
	e.ID = events.NewID()
	return accept(t, s, store.Delivery{Event: e})
}

func TestModules(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		deploy(t, s, stored("b", "b"), stored("a", "a"))
		a := module(t, s, "a")
		if a.ID == "" || a.SHA != stored("a", "a").SHA || a.Number != 1 || a.Files != 2 || a.Size != 7 || a.DeployedBy != "octocat" ||
			a.DeployedAt.IsZero() || a.CreatedAt.IsZero() || !a.SupersededAt.IsZero() || string(a.Functions) != `[{"module":".","name":"a"}]` {
			t.Errorf("it is %+v", a)
		}
		if r := a.Repository(); r.FullName != ".modules/a" {
			t.Errorf("its repository is %+v", r)
		}
		list, err := s.Modules(t.Context())
		if err != nil || len(list) != 2 || list[0].Name != "a" || list[1].Name != "b" {
			t.Errorf("the list is %+v (%v)", list, err)
		}
		if diff := cmp.Diff(a, list[0]); diff != "" {
			t.Errorf("in the list it is (-alone +list):\n%s", diff)
		}

		// The same again is nothing new; other files are another version.
		deploy(t, s, stored("a", "a"))
		if diff := cmp.Diff(a, module(t, s, "a")); diff != "" {
			t.Errorf("the same files changed (-before +after):\n%s", diff)
		}
		deploy(t, s, stored("a", "c"))
		if got := module(t, s, "a"); got.ID != a.ID || got.SHA != stored("a", "c").SHA || got.Number != 2 {
			t.Errorf("with other files it is %+v", got)
		}
		deploy(t, s, stored("a", "a"))
		versions, err := s.ModuleVersions(t.Context(), "a")
		if err != nil || len(versions) != 2 || versions[0].SHA != a.SHA || versions[0].Number != 3 || !versions[0].SupersededAt.IsZero() ||
			versions[1].Number != 2 || versions[1].SupersededAt.IsZero() {
			t.Errorf("its versions are %+v (%v)", versions, err)
		}
		for sha, want := range map[string]string{"": "a", a.SHA: "a", stored("a", "c").SHA: "c"} {
			if got, err := s.ModuleArchive(t.Context(), a.ID, sha); err != nil || string(got) != string(stored("", want).Archive) {
				t.Errorf("the files of version %q are %q (%v)", sha, got, err)
			}
			if got, err := s.ModuleSHA(t.Context(), a.ID, sha); err != nil || got != stored("", want).SHA {
				t.Errorf("version %q is %s (%v)", sha, got, err)
			}
		}
		_, missing := s.Module(t.Context(), "nobody")
		_, versionless := s.ModuleVersions(t.Context(), "nobody")
		_, fileless := s.ModuleArchive(t.Context(), a.ID, strings.Repeat("9", 40))
		_, unknown := s.ModuleSHA(t.Context(), a.ID, strings.Repeat("9", 40))
		for what, err := range map[string]error{"module": missing, "version": unknown, "versions": versionless, "files": fileless} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("a %s that there is not: %v", what, err)
			}
		}
		entries, err := s.Audit(t.Context(), store.AuditFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if e := entries[0]; len(entries) != 4 || e.Action != "deploy" || e.Object != "module a" || e.Detail != "version 3, "+a.SHA || e.Person != "octocat" {
			t.Errorf("the audit log has %d entries, the last one %+v", len(entries), e)
		}
	})
}

func TestDeployAllOrNone(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		bad := stored("b", "b")
		bad.Functions = []byte(`{`)
		for name, list := range map[string][]store.NewModule{
			"no list of functions": {stored("a", "a"), bad},
			"no name":              {stored("a", "a"), stored("../b", "b")},
			"no files":             {stored("a", "a"), {Name: "b", SHA: "x", Functions: []byte("[]")}},
		} {
			if err := s.DeployModules(t.Context(), list, octocat); err == nil {
				t.Errorf("%s: it was stored", name)
			}
			if list, err := s.Modules(t.Context()); err != nil || len(list) != 0 {
				t.Errorf("%s: there are %+v (%v)", name, list, err)
			}
		}
	})
}

// A module keeps its past under its new name.
func TestRenameModule(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		deploy(t, s, stored("old", "a"), stored("other", "b"))
		r := called(t, s, "old")
		beside := called(t, s, "other")
		agent := join(t, s, "agent")
		claim, _, err := agent.ClaimRun(t.Context(), store.Limits{})
		if err != nil || claim.Run != r.Run {
			t.Fatalf("claimed %+v: %v", claim, err)
		}
		plan := store.Plan{Plan: []byte(`{}`), Calls: []store.NewCall{{Module: ".", Function: "f", Spec: []byte(`{}`), Group: "g"}}}
		if _, err := agent.Planned(t.Context(), claim, plan); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"old", "new"} {
			d := store.Disabled{Repository: events.ModuleFullName(name), Module: ".", Function: "of " + name, Reason: name}
			if err := s.Disable(t.Context(), d, octocat); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.RenameModule(t.Context(), "old", "other", octocat); !errors.Is(err, store.ErrExists) {
			t.Errorf("to the name of another one: %v", err)
		}
		if err := s.RenameModule(t.Context(), "nobody", "new", octocat); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of none: %v", err)
		}
		if err := s.RenameModule(t.Context(), "old", "../new", octocat); err == nil {
			t.Error("to what is no name: it was renamed")
		}
		id := module(t, s, "old").ID
		if err := s.RenameModule(t.Context(), "old", "new", octocat); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Module(t.Context(), "old"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("under the old name: %v", err)
		}
		if m := module(t, s, "new"); m.ID != id || m.SHA != stored("", "a").SHA {
			t.Errorf("it is %+v", m)
		}
		e, err := s.Event(t.Context(), r.Event)
		if err != nil || e.Repository.FullName != ".modules/new" {
			t.Errorf("its event is %+v (%v)", e.Repository, err)
		}
		latest, err := s.LatestEvent(t.Context(), ".modules/new")
		if err != nil || latest.ID != r.Event || latest.Repository.FullName != ".modules/new" {
			t.Errorf("its latest event is %+v (%v)", latest, err)
		}
		run, err := s.Run(t.Context(), r.Run)
		if err != nil || run.Repository != ".modules/new" {
			t.Errorf("its run is %+v (%v)", run, err)
		}
		if run, err := s.Run(t.Context(), beside.Run); err != nil || run.Repository != ".modules/other" {
			t.Errorf("the other one's run is %+v (%v)", run, err)
		}
		disabled, err := s.Disabled(t.Context(), "")
		if err != nil || len(disabled) != 2 || disabled[0].Repository != ".modules/new" || disabled[1].Repository != ".modules/new" {
			t.Errorf("disabled are %+v (%v)", disabled, err)
		}
		// The call waits under the new name, and holds the group of later runs.
		next := called(t, s, "new")
		for range 2 {
			c, _, err := agent.ClaimRun(t.Context(), store.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if c.Run != next.Run {
				continue
			}
			if _, err := agent.Planned(t.Context(), c, plan); err != nil {
				t.Fatal(err)
			}
		}
		first, call, err := agent.ClaimCall(t.Context(), store.Limits{})
		if err != nil || first.Run != r.Run || call.Repository != ".modules/new" {
			t.Errorf("claimed %+v of %s: %v", first, call.Repository, err)
		}
		if c, _, err := agent.ClaimCall(t.Context(), store.Limits{}); !errors.Is(err, store.ErrNoWork) {
			t.Errorf("a call of the same group is made beside it: %+v, %v", c, err)
		}
	})
}

func TestDeleteModule(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		deploy(t, s, stored("a", "a"))
		m := module(t, s, "a")
		r := called(t, s, "a")
		if err := s.DeleteModule(t.Context(), "a", octocat); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteModule(t.Context(), "a", octocat); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("twice: %v", err)
		}
		if _, err := s.ModuleArchive(t.Context(), m.ID, m.SHA); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("its files: %v", err)
		}
		run, err := s.Run(t.Context(), r.Run)
		if err != nil || run.State != store.StateAborted || run.Reason != "the module was deleted by octocat" {
			t.Errorf("its run is %+v (%v)", run, err)
		}
		if e, err := s.Event(t.Context(), r.Event); err != nil || e.Repository.FullName != ".modules/a" {
			t.Errorf("its event is %+v (%v)", e.Event, err)
		}
		if _, err := s.Restart(t.Context(), r.Run, store.RestartAll, octocat); !errors.Is(err, store.ErrModuleDeleted) {
			t.Errorf("its run, restarted: %v", err)
		}
		// Another one of that name has another id, so that old events call nothing of it.
		deploy(t, s, stored("a", "a"))
		if again := module(t, s, "a"); again.ID == m.ID || again.Number != 1 {
			t.Errorf("the next one of that name is %+v", again)
		}
		if _, err := s.ModuleArchive(t.Context(), m.ID, m.SHA); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the files of the deleted one: %v", err)
		}
		if _, err := s.Restart(t.Context(), r.Run, store.RestartAll, octocat); !errors.Is(err, store.ErrModuleDeleted) {
			t.Errorf("its run, restarted beside another one of the name: %v", err)
		}
	})
}

// Versions stay for as long as a run is of them, and the one that is called now.
func TestPruneModules(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		deploy(t, s, stored("m", "a"))
		r := called(t, s, "m")
		deploy(t, s, stored("m", "b"))
		deploy(t, s, stored("m", "c"))
		numbers := func() (list []int64) {
			t.Helper()
			versions, err := s.ModuleVersions(t.Context(), "m")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range versions {
				list = append(list, v.Number)
			}
			return list
		}
		prune := func(want ...int64) {
			t.Helper()
			if _, err := s.Prune(t.Context(), store.Retention{Age: 24 * time.Hour}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, numbers()); diff != "" {
				t.Errorf("versions (-want +got):\n%s", diff)
			}
		}
		prune(3, 2, 1) // an event may be on its way
		c.pass(2 * time.Hour)
		prune(3, 1)
		if err := s.RenameModule(t.Context(), "m", "n", octocat); err != nil {
			t.Fatal(err)
		}
		if err := s.RenameModule(t.Context(), "n", "m", octocat); err != nil {
			t.Fatal(err)
		}
		prune(3, 1)
		if err := s.Abort(t.Context(), r.Run, octocat, ""); err != nil {
			t.Fatal(err)
		}
		c.pass(48 * time.Hour)
		prune(3)
		c.pass(1000 * time.Hour)
		prune(3)
	})
}
