package agent_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/trust"
)

func TestAwait(t *testing.T) {
	t.Parallel()
	failed := dispatcher.Outcome{State: dispatcher.StateFailed, Begun: true, Err: errors.New("exit code 1")}
	timedOut := dispatcher.Outcome{State: dispatcher.StateTimedOut, Begun: true, Err: errors.New("too long")}
	for name, c := range map[string]struct {
		functions []string
		outcomes  map[string]dispatcher.Outcome
		want      server.Result
	}{
		"the first by name":     {[]string{"c", "b", "a"}, map[string]dispatcher.Outcome{"b": succeeded("of b"), "c": succeeded("of c")}, server.Result{Ending: server.EndingSucceeded, Output: "of b"}},
		"what is masked":        {[]string{"a"}, map[string]dispatcher.Outcome{"a": succeeded(secret)}, server.Result{Ending: server.EndingSucceeded, Output: "***"}},
		"none has output":       {[]string{"a", "b"}, nil, server.Result{Ending: server.EndingSucceeded}},
		"one failed":            {[]string{"a", "b"}, map[string]dispatcher.Outcome{"a": succeeded("of a"), "b": failed}, server.Result{Ending: server.EndingFailed}},
		"one took too long":     {[]string{"a"}, map[string]dispatcher.Outcome{"a": timedOut}, server.Result{Ending: server.EndingTimedOut}},
		"no function is called": {nil, nil, server.Result{Ending: server.EndingSkipped}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.plan = planOf(c.functions...)
			w.call = func(_ context.Context, function string, _ int, _ *observed) dispatcher.Outcome {
				if o, ok := c.outcomes[function]; ok {
					return o
				}
				return succeeded("")
			}
			p := w.start(nil)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			number := w.accept(p, push("one"))
			got, err := p.Await(ctx, number)
			if err != nil || got != c.want {
				t.Errorf("%+v (%v), want %+v", got, err, c.want)
			}
			// What has ended long ago is answered as well.
			if again, err := p.Await(ctx, number); err != nil || again != got {
				t.Errorf("afterwards %+v (%v)", again, err)
			}
		})
	}
}

// A run that waits for an approval is not waited for, nor is one for longer than the
// time that there is, and neither ends with who waits.
func TestAwaitNoLonger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	w.call = func(context.Context, string, int, *observed) dispatcher.Outcome {
		<-release
		return succeeded("at last")
	}
	p := w.start(func(c *agent.Config) {
		c.Trust = func() trust.Policy { return trust.Policy{Forks: trust.ForksApprove} }
	})
	held := push("held")
	held.Trusted, held.SHA, held.Ref, held.Name = false, "", "", "deploy"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if got, err := p.Await(ctx, w.accept(p, held)); err != nil || got.Ending != server.EndingHeld {
		t.Errorf("held: %+v (%v)", got, err)
	}
	number := w.accept(p, push("long"))
	short, end := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer end()
	if got, err := p.Await(short, number); err != nil || got.Ending != server.EndingNone {
		t.Errorf("too long: %+v (%v)", got, err)
	}
	close(release)
	w.ended(number, store.StateSucceeded)
	if _, err := p.Await(ctx, number+100); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a run that is not there: %v", err)
	}
}

// The agent that was asked need not be the one that makes the calls.
func TestAwaitAnotherAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call = func(context.Context, string, int, *observed) dispatcher.Outcome { return succeeded("done elsewhere") }
	idle := w.start(func(c *agent.Config) {
		c.Name, c.Replaces = "idle", false
		c.Ping = func(context.Context) error { return errors.New("it has no engine") }
	})
	w.start(func(c *agent.Config) { c.Name, c.Replaces = "busy", false })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	number := w.accept(idle, push("one"))
	got, err := idle.Await(ctx, number)
	if err != nil || got.Output != "done elsewhere" {
		t.Fatalf("%+v (%v)", got, err)
	}
	run, err := w.store.RunByNumber(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	if call := w.onlyCall(run.ID); call.Agent == "idle" {
		t.Error("the call was made by the agent that waits")
	}
}
