package store_test

import (
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// Whoever follows events hears of those, too, for which nothing can be planned, and
// not of work.
func TestNewEventsAreHeardOf(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		stored, end := s.Watch(store.TopicEvents)
		defer end()
		heard := func() bool {
			select {
			case <-stored:
				return true
			case <-time.After(time.Minute):
				return false
			}
		}
		d := tick("1")
		d.Skip = "the ref was deleted"
		accept(t, s, d)
		if !heard() {
			t.Error("nobody is told of an event that is skipped")
		}
		position, err := s.Position(t.Context(), "test", "a")
		if err != nil {
			t.Fatal(err)
		}
		position.Value = []byte("1")
		if _, _, err := s.Advance(t.Context(), position, tick("2")); err != nil {
			t.Fatal(err)
		}
		if !heard() {
			t.Error("nobody is told of an event that came with a position")
		}
	})
}

// Whoever shows all runs hears of every change, and of nothing while only logs grow.
func TestRunsAreHeardOf(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		a := join(t, s, "a")
		changed, end := s.Watch(store.TopicRuns)
		defer end()
		heard := func(what string, f func()) {
			t.Helper()
			f()
			select {
			case <-changed:
			case <-time.After(5 * time.Second):
				t.Errorf("nobody is told of %s", what)
			}
		}
		var (
			r    store.Receipt
			c    store.Claim
			held = push("r", "held")
		)
		held.Hold = "it comes from a fork"
		heard("a run that is held", func() { accept(t, s, held) })
		heard("a run", func() { r = accept(t, s, push("r", "1")) })
		heard("a plan", func() { plan(t, a, planOf("f", "g")) })
		heard("a claim", func() { c, _ = claimCall(t, a) })
		heard("a call that is given back", func() {
			if err := a.Return(t.Context(), c, "stop"); err != nil {
				t.Fatal(err)
			}
		})
		heard("an offer", func() { beat(t, a) })
		heard("an abort", func() { abort(t, s, r.Run) })
		heard("a restart", func() { restart(t, s, r.Run, store.RestartAll) })
		heard("what is disabled", func() {
			if err := s.Disable(t.Context(), store.Disabled{Repository: "r"}, octocat); err != nil {
				t.Fatal(err)
			}
		})
		heard("what is enabled", func() {
			if err := s.Enable(t.Context(), "r", "", "", octocat); err != nil {
				t.Fatal(err)
			}
		})
		heard("a claim", func() { c, _ = claimCall(t, a) })
		if o.DSN == "" { // in PostgreSQL what was told before may come again
			if err := a.AppendLog(t.Context(), c, []byte("x\n")); err != nil {
				t.Fatal(err)
			}
			beat(t, a)
			select {
			case <-changed:
				t.Error("a log that grows, or a heartbeat, is told of")
			default:
			}
		}
		heard("an end", func() { finish(t, a, c, store.StateFailed) })
		heard("an agent that leaves", func() {
			claimCall(t, a)
			<-changed
			if err := a.Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	})
}
