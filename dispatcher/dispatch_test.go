package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

// sessions is a stand-in for engines: functions are Go functions here.
type sessions struct {
	functions map[string]func(context.Context, func(modules.Step)) (modules.Result, error)
	open      func(context.Context) error

	opened, closed atomic.Int32
}

func (s *sessions) Open(ctx context.Context, _ dispatcher.Run, module, _ string) (dispatcher.Session, error) {
	if s.open != nil {
		if err := s.open(ctx); err != nil {
			return nil, err
		}
	}
	s.opened.Add(1)
	return &session{s, ctx}, nil
}

type session struct {
	*sessions
	ctx context.Context
}

func (s *session) Call(ctx context.Context, call modules.Call, report func(modules.Step)) (modules.Result, error) {
	if err := s.ctx.Err(); err != nil {
		return modules.Result{}, fmt.Errorf("session ended early: %w", err)
	}
	return s.functions[call.Function](ctx, report)
}

func (s *session) Close() error {
	s.closed.Add(1)
	return nil
}

// recorder notes what an observer is told.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) CallStarted(_ *dispatcher.Run, c *dispatcher.Call) {
	r.add("%s started", c.Function)
}
func (r *recorder) CallStep(_ *dispatcher.Run, c *dispatcher.Call, s modules.Step) {
	r.add("%s step %s", c.Function, s.Name)
}
func (r *recorder) CallEnded(_ *dispatcher.Run, c *dispatcher.Call, o dispatcher.Outcome) {
	r.add("%s %s", c.Function, o.State)
}

func runOf(calls ...dispatcher.Call) *dispatcher.Run {
	return &dispatcher.Run{ID: "run-1", Plan: &dispatcher.Plan{Calls: calls}}
}

func callOf(module, function string) dispatcher.Call {
	return dispatcher.Call{Module: module, Call: modules.Call{Function: function}}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func states(list []dispatcher.Outcome) []dispatcher.State {
	var got []dispatcher.State
	for _, o := range list {
		got = append(got, o.State)
	}
	return got
}

func succeed(context.Context, func(modules.Step)) (modules.Result, error) {
	return modules.Result{Output: "fine"}, nil
}

func block(ctx context.Context, _ func(modules.Step)) (modules.Result, error) {
	<-ctx.Done()
	return modules.Result{}, errors.New("engine says: canceled")
}

func TestEveryCallEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{functions: map[string]func(context.Context, func(modules.Step)) (modules.Result, error){
			"good": func(_ context.Context, report func(modules.Step)) (modules.Result, error) {
				report(modules.Step{Name: "compile"})
				time.Sleep(time.Minute)
				return modules.Result{Output: "fine"}, nil
			},
			"bad": func(context.Context, func(modules.Step)) (modules.Result, error) {
				return modules.Result{}, fmt.Errorf("exit code 1: %w", modules.ErrFunction)
			},
			"panics": func(context.Context, func(modules.Step)) (modules.Result, error) { panic("oh no") },
			"slow":   block,
			"argument": func(context.Context, func(modules.Step)) (modules.Result, error) {
				return modules.Result{}, fmt.Errorf("no such enum: %w", modules.ErrArgument)
			},
		}}
		slow := callOf("ci", "slow")
		slow.Timeout = 10 * time.Second
		run := runOf(callOf("ci", "good"), callOf("ci", "bad"), callOf("ci", "panics"), slow, callOf("other", "argument"))
		var seen recorder
		got := dispatcher.New(s, 10, quiet()).Dispatch(t.Context(), run, &seen)

		want := []dispatcher.State{dispatcher.StateSucceeded, dispatcher.StateFailed, dispatcher.StateFailed, dispatcher.StateTimedOut, dispatcher.StateInvalid}
		if diff := cmp.Diff(want, states(got)); diff != "" {
			t.Fatalf("states (-want +got):\n%s", diff)
		}
		if got[0].Result.Output != "fine" || got[0].Duration != time.Minute {
			t.Errorf("good came to %+v, want its output after a minute", got[0])
		}
		if !strings.Contains(got[2].Err.Error(), "oh no") {
			t.Errorf("error of the panic is %v, want what it said", got[2].Err)
		}
		if want := "timed out after 10s"; got[3].Err.Error() != want || got[3].Duration != 10*time.Second {
			t.Errorf("slow came to %v after %s, want %q after 10s", got[3].Err, got[3].Duration, want)
		}
		if o, c := s.opened.Load(), s.closed.Load(); o != 2 || c != 2 {
			t.Errorf("%d sessions opened and %d closed, want one for each module", o, c)
		}
		log := strings.Join(seen.lines, "\n")
		for _, line := range []string{"good started", "good step compile", "good succeeded", "bad failed", "slow timed-out"} {
			if !strings.Contains(log, line) {
				t.Errorf("the observer was not told %q:\n%s", line, log)
			}
		}
	})
}

func TestCallsRunInParallelUpToTheLimit(t *testing.T) {
	for _, c := range []struct {
		limit int
		want  time.Duration
	}{{10, 3 * time.Second}, {5, 6 * time.Second}, {1, 30 * time.Second}} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sessions{functions: map[string]func(context.Context, func(modules.Step)) (modules.Result, error){
					"sleep": func(context.Context, func(modules.Step)) (modules.Result, error) {
						time.Sleep(3 * time.Second)
						return modules.Result{}, nil
					},
				}}
				var calls []dispatcher.Call
				for range 10 {
					calls = append(calls, callOf("ci", "sleep"))
				}
				start := time.Now()
				dispatcher.New(s, c.limit, quiet()).Dispatch(t.Context(), runOf(calls...), &recorder{})
				if got := time.Since(start); got != c.want {
					t.Errorf("ten calls of 3 s took %s, want %s", got, c.want)
				}
			})
		})
	}
}

func TestAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started atomic.Int32
		s := &sessions{functions: map[string]func(context.Context, func(modules.Step)) (modules.Result, error){
			"block": func(ctx context.Context, report func(modules.Step)) (modules.Result, error) {
				started.Add(1)
				return block(ctx, report)
			},
		}}
		cause := errors.New("aborted by jane")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		got := dispatcher.New(s, 1, quiet()).Dispatch(ctx, runOf(callOf("ci", "block"), callOf("ci", "block")), &recorder{})
		for i, o := range got {
			if o.State != dispatcher.StateAborted || !errors.Is(o.Err, cause) {
				t.Errorf("call %d is %s with %v, want aborted with the cause", i, o.State, o.Err)
			}
		}
		if n := started.Load(); n != 1 {
			t.Errorf("%d calls were started, want the one that had a slot", n)
		}
		if o, c := s.opened.Load(), s.closed.Load(); o != c {
			t.Errorf("%d sessions opened and %d closed", o, c)
		}
	})
}

// A session that takes long to open counts against the time limit of the call
// that waits, and not against the other calls of the module.
func TestTimeLimitOfOneCallDoesNotEndTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{
			functions: map[string]func(context.Context, func(modules.Step)) (modules.Result, error){"ok": succeed},
			open: func(ctx context.Context) error {
				select {
				case <-time.After(20 * time.Second):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}
		hasty, patient := callOf("ci", "ok"), callOf("ci", "ok")
		hasty.Timeout, patient.Timeout = 5*time.Second, time.Minute
		got := dispatcher.New(s, 2, quiet()).Dispatch(t.Context(), runOf(hasty, patient), &recorder{})
		if diff := cmp.Diff([]dispatcher.State{dispatcher.StateTimedOut, dispatcher.StateSucceeded}, states(got)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
		if s.closed.Load() != 1 {
			t.Error("the session was not closed")
		}
	})
}

func TestSessionThatCannotBeOpened(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want dispatcher.State
	}{
		"the engine is away":       {modules.ErrUnavailable, dispatcher.StateFailed},
		"the module does not load": {modules.ErrModule, dispatcher.StateInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sessions{open: func(context.Context) error { return c.err }}
			got := dispatcher.New(s, 2, quiet()).Dispatch(t.Context(), runOf(callOf("ci", "a"), callOf("ci", "b")), &recorder{})
			if diff := cmp.Diff([]dispatcher.State{c.want, c.want}, states(got)); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
		})
	}
}

// answers is a function that returns or fails.
func answers(output string, err error) function {
	return func(context.Context, func(modules.Step)) (modules.Result, error) {
		return modules.Result{Output: output}, err
	}
}
