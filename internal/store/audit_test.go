package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// audit is the audit log as far as it is not the same in each entry, the first
// entry first.
func audit(t testing.TB, s *store.Store) (did [][3]string) {
	t.Helper()
	entries, err := s.Audit(t.Context(), store.AuditFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		did = append([][3]string{{e.Action, e.Object, e.Detail}}, did...)
	}
	return did
}

func TestAudit(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		a := join(t, s, "a")
		ctx := t.Context()
		var want [][3]string
		did := func(action, object, detail string, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s %s: %v", action, object, err)
			}
			want = append(want, [3]string{action, object, detail})
		}
		refused := func(err error) {
			t.Helper()
			if err == nil {
				t.Error("what must fail did not")
			}
		}
		d := push("r", "1")
		d.Hold = "it comes from a fork"
		first := accept(t, s, d)
		did("approve", "run "+first.Run, d.Event.SHA, s.Approve(ctx, first.Run, d.Event.SHA, false, octocat))
		refused(s.Approve(ctx, first.Run, d.Event.SHA, false, octocat))
		plan(t, a, planOf("f", "g"))
		calls, err := s.Calls(ctx, first.Run)
		if err != nil {
			t.Fatal(err)
		}
		did("abort", "call "+calls[0].ID, "too slow", s.AbortCall(ctx, calls[0].ID, octocat, "too slow"))
		refused(s.AbortCall(ctx, calls[0].ID, octocat, "again"))
		did("abort", "run "+first.Run, "", s.Abort(ctx, first.Run, octocat, ""))
		refused(s.Abort(ctx, first.Run, octocat, ""))
		_, err = s.Restart(ctx, first.Run, store.RestartFailed, octocat)
		did("restart", "run "+first.Run, "failed calls, attempt 2", err)
		_, err = s.Restart(ctx, first.Run, store.RestartAll, octocat)
		refused(err)
		did("disable", "repository r, module ci, function f", "noise",
			s.Disable(ctx, store.Disabled{Repository: "r", Module: "ci", Function: "f", Reason: "noise"}, octocat))
		did("enable", "repository r, module ci, function f", "", s.Enable(ctx, "r", "ci", "f", octocat))
		refused(s.Enable(ctx, "r", "ci", "f", octocat))

		replay := push("r", "")
		replay.Hook, replay.Original, replay.By = "", first.Event, &octocat
		r := accept(t, s, replay)
		did("replay", "event "+first.Event, "event "+r.Event+", run "+r.Run, nil)
		accept(t, s, replay) // the same event once more
		manual := push("q", "")
		manual.Hook, manual.By = "", &octocat
		manual.Event.Vendor, manual.Event.Name = events.VendorManual, events.NameRun
		r = accept(t, s, manual)
		did("call", "repository q", "event "+r.Event+", run "+r.Run, nil)

		if diff := cmp.Diff(want, audit(t, s)); diff != "" {
			t.Error(diff)
		}
		page, err := s.Audit(ctx, store.AuditFilter{Limit: 2})
		if err != nil || len(page) != 2 {
			t.Fatalf("a page of two has %d entries (%v)", len(page), err)
		}
		latest := page[0]
		latest.ID = 0
		if diff := cmp.Diff(store.AuditEntry{At: c.Now(), Person: "octocat", Key: "key of octocat", Remote: "192.0.2.1",
			Action: "call", Object: "repository q", Detail: "event " + r.Event + ", run " + r.Run}, latest); diff != "" {
			t.Error(diff)
		}
		next, err := s.Audit(ctx, store.AuditFilter{Before: page[1].ID, Limit: 100})
		if err != nil || len(next) != len(want)-2 || next[0].Action != "enable" {
			t.Errorf("the next page has %d entries (%v)", len(next), err)
		}
	})
}

func TestReasonsNameWhoDidIt(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		for reason, want := range map[string]string{"": "aborted by octocat", "too slow": "aborted by octocat: too slow",
			"\x00\xff": "aborted by octocat: \uFFFD\uFFFD"} {
			r := accept(t, s, push("r", events.NewID()))
			plan(t, a, planOf("f"))
			if err := s.Abort(t.Context(), r.Run, octocat, reason); err != nil {
				t.Fatal(err)
			}
			if run, err := s.Run(t.Context(), r.Run); err != nil || run.Reason != want {
				t.Errorf("the run's reason is %q (%v), want %q", run.Reason, err, want)
			}
			calls, err := s.Calls(t.Context(), r.Run)
			if err != nil || calls[0].Reason != want {
				t.Errorf("the call's reason is %q (%v), want %q", calls[0].Reason, err, want)
			}
		}
	})
}

func TestExactlyOneCallEndsItsRun(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f", "g", "h", "i", "j", "k"))
		ended := make(chan store.State)
		for range 6 {
			c, _ := claimCall(t, a)
			go func() {
				state, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded})
				if err != nil {
					t.Error(err)
				}
				ended <- state
			}()
		}
		got := map[store.State]int{}
		for range 6 {
			got[<-ended]++
		}
		if diff := cmp.Diff(map[store.State]int{store.StateRunning: 5, store.StateSucceeded: 1}, got); diff != "" {
			t.Error(diff)
		}
		if got := runState(t, s, r.Run); got != store.StateSucceeded {
			t.Errorf("run is %s", got)
		}
		restart(t, s, r.Run, store.RestartAll)
		old, _ := claimCall(t, a)
		abort(t, s, r.Run)
		if state, err := a.Finish(t.Context(), old, store.Ending{State: store.StateSucceeded}); !errors.Is(err, store.ErrAborted) || state != "" {
			t.Errorf("the end of a call of an aborted run gives %q (%v)", state, err)
		}
	})
}
