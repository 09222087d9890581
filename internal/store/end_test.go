package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/internal/store"
)

// told are the ends that a store has told of.
type told struct {
	mu   sync.Mutex
	ends []string
}

func (l *told) Ended(e store.End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, fmt.Sprintf("%s/%d", e.State, e.Attempt))
}

// take returns what was told since the last time.
func (l *told) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := strings.Join(l.ends, " ")
	l.ends = nil
	return ends
}

// twoStores are two processes on one database: one is asked by people, at the
// other an agent works.
type twoStores struct {
	t           *testing.T
	asked, work *store.Store
	a           *store.Agent
	// What each has told of.
	byAsk, byWork told
}

// says checks who has told of ends since the last time.
func (s *twoStores) says(after, asked, work string) {
	s.t.Helper()
	if got := s.byAsk.take(); got != asked {
		s.t.Errorf("after %s who was asked tells of %q, want %q", after, got, asked)
	}
	if got := s.byWork.take(); got != work {
		s.t.Errorf("after %s who works tells of %q, want %q", after, got, work)
	}
}

// gone answers a claim that has been aborted.
func (s *twoStores) gone(c store.Claim) {
	s.t.Helper()
	if _, err := s.a.Finish(s.t.Context(), c, store.Ending{State: store.StateSucceeded}); !errors.Is(err, store.ErrAborted) {
		s.t.Errorf("the end of an aborted call gives %v", err)
	}
}

func (s *twoStores) calls(run string) []store.Call {
	s.t.Helper()
	calls, err := s.asked.Calls(s.t.Context(), run)
	if err != nil {
		s.t.Fatal(err)
	}
	return calls
}

func (s *twoStores) abortCall(call string) {
	s.t.Helper()
	if err := s.asked.AbortCall(s.t.Context(), call, octocat, ""); err != nil {
		s.t.Fatal(err)
	}
}

// Every end of a run is told once, by the process that brought it about, and
// not while anybody is still at work on the run.
func TestEnded(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, s *twoStores){
		"by its calls": func(t *testing.T, s *twoStores) {
			accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f", "g"))
			f, _ := claimCall(t, s.a)
			g, _ := claimCall(t, s.a)
			finish(t, s.a, f, store.StateSucceeded)
			s.says("the first call", "", "")
			finish(t, s.a, g, store.StateSucceeded)
			s.says("the last call", "", "succeeded/1")
		},
		"without a plan": func(t *testing.T, s *twoStores) {
			accept(t, s.asked, push("r", "1"))
			c, _, err := s.a.ClaimRun(t.Context(), store.Limits{})
			if err == nil {
				err = s.a.Unplanned(t.Context(), c, store.StateInvalid, "bad", false)
			}
			if err != nil {
				t.Fatal(err)
			}
			s.says("planning", "", "invalid/1")
		},
		"without a call": func(t *testing.T, s *twoStores) {
			accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf())
			s.says("planning", "", "skipped/1")
		},
		"aborted while it waits": func(t *testing.T, s *twoStores) {
			abort(t, s.asked, accept(t, s.asked, push("r", "1")).Run)
			s.says("the abort", "aborted/1", "")
		},
		"aborted while its calls wait": func(t *testing.T, s *twoStores) {
			r := accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f", "g"))
			abort(t, s.asked, r.Run)
			s.says("the abort", "aborted/1", "")
		},
		"aborted while it is planned": func(t *testing.T, s *twoStores) {
			r := accept(t, s.asked, push("r", "1"))
			c, _, err := s.a.ClaimRun(t.Context(), store.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			abort(t, s.asked, r.Run)
			s.says("the abort", "", "")
			if _, err := s.a.Planned(t.Context(), c, planOf("f")); !errors.Is(err, store.ErrAborted) {
				t.Errorf("the plan gives %v", err)
			}
			s.says("the plan", "", "aborted/1")
		},
		"aborted while calls are made": func(t *testing.T, s *twoStores) {
			r := accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f", "g", "h"))
			f, _ := claimCall(t, s.a)
			g, _ := claimCall(t, s.a)
			abort(t, s.asked, r.Run)
			s.gone(f)
			s.says("the abort and one answer", "", "")
			if err := s.a.Return(t.Context(), g, "stops"); !errors.Is(err, store.ErrAborted) {
				t.Errorf("giving it back gives %v", err)
			}
			s.says("both answers", "", "aborted/1")
			s.says("all", "", "")
		},
		"its last call is aborted": func(t *testing.T, s *twoStores) {
			r := accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f"))
			s.abortCall(s.calls(r.Run)[0].ID)
			s.says("the abort", "aborted/1", "")
		},
		"a call is aborted and ends after the others": func(t *testing.T, s *twoStores) {
			accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f", "g"))
			f, call := claimCall(t, s.a)
			g, _ := claimCall(t, s.a)
			s.abortCall(call.ID)
			finish(t, s.a, g, store.StateSucceeded)
			s.says("the others", "", "")
			s.gone(f)
			s.says("its answer", "", "aborted/1")
		},
		"restarted before what was aborted has ended": func(t *testing.T, s *twoStores) {
			r := accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f"))
			f, _ := claimCall(t, s.a)
			for attempt := 1; attempt <= 2; attempt++ {
				abort(t, s.asked, r.Run)
				s.says("the abort", "", "")
				restart(t, s.asked, r.Run, store.RestartAll)
				s.says("the restart", fmt.Sprintf("aborted/%d", attempt), "")
			}
			s.gone(f)
			s.says("the old answer", "", "")
			again, _ := claimCall(t, s.a)
			finish(t, s.a, again, store.StateSucceeded)
			s.says("the new one", "", "succeeded/3")
			restart(t, s.asked, r.Run, store.RestartAll)
			s.says("a restart after that", "", "")
		},
		"delivered again before what was aborted has ended": func(t *testing.T, s *twoStores) {
			d := push("r", "1")
			r := accept(t, s.asked, d)
			plan(t, s.a, planOf("f"))
			f, _ := claimCall(t, s.a)
			abort(t, s.asked, r.Run)
			if again := accept(t, s.asked, d); again.Attempt != 2 {
				t.Fatalf("the delivery is %+v", again)
			}
			s.says("the delivery", "aborted/1", "")
			s.gone(f)
			s.says("the old answer", "", "")
		},
		"aborted, and its agent is lost": func(t *testing.T, s *twoStores) {
			r := accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f"))
			claimCall(t, s.a)
			second := accept(t, s.asked, push("r", "2"))
			if _, _, err := s.a.ClaimRun(t.Context(), store.Limits{}); err != nil {
				t.Fatal(err)
			}
			abort(t, s.asked, r.Run)
			abort(t, s.asked, second.Run)
			s.says("the aborts", "", "")
			if _, err := s.asked.Join(t.Context(), "a", true); err != nil {
				t.Fatal(err)
			}
			s.says("the take-over", "aborted/1 aborted/1", "")
		},
		"its agents are lost too often": func(t *testing.T, s *twoStores) {
			accept(t, s.asked, push("r", "1"))
			plan(t, s.a, planOf("f"))
			claimCall(t, s.a)
			accept(t, s.asked, push("r", "2"))
			if _, _, err := s.a.ClaimRun(t.Context(), store.Limits{}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.asked.Join(t.Context(), "a", true); err != nil {
				t.Fatal(err)
			}
			s.says("the take-over", "failed/1 failed/1", "")
		},
		"superseded": func(t *testing.T, s *twoStores) {
			group := planOf("f")
			group.Calls[0].Group, group.Calls[0].Cancel = "g", true
			accept(t, s.asked, push("r", "1"))
			plan(t, s.a, group)
			accept(t, s.asked, push("r", "2"))
			plan(t, s.a, group)
			s.says("the newer plan", "", "aborted/1")
			f, _ := claimCall(t, s.a)
			accept(t, s.asked, push("r", "3"))
			plan(t, s.a, group)
			s.says("a plan while the call is made", "", "")
			s.gone(f)
			s.says("its answer", "", "aborted/1")
		},
		"its pull request is closed": func(t *testing.T, s *twoStores) {
			var closing string
			for _, id := range []string{"1", "2"} {
				d := push("r", id)
				d.Event.Name, d.Event.PullRequest = "pull_request", 7
				closing = accept(t, s.asked, d).Run
			}
			if n, err := s.work.AbortPullRequest(t.Context(), "github", "r", 7, closing, "closed"); err != nil || n != 1 {
				t.Fatalf("%d runs were aborted (%v)", n, err)
			}
			s.says("the close", "", "aborted/1")
		},
		"nothing has begun": func(t *testing.T, s *twoStores) {
			d := push("r", "1")
			d.Skip = "nothing can be planned"
			r := accept(t, s.asked, d)
			if err := s.asked.Abort(t.Context(), r.Run, octocat, ""); err == nil {
				t.Error("what was skipped can be aborted")
			}
			s.says("the delivery", "", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := &twoStores{t: t}
				o.MaxLost = -1
				o.Ended = s.byAsk.Ended
				s.asked = open(t, o)
				o.Ended = s.byWork.Ended
				s.work = open(t, o)
				s.a = join(t, s.work, "a")
				test(t, s)
			})
		})
	}
}
