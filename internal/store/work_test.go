package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

// work is what is going on, in short: runs by their numbers.
func work(t *testing.T, s *store.Store, visible func(string) bool) []string {
	t.Helper()
	w, err := s.Work(t.Context(), visible)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	names := func(calls []store.CallName, more int) string {
		var list []string
		for _, c := range calls {
			list = append(list, c.Function)
		}
		slices.Sort(list)
		if more > 0 {
			list = append(list, fmt.Sprint("+", more))
		}
		return strings.Join(list, ",")
	}
	for _, b := range w.Running {
		what := names(b.Calls, b.More)
		if b.Planning {
			what = "planning"
		}
		lines = append(lines, fmt.Sprintf("%d runs %s", b.Number, what))
	}
	for _, x := range w.Waiting {
		line := fmt.Sprintf("%d waits", x.Run.Number)
		if len(x.Calls) > 0 {
			line += " " + names(x.Calls, x.More)
		}
		line += ": " + string(x.Why)
		if len(x.Behind) > 0 {
			line += " " + names(x.Behind, x.MoreBehind)
		}
		if x.RunsOn != "" {
			line += " " + x.RunsOn
		}
		if x.Most > 0 {
			line += fmt.Sprintf(" %d of %d", x.Busy, x.Most)
		}
		if x.Since.IsZero() {
			line += " since never"
		}
		lines = append(lines, line)
	}
	for _, r := range w.Failed {
		lines = append(lines, fmt.Sprintf("%d %s", r.Number, r.State))
	}
	if w.MoreRunning > 0 || w.MoreWaiting > 0 {
		lines = append(lines, fmt.Sprintf("%d and %d more", w.MoreRunning, w.MoreWaiting))
	}
	return lines
}

func TestWhyThingsWait(t *testing.T) {
	one := store.Limits{Agent: 1}
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, s *store.Store)
		want    []string
	}{
		"nothing": {func(*testing.T, *store.Store) {}, nil},
		"no agent": {func(t *testing.T, s *store.Store) { accept(t, s, push("r", "1")) },
			[]string{"1 waits: no-agent"}},
		"an agent that has not looked": {func(t *testing.T, s *store.Store) {
			join(t, s, "a")
			accept(t, s, push("r", "1"))
		}, []string{"1 waits: nothing"}},
		"an approval first": {func(t *testing.T, s *store.Store) {
			accept(t, s, push("r", "1"))
			d := push("r", "2")
			d.Hold = "it comes from a fork"
			accept(t, s, d)
		}, []string{"2 waits: approval", "1 waits: no-agent"}},
		"planning, as many as may be": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			for n := range 2 {
				accept(t, s, push("r", fmt.Sprint(n)))
			}
			claimRun(t, a, store.Limits{Agent: 4, Repository: 1})
			offer(t, a, store.Limits{})
		}, []string{"1 runs planning", "2 waits: repository 1 of 1"}},
		"planning, busy agent": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			accept(t, s, push("r", "1"))
			accept(t, s, push("q", "2"))
			claimRun(t, a, one)
			offer(t, a, store.Limits{})
		}, []string{"1 runs planning", "2 waits: agents 1 of 1"}},
		"calls of a busy agent": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			accept(t, s, push("r", "1"))
			plan(t, a, planOf("f", "g", "h"))
			claimLimited(t, a, one)
			beat(t, a)
		}, []string{"1 runs f", "1 waits g,h: agents 1 of 1"}},
		"calls of a busy repository": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			accept(t, s, push("r", "1"))
			plan(t, a, planOf("f", "g"))
			claimLimited(t, a, store.Limits{Agent: 4, Repository: 1})
			beat(t, a)
		}, []string{"1 runs f", "1 waits g: repository 1 of 1"}},
		"one of two agents has room": {func(t *testing.T, s *store.Store) {
			a, b := join(t, s, "a"), join(t, s, "b")
			offer(t, b, one)
			accept(t, s, push("r", "1"))
			plan(t, a, planOf("f", "g"))
			claimLimited(t, a, one)
			beat(t, a)
		}, []string{"1 runs f", "1 waits g: nothing"}},
		"a runner that nobody has": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			accept(t, s, push("r", "1"))
			p := planOf("f", "g", "h")
			p.Calls[0].RunsOn, p.Calls[1].RunsOn = "gpu", "arm"
			plan(t, a, p)
			claimLimited(t, a, store.Limits{Agent: 1, Labels: []string{"arm"}})
			beat(t, a)
		}, []string{"1 runs g", "1 waits f: runner gpu", "1 waits h: agents 1 of 1"}},
		"after others": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			accept(t, s, push("r", "1"))
			p := planOf("f", "g", "h")
			p.Calls[2].After = []int{0, 1}
			plan(t, a, p)
			claimLimited(t, a, one)
			beat(t, a)
		}, []string{"1 runs f", "1 waits g: agents 1 of 1", "1 waits h: after f,g"}},
		"a group": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			for n := range 3 {
				accept(t, s, push("r", fmt.Sprint(n)))
				p := planOf("f")
				p.Calls[0].Group = "deploy"
				plan(t, a, p)
			}
			claimLimited(t, a, one)
			beat(t, a)
		}, []string{"1 runs f", "2 waits f: group f", "3 waits f: group f"}},
		"an older run of the group that has not begun": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			for n := range 2 {
				accept(t, s, push("r", fmt.Sprint(n)))
				p := planOf("f")
				p.Calls[0].Group, p.Calls[0].RunsOn = "deploy", "gpu"
				plan(t, a, p)
			}
			offer(t, a, one)
		}, []string{"1 waits f: runner gpu", "2 waits f: group f"}},
		"an attempt that is being ended": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			r := accept(t, s, push("r", "1"))
			plan(t, a, planOf("f"))
			claimLimited(t, a, one)
			abort(t, s, r.Run)
			restart(t, s, r.Run, store.RestartAll)
		}, []string{"1 waits f: ending"}},
		"a run whose planning is being ended": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			r := accept(t, s, push("r", "1"))
			claimRun(t, a, one)
			abort(t, s, r.Run)
			restart(t, s, r.Run, store.RestartAll)
		}, []string{"1 waits: ending"}},
		"what failed": {func(t *testing.T, s *store.Store) {
			a := join(t, s, "a")
			for n, state := range []store.State{store.StateFailed, store.StateSucceeded, store.StateTimedOut, store.StateAborted, store.StateInvalid} {
				r := accept(t, s, push("r", fmt.Sprint(n)))
				bring(t, s, a, r.Run, state)
			}
		}, []string{"5 invalid", "3 timed-out", "1 failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				tc.prepare(t, s)
				if diff := cmp.Diff(tc.want, work(t, s, nil)); diff != "" {
					t.Error(diff)
				}
				if got := work(t, s, func(string) bool { return false }); len(got) != 0 {
					t.Errorf("who may see no repository sees %v", got)
				}
			})
		})
	}
}

func claimRun(t *testing.T, a *store.Agent, l store.Limits) {
	t.Helper()
	if _, _, err := a.ClaimRun(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

func claimLimited(t *testing.T, a *store.Agent, l store.Limits) {
	t.Helper()
	if _, _, err := a.ClaimCall(t.Context(), l); err != nil {
		t.Fatal(err)
	}
}

// offer has an agent look for calls that it does not get, and say what it takes.
func offer(t *testing.T, a *store.Agent, l store.Limits) {
	t.Helper()
	if _, _, err := a.ClaimCall(t.Context(), l); err == nil {
		t.Fatal("there is a call")
	}
	beat(t, a)
}

// Lists have an end, however much there is, and say how much is not in them.
func TestWorkIsBounded(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.Clock = newClock() // which stands still, so that no agent is lost however long it takes
		s := open(t, o)
		a := join(t, s, "a")
		many := planOf()
		for n := range 60 {
			many.Calls = append(many.Calls, planOf(fmt.Sprintf("f%02d", n)).Calls...)
		}
		accept(t, s, push("big", "many"))
		plan(t, a, many)
		for n := range 60 {
			accept(t, s, push(fmt.Sprint("r", n%2), fmt.Sprint(n)))
			plan(t, a, planOf("f"))
		}
		for range 60 {
			claimLimited(t, a, store.Limits{Repository: 30})
		}
		for n := range 30 {
			accept(t, s, push("q", fmt.Sprint("q", n)))
			d := push("q", fmt.Sprint("h", n))
			d.Hold = "it comes from a fork"
			accept(t, s, d)
		}
		check := func(visible func(string) bool, running, moreRunning, waiting, moreWaiting int) {
			t.Helper()
			w, err := s.Work(t.Context(), visible)
			if err != nil {
				t.Fatal(err)
			}
			if len(w.Running) != running || w.MoreRunning != moreRunning || len(w.Waiting) != waiting || w.MoreWaiting != moreWaiting {
				t.Errorf("%d and %d run, %d and %d wait", len(w.Running), w.MoreRunning, len(w.Waiting), w.MoreWaiting)
			}
			for _, b := range w.Running {
				if len(b.Calls) > 5 || b.Repository == "big" && len(b.Calls)+b.More != 20 {
					t.Errorf("run %d has %d calls and %d more", b.Number, len(b.Calls), b.More)
				}
			}
		}
		w, err := s.Work(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, x := range w.Waiting {
			calls += len(x.Calls) + x.More
		}
		// 60 calls wait, of three repositories that are served in turn, and 60 runs.
		check(nil, 41, 0, len(w.Waiting), 120-40-calls)
		check(func(r string) bool { return r == "big" }, 1, 0, 1, 0)
		check(func(r string) bool { return r == "q" }, 0, 0, 40, 20)
		for range 20 {
			claimLimited(t, a, store.Limits{})
		}
		if w, err = s.Work(t.Context(), nil); err != nil || len(w.Running)+w.MoreRunning < 45 || w.Running[0].Number < w.Running[1].Number {
			t.Errorf("%d and %d run (%v)", len(w.Running), w.MoreRunning, err)
		}
	})
}
