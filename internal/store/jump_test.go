package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// jumps are how clocks are set in these tests.
var jumps = map[string]time.Duration{"back by an hour": -time.Hour, "forth by a day": 24 * time.Hour}

// Whatever the clock shows, work is done and listed in the order in which it
// came, and so it is when the clock is put right again.
func TestOrderWhenTheClockIsSet(t *testing.T) {
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				jump := jump // each of the two databases turns it by itself
				c := newClock()
				o.Clock = c
				s := open(t, o)
				a := join(t, s, "a")
				var want []int64
				come := func() {
					t.Helper()
					c.pass(time.Second)
					want = append(want, accept(t, s, push("r", fmt.Sprint(len(want)))).Number)
				}
				come()
				c.set(jump)
				come()
				come()
				c.set(-jump)
				come()
				var planned, called []int64
				for range want {
					claim, r, err := a.ClaimRun(t.Context(), store.Limits{})
					if err != nil {
						t.Fatal(err)
					}
					planned = append(planned, r.Number)
					c.set(jump) // calls are queued at odd times too
					jump = -jump
					if _, err := a.Planned(t.Context(), claim, planOf("f")); err != nil {
						t.Fatal(err)
					}
				}
				for range want {
					claim, call := claimCall(t, a)
					called = append(called, call.RunNumber)
					finish(t, a, claim, store.StateSucceeded)
				}
				if !slices.Equal(planned, want) || !slices.Equal(called, want) {
					t.Errorf("runs are planned in the order %v and called in %v, want %v", planned, called, want)
				}
				listed := numbers(t, s)
				slices.Reverse(listed)
				if !slices.Equal(listed, want) {
					t.Errorf("runs are listed in the order %v, want %v", listed, want)
				}
			})
		})
	}
}

// A clock that is set forth makes nothing old. What is old is deleted once the
// clock is right.
func TestRetentionWhenTheClockIsSet(t *testing.T) {
	for name, jump := range jumps {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, o store.Options) {
				c := newClock()
				o.Clock = c
				o.Silence = 1000 * time.Hour // nobody beats
				s := open(t, o)
				a := join(t, s, "a")
				accept(t, s, push("r", "1"))
				plan(t, a, planOf("f"))
				claim, _ := claimCall(t, a)
				if err := a.AppendLog(t.Context(), claim, []byte("log")); err != nil {
					t.Fatal(err)
				}
				finish(t, a, claim, store.StateSucceeded)
				keep := store.Retention{Age: 6 * time.Hour, Logs: 6 * time.Hour, Audit: 6 * time.Hour}
				if err := s.Disable(t.Context(), store.Disabled{Repository: "other"}, octocat); err != nil {
					t.Fatal(err)
				}
				c.set(jump)
				if n := prune(t, s, keep); n != 0 {
					t.Error("a run was deleted that had just ended")
				}
				if chunks, _, err := s.ReadLog(t.Context(), claim.Call, 1, 0); err != nil || len(chunks) != 1 {
					t.Errorf("its log has %d chunks (%v)", len(chunks), err)
				}
				if n := len(audit(t, s)); n != 1 {
					t.Errorf("the audit log has %d entries, want 1", n)
				}
				c.pass(7 * time.Hour)
				if jump < 0 {
					c.set(-jump)
				}
				if n := prune(t, s, keep); n != 1 {
					t.Errorf("%d runs were deleted after 7 hours, want 1", n)
				}
			})
		})
	}
}

// A key that has expired stays expired when the clock is set back, and one that
// only seems to have is good again when the clock is.
func TestKeysExpireWhenTheClockIsSet(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "ada", Scope: store.KeyScopeRead, ExpiresAt: c.Now().Add(time.Hour)}, octocat)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, want error) {
			t.Helper()
			if _, err := s.Authenticate(t.Context(), secret); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		check("at first", nil)
		c.set(24 * time.Hour)
		check("with a clock set forth", store.ErrKeyExpired)
		c.set(-24 * time.Hour)
		check("with the clock put right", nil)
		c.pass(2 * time.Hour)
		check("after two hours", store.ErrKeyExpired)
		c.set(-90 * time.Minute)
		check("with a clock set back", store.ErrKeyExpired)
	})
}
