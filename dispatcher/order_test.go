package dispatcher_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

func afterOf(function string, after ...int) dispatcher.Call {
	call := callOf("ci", function)
	call.After = after
	return call
}

func TestDispatchHonoursAfter(t *testing.T) {
	const (
		succeeded = dispatcher.StateSucceeded
		failed    = dispatcher.StateFailed
		skipped   = dispatcher.StateSkipped
		timedOut  = dispatcher.StateTimedOut
	)
	slow := callOf("ci", "block")
	slow.Timeout = time.Second
	for name, c := range map[string]struct {
		calls []dispatcher.Call
		want  []dispatcher.State
		// errs are the reasons of the skipped calls in their order.
		errs []string
		took time.Duration
	}{
		"one by one":           {calls: []dispatcher.Call{afterOf("ok", 1), afterOf("ok", 2), afterOf("ok")}, want: []dispatcher.State{succeeded, succeeded, succeeded}, took: 3 * time.Minute},
		"two before one":       {calls: []dispatcher.Call{afterOf("ok"), afterOf("ok"), afterOf("ok", 0, 1)}, want: []dispatcher.State{succeeded, succeeded, succeeded}, took: 2 * time.Minute},
		"named twice":          {calls: []dispatcher.Call{afterOf("ok"), afterOf("ok", 0, 0)}, want: []dispatcher.State{succeeded, succeeded}, took: 2 * time.Minute},
		"after a failed one":   {calls: []dispatcher.Call{afterOf("bad"), afterOf("ok", 0)}, want: []dispatcher.State{failed, skipped}, errs: []string{"it comes after ci:bad, which is failed"}},
		"after a skipped one":  {calls: []dispatcher.Call{afterOf("bad"), afterOf("mid", 0), afterOf("ok", 1)}, want: []dispatcher.State{failed, skipped, skipped}, errs: []string{"it comes after ci:bad, which is failed", "it comes after ci:mid, which is skipped"}},
		"after one that hangs": {calls: []dispatcher.Call{slow, afterOf("ok", 0)}, want: []dispatcher.State{timedOut, skipped}, errs: []string{"it comes after ci:block, which is timed-out"}, took: time.Second},
		"others go on":         {calls: []dispatcher.Call{afterOf("bad"), afterOf("ok", 0), afterOf("ok")}, want: []dispatcher.State{failed, skipped, succeeded}, errs: []string{"it comes after ci:bad, which is failed"}, took: time.Minute},
		"itself":               {calls: []dispatcher.Call{afterOf("ok", 0)}, want: []dispatcher.State{skipped}, errs: []string{"it comes after ci:ok, which waits for it or for ever"}},
		"a circle and one behind it": {
			calls: []dispatcher.Call{afterOf("a", 1), afterOf("b", 0), afterOf("ok", 1), afterOf("ok")}, want: []dispatcher.State{skipped, skipped, skipped, succeeded},
			errs: []string{"it comes after ci:b, which waits for it or for ever", "it comes after ci:a, which waits for it or for ever", "it comes after ci:b, which waits for it or for ever"}, took: time.Minute,
		},
		"a call that is not there": {calls: []dispatcher.Call{afterOf("ok", 7), afterOf("ok", -1)}, want: []dispatcher.State{skipped, skipped}, errs: []string{"it comes after call 7 of the plan, which has 2", "it comes after call -1 of the plan, which has 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{1, 10} {
				synctest.Test(t, func(t *testing.T) {
					s := &sessions{functions: map[string]function{
						"ok": func(context.Context, func(modules.Step)) (modules.Result, error) {
							time.Sleep(time.Minute)
							return modules.Result{}, nil
						},
						"bad": func(context.Context, func(modules.Step)) (modules.Result, error) {
							return modules.Result{}, modules.ErrFunction
						},
						"block": block,
					}}
					start := time.Now()
					var seen recorder
					got := dispatcher.New(s, limit, quiet()).Dispatch(t.Context(), runOf(c.calls...), &seen)
					if diff := cmp.Diff(c.want, states(got)); diff != "" {
						t.Errorf("states (-want +got):\n%s", diff)
					}
					var errs []string
					for i, o := range got {
						if o.State == skipped {
							errs = append(errs, o.Err.Error())
							if slices.Contains(seen.lines, c.calls[i].Function+" started") && c.calls[i].Function != "ok" {
								t.Errorf("%s was started", c.calls[i].Function)
							}
						}
					}
					if diff := cmp.Diff(c.errs, errs); diff != "" {
						t.Errorf("reasons (-want +got):\n%s", diff)
					}
					if took := time.Since(start); limit > 1 && took != c.took {
						t.Errorf("took %s, want %s", took, c.took)
					}
					if o, n := s.opened.Load(), s.closed.Load(); o != n {
						t.Errorf("%d sessions opened, %d closed", o, n)
					}
				})
			}
		})
	}
}

func TestAbortOfCallsThatWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessions{functions: map[string]function{"block": block}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		got := dispatcher.New(s, 1, quiet()).Dispatch(ctx, runOf(afterOf("block"), afterOf("ok", 0), afterOf("ok", 1)), &recorder{})
		want := []dispatcher.State{dispatcher.StateAborted, dispatcher.StateAborted, dispatcher.StateAborted}
		if diff := cmp.Diff(want, states(got)); diff != "" {
			t.Errorf("states (-want +got):\n%s", diff)
		}
	})
}

// Whatever After says, Dispatch comes to an end and every call to a state.
func TestDispatchEndsWhateverThePlan(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				var calls []dispatcher.Call
				for range 1 + random.IntN(12) {
					call := callOf("ci", []string{"ok", "ok", "bad"}[random.IntN(3)])
					for range random.IntN(3) {
						call.After = append(call.After, random.IntN(14)-1)
					}
					calls = append(calls, call)
				}
				s := &sessions{functions: map[string]function{
					"ok": succeed,
					"bad": func(context.Context, func(modules.Step)) (modules.Result, error) {
						return modules.Result{}, modules.ErrFunction
					},
				}}
				for i, o := range dispatcher.New(s, 2, quiet()).Dispatch(t.Context(), runOf(calls...), &recorder{}) {
					if o.State == "" || o.State == dispatcher.StateSucceeded != (o.Err == nil) {
						t.Errorf("call %d is %q with %v", i, o.State, o.Err)
					}
				}
			})
		})
	}
}
