package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

func prune(t testing.TB, s *store.Store, keep store.Retention) int {
	t.Helper()
	n, err := s.Prune(t.Context(), keep)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// numbers are the numbers of the runs that are left, the latest first.
func numbers(t testing.TB, s *store.Store) []int64 {
	t.Helper()
	runs, err := s.Runs(t.Context(), store.RunFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	got := []int64{}
	for _, r := range runs {
		got = append(got, r.Number)
		if _, err := s.Event(t.Context(), r.Event); err != nil {
			t.Errorf("run %d has lost its event: %v", r.Number, err)
		}
	}
	return got
}

func TestRetention(t *testing.T) {
	const day = 24 * time.Hour
	for name, tc := range map[string]struct {
		keep store.Retention
		want []int64
	}{
		"everything":   {store.Retention{}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
		"by age":       {store.Retention{Age: 2 * day}, []int64{8, 7, 6, 5, 4, 3}},
		"by number":    {store.Retention{Runs: 2}, []int64{8, 7, 6, 4, 3}},
		"by both":      {store.Retention{Age: 2 * day, Runs: 2}, []int64{8, 7, 6, 4, 3}},
		"nearly none":  {store.Retention{Age: 1}, []int64{4, 3}},
		"one of each":  {store.Retention{Runs: 1}, []int64{8, 7, 4, 3}},
		"far too many": {store.Retention{Age: 1000 * day, Runs: 1000}, []int64{8, 7, 6, 5, 4, 3, 2, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				c := newClock()
				o.Clock = c
				s := open(t, o)
				a := join(t, s, "a")
				// Two a day from run 1 to 8; 3 waits and 4 runs. Runs 7 is of
				// another repository.
				for n := 1; n <= 8; n++ {
					repository := "r"
					if n == 7 {
						repository = "q"
					}
					d := push(repository, fmt.Sprint(n))
					if n == 3 {
						d.Hold = "it comes from a fork"
					}
					r := accept(t, s, d)
					if n != 3 {
						plan(t, a, planOf("f"))
						claim, _ := claimCall(t, a)
						if err := a.AppendLog(t.Context(), claim, []byte("output")); err != nil {
							t.Fatal(err)
						}
						if n != 4 {
							finish(t, a, claim, store.StateFailed)
							restart(t, s, r.Run, store.RestartAll)
							claim, _ = claimCall(t, a)
							finish(t, a, claim, store.StateSucceeded)
						}
					}
					if n%2 == 0 {
						c.pass(day)
						beat(t, fresh(t, s, &a))
					}
				}
				before := numbers(t, s)
				n := prune(t, s, tc.keep)
				got := numbers(t, s)
				if diff := cmp.Diff(tc.want, got); diff != "" || n != len(before)-len(got) {
					t.Errorf("%s\nsaid to have deleted %d of %d", diff, n, len(before))
				}
				if n := prune(t, s, tc.keep); n != 0 {
					t.Errorf("deleted %d more the second time", n)
				}
			})
		})
	}
}

// fresh has an agent survive a jump of its clock that is longer than it may be
// silent.
func fresh(t testing.TB, s *store.Store, a **store.Agent) *store.Agent {
	t.Helper()
	*a = join(t, s, "a")
	return *a
}

func TestRetentionLeavesNothingOfARun(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		d := push("r", "1")
		d.Event.Name = "pull_request" // a push would be taken for a copy
		r := accept(t, s, d)
		plan(t, a, planOf("f"))
		c, call := claimCall(t, a)
		if err := a.AppendLog(t.Context(), c, bytes.Repeat([]byte("x"), 50<<20)); err != nil {
			t.Fatal(err)
		}
		// An aborted run whose call is still being ended is not touched.
		abort(t, s, r.Run)
		if n := prune(t, s, store.Retention{Age: 1}); n != 0 {
			t.Errorf("deleted %d runs under the hands of their agent", n)
		}
		if _, err := a.Finish(t.Context(), c, store.Ending{State: store.StateFailed}); !errors.Is(err, store.ErrAborted) {
			t.Fatal(err)
		}
		if n := prune(t, s, store.Retention{Age: 1}); n != 1 {
			t.Errorf("deleted %d runs, want 1", n)
		}
		for what, err := range map[string]error{
			"event": func() error { _, err := s.Event(t.Context(), r.Event); return err }(),
			"run":   func() error { _, err := s.Run(t.Context(), r.Run); return err }(),
			"call":  func() error { _, err := s.Call(t.Context(), call.ID); return err }(),
			"log":   func() error { _, _, err := s.ReadLog(t.Context(), call.ID, 1, 0); return err }(),
		} {
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s gives %v, want %v", what, err, store.ErrNotFound)
			}
		}
		if again := accept(t, s, d); again.Outcome != store.Accepted {
			t.Errorf("the same delivery gives %+v", again)
		}
		if o.DSN != "" {
			return
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(o.DataDir, store.FileName))
		if err != nil || info.Size() > 5<<20 {
			t.Errorf("the file still has %d bytes (%v)", info.Size(), err)
		}
	})
}
