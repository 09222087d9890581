package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/store"
)

func TestLogsGoBeforeTheirRuns(t *testing.T) {
	const day = 24 * time.Hour
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		o.Silence = 1000 * day // nobody beats
		s := open(t, o)
		a := join(t, s, "a")
		write := func(size int) (store.Claim, string) {
			t.Helper()
			claim, call := claimCall(t, a)
			if err := a.AppendLog(t.Context(), claim, bytes.Repeat([]byte("x"), size)); err != nil {
				t.Fatal(err)
			}
			return claim, call.ID
		}
		r := accept(t, s, push("r", "1"))
		plan(t, a, planOf("f"))
		// More chunks than one transaction deletes.
		claim, call := write(40 << 20)
		finish(t, a, claim, store.StateFailed)
		c.pass(2 * day)
		restart(t, s, r.Run, store.RestartAll)
		claim, _ = write(10)
		finish(t, a, claim, store.StateSucceeded)
		accept(t, s, push("r", "2"))
		plan(t, a, planOf("f"))
		open, running := write(10)
		aborted := accept(t, s, push("r", "3"))
		plan(t, a, planOf("f"))
		held, heldCall := write(10)
		abort(t, s, aborted.Run)
		check := func(what string, want map[string]bool) {
			t.Helper()
			got := map[string]bool{}
			for name, attempt := range map[string]struct {
				call   string
				number int
			}{"first": {call, 1}, "second": {call, 2}, "running": {running, 1}, "held": {heldCall, 1}} {
				chunks, _, err := s.ReadLog(t.Context(), attempt.call, attempt.number, 0)
				if got[name] = err == nil; err != nil && !errors.Is(err, store.ErrLogGone) || (len(chunks) > 0) != got[name] {
					t.Errorf("%s: the %s log has %d chunks (%v)", what, name, len(chunks), err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			// They say so, and how long they were.
			last, err := s.Call(t.Context(), call)
			if err != nil || last.LogGone == want["second"] || last.LogSize != 10 {
				t.Errorf("%s: call is %+v (%v)", what, last, err)
			}
			earlier, err := s.CallAttempts(t.Context(), call)
			if err != nil || earlier[0].LogGone == want["first"] || earlier[0].LogSize != 40<<20 {
				t.Errorf("%s: earlier attempts are %+v (%v)", what, earlier, err)
			}
		}
		keep := store.Retention{Logs: day}
		check("at first", map[string]bool{"first": true, "second": true, "running": true, "held": true})
		if n := prune(t, s, keep); n != 0 {
			t.Errorf("deleted %d runs", n)
		}
		check("after two days", map[string]bool{"first": false, "second": true, "running": true, "held": true})
		c.pass(2 * day)
		prune(t, s, keep)
		check("after four days", map[string]bool{"first": false, "second": false, "running": true, "held": true})
		for _, err := range s.FollowLog(t.Context(), call, 2, 0) {
			if !errors.Is(err, store.ErrLogGone) {
				t.Errorf("following it gives %v, want %v", err, store.ErrLogGone)
			}
		}
		finish(t, a, open, store.StateSucceeded)
		if _, err := a.Finish(t.Context(), held, store.Ending{State: store.StateFailed}); !errors.Is(err, store.ErrAborted) {
			t.Fatal(err)
		}
		prune(t, s, keep)
		check("when all have ended", map[string]bool{"first": false, "second": false, "running": true, "held": false})
		// Its next attempt has a log again.
		restart(t, s, r.Run, store.RestartAll)
		claim, _ = write(10)
		finish(t, a, claim, store.StateSucceeded)
		if got := readAll(t, s, call, 3, 0); len(got) != 10 {
			t.Errorf("the log of the next attempt has %d bytes", len(got))
		}
		chunks := 0
		if err := raw(t, o).QueryRowContext(t.Context(), `SELECT count(*) FROM logs`).Scan(&chunks); err != nil || chunks != 2 {
			t.Errorf("%d chunks are left (%v), want those of the last two", chunks, err)
		}
	})
}

func TestAuditLogIsPruned(t *testing.T) {
	const day = 24 * time.Hour
	onBoth(t, func(t *testing.T, o store.Options) {
		c := newClock()
		o.Clock = c
		s := open(t, o)
		for _, repository := range []string{"old", "new"} {
			c.pass(2 * day)
			if err := s.Disable(t.Context(), store.Disabled{Repository: repository}, octocat); err != nil {
				t.Fatal(err)
			}
		}
		for _, step := range []struct {
			keep store.Retention
			want [][3]string
		}{
			{store.Retention{Age: 1, Logs: 1}, [][3]string{{"disable", "repository old", ""}, {"disable", "repository new", ""}}},
			{store.Retention{Audit: day}, [][3]string{{"disable", "repository new", ""}}},
		} {
			prune(t, s, step.keep)
			if diff := cmp.Diff(step.want, audit(t, s)); diff != "" {
				t.Error(diff)
			}
		}
		if all, err := s.Disabled(t.Context(), ""); err != nil || len(all) != 2 {
			t.Errorf("%d are disabled (%v)", len(all), err)
		}
	})
}
