package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/internal/store"
)

func TestLists(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
		for n := range 10 {
			d := push(fmt.Sprint("r", n%2), fmt.Sprint("event ", n))
			d.Event.ReceivedAt = start.Add(time.Duration(n) * time.Minute)
			if n%3 == 0 {
				d.Event.Name, d.Event.Filter, d.Event.PullRequest, d.Event.Ref = "pull_request", "opened", 7, "refs/pull/7/head"
			}
			switch n {
			case 5, 7:
				d.Event.Cause, d.Event.Depth = "a_cause", 1
			case 6, 8:
				d.Original = "an-original"
			case 9:
				d.Hold = "it comes from a fork"
			}
			accept(t, s, d)
		}
		for name, tc := range map[string]struct {
			filter store.EventFilter
			want   []int
		}{
			"all":            {store.EventFilter{}, []int{9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
			"repository":     {store.EventFilter{Repository: "r1"}, []int{9, 7, 5, 3, 1}},
			"name":           {store.EventFilter{Name: "pull_request"}, []int{9, 6, 3, 0}},
			"vendor":         {store.EventFilter{Vendor: "gitea"}, nil},
			"filter and ref": {store.EventFilter{Filter: "main", Ref: "refs/heads/main", Limit: 2}, []int{8, 7}},
			"time":           {store.EventFilter{Since: start.Add(2 * time.Minute), Until: start.Add(5 * time.Minute)}, []int{4, 3, 2}},
			"next page":      {store.EventFilter{Before: 4, Limit: 2}, []int{2, 1}},
			"cause":          {store.EventFilter{Cause: "a_cause"}, []int{7, 5}},
			"no cause":       {store.EventFilter{Cause: "aXcause"}, nil},
			"cause and all":  {store.EventFilter{Cause: "a_cause", Repository: "r1", Before: 7}, []int{5}},
			"original":       {store.EventFilter{Original: "an-original"}, []int{8, 6}},
			"newer":          {store.EventFilter{After: 2}, []int{9, 8, 7, 6, 5, 4, 3, 2}},
		} {
			t.Run("events by "+name, func(t *testing.T) {
				events, err := s.Events(t.Context(), tc.filter)
				if err != nil {
					t.Fatal(err)
				}
				var got []int
				for _, e := range events {
					var n int
					if _, err := fmt.Sscanf(e.Delivery, "event %d", &n); err != nil || e.Payload != nil {
						t.Errorf("delivery %q with %d bytes of payload: %v", e.Delivery, len(e.Payload), err)
					}
					got = append(got, n)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
		for name, tc := range map[string]struct {
			filter store.RunFilter
			want   []int64
		}{
			"all":                         {store.RunFilter{}, []int64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
			"state":                       {store.RunFilter{State: store.StateWaiting}, []int64{10}},
			"pull request and repository": {store.RunFilter{PullRequest: 7, Repository: "r0"}, []int64{7, 1}},
			"ref, next page":              {store.RunFilter{Ref: "refs/pull/7/head", Before: 7}, []int64{4, 1}},
			"event":                       {store.RunFilter{Event: "nothing"}, nil},
		} {
			t.Run("runs by "+name, func(t *testing.T) {
				runs, err := s.Runs(t.Context(), tc.filter)
				if err != nil {
					t.Fatal(err)
				}
				var got []int64
				for _, r := range runs {
					got = append(got, r.Number)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
		if _, err := s.Event(t.Context(), "nothing"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an event that is not there gives %v", err)
		}
	})
}

func TestRunIsThatOfItsEvent(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		pinned := strings.Repeat("c", 40)
		for name, p := range map[string]store.Plan{
			"the event's commit": planOf("f"),
			"the pinned commit":  {Plan: json.RawMessage(`{}`), SHA: pinned},
		} {
			d := push("r", name)
			d.Event.PullRequest = 7
			r := accept(t, s, d)
			if run, err := s.Run(t.Context(), r.Run); err != nil || run.SHA != d.Event.SHA {
				t.Errorf("%s: before it is planned the commit is %q (%v)", name, run.SHA, err)
			}
			plan(t, a, p)
			want := d.Event.SHA
			if p.SHA != "" {
				want = p.SHA
			}
			run, err := s.Run(t.Context(), r.Run)
			if err != nil {
				t.Fatal(err)
			}
			if run.Name != "push" || run.Filter != "main" || run.Sender != "octocat" || run.PullRequest != 7 || run.SHA != want {
				t.Errorf("%s: run is %+v", name, run)
			}
			same, err := s.RunByNumber(t.Context(), run.Number)
			if diff := cmp.Diff(run, same); diff != "" || err != nil {
				t.Errorf("%s: by its number it is another one (%v)\n%s", name, err, diff)
			}
		}
		if _, err := s.RunByNumber(t.Context(), 1000); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a run that is not there gives %v", err)
		}
	})
}

func TestListsOfWhatWasPlanned(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		start := c.Now()
		s := open(t, o)
		a := join(t, s, "a")
		// Run n is made in minute n, and its calls are f<n> and test.
		runs := []string{""}
		for n := 1; n <= 4; n++ {
			c.set(time.Minute)
			d := push(fmt.Sprint("r", n%2), fmt.Sprint(n))
			if n == 3 {
				d.Event.Name = "release"
			}
			runs = append(runs, accept(t, s, d).Run)
			p := planOf(fmt.Sprint("f", n), "test")
			p.Calls[1].Module, p.Calls[1].RunsOn = "other", "nowhere"
			plan(t, a, p)
			if n < 3 {
				claim, _ := claimCall(t, a)
				finish(t, a, claim, store.StateFailed)
			}
		}
		abort(t, s, runs[1])
		for name, tc := range map[string]struct {
			filter store.RunFilter
			want   []int64
		}{
			"name":                {store.RunFilter{Name: "release"}, []int64{3}},
			"function":            {store.RunFilter{Function: "f2"}, []int64{2}},
			"function of several": {store.RunFilter{Function: "test", Repository: "r1"}, []int64{3, 1}},
			"time":                {store.RunFilter{Since: start.Add(2 * time.Minute), Until: start.Add(4 * time.Minute)}, []int64{3, 2}},
			"state":               {store.RunFilter{State: store.StateRunning, Before: 4}, []int64{3, 2}},
		} {
			t.Run("runs by "+name, func(t *testing.T) {
				found, err := s.Runs(t.Context(), tc.filter)
				if err != nil {
					t.Fatal(err)
				}
				var got []int64
				for _, r := range found {
					got = append(got, r.Number)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
		all, err := s.ListCalls(t.Context(), store.CallFilter{})
		if err != nil || len(all) != 8 {
			t.Fatalf("there are %d calls (%v)", len(all), err)
		}
		for _, call := range all {
			whole, err := s.Call(t.Context(), call.ID)
			if err != nil || len(whole.Spec) == 0 || len(call.Spec) != 0 {
				t.Errorf("spec is %q in the list and %q otherwise (%v)", call.Spec, whole.Spec, err)
			}
			if whole.Spec = call.Spec; call.Repository != fmt.Sprint("r", call.RunNumber%2) || call.Run != runs[call.RunNumber] {
				t.Errorf("call is %+v", call)
			}
			if diff := cmp.Diff(whole, call, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		}
		for name, tc := range map[string]struct {
			filter store.CallFilter
			want   []string
		}{
			"run":                   {store.CallFilter{Run: runs[2]}, []string{"2 test", "2 f2"}},
			"repository":            {store.CallFilter{Repository: "r1"}, []string{"3 test", "3 f3", "1 test", "1 f1"}},
			"module and repository": {store.CallFilter{Module: "other", Repository: "r0"}, []string{"4 test", "2 test"}},
			"function":              {store.CallFilter{Function: "f3"}, []string{"3 f3"}},
			"final state":           {store.CallFilter{State: store.StateFailed}, []string{"2 f2", "1 f1"}},
			"open state":            {store.CallFilter{State: store.StateQueued, Module: "ci"}, []string{"4 f4", "3 f3"}},
			"next page":             {store.CallFilter{Before: all[1].Number, Limit: 2}, []string{"3 test", "3 f3"}},
			"nothing":               {store.CallFilter{Run: "nothing"}, nil},
		} {
			t.Run("calls by "+name, func(t *testing.T) {
				calls, err := s.ListCalls(t.Context(), tc.filter)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, c := range calls {
					got = append(got, fmt.Sprint(c.RunNumber, " ", c.Function))
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	})
}

func TestEventWithoutIDIsRefused(t *testing.T) {
	s := open(t, sqliteOptions(t))
	for _, id := range []string{"", "a\x00b", "\xff"} {
		d := push("r", "1")
		d.Event.ID = id
		if r, err := s.Accept(t.Context(), d); err == nil {
			t.Errorf("%q: accepted as %+v", id, r)
		}
	}
}
