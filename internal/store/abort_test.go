package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

func restart(t testing.TB, s *store.Store, run string, scope store.Scope) int {
	t.Helper()
	n, err := s.Restart(t.Context(), run, scope, octocat)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func abort(t testing.TB, s *store.Store, run string) {
	t.Helper()
	if err := s.Abort(t.Context(), run, octocat, ""); err != nil {
		t.Fatal(err)
	}
}

func TestAbortBeforeStartNeverStarts(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		t.Run("a run", func(t *testing.T) {
			r := accept(t, s, push("r", "1"))
			abort(t, s, r.Run)
			if _, run, err := a.ClaimRun(t.Context(), store.Limits{}); !errors.Is(err, store.ErrNoWork) {
				t.Errorf("claimed %s (%v)", run.ID, err)
			}
			var wrong *store.StateError
			if err := s.Abort(t.Context(), r.Run, octocat, "again"); !errors.As(err, &wrong) || wrong.State != store.StateAborted {
				t.Errorf("aborting twice gives %v", err)
			}
			if err := s.Abort(t.Context(), "nothing", octocat, "x"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("aborting nothing gives %v", err)
			}
		})
		t.Run("its calls", func(t *testing.T) {
			r := accept(t, s, push("r", "2"))
			plan(t, a, planOf("f", "g"))
			abort(t, s, r.Run)
			noWork(t, a)
			got, err := s.Run(t.Context(), r.Run)
			if err != nil || got.State != store.StateAborted || got.Reason != "aborted by octocat" {
				t.Errorf("run is %+v (%v)", got, err)
			}
		})
		t.Run("one call", func(t *testing.T) {
			r := accept(t, s, push("r", "3"))
			plan(t, a, planOf("f", "g"))
			calls, err := s.Calls(t.Context(), r.Run)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.AbortCall(t.Context(), calls[0].ID, octocat, "too slow"); err != nil {
				t.Fatal(err)
			}
			c, call := claimCall(t, a)
			if call.Function != "g" {
				t.Errorf("claimed %s", call.Function)
			}
			finish(t, a, c, store.StateSucceeded)
			if got := runState(t, s, r.Run); got != store.StateAborted {
				t.Errorf("run is %s", got)
			}
			var wrong *store.StateError
			if err := s.AbortCall(t.Context(), call.ID, octocat, "late"); !errors.As(err, &wrong) {
				t.Errorf("aborting what has succeeded gives %v", err)
			}
		})
	})
}

func TestAbortEndsWorkWithinTwoSeconds(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		elsewhere := s
		if o.DSN != "" {
			elsewhere = open(t, o)
		}
		a := join(t, elsewhere, "a")
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f"))
		call, _ := claimCall(t, a)
		second := accept(t, s, push("r", "2"))
		planning, _, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for what, work := range map[string]struct {
			run   string
			claim store.Claim
		}{"a call": {r.Run, call}, "planning": {second.Run, planning}} {
			ctx, release := a.Guard(t.Context(), work.claim)
			defer release()
			start := time.Now()
			abort(t, s, work.run)
			select {
			case <-ctx.Done():
				if err := context.Cause(ctx); !errors.Is(err, store.ErrAborted) {
					t.Errorf("%s ends with %v, want %v", what, err, store.ErrAborted)
				}
				t.Logf("%s ended after %s", what, time.Since(start))
			case <-time.After(time.Minute):
				t.Errorf("%s goes on", what)
			}
		}
		if _, err := a.Planned(t.Context(), planning, planOf("f")); !errors.Is(err, store.ErrAborted) {
			t.Errorf("a plan for an aborted run gives %v", err)
		}
	})
}

func TestAbortAndRestartMakeNoCallTwiceAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a, b := join(t, s, "a"), join(t, s, "b")
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f"))
		old, call := claimCall(t, a)
		for range 3 {
			abort(t, s, r.Run)
			restart(t, s, r.Run, store.RestartAll)
		}
		noWork(t, b) // a may still be at it
		if err := a.AppendLog(t.Context(), old, []byte("late")); !errors.Is(err, store.ErrAborted) {
			t.Errorf("output of the old attempt gives %v, want %v", err, store.ErrAborted)
		}
		if _, err := a.Finish(t.Context(), old, store.Ending{State: store.StateSucceeded}); !errors.Is(err, store.ErrAborted) {
			t.Errorf("the end of the old attempt gives %v, want %v", err, store.ErrAborted)
		}
		again, next := claimCall(t, b)
		if next.ID != call.ID || next.Attempt != 4 {
			t.Errorf("claimed attempt %d", next.Attempt)
		}
		if _, err := a.Finish(t.Context(), old, store.Ending{State: store.StateFailed}); !errors.Is(err, store.ErrFenced) {
			t.Errorf("reporting once more gives %v, want %v", err, store.ErrFenced)
		}
		finish(t, b, again, store.StateSucceeded)
		if got := runState(t, s, r.Run); got != store.StateSucceeded {
			t.Errorf("run is %s", got)
		}
	})
}

func TestRestartCall(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("good", "bad"))
		ids := map[string]string{}
		for range 2 {
			c, call := claimCall(t, a)
			ids[call.Function] = call.ID
			var wrong *store.StateError
			if _, err := s.RestartCall(t.Context(), call.ID, octocat); !errors.As(err, &wrong) {
				t.Errorf("restarting a call of a run that goes on gives %v", err)
			}
			finish(t, a, c, store.StateSucceeded)
		}
		attempt, err := s.RestartCall(t.Context(), ids["bad"], octocat)
		if err != nil || attempt != 2 {
			t.Fatalf("attempt %d, %v", attempt, err)
		}
		c, call := claimCall(t, a)
		if call.Function != "bad" || call.Attempt != 2 {
			t.Errorf("made %s, attempt %d", call.Function, call.Attempt)
		}
		noWork(t, a)
		if state := finish(t, a, c, store.StateFailed); state != store.StateFailed {
			t.Errorf("the run is %s", state)
		}
		if got := states(t, s, r.Run); got["good"] != store.StateSucceeded {
			t.Errorf("the other call is %s", got["good"])
		}
		if _, err := s.RestartCall(t.Context(), "nothing", octocat); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("restarting what is not there gives %v", err)
		}
	})
}

func TestRestart(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		var wrong *store.StateError
		if _, err := s.Restart(t.Context(), r.Run, store.RestartAll, octocat); !errors.As(err, &wrong) || wrong.State != store.StateQueued {
			t.Errorf("restarting what has not run gives %v", err)
		}
		p := planOf("good", "bad", "broken")
		p.Calls[2].Invalid = "an argument is missing"
		plan(t, a, p)
		makeCalls := func(state store.State) (made []string) {
			for {
				c, call, err := a.ClaimCall(t.Context(), store.Limits{})
				if errors.Is(err, store.ErrNoWork) {
					return made
				}
				if err != nil {
					t.Fatal(err)
				}
				made = append(made, call.Function)
				if err := a.AppendLog(t.Context(), c, []byte("output of "+call.Function)); err != nil {
					t.Error(err)
				}
				if call.Function == "good" {
					finish(t, a, c, store.StateSucceeded)
				} else {
					finish(t, a, c, state)
				}
			}
		}
		if diff := cmp.Diff([]string{"good", "bad"}, makeCalls(store.StateFailed)); diff != "" {
			t.Error(diff)
		}
		if n := restart(t, s, r.Run, store.RestartFailed); n != 2 {
			t.Errorf("attempt is %d", n)
		}
		if diff := cmp.Diff([]string{"bad"}, makeCalls(store.StateFailed)); diff != "" {
			t.Error(diff)
		}
		restart(t, s, r.Run, store.RestartAll)
		if diff := cmp.Diff([]string{"good", "bad"}, makeCalls(store.StateSucceeded)); diff != "" {
			t.Error(diff)
		}
		// What is left is invalid: it is planned anew.
		if got := runState(t, s, r.Run); got != store.StateInvalid {
			t.Errorf("run is %s", got)
		}
		restart(t, s, r.Run, store.RestartFailed)
		p = planOf("broken", "new")
		p.Plan = []byte(`{"calls":["new"]}`)
		plan(t, a, p)
		if diff := cmp.Diff([]string{"broken", "new"}, makeCalls(store.StateSucceeded)); diff != "" {
			t.Error(diff)
		}
		want := map[string]store.State{"good": store.StateSkipped, "bad": store.StateSkipped, "broken": store.StateSucceeded, "new": store.StateSucceeded}
		if diff := cmp.Diff(want, states(t, s, r.Run)); diff != "" {
			t.Error(diff)
		}
		attempts, err := s.RunAttempts(t.Context(), r.Run)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, attempt := range attempts {
			got = append(got, string(attempt.State)+", "+attempt.Cause)
		}
		if diff := cmp.Diff([]string{"failed, event", "failed, restart by octocat", "invalid, restart by octocat"}, got); diff != "" {
			t.Error(diff)
		}
		if string(attempts[0].Data) != `{"calls":[]}` {
			t.Errorf("the plan of the first attempt is %s", attempts[0].Data)
		}
		// Everything that was tried has been kept with its log.
		calls, err := s.Calls(t.Context(), r.Run)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			tried, err := s.CallAttempts(t.Context(), call.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, attempt := range tried {
				chunks, ended, err := s.ReadLog(t.Context(), call.ID, attempt.Number, 0)
				if made := !attempt.StartedAt.IsZero(); err != nil || !ended || made != (len(chunks) == 1) {
					t.Errorf("attempt %d of %s: log has %d chunks, ended %v (%v)", attempt.Number, call.Function, len(chunks), ended, err)
				}
			}
		}
		restart(t, s, r.Run, store.RestartAll)
		makeCalls(store.StateSucceeded)
		if _, err := s.Restart(t.Context(), r.Run, store.RestartFailed, octocat); !errors.Is(err, store.ErrNothingToRestart) {
			t.Errorf("restarting the failed calls of a run without any gives %v", err)
		}
		if r, err := s.Run(t.Context(), r.Run); err != nil || r.State != store.StateSucceeded || r.Attempt != 5 {
			t.Errorf("that changed the run to %s, attempt %d (%v)", r.State, r.Attempt, err)
		}
	})
}

func TestClosingAPullRequestAbortsTheRest(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		send := func(id, repository string, number int) string {
			d := push(repository, id)
			d.Event.Name, d.Event.PullRequest = "pull_request", number
			return accept(t, s, d).Run
		}
		older, waiting, other, elsewhere := send("1", "r", 7), send("2", "r", 7), send("3", "r", 8), send("4", "q", 7)
		closing := send("5", "r", 7)
		reopening := send("6", "r", 7)
		n, err := s.AbortPullRequest(t.Context(), "github", "r", 7, closing, "pull request 7 was closed")
		if err != nil || n != 2 {
			t.Errorf("aborted %d runs (%v), want 2", n, err)
		}
		for run, want := range map[string]store.State{older: store.StateAborted, waiting: store.StateAborted,
			other: store.StateQueued, elsewhere: store.StateQueued, closing: store.StateQueued, reopening: store.StateQueued} {
			if got := runState(t, s, run); got != want {
				t.Errorf("run is %s, want %s", got, want)
			}
		}
		if r, err := s.Run(t.Context(), older); err != nil || r.Reason != "pull request 7 was closed" {
			t.Errorf("the reason is %q (%v)", r.Reason, err)
		}
		if n, err := s.AbortPullRequest(t.Context(), "github", "r", 7, "nothing", "closed"); !errors.Is(err, store.ErrNotFound) || n != 0 {
			t.Errorf("a closing run that is not there aborts %d runs (%v)", n, err)
		}
		if entries := audit(t, s); len(entries) != 0 {
			t.Errorf("what the system did is in the audit log: %v", entries)
		}
	})
}

func TestDisabledStaysDisabled(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.Clock = newClock()
		s := open(t, o)
		at := o.Clock.Now()
		for _, d := range []struct {
			store.Disabled
			by store.Actor
		}{
			{store.Disabled{Repository: "r"}, store.Actor{Person: "first"}},
			{store.Disabled{Repository: "r", Reason: "noise"}, octocat},
			{store.Disabled{Repository: "r", Module: "ci", Function: "test"}, octocat},
			{store.Disabled{Repository: "q", Module: "ci"}, octocat},
		} {
			if err := s.Disable(t.Context(), d.Disabled, d.by); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Enable(t.Context(), "q", "", "", octocat); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("enabling what is not disabled gives %v", err)
		}
		if err := s.Enable(t.Context(), "r", "ci", "test", octocat); err != nil {
			t.Error(err)
		}
		got, err := s.Disabled(t.Context(), "r")
		if diff := cmp.Diff([]store.Disabled{{Repository: "r", Person: "octocat", Reason: "noise", At: at}}, got); diff != "" || err != nil {
			t.Errorf("%s (%v)", diff, err)
		}
		if all, err := s.Disabled(t.Context(), ""); err != nil || len(all) != 2 {
			t.Errorf("in all %+v are disabled (%v)", all, err)
		}
	})
}
