package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/store"
)

func TestRefsAndRecentCalls(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		if refs, err := s.Refs(t.Context(), "a/shop"); err != nil || len(refs) != 0 {
			t.Errorf("an empty store has %v (%v)", refs, err)
		}
		n := 0
		run := func(repository, ref string, state store.State) {
			t.Helper()
			n++
			d := push(repository, fmt.Sprint(n))
			d.Event.Ref, d.Event.SHA = ref, fmt.Sprint(n)
			bring(t, s, a, accept(t, s, d).Run, state)
		}
		hostile := "refs/heads/<b>'\"\u202e%"
		run("a/shop", "refs/heads/main", store.StateSucceeded)
		run("a/shop", hostile, store.StateFailed)
		run("a/shop", "refs/pull/7/head", store.StateFailed)
		run("a/shop", "refs/tags/v1", store.StateSucceeded)
		run("a/shop", "refs/heads/main", store.StateFailed)
		run("b/other", "refs/heads/theirs", store.StateSucceeded)
		refs, err := s.Refs(t.Context(), "a/shop")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range refs {
			got = append(got, r.Ref+" "+string(r.State))
		}
		if want := "refs/heads/main failed, refs/tags/v1 succeeded, " + hostile + " failed"; strings.Join(got, ", ") != want {
			t.Errorf("refs are %q, want %s", got, want)
		}
		for ref, want := range map[string]string{"": "5 4 3 2 1", "refs/heads/main": "5 1", hostile: "2", "refs/heads/none": ""} {
			calls, err := s.RecentCalls(t.Context(), "a/shop", "ci", "test", ref)
			if err != nil {
				t.Fatal(err)
			}
			var numbers []string
			for _, c := range calls {
				numbers = append(numbers, fmt.Sprint(c.RunNumber))
				if c.StartedAt.IsZero() || c.EndedAt.Before(c.StartedAt) || c.Ref == "" {
					t.Errorf("a call is %+v", c)
				}
			}
			if got := strings.Join(numbers, " "); got != want {
				t.Errorf("calls of %q are of runs %s, want %s", ref, got, want)
			}
		}
	})
}
