package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Dispatch makes every call of the run's plan and returns their outcomes in
// the plan's order. A call begins when those that it comes after have
// succeeded, and is skipped if one of them does not. Otherwise calls are
// independent: one that fails, panics or times out stops no other. Dispatch
// returns when all have ended; cancelling ctx aborts those that run and those
// that wait.
func (d *Dispatcher) Dispatch(ctx context.Context, run *Run, observer Observer) []Outcome {
	calls := run.Plan.Calls
	outcomes := make([]Outcome, len(calls))
	ended := make([]chan struct{}, len(calls))
	shared := make([]*sharedSession, len(calls))
	for i := range calls {
		ended[i] = make(chan struct{})
		// All uses are known now, so that no session is closed between two.
		shared[i] = d.pool.acquire(run, &calls[i], 1)
	}
	endless := unorderly(calls)

	var wg sync.WaitGroup
	for i := range calls {
		call := &calls[i]
		wg.Go(func() {
			if state, err := d.await(ctx, calls, i, endless, ended, outcomes); err != nil {
				outcomes[i] = Outcome{State: state, Started: time.Now(), Err: err}
			} else {
				outcomes[i] = d.dispatch(ctx, run, call, shared[i], observer)
			}
			close(ended[i])
			observer.CallEnded(run, call, outcomes[i])
			// Closing takes a moment that nobody should wait for to hear
			// what the call came to.
			d.pool.release(shared[i], true)
		})
	}
	wg.Wait()
	for _, s := range shared {
		<-s.closed
	}
	return outcomes
}

// await returns once the call may begin. If it must not, the error says why and
// the state is what the call has come to.
func (d *Dispatcher) await(ctx context.Context, calls []Call, i int, endless map[int]string, ended []chan struct{}, outcomes []Outcome) (State, error) {
	if reason := endless[i]; reason != "" {
		return StateSkipped, fmt.Errorf("it comes after %s", reason)
	}
	for n, before := range calls[i].before() {
		select {
		case <-ended[before]:
		case <-ctx.Done():
			return StateAborted, context.Cause(ctx)
		}
		out := &outcomes[before]
		needless := n >= len(calls[i].After) && out.State == StateSkipped
		if out.State != StateSucceeded && !needless {
			if ctx.Err() != nil {
				return StateAborted, context.Cause(ctx)
			}
			return StateSkipped, fmt.Errorf("it comes after %s, which is %s", calls[before].qualified(), out.State)
		}
		if c := calls[before].Converge; out.Holds && c != nil && c.Change == calls[i].Function {
			return StateSkipped, errors.New(WhyNeedless)
		}
	}
	return "", nil
}

// before are the places of all calls that one comes after.
func (c *Call) before() []int { return slices.Concat(c.After, c.AfterSkipped) }

// unorderly returns the calls that would wait for ever, and for what: those in
// a circle or behind one, and those that come after a call that is not there.
// A [Planner] makes no such plan.
func unorderly(calls []Call) map[int]string {
	waiting := make([]int, len(calls))
	next := make([][]int, len(calls))
	var free []int
	reasons := map[int]string{}
	for i := range calls {
		for _, before := range calls[i].before() {
			if before < 0 || before >= len(calls) {
				reasons[i] = fmt.Sprintf("call %d of the plan, which has %d", before, len(calls))
				continue
			}
			waiting[i]++
			next[before] = append(next[before], i)
		}
		if waiting[i] == 0 {
			free = append(free, i)
		}
	}
	for len(free) > 0 {
		i := free[0]
		free = free[1:]
		for _, after := range next[i] {
			if waiting[after]--; waiting[after] == 0 {
				free = append(free, after)
			}
		}
	}
	for i := range calls {
		if waiting[i] == 0 || reasons[i] != "" {
			continue
		}
		all := calls[i].before()
		at := slices.IndexFunc(all, func(before int) bool { return waiting[before] > 0 })
		reasons[i] = calls[all[at]].qualified() + ", which waits for it or for ever"
	}
	return reasons
}
