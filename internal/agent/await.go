package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
)

// awaitEvery is how often a run that somebody waits for is looked at without a
// notification.
const awaitEvery = time.Second

// Await waits for a run, as [server.Runs]. Whichever agent makes its calls, the store
// tells of it.
func (a *Agent) Await(ctx context.Context, number int64) (server.Result, error) {
	run, err := a.awaitNumber(ctx, number)
	if err != nil || run == "" {
		return server.Result{}, err
	}
	woken, unwatch := a.cfg.Store.Watch(store.TopicRun(run))
	defer unwatch()
	look := time.NewTicker(awaitEvery)
	defer look.Stop()
	for {
		result, err := a.resultOf(ctx, run)
		switch {
		case ctx.Err() != nil:
			return server.Result{}, nil
		case err != nil && !errors.Is(err, store.ErrUnavailable):
			return server.Result{}, err
		case err == nil && result.Ending != server.EndingNone:
			return result, nil
		}
		select {
		case <-woken:
		case <-look.C:
		case <-ctx.Done():
			return server.Result{}, nil
		}
	}
}

// awaitNumber returns the id of a run, as soon as the store can be asked. It is empty
// if ctx was done before.
func (a *Agent) awaitNumber(ctx context.Context, number int64) (id string, err error) {
	for {
		run, err := a.cfg.Store.RunByNumber(ctx, number)
		if err == nil || !errors.Is(err, store.ErrUnavailable) && ctx.Err() == nil {
			return run.ID, err
		}
		select {
		case <-time.After(awaitEvery):
		case <-ctx.Done():
			return "", nil
		}
	}
}

// resultOf says what became of a run so far.
func (a *Agent) resultOf(ctx context.Context, id string) (server.Result, error) {
	run, err := a.cfg.Store.Run(ctx, id)
	if err != nil {
		return server.Result{}, err
	}
	switch run.State {
	case store.StateSucceeded:
	case store.StateSkipped:
		return server.Result{Ending: server.EndingSkipped}, nil
	case store.StateTimedOut:
		return server.Result{Ending: server.EndingTimedOut}, nil
	case store.StateWaiting:
		return server.Result{Ending: server.EndingHeld}, nil
	default:
		if run.State.Final() {
			return server.Result{Ending: server.EndingFailed}, nil
		}
		return server.Result{}, nil
	}
	calls, err := a.cfg.Store.Calls(ctx, id)
	if err != nil {
		return server.Result{}, err
	}
	output, err := firstOutput(calls)
	return server.Result{Ending: server.EndingSucceeded, Output: output}, err
}

// firstOutput is what the first function by name returned that returned something,
// and of functions of one name that of the first module.
func firstOutput(calls []store.Call) (string, error) {
	slices.SortStableFunc(calls, func(a, b store.Call) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Module, b.Module))
	})
	for _, call := range calls {
		if !call.Planned || call.State != store.StateSucceeded || len(call.Result) == 0 {
			continue
		}
		var result runs.Result
		if err := json.Unmarshal(call.Result, &result); err != nil {
			return "", fmt.Errorf("read stored result of call %s: %w", call.ID, err)
		}
		if result.Output != "" {
			return result.Output, nil
		}
	}
	return "", nil
}
