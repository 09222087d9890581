package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
			if n == 9 {
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
