package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// expected are errors that are no fault when everything happens at once.
func expected(err error) bool {
	var wrong *store.StateError
	return err == nil || errors.Is(err, store.ErrNoWork) || errors.Is(err, store.ErrAborted) || errors.Is(err, store.ErrFenced) ||
		errors.Is(err, store.ErrLost) || errors.Is(err, store.ErrNothingToRestart) || errors.As(err, &wrong)
}

// Everything that may happen happens at once: agents plan, call, give back and
// vanish while people abort and restart and forges redeliver. No call is made
// twice at once, and in the end everything has ended, and each end was told once.
func TestEverythingAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		o.MaxLost = 1000
		var (
			telling sync.Mutex
			told    = map[store.End]int{}
		)
		o.Ended = func(e store.End) {
			telling.Lock()
			defer telling.Unlock()
			told[store.End{Run: e.Run, Attempt: e.Attempt}]++
		}
		stores := []*store.Store{open(t, o)}
		if o.DSN != "" {
			stores = append(stores, open(t, o))
		}
		var (
			mu      sync.Mutex
			making  = map[string]bool{}
			receipt []store.Receipt
			wg      sync.WaitGroup
		)
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
		defer stop()
		check := func(what string, err error) {
			if !expected(err) {
				t.Errorf("%s: %v", what, err)
			}
		}
		plan := func() store.Plan {
			p := planOf("a", "b", "c", "d")
			p.Calls[1].After = []int{0}
			p.Calls[2].Group, p.Calls[2].Cancel = "g", true
			p.Calls[3].Group = "h"
			return p
		}
		work := func(a *store.Agent) {
			if c, _, err := a.ClaimRun(t.Context(), store.Limits{Repository: 2}); err == nil {
				switch rand.IntN(10) {
				case 0:
					check("return run", a.Return(t.Context(), c, "test"))
				case 1:
					check("unplanned", a.Unplanned(t.Context(), c, store.StateInvalid, "test", false))
				default:
					_, err := a.Planned(t.Context(), c, plan())
					check("planned", err)
				}
			} else {
				check("claim run", err)
			}
			c, call, err := a.ClaimCall(t.Context(), store.Limits{Repository: 3})
			if err != nil {
				check("claim call", err)
				return
			}
			mu.Lock()
			if making[call.ID] {
				t.Errorf("call %s is made twice at once", call.Function)
			}
			making[call.ID] = true
			mu.Unlock()
			check("log", a.AppendLog(t.Context(), c, []byte("output")))
			time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
			mu.Lock()
			delete(making, call.ID) // from here on it has ended, and says so
			mu.Unlock()
			switch rand.IntN(10) {
			case 0:
				check("return call", a.Return(t.Context(), c, "test"))
			case 1:
				_, err := a.Finish(t.Context(), c, store.Ending{State: store.StateFailed})
				check("finish", err)
			case 2: // says nothing
			default:
				_, err := a.Finish(t.Context(), c, store.Ending{State: store.StateSucceeded})
				check("finish", err)
			}
		}
		for n := range 4 {
			s := stores[n%len(stores)]
			wg.Go(func() {
				for ctx.Err() == nil {
					a, err := s.Join(t.Context(), fmt.Sprint("agent", n), true)
					if err != nil {
						check("join", err)
						continue
					}
					for range 20 {
						work(a)
					}
					check("beat", a.Beat(t.Context()))
					_, err = a.TakeOver(t.Context())
					check("take over", err)
				}
			})
		}
		for n := range 2 {
			s := stores[n%len(stores)]
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					d := push(fmt.Sprint("r", i%3), fmt.Sprint(n, i/2)) // each one twice
					d.Event.PullRequest = i % 5
					r, err := s.Accept(t.Context(), d)
					check("accept", err)
					mu.Lock()
					if err == nil {
						receipt = append(receipt, r)
					}
					mu.Unlock()
					time.Sleep(5 * time.Millisecond)
				}
			})
			wg.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(time.Millisecond)
					mu.Lock()
					var r store.Receipt
					if len(receipt) > 0 {
						r = receipt[rand.IntN(len(receipt))]
					}
					mu.Unlock()
					if r.Run == "" {
						continue
					}
					switch rand.IntN(12) {
					case 0:
						check("abort", s.Abort(t.Context(), r.Run, octocat, "test"))
					case 1:
						_, err := s.Restart(t.Context(), r.Run, store.RestartAll, octocat)
						check("restart", err)
					case 2:
						_, err := s.Restart(t.Context(), r.Run, store.RestartFailed, octocat)
						check("restart", err)
					case 3:
						_, err := s.AbortPullRequest(t.Context(), "github", fmt.Sprint("r", rand.IntN(3)), rand.IntN(5), r.Run, "test")
						check("abort pull request", err)
					}
				}
			})
		}
		wg.Wait()

		s := stores[0]
		last := join(t, s, "last")
		for n := range 4 {
			if _, err := s.Join(t.Context(), fmt.Sprint("agent", n), true); err != nil {
				t.Fatal(err)
			}
		}
		// An agent that was stopped between the end of another one and the
		// return of its claims has left them to whoever looks next.
		if _, err := last.TakeOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		made := 0
		for ; ; made++ {
			if err := workOnce(t.Context(), last); errors.Is(err, store.ErrNoWork) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		counts := map[store.State]int{}
		runs, err := s.Runs(t.Context(), store.RunFilter{Limit: 1_000_000})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runs {
			counts[r.State]++
			calls := states(t, s, r.ID)
			for attempt := 1; attempt <= r.Attempt; attempt++ {
				if n := told[store.End{Run: r.ID, Attempt: attempt}]; n != 1 {
					t.Errorf("the end of attempt %d of run %d, which is %s, is told %d times", attempt, r.Number, r.State, n)
				}
			}
			if !r.State.Final() {
				t.Errorf("run %d is %s when all work is done: %v", r.Number, r.State, calls)
			}
			for function, state := range calls {
				if !state.Final() {
					t.Errorf("call %s of run %d is %s when all work is done", function, r.Number, state)
				}
			}
		}
		t.Logf("%d runs, the last %d calls at the end: %v", len(runs), made, counts)
	})
}
