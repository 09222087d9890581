package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// due are the statuses that are to be told, as text.
func due(t *testing.T, s *store.Store) ([]store.Status, string) {
	t.Helper()
	list, err := s.DueStatuses(t.Context(), 100, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, st := range list {
		texts = append(texts, fmt.Sprintf("%s:%s %s/%d %s", st.Module, st.Function, st.State, st.Attempt, st.Reason))
	}
	return list, strings.Join(texts, "; ")
}

// tellAll tells what is due and returns it as text.
func tellAll(t *testing.T, s *store.Store) string {
	t.Helper()
	list, text := due(t, s)
	for i := range list {
		if err := s.Told(t.Context(), &list[i], "reply to "+list[i].Function); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("to be told: %q, want %q", got, want)
	}
}

func TestStatusesFollowCalls(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("a/b", "1"))
		p := planOf("test", "lint")
		p.Tell, p.Uncalled = true, []store.Uncalled{{Module: "ci", Function: "docs", Reason: "no matching changes"}}
		plan(t, a, p)
		expect(t, tellAll(t, s), "ci:test queued/1 ; ci:lint queued/1 ; ci:docs skipped/1 no matching changes")
		expect(t, tellAll(t, s), "")

		first, call := claimCall(t, a)
		second, other := claimCall(t, a)
		list, text := due(t, s)
		expect(t, text, "ci:test running/1 ; ci:lint running/1 ")
		if list[0].Reply != "reply to test" || list[0].SHA != strings.Repeat("a", 40) || list[0].RunNumber != r.Number ||
			list[0].Repository != "a/b" || list[0].Vendor != "github" || list[0].Event != r.Event || list[0].Call != call.ID || list[0].StartedAt.IsZero() {
			t.Errorf("%+v", list[0])
		}
		for i := range list {
			if err := s.Told(t.Context(), &list[i], ""); err != nil {
				t.Fatal(err)
			}
		}
		finish(t, a, first, store.StateSucceeded)
		finish(t, a, second, store.StateFailed)
		expect(t, tellAll(t, s), fmt.Sprintf("ci:%s succeeded/1 test; ci:%s failed/1 test", call.Function, other.Function))
		expect(t, tellAll(t, s), "")

		if _, err := s.Restart(t.Context(), r.Run, store.RestartFailed, octocat); err != nil {
			t.Fatal(err)
		}
		list, text = due(t, s)
		expect(t, text, "ci:lint queued/2 ")
		if len(list) == 1 && list[0].Reply != "" {
			t.Errorf("the reply %q is of another attempt", list[0].Reply)
		}
		if err := s.Abort(t.Context(), r.Run, octocat, ""); err != nil {
			t.Fatal(err)
		}
		// It says what was told, not what has become of it meanwhile.
		if err := s.Told(t.Context(), &list[0], ""); err != nil {
			t.Fatal(err)
		}
		expect(t, tellAll(t, s), "ci:lint aborted/2 aborted by octocat")
		expect(t, tellAll(t, s), "")
	})
}

// Nothing can be told of a run whose commit is not known.
func TestStatusNeedsACommit(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		d := push("a/b", "1")
		d.Event.SHA = ""
		accept(t, s, d)
		for _, sha := range []string{"", strings.Repeat("b", 40)} {
			c, run, err := a.ClaimRun(t.Context(), store.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if sha != "" {
				if err := a.Pin(t.Context(), c, sha); err != nil {
					t.Fatal(err)
				}
				want = ": waiting-approval/1 it is a fork's"
			}
			if err := a.Unplanned(t.Context(), c, store.StateWaiting, "it is a fork's", true); err != nil {
				t.Fatal(err)
			}
			expect(t, tellAll(t, s), want)
			if err := a.Pin(t.Context(), c, sha); !errors.Is(err, store.ErrFenced) {
				t.Errorf("without a claim: %v", err)
			}
			got, err := s.Run(t.Context(), run.ID)
			if err != nil || got.SHA != sha {
				t.Errorf("the run is of %q, %v", got.SHA, err)
			}
			if err := s.Approve(t.Context(), run.ID, strings.Repeat("b", 40), false, octocat); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestStatusOfPlanning(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("a/b", "1"))
		unplanned := func(state store.State, reason string) {
			t.Helper()
			c, _, err := a.ClaimRun(t.Context(), store.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Unplanned(t.Context(), c, state, reason, true); err != nil {
				t.Fatal(err)
			}
		}
		unplanned(store.StateWaiting, "somebody has to approve it")
		expect(t, tellAll(t, s), ": waiting-approval/1 somebody has to approve it")
		expect(t, tellAll(t, s), "")
		if err := s.Approve(t.Context(), r.Run, strings.Repeat("a", 40), false, octocat); err != nil {
			t.Fatal(err)
		}
		unplanned(store.StateInvalid, "pocketci.yaml:1:1: unknown key")
		expect(t, tellAll(t, s), ": invalid/1 pocketci.yaml:1:1: unknown key")
		if _, err := s.Restart(t.Context(), r.Run, store.RestartAll, octocat); err != nil {
			t.Fatal(err)
		}
		expect(t, tellAll(t, s), ": queued/2 ")
		p := planOf("test")
		p.Tell = true
		plan(t, a, p)
		expect(t, tellAll(t, s), ": succeeded/2 ; ci:test queued/1 ")
		if _, err := s.Prune(t.Context(), store.Retention{Age: time.Nanosecond}); err != nil {
			t.Fatal(err)
		}
		c, _ := claimCall(t, a)
		finish(t, a, c, store.StateSucceeded)
		expect(t, tellAll(t, s), "ci:test succeeded/1 test")

		accept(t, s, push("a/b", "2"))
		plan(t, a, planOf("quiet"))
		expect(t, tellAll(t, s), "")
	})
}

func TestStatusesAreLeased(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		clock := newClock()
		o.Clock = clock
		s := open(t, o)
		a := join(t, s, "a")
		accept(t, s, push("a/b", "1"))
		p := planOf("test", "lint")
		p.Tell = true
		plan(t, a, p)
		list, _ := due(t, s)
		if len(list) != 2 {
			t.Fatalf("%d are due", len(list))
		}
		expect(t, tellAll(t, s), "")
		if err := s.TellLater(t.Context(), &list[1], time.Hour); err != nil {
			t.Fatal(err)
		}
		clock.pass(time.Minute)
		again, text := due(t, s)
		expect(t, text, "ci:test queued/1 ")
		if len(again) == 1 && again[0].Tries != 0 {
			t.Errorf("%d tries", again[0].Tries)
		}
		clock.pass(time.Hour)
		again, text = due(t, s)
		expect(t, text, "ci:test queued/1 ; ci:lint queued/1 ")
		if len(again) == 2 && again[1].Tries != 1 {
			t.Errorf("%d tries", again[1].Tries)
		}
	})
}

func TestPushed(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		accept(t, s, push("a/b", "1"))
		pull := push("a/b", "2")
		pull.Event.Name, pull.Event.SHA = "pull_request", strings.Repeat("c", 40)
		accept(t, s, pull)
		for _, c := range []struct {
			repository, sha string
			want            bool
		}{
			{"a/b", strings.Repeat("a", 40), true}, {"a/b", strings.Repeat("c", 40), false},
			{"c/d", strings.Repeat("a", 40), false}, {"a/b", "", false},
		} {
			if got, err := s.Pushed(t.Context(), c.repository, c.sha); err != nil || got != c.want {
				t.Errorf("%s at %s: %v, %v", c.repository, c.sha, got, err)
			}
		}
	})
}

func TestCalledFunctions(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		accept(t, s, push("a/b", "1"))
		plan(t, a, planOf("test", "lint"))
		other := push("a/b", "2")
		other.Event.Name = "tag"
		accept(t, s, other)
		plan(t, a, planOf("release"))
		accept(t, s, push("c/d", "3"))
		plan(t, a, planOf("elsewhere"))
		got, err := s.CalledFunctions(t.Context(), "github", "a/b", "push", "ci")
		if err != nil || !slices.Equal(got, []string{"lint", "test"}) {
			t.Errorf("%q, %v", got, err)
		}
		if got, err = s.CalledFunctions(t.Context(), "github", "a/b", "push", "other"); err != nil || len(got) != 0 {
			t.Errorf("%q, %v", got, err)
		}
	})
}
