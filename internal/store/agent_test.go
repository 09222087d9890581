package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/internal/store"
)

// takeOver has an agent look after the others and says how much it took.
func takeOver(t testing.TB, a *store.Agent) int {
	t.Helper()
	n, err := a.TakeOver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func beat(t testing.TB, a *store.Agent) {
	t.Helper()
	if err := a.Beat(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// two are two agents whose clocks have nothing in common, as on two machines.
// With SQLite they are in one process, with PostgreSQL each has its own store.
func two(t *testing.T, o store.Options) (s *store.Store, a, b *store.Agent, ofA, ofB *clock) {
	t.Helper()
	ofA, ofB = newClock(), newClock()
	ofB.pass(1000 * time.Hour)
	o.Clock = ofA
	s = open(t, o)
	o.Clock = ofB
	return s, join(t, s, "a"), join(t, open(t, o), "b"), ofA, ofB
}

func TestSilentAgentLosesItsClaims(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s, a, b, ofA, ofB := two(t, o)
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f"))
		accept(t, s, push("r", "2"))
		planning, _, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		claim, call := claimCall(t, a)

		takeOver(t, b) // sees a for the first time
		for range 5 {
			ofA.pass(10 * time.Second)
			ofB.pass(10 * time.Second)
			beat(t, a)
			beat(t, b)
			if n := takeOver(t, b); n != 0 {
				t.Fatalf("took %d claims from an agent that is alive", n)
			}
		}
		for range 3 { // a is frozen, its clock as well
			ofB.pass(10 * time.Second)
			beat(t, b)
			noWork(t, b)
			takeOver(t, b)
		}
		second, again := claimCall(t, b)
		if again.ID != call.ID || again.Attempt != 2 {
			t.Errorf("b has attempt %d of %s", again.Attempt, again.ID)
		}
		if _, run, err := b.ClaimRun(t.Context(), store.Limits{}); err != nil || run.ID != planning.Run {
			t.Errorf("b plans %s (%v), want %s", run.ID, err, planning.Run)
		}
		attempts, err := s.CallAttempts(t.Context(), call.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := []store.Attempt{{Number: 1, State: store.StateAborted, Reason: "agent a was silent", Agent: "a"}}
		if diff := cmp.Diff(want, attempts, cmpopts.IgnoreFields(store.Attempt{}, "Data", "QueuedAt", "StartedAt", "EndedAt")); diff != "" {
			t.Error(diff)
		}

		// a wakes up and reports.
		for what, report := range map[string]func() error{
			"finish": func() error {
				_, err := a.Finish(t.Context(), claim, store.Ending{State: store.StateSucceeded})
				return err
			},
			"return": func() error { return a.Return(t.Context(), claim, "late") },
			"log":    func() error { return a.AppendLog(t.Context(), claim, []byte("late")) },
			"plan":   func() error { _, err := a.Planned(t.Context(), planning, planOf("f")); return err },
		} {
			if err := report(); !errors.Is(err, store.ErrFenced) {
				t.Errorf("%s gives %v, want %v", what, err, store.ErrFenced)
			}
		}
		if err := a.Beat(t.Context()); !errors.Is(err, store.ErrLost) {
			t.Errorf("heartbeat gives %v, want %v", err, store.ErrLost)
		}
		if _, _, err := a.ClaimCall(t.Context(), store.Limits{}); !errors.Is(err, store.ErrLost) {
			t.Errorf("claim gives %v, want %v", err, store.ErrLost)
		}
		finish(t, b, second, store.StateSucceeded)
		if got := runState(t, s, r.Run); got != store.StateSucceeded {
			t.Errorf("run is %s", got)
		}
	})
}

func TestTimeOfDayTakesNoWorkAway(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s, a, b, ofA, ofB := two(t, o)
		fill(t, s, a, 1, "r")
		claim, _ := claimCall(t, a)
		takeOver(t, b)
		for _, jump := range []time.Duration{-48 * time.Hour, 96 * time.Hour, -time.Second} {
			ofA.set(jump)
			beat(t, a)
			ofB.set(jump)
			ofB.set(jump)
			if n := takeOver(t, b); n != 0 {
				t.Errorf("took %d claims over when clocks were set by %s", n, jump)
			}
		}
		finish(t, a, claim, store.StateSucceeded)
		accept(t, s, push("r", "after"))
	})
}

func TestAgentThatCannotConfirmGivesUpFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s, a, _, ofA, _ := two(t, o)
		fill(t, s, a, 1, "r")
		claim, _ := claimCall(t, a)
		guarded, release := a.Guard(t.Context(), claim)
		defer release()
		ofA.pass(19 * time.Second)
		if _, err := a.TakeOver(t.Context()); err != nil {
			t.Errorf("lost after 19 s: %v", err)
		}
		ofA.pass(time.Second)
		if _, err := a.TakeOver(t.Context()); !errors.Is(err, store.ErrLost) {
			t.Errorf("after 20 s: %v, want %v", err, store.ErrLost)
		}
		select {
		case <-guarded.Done():
			if err := context.Cause(guarded); !errors.Is(err, store.ErrLost) {
				t.Errorf("the work ends with %v, want %v", err, store.ErrLost)
			}
		case <-time.After(time.Minute):
			t.Error("the work goes on")
		}
	})
}

func TestCallThatLosesItsAgentsTooOften(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.MaxLost = 1
		s := open(t, o)
		r := accept(t, s, push("r", "1"))
		for n := range 2 {
			a, err := s.Join(t.Context(), "a", true)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				plan(t, a, planOf("f"))
			}
			claimCall(t, a)
		}
		last, err := s.Join(t.Context(), "a", true)
		if err != nil {
			t.Fatal(err)
		}
		noWork(t, last)
		calls, err := s.Calls(t.Context(), r.Run)
		if err != nil || calls[0].State != store.StateFailed || calls[0].Reason != "agent a was replaced; that was the last of 2 attempts" {
			t.Errorf("call is %+v (%v)", calls, err)
		}
		if got := runState(t, s, r.Run); got != store.StateFailed {
			t.Errorf("run is %s", got)
		}
	})
}

func TestRunThatLosesItsPlannersTooOften(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.MaxLost = -1
		s := open(t, o)
		r := accept(t, s, push("r", "1"))
		a := join(t, s, "a")
		if _, _, err := a.ClaimRun(t.Context(), store.Limits{}); err != nil {
			t.Fatal(err)
		}
		if err := a.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Run(t.Context(), r.Run)
		if err != nil || got.State != store.StateFailed || got.Reason != "agent a left while planning; that was the last of 1 attempts" {
			t.Errorf("run is %s, %q (%v)", got.State, got.Reason, err)
		}
	})
}

func TestKeepTakesOver(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.Silence = 6 * time.Second
		s := open(t, o)
		a, b := join(t, s, "a"), join(t, s, "b")
		fill(t, s, a, 1, "r")
		claim, _ := claimCall(t, a)
		guarded, release := a.Guard(t.Context(), claim)
		defer release()
		ctx, stop := context.WithCancel(t.Context())
		kept := make(chan error, 1)
		go func() { kept <- b.Keep(ctx) }()
		woken, unwatch := s.Watch(store.TopicWork)
		defer unwatch()
		for deadline := time.After(time.Minute); ; {
			if _, _, err := b.ClaimCall(t.Context(), store.Limits{}); err == nil {
				break
			} else if !errors.Is(err, store.ErrNoWork) {
				t.Fatal(err)
			}
			select {
			case <-woken:
			case <-deadline:
				t.Fatal("b does not get the work of a, which is silent")
			}
		}
		<-guarded.Done()
		stop()
		if err := <-kept; !errors.Is(err, context.Canceled) {
			t.Errorf("Keep returns %v", err)
		}
		if err := a.Keep(t.Context()); !errors.Is(err, store.ErrLost) {
			t.Errorf("Keep of the lost agent returns %v, want %v", err, store.ErrLost)
		}
	})
}

func TestReturnedCallIsMadeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		fill(t, s, a, 1, "r")
		c, call := claimCall(t, a)
		if err := a.Return(t.Context(), c, "the engine went away"); err != nil {
			t.Fatal(err)
		}
		_, again := claimCall(t, a)
		if again.ID != call.ID || again.Attempt != 2 {
			t.Errorf("claimed attempt %d of %s", again.Attempt, again.ID)
		}
		attempts, err := s.CallAttempts(t.Context(), call.ID)
		if err != nil || len(attempts) != 1 || attempts[0].Reason != "the engine went away" || attempts[0].State != store.StateAborted {
			t.Errorf("attempts are %+v (%v)", attempts, err)
		}
		accept(t, s, push("r", "2"))
		planning, _, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Return(t.Context(), planning, ""); err != nil {
			t.Fatal(err)
		}
		if _, r, err := a.ClaimRun(t.Context(), store.Limits{}); err != nil || r.ID != planning.Run || r.Attempt != 1 {
			t.Errorf("claimed %+v (%v)", r, err)
		}
	})
}

// What was heard last tells an agent that starts how long nobody has listened.
func TestHeard(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		heard := func(want time.Time) {
			t.Helper()
			got, err := s.Heard(t.Context())
			if err != nil || !got.Equal(want) {
				t.Errorf("heard at %s, %v; want %s", got, err, want)
			}
		}
		heard(time.Time{})
		a := join(t, s, "a")
		c.pass(10 * time.Second)
		beat(t, a)
		last := c.Now()
		if err := a.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.pass(time.Hour)
		heard(last)
	})
}
