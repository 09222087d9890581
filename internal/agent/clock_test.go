package agent_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/store"
)

// hands is the system's clock, whose time of day a test may set.
type hands struct {
	store.Clock
	by atomic.Int64
}

func newHands() *hands { return &hands{Clock: store.NewClock()} }

// Now has no monotonic reading, as after any way through a database.
func (h *hands) Now() time.Time { return h.Clock.Now().Round(0).Add(time.Duration(h.by.Load())) }

func (h *hands) set(by time.Duration) { h.by.Add(int64(by)) }

// Two agents work on while the clock is set: neither takes the other for silent
// or itself for lost, no call ends or is made twice, and what comes afterwards
// is run as ever.
func TestWorkGoesOnWhenTheClockIsSet(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"back by an hour": -time.Hour, "forth by a day": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const silence = 9 * time.Second
			clock := newHands()
			w := newWorldWith(t, store.Options{Clock: clock, Silence: silence})
			begun, finish := make(chan struct{}, 10), make(chan struct{})
			w.call = func(ctx context.Context, _ string, _ int, _ *observed) dispatcher.Outcome {
				begun <- struct{}{}
				select {
				case <-finish:
					return succeeded("")
				case <-ctx.Done():
					t.Errorf("a call is ended: %v", context.Cause(ctx))
					return dispatcher.Outcome{State: dispatcher.StateAborted, Begun: true, Err: context.Cause(ctx)}
				}
			}
			p := w.start(func(c *agent.Config) { c.Name, c.Parallelism = "a", 1 })
			w.start(func(c *agent.Config) { c.Name, c.Parallelism = "b", 1 })
			first, second := w.accept(p, push("one")), w.accept(p, push("two"))
			<-begun
			<-begun
			clock.set(jump)
			// Long enough for each to miss the other's heartbeats, if it did.
			for rest := time.After(silence + silence/2); rest != nil; {
				select {
				case <-rest:
					rest = nil
				case <-begun:
					t.Error("a call is made again")
				}
			}
			third := w.accept(p, push("three"))
			clock.set(-jump)
			fourth := w.accept(p, push("four"))
			close(finish)
			for _, number := range []int64{first, second, third, fourth} {
				r := w.ended(number, store.StateSucceeded)
				if c := w.onlyCall(r.ID); c.Attempt != 1 || r.Attempt != 1 {
					t.Errorf("run %d has attempt %d, and %d of its call", number, r.Attempt, c.Attempt)
				}
			}
			for _, text := range []string{"gives up its work", "took over", "level=ERROR", "total=-", "planning=-"} {
				if strings.Contains(w.logged(), text) {
					t.Errorf("the log says %q", text)
				}
			}
		})
	}
}
