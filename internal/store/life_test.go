package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

// planOf is a plan that calls the functions of module ci.
func planOf(functions ...string) store.Plan {
	p := store.Plan{Plan: json.RawMessage(`{"calls":[]}`)}
	for _, f := range functions {
		p.Calls = append(p.Calls, store.NewCall{Module: "ci", Function: f, Spec: json.RawMessage(`{"function":"` + f + `"}`)})
	}
	return p
}

// plan claims the only run there is to plan and stores its plan.
func plan(t testing.TB, a *store.Agent, p store.Plan) store.Claim {
	t.Helper()
	c, _, err := a.ClaimRun(t.Context(), store.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Planned(t.Context(), c, p); err != nil {
		t.Fatal(err)
	}
	return c
}

func claimCall(t testing.TB, a *store.Agent) (store.Claim, store.Call) {
	t.Helper()
	c, call, err := a.ClaimCall(t.Context(), store.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c, call
}

// finish ends a call and returns the state of its run after that.
func finish(t testing.TB, a *store.Agent, c store.Claim, state store.State) store.State {
	t.Helper()
	run, err := a.Finish(t.Context(), c, store.Ending{State: state, Reason: "test", Result: json.RawMessage(`{"output":"x"}`)})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// bring takes a run that was just accepted to a state.
func bring(t testing.TB, s *store.Store, a *store.Agent, run string, state store.State) {
	t.Helper()
	switch state {
	case store.StateQueued, store.StateWaiting:
	case store.StateSkipped:
		plan(t, a, planOf())
	case store.StateRunning:
		plan(t, a, planOf("test"))
	case store.StateAborted:
		if err := s.Abort(t.Context(), run, octocat, ""); err != nil {
			t.Fatal(err)
		}
	default:
		plan(t, a, planOf("test"))
		c, _ := claimCall(t, a)
		finish(t, a, c, state)
	}
	got, err := s.Run(t.Context(), run)
	if err != nil || got.State != state {
		t.Fatalf("run is %s (%v), want it to be %s", got.State, err, state)
	}
}

// states are the states of a run's calls by function.
func states(t testing.TB, s *store.Store, run string) map[string]store.State {
	t.Helper()
	calls, err := s.Calls(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]store.State{}
	for _, c := range calls {
		got[c.Function] = c.State
	}
	return got
}

func runState(t testing.TB, s *store.Store, run string) store.State {
	t.Helper()
	r, err := s.Run(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return r.State
}

func noWork(t testing.TB, a *store.Agent) {
	t.Helper()
	if _, call, err := a.ClaimCall(t.Context(), store.Limits{}); !errors.Is(err, store.ErrNoWork) {
		t.Fatalf("claimed %s (%v), want %v", call.Function, err, store.ErrNoWork)
	}
}

func TestStateOfARunFromItsCalls(t *testing.T) {
	for name, tc := range map[string]struct {
		calls []store.State
		want  store.State
	}{
		"all succeeded":          {[]store.State{store.StateSucceeded, store.StateSucceeded}, store.StateSucceeded},
		"one failed":             {[]store.State{store.StateSucceeded, store.StateFailed, store.StateTimedOut}, store.StateFailed},
		"one timed out":          {[]store.State{store.StateTimedOut, store.StateInvalid}, store.StateTimedOut},
		"one invalid":            {[]store.State{store.StateSucceeded, store.StateInvalid}, store.StateInvalid},
		"one ended by its agent": {[]store.State{store.StateSucceeded, store.StateAborted}, store.StateAborted},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				r := accept(t, s, push("franela/pocketci", "1"))
				var functions []string
				for n := range tc.calls {
					functions = append(functions, fmt.Sprint("f", n))
				}
				plan(t, a, planOf(functions...))
				for _, state := range tc.calls {
					if got := runState(t, s, r.Run); got != store.StateRunning {
						t.Errorf("run is %s before its last call has ended", got)
					}
					c, _ := claimCall(t, a)
					finish(t, a, c, state)
				}
				noWork(t, a)
				if got := runState(t, s, r.Run); got != tc.want {
					t.Errorf("run is %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func TestPlansWithoutCalls(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		t.Run("nothing matches", func(t *testing.T) {
			r := accept(t, s, push("franela/pocketci", "1"))
			p := planOf()
			p.Reason = "no function matches"
			plan(t, a, p)
			got, err := s.Run(t.Context(), r.Run)
			if err != nil || got.State != store.StateSkipped || got.Reason != p.Reason || got.EndedAt.IsZero() {
				t.Errorf("run is %+v (%v)", got, err)
			}
		})
		t.Run("every call is invalid", func(t *testing.T) {
			r := accept(t, s, push("franela/pocketci", "2"))
			p := planOf("test")
			p.Calls[0].Invalid = "secret TOKEN is missing"
			plan(t, a, p)
			noWork(t, a)
			if got := runState(t, s, r.Run); got != store.StateInvalid {
				t.Errorf("run is %s", got)
			}
		})
		t.Run("no plan", func(t *testing.T) {
			r := accept(t, s, push("franela/pocketci", "3"))
			c, _, err := a.ClaimRun(t.Context(), store.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Unplanned(t.Context(), c, store.StateInvalid, "pocketci.yaml:1:1: unknown key", false); err != nil {
				t.Fatal(err)
			}
			if got := runState(t, s, r.Run); got != store.StateInvalid {
				t.Errorf("run is %s", got)
			}
			if err := a.Unplanned(t.Context(), c, store.StateFailed, "again", false); !errors.Is(err, store.ErrFenced) {
				t.Errorf("the second answer gives %v, want %v", err, store.ErrFenced)
			}
		})
	})
}

func TestPlansThatCannotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		accept(t, s, push("franela/pocketci", "1"))
		c, _, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*store.Plan){
			"empty":            func(p *store.Plan) { p.Plan = nil },
			"not JSON":         func(p *store.Plan) { p.Plan = []byte(`{`) },
			"call is not JSON": func(p *store.Plan) { p.Calls[0].Spec = []byte("\"\xff\"") },
			"called twice":     func(p *store.Plan) { p.Calls[1].Function = p.Calls[0].Function },
			"after nothing":    func(p *store.Plan) { p.Calls[0].After = []int{2} },
			"after itself":     func(p *store.Plan) { p.Calls[0].After = []int{0} },
			"in a circle":      func(p *store.Plan) { p.Calls[0].After, p.Calls[1].After = []int{1}, []int{0} },
		} {
			p := planOf("a", "b")
			change(&p)
			if state, err := a.Planned(t.Context(), c, p); err == nil {
				t.Errorf("%s: is %s, want an error", name, state)
			}
		}
		if _, err := a.Planned(t.Context(), c, planOf("a", "b")); err != nil {
			t.Errorf("a good plan afterwards: %v", err)
		}
	})
}

func TestApproval(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		d := push("franela/pocketci", "1")
		d.Hold = "it comes from the fork mallory/pocketci"
		r := accept(t, s, d)
		if _, _, err := a.ClaimRun(t.Context(), store.Limits{}); !errors.Is(err, store.ErrNoWork) {
			t.Fatalf("claimed before the approval: %v", err)
		}
		if err := s.Approve(t.Context(), r.Run, d.Event.SHA, false, octocat); err != nil {
			t.Fatal(err)
		}
		var wrong *store.StateError
		if err := s.Approve(t.Context(), r.Run, d.Event.SHA, false, octocat); !errors.As(err, &wrong) || wrong.State != store.StateQueued {
			t.Errorf("approving twice gives %v", err)
		}
		c, run, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil || run.Approval != (store.Approval{SHA: d.Event.SHA, By: "octocat"}) || run.Reason != "" {
			t.Fatalf("claimed %+v (%v)", run, err)
		}
		// Planning may find that one is needed, too.
		if err := a.Unplanned(t.Context(), c, store.StateWaiting, "its head has moved", false); err != nil {
			t.Fatal(err)
		}
		if got := runState(t, s, r.Run); got != store.StateWaiting {
			t.Errorf("run is %s", got)
		}
	})
}

func TestAfter(t *testing.T) {
	for name, tc := range map[string]struct {
		test store.State
		want map[string]store.State
		run  store.State
	}{
		"succeeded": {store.StateSucceeded, map[string]store.State{
			"test": store.StateSucceeded, "build": store.StateSucceeded, "deploy": store.StateSucceeded, "lint": store.StateSucceeded}, store.StateSucceeded},
		"failed": {store.StateFailed, map[string]store.State{
			"test": store.StateFailed, "build": store.StateSkipped, "deploy": store.StateSkipped, "lint": store.StateSucceeded}, store.StateFailed},
		"aborted": {store.StateAborted, map[string]store.State{
			"test": store.StateAborted, "build": store.StateSkipped, "deploy": store.StateSkipped, "lint": store.StateSucceeded}, store.StateAborted},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				r := accept(t, s, push("franela/pocketci", "1"))
				// deploy comes after build and lint, build after test.
				p := planOf("deploy", "build", "test", "lint")
				p.Calls[0].After, p.Calls[1].After = []int{1, 3}, []int{2}
				plan(t, a, p)
				done := map[string]bool{}
				for {
					c, call, err := a.ClaimCall(t.Context(), store.Limits{})
					if errors.Is(err, store.ErrNoWork) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if call.Function == "deploy" && !(done["build"] && done["lint"]) || call.Function == "build" && !done["test"] {
						t.Errorf("%s begins after only %v", call.Function, done)
					}
					done[call.Function] = true
					state := store.StateSucceeded
					if call.Function == "test" {
						state = tc.test
					}
					finish(t, a, c, state)
				}
				if diff := cmp.Diff(tc.want, states(t, s, r.Run)); diff != "" {
					t.Error(diff)
				}
				if got := runState(t, s, r.Run); got != tc.run {
					t.Errorf("run is %s, want %s", got, tc.run)
				}
				if name != "failed" {
					return
				}
				calls, err := s.Calls(t.Context(), r.Run)
				if err != nil || calls[1].Reason != "it comes after ci:test, which is failed" {
					t.Errorf("build is skipped because %q (%v)", calls[1].Reason, err)
				}
				// A restart of what failed makes the skipped ones as well.
				if _, err := s.Restart(t.Context(), r.Run, store.RestartFailed, octocat); err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{"test", "build", "deploy"} {
					c, call := claimCall(t, a)
					if call.Function != want || call.Attempt != 2 {
						t.Errorf("claimed attempt %d of %s, want 2 of %s", call.Attempt, call.Function, want)
					}
					finish(t, a, c, store.StateSucceeded)
				}
				if got := runState(t, s, r.Run); got != store.StateSucceeded {
					t.Errorf("run is %s", got)
				}
			})
		})
	}
}
