package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

type function = func(context.Context, func(modules.Step)) (modules.Result, error)

// slowly opens a session in the given time, unless that is cancelled.
func slowly(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestCallTellsTheObserver(t *testing.T) {
	s := &sessions{functions: map[string]function{"good": func(_ context.Context, report func(modules.Step)) (modules.Result, error) {
		report(modules.Step{Name: "compile"})
		return modules.Result{Output: "fine"}, nil
	}}}
	d := dispatcher.New(s, 1, quiet())
	defer d.Close()
	run := runOf(callOf("ci", "good"))
	var seen recorder
	got := d.Call(t.Context(), run, &run.Plan.Calls[0], 2, &seen)
	if got.State != dispatcher.StateSucceeded || got.Result.Output != "fine" || !got.Begun || got.Err != nil {
		t.Errorf("the call came to %+v", got)
	}
	if diff := cmp.Diff([]string{"good started", "good step compile", "good succeeded"}, seen.lines); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

// Which calls share a session, and how many are open at the end of each wait.
func TestSessionsAreShared(t *testing.T) {
	type call struct {
		run, module string
		attempt     int
		wait        time.Duration // after the call
	}
	for name, c := range map[string]struct {
		calls          []call
		opened, closed int32
	}{
		"one after the other":            {[]call{{"1", "ci", 1, 2 * time.Second}, {"1", "ci", 1, 0}}, 1, 0},
		"the wait starts with the last":  {[]call{{"1", "ci", 1, 2 * time.Second}, {"1", "ci", 1, 2 * time.Second}, {"1", "ci", 1, 0}}, 1, 0},
		"closed when nobody comes":       {[]call{{"1", "ci", 1, 4 * time.Second}}, 1, 1},
		"too late":                       {[]call{{"1", "ci", 1, 4 * time.Second}, {"1", "ci", 1, 0}}, 2, 1},
		"another module":                 {[]call{{"1", "ci", 1, 0}, {"1", "web", 1, 0}}, 2, 0},
		"another run":                    {[]call{{"1", "ci", 1, 0}, {"2", "ci", 1, 0}}, 2, 0},
		"another attempt":                {[]call{{"1", "ci", 1, 0}, {"1", "ci", 2, 0}}, 2, 0},
		"another attempt closes nothing": {[]call{{"1", "ci", 1, 0}, {"1", "ci", 2, 0}, {"1", "ci", 1, 0}}, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sessions{functions: map[string]function{"ok": succeed}}
				d := dispatcher.New(s, 1, quiet())
				for _, c := range c.calls {
					run := runOf(callOf(c.module, "ok"))
					run.ID = c.run
					// The context of one call ends with it.
					ctx, cancel := context.WithCancel(t.Context())
					if out := d.Call(ctx, run, &run.Plan.Calls[0], c.attempt, &recorder{}); out.State != dispatcher.StateSucceeded {
						t.Errorf("the call came to %s: %v", out.State, out.Err)
					}
					cancel()
					time.Sleep(c.wait)
					synctest.Wait()
				}
				if o, n := s.opened.Load(), s.closed.Load(); o != c.opened || n != c.closed {
					t.Errorf("%d opened, %d closed, want %d and %d", o, n, c.opened, c.closed)
				}
				d.Close()
				if o, n := s.opened.Load(), s.closed.Load(); o != n {
					t.Errorf("%d opened, %d closed after Close", o, n)
				}
			})
		})
	}
}

func TestCallsAtOnceShareASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{open: slowly(10 * time.Second), functions: map[string]function{"ok": succeed, "block": block}}
		d := dispatcher.New(s, 10, quiet())
		defer d.Close()
		run := runOf(callOf("ci", "ok"))
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if out := d.Call(t.Context(), run, &run.Plan.Calls[0], 1, &recorder{}); out.State != dispatcher.StateSucceeded {
					t.Errorf("came to %s: %v", out.State, out.Err)
				}
			})
		}
		wg.Wait()
		if n := s.opened.Load(); n != 1 {
			t.Errorf("%d sessions opened, want one", n)
		}
	})
}

// The call that has a session opened is aborted, while it opens or later: that
// ends it for no other.
func TestAbortOfTheCallThatOpened(t *testing.T) {
	for name, after := range map[string]time.Duration{"while it opens": time.Second, "while it is used": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sessions{open: slowly(10 * time.Second), functions: map[string]function{"block": block, "ok": func(context.Context, func(modules.Step)) (modules.Result, error) {
					time.Sleep(time.Minute)
					return modules.Result{}, nil
				}}}
				d := dispatcher.New(s, 10, quiet())
				defer d.Close()
				run := runOf(callOf("ci", "block"), callOf("ci", "ok"))
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(after, cancel)
				var wg sync.WaitGroup
				wg.Go(func() {
					out := d.Call(ctx, run, &run.Plan.Calls[0], 1, &recorder{})
					if want := after > 10*time.Second; out.State != dispatcher.StateAborted || out.Begun != want {
						t.Errorf("the first came to %s, begun %t, want aborted and %t", out.State, out.Begun, want)
					}
				})
				synctest.Wait()
				out := d.Call(t.Context(), run, &run.Plan.Calls[1], 1, &recorder{})
				wg.Wait()
				if out.State != dispatcher.StateSucceeded || s.opened.Load() != 1 {
					t.Errorf("the other came to %s (%v) with %d sessions", out.State, out.Err, s.opened.Load())
				}
			})
		})
	}
}

func TestAnOpenThatNobodyWaitsForIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended time.Duration
		start := time.Now()
		s := &sessions{open: func(ctx context.Context) error {
			<-ctx.Done()
			ended = time.Since(start)
			return ctx.Err()
		}}
		d := dispatcher.New(s, 1, quiet())
		run := runOf(callOf("ci", "ok"))
		run.Plan.Calls[0].Timeout = 5 * time.Second
		out := d.Call(t.Context(), run, &run.Plan.Calls[0], 1, &recorder{})
		synctest.Wait()
		if out.State != dispatcher.StateTimedOut || out.Begun || ended != 5*time.Second {
			t.Errorf("came to %s, begun %t; opening ended after %s, want 5s", out.State, out.Begun, ended)
		}
		d.Close()
	})
}

func TestOutcomeSaysWhetherTheFunctionMayHaveBegun(t *testing.T) {
	for name, c := range map[string]struct {
		open, call  error
		begun, away bool
		opened      int32 // after a second call
	}{
		"no session, the engine is away": {open: modules.ErrUnavailable, away: true},
		"no session, the module's fault": {open: modules.ErrModule},
		"the engine goes away":           {call: modules.ErrUnavailable, begun: true, away: true, opened: 2},
		"the function fails":             {call: modules.ErrFunction, begun: true, opened: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sessions{
				functions: map[string]function{"f": func(context.Context, func(modules.Step)) (modules.Result, error) { return modules.Result{}, c.call }},
			}
			if c.open != nil {
				s.open = func(context.Context) error { return fmt.Errorf("open: %w", c.open) }
			}
			d := dispatcher.New(s, 1, quiet())
			run := runOf(callOf("ci", "f"))
			for range 2 {
				out := d.Call(t.Context(), run, &run.Plan.Calls[0], 1, &recorder{})
				if out.Begun != c.begun || errors.Is(out.Err, modules.ErrUnavailable) != c.away {
					t.Errorf("begun %t, error %v, want %t, away %t", out.Begun, out.Err, c.begun, c.away)
				}
			}
			if n := s.opened.Load(); n != c.opened {
				t.Errorf("%d sessions opened by two calls, want %d", n, c.opened)
			}
			d.Close()
			if o, n := s.opened.Load(), s.closed.Load(); o != n {
				t.Errorf("%d opened, %d closed", o, n)
			}
		})
	}
}

// A session in which one call has lost the engine is closed at once, and not
// before the other calls in it have ended.
func TestALostSessionIsClosedWhenItsLastCallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{functions: map[string]function{
			"loses": func(context.Context, func(modules.Step)) (modules.Result, error) {
				return modules.Result{}, modules.ErrUnavailable
			},
			"slow": func(context.Context, func(modules.Step)) (modules.Result, error) {
				time.Sleep(time.Minute)
				return modules.Result{}, nil
			},
		}}
		d := dispatcher.New(s, 10, quiet())
		defer d.Close()
		run := runOf(callOf("ci", "slow"), callOf("ci", "loses"))
		var wg sync.WaitGroup
		wg.Go(func() { d.Call(t.Context(), run, &run.Plan.Calls[0], 1, &recorder{}) })
		synctest.Wait()
		d.Call(t.Context(), run, &run.Plan.Calls[1], 1, &recorder{})
		synctest.Wait()
		if n := s.closed.Load(); n != 0 {
			t.Error("the session was closed under a call")
		}
		wg.Wait()
		synctest.Wait()
		if n := s.closed.Load(); n != 1 {
			t.Error("the session was not closed at once")
		}
	})
}

// What a call that was cut short has left behind on the engine ends with its
// session, which does not linger.
func TestTheSessionOfACallThatWasCutShortIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		abort, timeout time.Duration
		want           dispatcher.State
	}{
		"aborted":   {abort: time.Second, want: dispatcher.StateAborted},
		"timed out": {timeout: time.Second, want: dispatcher.StateTimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sessions{functions: map[string]function{"block": block}}
				d := dispatcher.New(s, 1, quiet())
				defer d.Close()
				run := runOf(callOf("ci", "block"))
				run.Plan.Calls[0].Timeout = c.timeout
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.abort > 0 {
					time.AfterFunc(c.abort, cancel)
				}
				out := d.Call(ctx, run, &run.Plan.Calls[0], 1, &recorder{})
				synctest.Wait()
				if out.State != c.want || s.closed.Load() != 1 {
					t.Errorf("came to %s, %d sessions closed, want %s and one", out.State, s.closed.Load(), c.want)
				}
			})
		})
	}
}

func TestCallWaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{functions: map[string]function{"block": block}}
		d := dispatcher.New(s, 1, quiet())
		defer d.Close()
		run := runOf(callOf("ci", "block"))
		cause := errors.New("aborted by jane")
		ctx, cancel := context.WithCancelCause(t.Context())
		outcomes := make([]dispatcher.Outcome, 2)
		var wg sync.WaitGroup
		for i := range outcomes {
			wg.Go(func() { outcomes[i] = d.Call(ctx, run, &run.Plan.Calls[0], 1, &recorder{}) })
		}
		synctest.Wait()
		cancel(cause)
		wg.Wait()
		begun := 0
		for _, o := range outcomes {
			if o.State != dispatcher.StateAborted || !errors.Is(o.Err, cause) {
				t.Errorf("came to %s with %v, want aborted with the cause", o.State, o.Err)
			}
			if o.Begun {
				begun++
			}
		}
		if begun != 1 {
			t.Errorf("%d calls have begun, want the one that had the slot", begun)
		}
	})
}

func TestPanicsStayInTheirCall(t *testing.T) {
	for name, c := range map[string]*sessions{
		"in a function":   {functions: map[string]function{"f": func(context.Context, func(modules.Step)) (modules.Result, error) { panic("oh no") }}},
		"while it opens":  {open: func(context.Context) error { panic("oh no") }},
		"without a cause": {functions: map[string]function{}},
	} {
		t.Run(name, func(t *testing.T) {
			d := dispatcher.New(c, 1, quiet())
			run := runOf(callOf("ci", "f"))
			out := d.Call(t.Context(), run, &run.Plan.Calls[0], 1, &recorder{})
			if out.State != dispatcher.StateFailed || !strings.Contains(out.Err.Error(), "internal error") {
				t.Errorf("came to %s: %v", out.State, out.Err)
			}
			d.Close()
			if o, n := c.opened.Load(), c.closed.Load(); o != n {
				t.Errorf("%d opened, %d closed", o, n)
			}
		})
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{open: slowly(time.Minute), functions: map[string]function{"ok": succeed}}
		d := dispatcher.New(s, 10, quiet())
		idle, opening := runOf(callOf("ci", "ok")), runOf(callOf("web", "ok"))
		d.Call(t.Context(), idle, &idle.Plan.Calls[0], 1, &recorder{})
		var wg sync.WaitGroup
		wg.Go(func() {
			out := d.Call(t.Context(), opening, &opening.Plan.Calls[0], 1, &recorder{})
			if out.Begun || !errors.Is(out.Err, modules.ErrUnavailable) {
				t.Errorf("a call that waited for its session came to %+v, want one that can be made elsewhere", out)
			}
		})
		synctest.Wait()
		d.Close()
		wg.Wait()
		if o, n := s.opened.Load(), s.closed.Load(); o != 1 || n != 1 {
			t.Errorf("%d opened, %d closed, want the idle one", o, n)
		}
		out := d.Call(t.Context(), idle, &idle.Plan.Calls[0], 1, &recorder{})
		if out.Begun || !errors.Is(out.Err, modules.ErrUnavailable) {
			t.Errorf("a call after Close came to %+v", out)
		}
		d.Close()
	})
}
