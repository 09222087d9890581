package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/store"
)

func TestActivity(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		if list, more, err := s.Active(t.Context(), 0, 10, nil); err != nil || len(list) != 0 || more != 0 {
			t.Errorf("an empty store has %v and %d more (%v)", list, more, err)
		}
		n := 0
		run := func(repository, branch string, state store.State, change ...func(*store.Delivery)) store.Receipt {
			t.Helper()
			n++
			d := push(repository, fmt.Sprint(n))
			d.Event.Ref, d.Event.Branch, d.Event.SHA = "refs/heads/"+branch, branch, fmt.Sprint(n)
			for _, c := range change {
				c(&d)
			}
			r := accept(t, s, d)
			bring(t, s, a, r.Run, state)
			return r
		}
		good := run("a/shop", "main", store.StateSucceeded)
		hostile := "feature/<b>\u202e'\"; --"
		bad := run("a/shop", hostile, store.StateFailed)
		run("a/shop", "main", store.StateAborted)
		run("a/shop", "main", store.StateSkipped)
		run("a/shop", "main", store.StateFailed, func(d *store.Delivery) { d.Event.Name = "pull_request" })
		run("a/shop", "main", store.StateFailed, func(d *store.Delivery) { d.Event.Vendor = "signed" })
		run("b/quiet", "main", store.StateSkipped)
		long := strings.Repeat("ü", 500)
		run("c/new", long, store.StateFailed)
		run("c/new", "main", store.StateRunning, func(d *store.Delivery) { d.Event.Repository.DefaultBranch = "trunk" })
		list, more, err := s.Active(t.Context(), 0, 2, nil)
		if err != nil || len(list) != 2 || more != 1 || list[0].Repository != "c/new" || list[0].DefaultBranch != "trunk" || list[0].Branch != nil ||
			len(list[0].Recent) != 2 || list[1].Repository != "b/quiet" || len(list[1].Recent) != 0 {
			t.Fatalf("active are %+v and %d more (%v)", list, more, err)
		}
		list, more, err = s.Active(t.Context(), list[1].LastRun, 2, nil)
		if err != nil || len(list) != 1 || more != 0 || list[0].Branch == nil || list[0].Branch.ID != good.Run || len(list[0].Recent) != 5 ||
			list[0].Recent[4].ID != good.Run {
			t.Fatalf("the next page has %+v and %d more (%v)", list, more, err)
		}
		list, more, err = s.Active(t.Context(), 0, 10, func(r string) bool { return r == "b/quiet" })
		if err != nil || len(list) != 1 || more != 0 || list[0].Repository != "b/quiet" {
			t.Errorf("visible are %+v and %d more (%v)", list, more, err)
		}
		for branch, want := range map[string]string{"main": good.Run, hostile: bad.Run, "": "", "none": "", "mai": ""} {
			r, err := s.BranchRun(t.Context(), "a/shop", branch)
			if r.ID != want || (err == nil) != (want != "") {
				t.Errorf("branch %.20q is as run %q says (%v), want %q", branch, r.ID, err, want)
			}
		}
		if r, err := s.BranchRun(t.Context(), "c/new", long); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a branch with a very long name is as run %q says (%v)", r.ID, err)
		}
	})
}

func TestFunctionOnABranch(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		run := func(delivery string, states ...store.State) store.Receipt {
			t.Helper()
			r := accept(t, s, push("r", delivery))
			p := planOf("f", "g")
			p.Calls = append(p.Calls, store.NewCall{Module: "other", Function: "f"})
			plan(t, a, p)
			for _, state := range states {
				c, _ := claimCall(t, a)
				finish(t, a, c, state)
			}
			return r
		}
		run("1", store.StateSucceeded, store.StateFailed, store.StateTimedOut)
		newest := run("2", store.StateFailed, store.StateSucceeded, store.StateSucceeded)
		aborted := run("3", store.StateSucceeded)
		abort(t, s, aborted.Run)
		for name, tc := range map[string]struct {
			module, function, branch string
			want                     store.State
		}{
			"any module":     {"", "f", "main", store.StateFailed},
			"a module":       {"other", "f", "main", store.StateSucceeded},
			"other function": {"", "g", "main", store.StateSucceeded},
			"no function":    {"", "h", "main", ""},
			"no module":      {"x", "f", "main", ""},
			"no branch":      {"", "f", "trunk", ""},
		} {
			c, err := s.BranchCall(t.Context(), "r", tc.branch, tc.module, tc.function)
			if c.State != tc.want || (err == nil) != (tc.want != "") || err == nil && c.Run != newest.Run {
				t.Errorf("%s: %s of run %d (%v), want %q", name, c.State, c.RunNumber, err, tc.want)
			}
		}
	})
}
