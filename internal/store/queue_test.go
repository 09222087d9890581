package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

// fill makes a run with n calls for each repository, in the given order.
func fill(t testing.TB, s *store.Store, a *store.Agent, n int, repositories ...string) {
	t.Helper()
	for i, repository := range repositories {
		accept(t, s, push(repository, fmt.Sprint(repository, i)))
		var functions []string
		for n := range n {
			functions = append(functions, fmt.Sprint("f", n))
		}
		plan(t, a, planOf(functions...))
	}
}

// repositoryOf is the repository of a claimed call's run.
func repositoryOf(t testing.TB, s *store.Store, call store.Call) string {
	t.Helper()
	r, err := s.Run(t.Context(), call.Run)
	if err != nil {
		t.Fatal(err)
	}
	return r.Repository
}

func TestRepositoriesAreServedInTurn(t *testing.T) {
	for name, tc := range map[string]struct {
		// held says that calls are not finished, so that what runs counts.
		held bool
		want []string
	}{
		"one call at a time": {false, []string{"busy", "b", "c", "busy", "b", "c", "busy", "busy", "busy"}},
		"many at a time":     {true, []string{"busy", "b", "c", "busy", "b", "c", "busy", "busy", "busy"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				fill(t, s, a, 5, "busy")
				fill(t, s, a, 2, "b", "c")
				var got []string
				for range tc.want {
					c, call := claimCall(t, a)
					got = append(got, repositoryOf(t, s, call))
					if !tc.held {
						finish(t, a, c, store.StateSucceeded)
					}
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				noWork(t, a)
			})
		})
	}
}

func TestLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		limits store.Limits
		want   []string
	}{
		"none":           {store.Limits{}, []string{"busy", "busy", "busy", "quiet", "quiet", "quiet"}},
		"per agent":      {store.Limits{Agent: 3}, []string{"busy", "busy", "quiet"}},
		"per repository": {store.Limits{Repository: 1}, []string{"busy", "quiet"}},
		"both":           {store.Limits{Agent: 3, Repository: 2}, []string{"busy", "busy", "quiet"}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				s := open(t, o)
				a := join(t, s, "a")
				fill(t, s, a, 3, "busy", "quiet")
				var got []string
				var last store.Claim
				for {
					c, call, err := a.ClaimCall(t.Context(), tc.limits)
					if errors.Is(err, store.ErrNoWork) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					last = c
					got = append(got, repositoryOf(t, s, call))
				}
				slices.Sort(got)
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
				if len(tc.want) == 6 {
					return
				}
				finish(t, a, last, store.StateFailed)
				if _, _, err := a.ClaimCall(t.Context(), tc.limits); err != nil {
					t.Errorf("nothing can be claimed after one has ended: %v", err)
				}
			})
		})
	}
}

func TestLabels(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		accept(t, s, push("franela/pocketci", "1"))
		p := planOf("gpu", "any")
		p.Calls[0].RunsOn = "gpu"
		plan(t, a, p)
		if _, call := claimCall(t, a); call.Function != "any" {
			t.Errorf("claimed %s without a runner for it", call.Function)
		}
		noWork(t, a)
		if _, call, err := a.ClaimCall(t.Context(), store.Limits{Labels: []string{"arm", "gpu"}}); err != nil || call.Function != "gpu" {
			t.Errorf("claimed %q (%v), want gpu", call.Function, err)
		}
	})
}

// grouped makes a run with one call f in group g.
func grouped(t testing.TB, s *store.Store, a *store.Agent, repository string, cancel bool) store.Receipt {
	t.Helper()
	r := accept(t, s, push(repository, fmt.Sprint(time.Now().UnixNano())))
	p := planOf("f", "free")
	p.Calls[0].Group, p.Calls[0].Cancel = "g", cancel
	plan(t, a, p)
	return r
}

func TestGroupThatSerialises(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		first := grouped(t, s, a, "r", false)
		second := grouped(t, s, a, "r", false)
		grouped(t, s, a, "other", false)
		begun := map[string]store.Claim{}
		for range 5 {
			c, call := claimCall(t, a)
			begun[repositoryOf(t, s, call)+call.Function+call.Run] = c
		}
		noWork(t, a)
		// The second run's free call is not kept from running.
		if _, ok := begun["rfree"+second.Run]; !ok {
			t.Errorf("begun are only %v", begun)
		}
		finish(t, a, begun["rf"+first.Run], store.StateFailed)
		if _, call := claimCall(t, a); call.Run != second.Run || call.Function != "f" {
			t.Errorf("claimed %s of %s, want f of the second run", call.Function, call.Run)
		}
	})
}

func TestNewerRunSupersedes(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		first := grouped(t, s, a, "r", true)
		running, _ := claimCall(t, a)
		guarded, release := a.Guard(t.Context(), running)
		defer release()
		second := grouped(t, s, a, "r", true)
		grouped(t, s, a, "other", true)

		if diff := cmp.Diff(map[string]store.State{"f": store.StateAborted, "free": store.StateQueued}, states(t, s, first.Run)); diff != "" {
			t.Error(diff)
		}
		calls, err := s.Calls(t.Context(), first.Run)
		if err != nil || calls[0].Reason != "superseded by run 2" {
			t.Errorf("the reason is %q (%v)", calls[0].Reason, err)
		}
		select {
		case <-guarded.Done():
		case <-time.After(time.Minute):
			t.Error("the agent was not told")
		}
		// The new one begins when the old one has really ended.
		var got []string
		for range 4 {
			_, call := claimCall(t, a)
			got = append(got, call.Run+call.Function)
		}
		noWork(t, a)
		if slices.Contains(got, second.Run+"f") {
			t.Error("two calls of a group are made at once")
		}
		if _, err := a.Finish(t.Context(), running, store.Ending{State: store.StateSucceeded}); !errors.Is(err, store.ErrAborted) {
			t.Errorf("finishing a superseded call gives %v, want %v", err, store.ErrAborted)
		}
		if _, call := claimCall(t, a); call.Run != second.Run {
			t.Errorf("claimed %s of %s, want f of the second run", call.Function, call.Run)
		}
	})
}

func TestOlderRunThatIsPlannedLaterIsSuperseded(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		older := accept(t, s, push("r", "1"))
		late, _, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		newer := grouped(t, s, a, "r", true)
		p := planOf("f")
		p.Calls[0].Group, p.Calls[0].Cancel = "g", true
		if _, err := a.Planned(t.Context(), late, p); err != nil {
			t.Fatal(err)
		}
		got, err := s.Run(t.Context(), older.Run)
		if err != nil || got.State != store.StateAborted || got.Reason != "superseded by run 2" {
			t.Errorf("the older run is %s, %q (%v)", got.State, got.Reason, err)
		}
		if diff := cmp.Diff(map[string]store.State{"f": store.StateQueued, "free": store.StateQueued}, states(t, s, newer.Run)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWorkIsAnnounced(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		// Two processes share only PostgreSQL.
		here := open(t, o)
		there := here
		if o.DSN != "" {
			there = open(t, o)
		}
		woken, unwatch := there.Watch(store.TopicWork)
		defer unwatch()
		await := func(what string) {
			t.Helper()
			select {
			case <-woken:
			case <-time.After(time.Minute):
				t.Errorf("%s is not announced", what)
			}
		}
		if o.DSN != "" {
			await("the beginning of listening")
		}
		accept(t, here, push("r", "1"))
		await("an event")
		plan(t, join(t, here, "a"), planOf("f"))
		await("a call")
	})
}
