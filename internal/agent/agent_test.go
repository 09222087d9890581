package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/modules"
)

// world is what an agent works with, by functions that a test sets.
type world struct {
	snapshot func(context.Context, *events.Event) (*runs.Snapshot, error)
	plan     func() error
	run      func(context.Context, string)
	ping     func(context.Context) error

	mu   sync.Mutex
	runs []string
	log  bytes.Buffer
}

func (w *world) Snapshot(ctx context.Context, ev *events.Event) (*runs.Snapshot, error) {
	if w.snapshot != nil {
		return w.snapshot(ctx, ev)
	}
	return &runs.Snapshot{Event: *ev}, nil
}

func (w *world) Plan(context.Context, *runs.Snapshot) (*dispatcher.Plan, error) {
	if w.plan != nil {
		if err := w.plan(); err != nil {
			return nil, err
		}
	}
	return &dispatcher.Plan{}, nil
}

func (w *world) Dispatch(ctx context.Context, id string, s *runs.Snapshot, _ *dispatcher.Plan) []dispatcher.Outcome {
	w.mu.Lock()
	w.runs = append(w.runs, s.Event.ID)
	w.mu.Unlock()
	if w.run != nil {
		w.run(ctx, s.Event.ID)
	}
	return nil
}

func (w *world) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.runs...)
}

// Write is the agent's log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// start runs an agent with one planner and room for two events. The returned
// functions stop it and end its runs; done is closed when Run has returned.
func (w *world) start(t *testing.T) (a *agent.Agent, stop, abort context.CancelFunc, done <-chan struct{}) {
	t.Helper()
	ping := w.ping
	if ping == nil {
		ping = func(context.Context) error { return nil }
	}
	a = agent.New(agent.Config{
		Repositories: w, Runner: w, Ping: ping,
		Queue: 2, Planners: 1, PingEvery: time.Second,
		Log: slog.New(slog.NewTextHandler(w, nil)),
	})
	stopping, stop := context.WithCancel(t.Context())
	aborting, abort := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(stopping, aborting)
	}()
	return a, stop, abort, ended
}

func event(id string) events.Event {
	return events.Event{ID: id, Vendor: "github", Name: "push", Filter: "main", Trusted: true}
}

func accept(t *testing.T, a *agent.Agent, ev events.Event) {
	t.Helper()
	if err := a.Accept(t.Context(), ev); err != nil {
		t.Fatalf("accept %s: %v", ev.ID, err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{ping: func(ctx context.Context) error { return errors.New("away") }}
		a, stop, abort, done := w.start(t)
		accept(t, a, event("1"))
		synctest.Wait() // the planner has it
		accept(t, a, event("2"))
		accept(t, a, event("3"))
		if err := a.Accept(t.Context(), event("4")); !errors.Is(err, server.ErrFull) {
			t.Errorf("the fourth event gives %v, want %v", err, server.ErrFull)
		}
		stop()
		abort()
		<-done
	})
}

func TestEngineThatIsAwayIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Bool
		w := &world{ping: func(context.Context) error {
			if !back.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		a, stop, _, done := w.start(t)
		accept(t, a, event("1"))
		time.Sleep(time.Hour)
		if got := w.seen(); len(got) != 0 {
			t.Fatalf("%v ran without an engine", got)
		}
		if err := a.Ready(t.Context()); !errors.Is(err, agent.ErrEngineAway) {
			t.Errorf("ready gives %v, want %v", err, agent.ErrEngineAway)
		}
		back.Store(true)
		time.Sleep(2 * time.Second)
		if got := fmt.Sprint(w.seen()); got != "[1]" {
			t.Errorf("ran %v after the engine came, want [1]", got)
		}
		if got := strings.Count(w.logged(), "does not answer"); got != 1 {
			t.Errorf("said %d times in an hour that the engine is away, want once:\n%s", got, w.logged())
		}
		stop()
		<-done
	})
}

// An engine that goes away while an event is being planned has called nothing
// yet, so that the event is begun again.
func TestEngineThatGoesAwayWhilePlanning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		w := &world{plan: func() error {
			if tries.Add(1) < 3 {
				return fmt.Errorf("plan: %w", modules.ErrUnavailable)
			}
			return nil
		}}
		a, stop, _, done := w.start(t)
		accept(t, a, event("1"))
		time.Sleep(time.Minute)
		if got := fmt.Sprint(w.seen()); got != "[1]" || tries.Load() != 3 {
			t.Errorf("planned %d times and ran %v, want 3 and [1]", tries.Load(), got)
		}
		stop()
		<-done
	})
}

func TestEventThatCannotBeRunStopsNoOther(t *testing.T) {
	for name, c := range map[string]func(*world){
		"no repository": func(w *world) {
			w.snapshot = func(_ context.Context, ev *events.Event) (*runs.Snapshot, error) {
				if ev.ID == "1" {
					return nil, errors.New("repository not found")
				}
				return &runs.Snapshot{Event: *ev}, nil
			}
		},
		"bad configuration": func(w *world) {
			var tries atomic.Int32
			w.plan = func() error {
				if tries.Add(1) == 1 {
					return errors.New("pocketci.yaml:1:1: unknown key")
				}
				return nil
			}
		},
		"panic": func(w *world) {
			w.run = func(_ context.Context, id string) {
				if id == "1" {
					panic("oh no")
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				c(w)
				a, stop, _, done := w.start(t)
				accept(t, a, event("1"))
				accept(t, a, event("2"))
				synctest.Wait()
				if got := w.seen(); len(got) == 0 || got[len(got)-1] != "2" {
					t.Errorf("ran %v, want 2 to be run", got)
				}
				if !strings.Contains(w.logged(), "level=ERROR") {
					t.Errorf("nothing says that 1 was not run:\n%s", w.logged())
				}
				stop()
				<-done
			})
		})
	}
}

func TestUntrustedEventsAreNotRun(t *testing.T) {
	for name, c := range map[string]struct {
		event events.Event
		want  string
	}{
		"fork":    {events.Event{ID: "1", Fork: "mallory/hello"}, "mallory/hello"},
		"comment": {events.Event{ID: "1"}, "without write access"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{}
				a, stop, _, done := w.start(t)
				accept(t, a, c.event)
				synctest.Wait()
				if got := w.seen(); len(got) != 0 {
					t.Errorf("ran %v", got)
				}
				if !strings.Contains(w.logged(), c.want) {
					t.Errorf("the log does not say %q:\n%s", c.want, w.logged())
				}
				stop()
				<-done
			})
		})
	}
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		w := &world{
			ping: func(context.Context) error {
				if away.Load() {
					return errors.New("away")
				}
				return nil
			},
			run: func(ctx context.Context, _ string) {
				select {
				case <-time.After(10 * time.Second):
				case <-ctx.Done():
				}
			},
		}
		a, stop, _, done := w.start(t)
		accept(t, a, event("running"))
		synctest.Wait()
		away.Store(true)
		accept(t, a, event("waiting"))
		synctest.Wait()
		accept(t, a, event("queued"))
		start := time.Now()
		stop()
		synctest.Wait()
		if err := a.Accept(t.Context(), event("late")); !errors.Is(err, server.ErrStopping) {
			t.Errorf("an event after the stop gives %v, want %v", err, server.ErrStopping)
		}
		<-done
		if got := time.Since(start); got != 10*time.Second {
			t.Errorf("stopped after %s, want the 10s that the run takes", got)
		}
		if got := fmt.Sprint(w.seen()); got != "[running]" {
			t.Errorf("ran %v, want only what had begun", got)
		}
		for _, lost := range []string{"waiting", "queued"} {
			if !strings.Contains(w.logged(), "event.id="+lost) {
				t.Errorf("the log does not name the event %s that is lost:\n%s", lost, w.logged())
			}
		}
	})
}

func TestAbortEndsRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{run: func(ctx context.Context, _ string) { <-ctx.Done() }}
		a, stop, abort, done := w.start(t)
		accept(t, a, event("1"))
		synctest.Wait()
		stop()
		abort()
		<-done
	})
}

// Calls may take hours; they keep no other event from being planned and run.
func TestLongRunsDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{run: func(ctx context.Context, id string) {
			if id != "short" {
				<-ctx.Done()
			}
		}}
		a, stop, abort, done := w.start(t)
		for _, id := range []string{"long-1", "long-2", "long-3", "short"} {
			accept(t, a, event(id))
			synctest.Wait()
		}
		if got := fmt.Sprint(w.seen()); got != "[long-1 long-2 long-3 short]" {
			t.Errorf("ran %v, want all four", got)
		}
		stop()
		abort()
		<-done
	})
}
