package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

// pair is a plan of a check, a change that it may make needless, and what comes next.
func pair() store.Plan {
	p := planOf("check", "change", "next")
	p.Calls[1].After = []int{0}
	p.Calls[2].After, p.Calls[2].AfterSkipped = []int{0}, []int{1}
	for i := range p.Calls {
		p.Calls[i].Group, p.Calls[i].Newest = "converge ci", true
	}
	return p
}

func TestAChangeThatIsNeedless(t *testing.T) {
	const (
		succeeded = store.StateSucceeded
		failed    = store.StateFailed
		skipped   = store.StateSkipped
	)
	for name, c := range map[string]struct {
		// ends are the states that the calls are brought to, in their order.
		ends     []store.State
		needless string
		want     map[string]store.State
		reasons  map[string]string
		run      store.State
	}{
		"needed":               {ends: []store.State{succeeded, succeeded, succeeded}, want: map[string]store.State{"check": succeeded, "change": succeeded, "next": succeeded}, run: succeeded},
		"needless":             {ends: []store.State{succeeded, succeeded}, needless: "change", want: map[string]store.State{"check": succeeded, "change": skipped, "next": succeeded}, reasons: map[string]string{"change": "it holds"}, run: succeeded},
		"no answer":            {ends: []store.State{failed}, want: map[string]store.State{"check": failed, "change": skipped, "next": skipped}, reasons: map[string]string{"change": "it comes after ci:check, which is failed", "next": "it comes after ci:check, which is failed"}, run: failed},
		"a change that fails":  {ends: []store.State{succeeded, failed}, want: map[string]store.State{"check": succeeded, "change": failed, "next": skipped}, reasons: map[string]string{"next": "it comes after ci:change, which is failed"}, run: failed},
		"needless is not here": {ends: []store.State{succeeded, succeeded, succeeded}, needless: "other", want: map[string]store.State{"check": succeeded, "change": succeeded, "next": succeeded}, run: succeeded},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				r := accept(t, s, push("r", "1"))
				plan(t, a, pair())
				for i, state := range c.ends {
					claim, call := claimCall(t, a)
					noWork(t, a)
					e := store.Ending{State: state}
					if i == 0 {
						e.Needless = store.Needless{Function: c.needless, Reason: "it holds"}
					}
					if _, err := a.Finish(t.Context(), claim, e); err != nil {
						t.Fatalf("%s: %v", call.Function, err)
					}
				}
				if diff := cmp.Diff(c.want, states(t, s, r.Run)); diff != "" {
					t.Error(diff)
				}
				if got := runState(t, s, r.Run); got != c.run {
					t.Errorf("the run is %s, want %s", got, c.run)
				}
				calls, err := s.Calls(t.Context(), r.Run)
				if err != nil {
					t.Fatal(err)
				}
				for _, call := range calls {
					if call.State == store.StateSkipped && call.Reason != c.reasons[call.Function] {
						t.Errorf("%s is skipped because %q", call.Function, call.Reason)
					}
				}
				if len(calls[2].After) != 1 || calls[2].After[0] != calls[0].ID || len(calls[2].AfterSkipped) != 1 || calls[2].AfterSkipped[0] != calls[1].ID {
					t.Errorf("next waits for %v and %v", calls[2].After, calls[2].AfterSkipped)
				}
				// It begins anew with all that it waits for.
				if _, err := s.Restart(t.Context(), r.Run, store.RestartAll, octocat); err != nil {
					t.Fatal(err)
				}
				if _, call := claimCall(t, a); call.Function != "check" {
					t.Errorf("a restart begins with %s", call.Function)
				}
				noWork(t, a)
			})
		})
	}
}

func TestAPositionMovesWithTheEndOfACall(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		accept(t, s, push("r", "1"))
		plan(t, a, planOf("f", "g"))
		at := func(value string, version int64) *store.Position {
			return &store.Position{Kind: "converge-module", Name: "r:ci", Value: json.RawMessage(value), Version: version}
		}
		read := func(want string, version int64) {
			t.Helper()
			p, err := s.Position(t.Context(), "converge-module", "r:ci")
			if err != nil || string(p.Value) != want || p.Version != version {
				t.Errorf("the position is %s, version %d (%v), want %s, %d", p.Value, p.Version, err, want, version)
			}
		}
		c, call := claimCall(t, a)
		if _, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded, Position: at(`{"x":`, 0)}); err == nil {
			t.Error("what is no JSON is stored")
		}
		if _, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded, Position: at(`["f"]`, 0)}); err != nil {
			t.Fatal(err)
		}
		read(`["f"]`, 1)
		if _, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded, Position: at(`["twice"]`, 1)}); !errors.Is(err, store.ErrFenced) {
			t.Errorf("to end it again gives %v", err)
		}
		read(`["f"]`, 1)
		c, call = claimCall(t, a)
		if _, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded, Position: at(`["late"]`, 0)}); !errors.Is(err, store.ErrMoved) {
			t.Errorf("a position that was moved gives %v", err)
		}
		if got, err := s.Call(t.Context(), call.ID); err != nil || got.State != store.StateRunning {
			t.Errorf("the call is %s (%v)", got.State, err)
		}
		if state, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded, Position: at(`["f","g"]`, 1)}); err != nil || state != store.StateSucceeded {
			t.Errorf("the run is %s (%v)", state, err)
		}
		read(`["f","g"]`, 2)
	})
}

// follow is an event that the run of another one brings about.
func follow(cause, module string) store.Delivery {
	e := events.ApplyAfter(&events.Event{ID: cause, Vendor: "github", Name: "push", Repository: &events.Repository{FullName: "r"}}, module)
	e.ID = events.NewID()
	return store.Delivery{Event: e, Hook: "converge"}
}

func TestEventsThatFollowAreStoredWithThePlan(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.Depth = 2
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		claim, _, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		// The queue is full, which is no reason to lose an event.
		accept(t, s, push("r", "2"))
		accept(t, s, push("r", "3"))
		p := planOf("f")
		p.Follows = []store.Delivery{follow(r.Event, "deploy"), follow(r.Event, "web"), follow(r.Event, "deploy")}
		broken := p
		broken.Follows = append(p.Follows[:3:3], store.Delivery{})
		if _, err := a.Planned(t.Context(), claim, broken); err == nil {
			t.Error("an event without an id is stored")
		}
		stored := func() string {
			t.Helper()
			runs, err := s.Runs(t.Context(), store.RunFilter{Name: events.NameApply})
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, run := range runs {
				list = append(list, fmt.Sprint(run.Vendor, " ", run.Filter, " ", run.State))
			}
			return strings.Join(list, ", ")
		}
		if got := stored(); got != "" {
			t.Errorf("stored without a plan: %s", got)
		}
		if _, err := a.Planned(t.Context(), claim, p); err != nil {
			t.Fatal(err)
		}
		if got := stored(); got != "converge web queued, converge deploy queued" && got != "converge deploy queued, converge web queued" {
			t.Errorf("stored: %s", got)
		}
		if _, err := a.Planned(t.Context(), claim, p); !errors.Is(err, store.ErrFenced) && !errors.Is(err, store.ErrAborted) {
			t.Errorf("planned twice: %v", err)
		}
	})
}

func TestReplan(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		first := planOf("remove", "check", "change")
		first.Calls[1].After, first.Calls[2].After = []int{0}, []int{1}
		plan(t, a, first)
		c, _ := claimCall(t, a)
		finish(t, a, c, store.StateSucceeded)
		c, call := claimCall(t, a)
		if err := a.Replan(t.Context(), c, "something else is applied"); err != nil {
			t.Fatal(err)
		}
		if err := a.Replan(t.Context(), c, "again"); !errors.Is(err, store.ErrFenced) {
			t.Errorf("to do so twice gives %v", err)
		}
		noWork(t, a)
		run, err := s.Run(t.Context(), r.Run)
		if err != nil || run.State != store.StateQueued || len(run.Plan) > 0 || run.Attempt != 1 || run.Reason != "something else is applied" {
			t.Errorf("the run is %+v (%v)", run, err)
		}
		second := planOf("check", "change", "other")
		second.Calls[1].After, second.Calls[2].After = []int{0}, []int{1}
		plan(t, a, second)
		if diff := cmp.Diff(map[string]store.State{"remove": store.StateSkipped, "check": store.StateQueued, "change": store.StateQueued, "other": store.StateQueued}, states(t, s, r.Run)); diff != "" {
			t.Error(diff)
		}
		attempts, err := s.CallAttempts(t.Context(), call.ID)
		if err != nil || len(attempts) != 1 || attempts[0].State != store.StateAborted || attempts[0].Reason != "something else is applied" {
			t.Errorf("the attempts of the call are %+v (%v)", attempts, err)
		}
		for _, want := range []string{"check", "change", "other"} {
			c, call := claimCall(t, a)
			if call.Function != want {
				t.Errorf("claimed %s, want %s", call.Function, want)
			}
			if call.Function == "change" && call.Attempt != 1 {
				t.Errorf("what never began is at attempt %d", call.Attempt)
			}
			finish(t, a, c, store.StateSucceeded)
		}
		if got := runState(t, s, r.Run); got != store.StateSucceeded {
			t.Errorf("the run is %s", got)
		}
	})
}

func TestReplanIsForRunsWhoseCallsAreMadeOneByOne(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f", "g"))
		c, _ := claimCall(t, a)
		other, _ := claimCall(t, a)
		if err := a.Replan(t.Context(), c, "x"); err == nil {
			t.Error("a run is planned anew while another call is made")
		}
		finish(t, a, c, store.StateSucceeded)
		if err := s.Abort(t.Context(), r.Run, octocat, ""); err != nil {
			t.Fatal(err)
		}
		if err := a.Replan(t.Context(), other, "x"); !errors.Is(err, store.ErrAborted) {
			t.Errorf("an aborted call gives %v", err)
		}
	})
}

func TestTheNewestOfAGroupWaitsForTheOneThatHasBegun(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		var runs []string
		add := func() {
			t.Helper()
			runs = append(runs, accept(t, s, push("r", fmt.Sprint(len(runs)))).Run)
			plan(t, a, pair())
		}
		add()
		begun, _ := claimCall(t, a)
		finish(t, a, begun, store.StateSucceeded) // between two calls it has begun as well
		add()
		add()
		for i, want := range []store.State{store.StateRunning, store.StateAborted, store.StateRunning} {
			if got := runState(t, s, runs[i]); got != want {
				t.Errorf("run %d is %s, want %s", i+1, got, want)
			}
		}
		if run, err := s.Run(t.Context(), runs[1]); err != nil || run.Reason != "superseded by run 3" {
			t.Errorf("the second run ended because of %q (%v)", run.Reason, err)
		}
		for i := range 5 {
			c, call := claimCall(t, a)
			want := runs[0]
			if i > 1 {
				want = runs[2]
			}
			if call.Run != want {
				t.Errorf("call %d is %s of %s, want one of %s", i+1, call.Function, call.Run, want)
			}
			noWork(t, a)
			finish(t, a, c, store.StateSucceeded)
		}
		// One that has ended is no reason to end an older one that is planned again.
		if _, err := s.Restart(t.Context(), runs[1], store.RestartAll, octocat); err != nil {
			t.Fatal(err)
		}
		if got := runState(t, s, runs[1]); got != store.StateRunning {
			t.Errorf("the second run is %s", got)
		}
	})
}

func TestAnOlderRunThatIsPlannedLaterGivesWayToTheNewest(t *testing.T) {
	for name, c := range map[string]struct {
		over bool
		want store.State
	}{
		"that waits":     {false, store.StateAborted},
		"that has ended": {true, store.StateRunning},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				older := accept(t, s, push("r", "1"))
				late, _, err := a.ClaimRun(t.Context(), store.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				accept(t, s, push("r", "2"))
				plan(t, a, pair())
				for range 3 {
					if c.over {
						claim, _ := claimCall(t, a)
						finish(t, a, claim, store.StateSucceeded)
					}
				}
				if _, err := a.Planned(t.Context(), late, pair()); err != nil {
					t.Fatal(err)
				}
				if got := runState(t, s, older.Run); got != c.want {
					t.Errorf("the older run is %s, want %s", got, c.want)
				}
			})
		})
	}
}

func TestARunThatHasAModuleConvergeIsPlannedAnew(t *testing.T) {
	for name, restart := range map[string]func(*store.Store, store.Run, store.Call) error{
		"all": func(s *store.Store, r store.Run, _ store.Call) error {
			return restarted(s.Restart(context.Background(), r.ID, store.RestartAll, octocat))
		},
		"what failed": func(s *store.Store, r store.Run, _ store.Call) error {
			return restarted(s.Restart(context.Background(), r.ID, store.RestartFailed, octocat))
		},
		"one call": func(s *store.Store, _ store.Run, c store.Call) error {
			return restarted(s.RestartCall(context.Background(), c.ID, octocat))
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				receipt := accept(t, s, follow("p", "ci"))
				plan(t, a, pair())
				c, call := claimCall(t, a)
				finish(t, a, c, store.StateFailed)
				r, err := s.Run(t.Context(), receipt.Run)
				if err != nil || r.State != store.StateFailed {
					t.Fatalf("the run is %s (%v)", r.State, err)
				}
				if err := restart(s, r, call); err != nil {
					t.Fatal(err)
				}
				noWork(t, a)
				if r, err = s.Run(t.Context(), receipt.Run); err != nil || r.State != store.StateQueued || len(r.Plan) > 0 || r.Attempt != 2 {
					t.Errorf("the run is %+v (%v)", r, err)
				}
				plan(t, a, pair())
				if _, call := claimCall(t, a); call.Function != "check" || call.Attempt != 2 {
					t.Errorf("it goes on with %s, attempt %d", call.Function, call.Attempt)
				}
			})
		})
	}
}

// restarted is the error of a restart.
func restarted(_ int, err error) error { return err }
