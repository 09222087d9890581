package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
)

func TestRepositories(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		if got, err := s.Repositories(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("an empty store has %v (%v)", got, err)
		}
		start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
		last := map[string]string{}
		for n, repository := range []string{"b/x", "a/y", "b/x", "ü", "b/x", "a/y", ""} {
			d := push(repository, fmt.Sprint(n))
			d.Event.ReceivedAt = start.Add(time.Duration(n) * time.Minute)
			d.Event.Repository.WebURL = fmt.Sprint("https://example.com/", n)
			if repository == "" {
				d.Event.Repository = nil
			}
			last[repository] = accept(t, s, d).Run
		}
		got, err := s.Repositories(t.Context())
		want := []store.Repository{
			{Name: "a/y", Runs: 2, LastRun: last["a/y"], LastEvent: start.Add(5 * time.Minute)},
			{Name: "b/x", Runs: 3, LastRun: last["b/x"], LastEvent: start.Add(4 * time.Minute)},
			{Name: "ü", Runs: 1, LastRun: last["ü"], LastEvent: start.Add(3 * time.Minute)},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (%v)", diff, err)
		}
		e, err := s.LatestEvent(t.Context(), "b/x")
		if err != nil || e.Repository == nil || e.Repository.WebURL != "https://example.com/4" || e.Payload != nil {
			t.Errorf("the latest event is %+v (%v)", e, err)
		}
		for _, repository := range []string{"", "b", "B/x"} {
			if _, err := s.LatestEvent(t.Context(), repository); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the latest event of %q gives %v", repository, err)
			}
		}
	})
}

func TestBacklogAndAgents(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		check := func(what string, backlog store.Backlog, counts store.StateCounts, agents ...store.AgentStatus) {
			t.Helper()
			gotBacklog, err := s.Backlog(t.Context())
			if diff := cmp.Diff(backlog, gotBacklog); diff != "" || err != nil {
				t.Errorf("%s: backlog: %s (%v)", what, diff, err)
			}
			gotCounts, err := s.StateCounts(t.Context())
			if diff := cmp.Diff(counts, gotCounts); diff != "" || err != nil {
				t.Errorf("%s: states: %s (%v)", what, diff, err)
			}
			got, err := s.Agents(t.Context())
			if diff := cmp.Diff(append([]store.AgentStatus{}, agents...), got); diff != "" || err != nil {
				t.Errorf("%s: agents: %s (%v)", what, diff, err)
			}
		}
		counts := func(queued, waiting, running, callsQueued, callsRunning int) store.StateCounts {
			return store.StateCounts{
				Runs:  map[store.State]int{store.StateQueued: queued, store.StateWaiting: waiting, store.StateRunning: running},
				Calls: map[store.State]int{store.StateQueued: callsQueued, store.StateRunning: callsRunning},
			}
		}
		check("nothing", store.Backlog{}, counts(0, 0, 0, 0, 0))
		start := c.Now()
		b, a := join(t, s, "b"), join(t, s, "a")
		statusB := store.AgentStatus{ID: b.ID(), Name: "b", JoinedAt: start, SeenAt: start}
		statusA := store.AgentStatus{ID: a.ID(), Name: "a", JoinedAt: start, SeenAt: start}
		for n := range 3 {
			d := push("r", fmt.Sprint(n))
			if n == 2 {
				d.Hold = "it comes from a fork"
			}
			accept(t, s, d)
			c.set(time.Minute)
		}
		check("accepted", store.Backlog{Runs: 2, RunsOldest: start, Approvals: 1}, counts(2, 1, 0, 0, 0), statusA, statusB)
		// The calls wait since three minutes after the start, and one of them
		// for the others.
		p := planOf("f", "g", "h")
		p.Calls[2].After = []int{0, 1}
		plan(t, a, p)
		c.set(time.Minute)
		beat(t, b)
		statusB.SeenAt = c.Now()
		claim, _ := claimCall(t, b)
		planning, run, err := a.ClaimRun(t.Context(), store.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		statusA.Runs, statusB.Calls = 1, 1
		check("at work", store.Backlog{Calls: 1, CallsOldest: start.Add(3 * time.Minute), Approvals: 1}, counts(0, 1, 2, 2, 1), statusA, statusB)
		// A run that was aborted and restarted is held until its agent lets go.
		abort(t, s, run.ID)
		restart(t, s, run.ID, store.RestartAll)
		check("restarted", store.Backlog{Calls: 1, CallsOldest: start.Add(3 * time.Minute), Approvals: 1}, counts(1, 1, 1, 2, 1), statusA, statusB)
		if _, err := a.Planned(t.Context(), planning, planOf("f")); !errors.Is(err, store.ErrAborted) {
			t.Fatal(err)
		}
		if err := a.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		finish(t, b, claim, store.StateFailed)
		statusB.Calls = 0
		check("left", store.Backlog{Runs: 1, RunsOldest: start.Add(4 * time.Minute), Calls: 1, CallsOldest: start.Add(3 * time.Minute), Approvals: 1},
			counts(1, 1, 1, 1, 0), statusB)
	})
}

func TestObserve(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		var mu sync.Mutex
		seen := map[string][]error{}
		o.Observe = func(operation string, d time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			if d < 0 {
				t.Errorf("%s took %s", operation, d)
			}
			seen[operation] = append(seen[operation], err)
		}
		s := open(t, o)
		a := join(t, s, "a")
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f"))
		c, _ := claimCall(t, a)
		finish(t, a, c, store.StateFailed)
		if err := s.Abort(t.Context(), r.Run, octocat, ""); err == nil {
			t.Fatal("aborted what has ended")
		}
		d := push("r", "2")
		d.Event.ID = ""
		if _, err := s.Accept(t.Context(), d); err == nil {
			t.Fatal("accepted an event without an id")
		}
		mu.Lock()
		defer mu.Unlock()
		got := map[string]string{}
		for operation, errs := range seen {
			for _, err := range errs {
				got[operation] += map[bool]string{true: "+", false: "-"}[err == nil]
			}
		}
		if diff := cmp.Diff(map[string]string{"join": "+", "accept": "+-", "store-events": "+", "claim": "++", "plan": "+",
			"finish": "+", "abort": "-"}, got); diff != "" {
			t.Error(diff)
		}
		var wrong *store.StateError
		if err := seen["abort"][0]; !errors.As(err, &wrong) {
			t.Errorf("the observer is told %v", err)
		}
	})
}

func TestManualEventsAreOfTheirRepository(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		first := push("r", "1")
		first.Event.Repository.CloneURL = "https://example.com/r.git"
		accept(t, s, first)
		latest, err := s.LatestEvent(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		e := events.Manual(latest.Repository, "refs/heads/main", latest.SHA, "octocat")
		e.ID = events.NewID()
		r := accept(t, s, store.Delivery{Event: e, By: &octocat})
		again, err := s.LatestEvent(t.Context(), "r")
		if err != nil || again.ID != r.Event {
			t.Fatalf("the latest event is %s (%v), want %s", again.ID, err, r.Event)
		}
		if diff := cmp.Diff(first.Event.Repository, again.Repository); diff != "" {
			t.Error(diff)
		}
	})
}
