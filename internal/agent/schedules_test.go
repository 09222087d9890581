package agent_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// recorder notes what it is told.
type recorder struct {
	mu    sync.Mutex
	heard []string
	// lost is how often the engine goes away still.
	lost int
}

func (r *recorder) hear(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, what)
}

func (r *recorder) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.heard, ", ")
}

func (r *recorder) Planned(_ context.Context, event *events.Event, s *runs.Snapshot) error {
	r.mu.Lock()
	r.lost--
	gone := r.lost >= 0
	r.mu.Unlock()
	if gone {
		return fmt.Errorf("load: %w", modules.ErrUnavailable)
	}
	r.hear("planned " + event.ID + " at " + strings.TrimLeft(s.Event.SHA, "0"))
	return nil
}

func (r *recorder) Deleted(_ context.Context, event *events.Event) error {
	r.hear("deleted " + event.Filter)
	return nil
}

// Whoever keeps schedules is told of every event that was planned before its calls
// begin, and of branches that are deleted, once.
func TestSchedulesAreToldOfPlans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &recorder{lost: 2}
	p := w.start(func(c *agent.Config) { c.Schedules = r })
	w.ended(w.accept(p, push("one")), store.StateSucceeded)
	if got, want := r.said(), "planned one at "+strings.TrimLeft(sha("one"), "0"); got != want {
		t.Errorf("told was %q, want %q", got, want)
	}
	gone := push("gone")
	gone.SHA = ""
	for range 2 {
		if _, err := p.Accept(t.Context(), server.Delivery{Event: gone, Hook: "github", Nothing: "the push deletes refs/heads/main"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := r.said(), "planned one at "+strings.TrimLeft(sha("one"), "0")+", deleted main"; got != want {
		t.Errorf("told was %q, want %q", got, want)
	}
}
