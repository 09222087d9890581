package agent_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
)

// A run whose repository finds no room waits for it and does not fail, and its
// log does not repeat itself.
func TestRunWaitsForRoom(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]syscall.Errno{"full": syscall.ENOSPC, "over its quota": syscall.EDQUOT, "read-only": syscall.EROFS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var tries atomic.Int32
			w.snapshot = func(_ context.Context, ev *events.Event) (*runs.Snapshot, error) {
				if tries.Add(1) < 5 {
					return nil, fmt.Errorf("write event file: %w", &os.PathError{Op: "write", Path: "event.json", Err: cause})
				}
				return &runs.Snapshot{Event: *ev, EventFile: []byte(ev.ID)}, nil
			}
			p := w.start(nil)
			w.ended(w.accept(p, push("one")), store.StateSucceeded)
			said := w.logged()
			for _, text := range []string{"the data directory cannot be written; waiting", "the data directory can be written again"} {
				if n := strings.Count(said, text); n != 1 {
					t.Errorf("the log says %q %d times", text, n)
				}
			}
		})
	}
}

// While the data directory cannot be written nothing is claimed.
func TestNothingIsClaimedWithoutRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	looked := make(chan struct{}, 100)
	var room atomic.Bool
	p := w.start(func(c *agent.Config) {
		c.Room = func() error {
			if room.Load() {
				return nil
			}
			select {
			case looked <- struct{}{}:
			default:
			}
			return syscall.ENOSPC
		}
	})
	number := w.accept(p, push("one"))
	for range 6 { // three times at least by one of the two that claim
		<-looked
	}
	if r := w.run(number, "anything", func(store.Run) bool { return true }); r.State != store.StateQueued {
		t.Errorf("without room the run is %s", r.State)
	}
	room.Store(true)
	w.ended(number, store.StateSucceeded)
	if n := strings.Count(w.logged(), "data directory cannot be written"); n != 2 { // by each of those that claim
		t.Errorf("the log says %d times that there is no room", n)
	}
}
