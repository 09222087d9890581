package agent_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// patience is how long a test waits for what has to come.
const patience = 2 * time.Minute

// secret is masked wherever something is stored or shown.
const secret = "correct horse battery staple"

// world is what an agent works with: a real store, and functions that a test
// sets in place of repositories and engine.
type world struct {
	t     *testing.T
	store *store.Store

	snapshot func(context.Context, *events.Event) (*runs.Snapshot, error)
	plan     func(dispatcher.Request) (*dispatcher.Plan, error)
	call     func(ctx context.Context, function string, attempt int, o *observed) dispatcher.Outcome
	ping     func(context.Context) error

	mu     sync.Mutex
	making map[string]int // calls that are being made, by function
	made   []string       // function/attempt, in the order of their beginnings
	log    bytes.Buffer
	phases map[string]int
	counts map[string]int   // runs that ended, by state
	told   map[string][]int // reports that were finished, by run: how many outcomes
	// started are the agents in their order. The latest is told of ends.
	started []*process
}

// observed lets a call say something.
type observed struct {
	dispatcher.Observer
	run  *dispatcher.Run
	call *dispatcher.Call
}

func (o *observed) step(state modules.StepState, text string) {
	o.CallStep(o.run, o.call, modules.Step{Time: time.Now(), State: state, Name: "withExec " + o.call.Function, Text: text})
}

func newWorld(t *testing.T) *world { return newWorldWith(t, store.Options{}) }

// newWorldWith is a world whose store has options of its own.
func newWorldWith(t *testing.T, o store.Options) *world {
	w := &world{t: t, making: map[string]int{}, phases: map[string]int{}, counts: map[string]int{}, told: map[string][]int{}}
	o.DataDir, o.Log, o.Ended = t.TempDir(), slog.New(slog.DiscardHandler), w.hear
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the agents said:\n%s", w.logged())
		}
	})
	w.store = s
	w.plan = planOf("a")
	w.call = func(context.Context, string, int, *observed) dispatcher.Outcome { return succeeded("") }
	return w
}

// planOf is a plan that calls the functions.
func planOf(functions ...string) func(dispatcher.Request) (*dispatcher.Plan, error) {
	return func(req dispatcher.Request) (*dispatcher.Plan, error) {
		p := &dispatcher.Plan{Event: *req.Event, Changes: req.Changes}
		for _, f := range functions {
			p.Calls = append(p.Calls, dispatcher.Call{Module: "ci", Call: modules.Call{Function: f, Returns: modules.Type{Kind: modules.KindVoid}}})
		}
		return p, nil
	}
}

func succeeded(output string) dispatcher.Outcome {
	return dispatcher.Outcome{State: dispatcher.StateSucceeded, Begun: true, Result: modules.Result{Output: output}}
}

func (w *world) Snapshot(ctx context.Context, ev *events.Event, terms runs.Terms) (*runs.Snapshot, error) {
	if w.snapshot != nil {
		return w.snapshot(ctx, ev)
	}
	return &runs.Snapshot{Event: terms.Apply(*ev), EventFile: []byte(ev.ID), Terms: terms}, nil
}

func (w *world) Reopen(ctx context.Context, ev *events.Event, r *runs.Record) (*runs.Snapshot, error) {
	pinned := *ev
	pinned.SHA = r.SHA
	return &runs.Snapshot{Event: r.Terms.Apply(pinned), Changes: r.Changes(), EventFile: []byte(ev.ID), Terms: r.Terms}, nil
}

func (w *world) Plan(_ context.Context, req dispatcher.Request) (*dispatcher.Plan, error) {
	return w.plan(req)
}

// Call makes a call, and notices if one is made twice at once.
func (w *world) Declared(context.Context, modules.Tree) ([]dispatcher.Declared, error) {
	return nil, nil
}

func (w *world) Call(ctx context.Context, run *dispatcher.Run, call *dispatcher.Call, attempt int, o dispatcher.Observer) dispatcher.Outcome {
	name := run.ID + " " + call.Function
	w.mu.Lock()
	if w.making[name]++; w.making[name] > 1 {
		w.t.Errorf("%s is made twice at once", name)
	}
	w.made = append(w.made, fmt.Sprintf("%s/%d", call.Function, attempt))
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.making[name]--
		w.mu.Unlock()
	}()
	o.CallStarted(run, call)
	out := w.call(ctx, call.Function, attempt, &observed{o, run, call})
	o.CallEnded(run, call, out)
	return out
}

// hear passes on that a run has ended.
func (w *world) hear(e store.End) {
	w.mu.Lock()
	latest := w.started[len(w.started)-1]
	w.mu.Unlock()
	latest.Ended(e)
}

func (w *world) RunEnded(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[state]++
}

func (w *world) CallEnded(string) {}

// finished counts the reports that come to an end.
type finished struct {
	report.Report
	w *world
}

func (f finished) Finished(run *dispatcher.Run, place dispatcher.Place, outcomes []dispatcher.Outcome) {
	f.w.mu.Lock()
	f.w.told[run.ID] = append(f.w.told[run.ID], len(outcomes))
	f.w.mu.Unlock()
	f.Report.Finished(run, place, outcomes)
}

func (w *world) Phase(name string, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.phases[name]++
}

// Write is the agents' log.
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

func (w *world) calls() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.made, " ")
}

// process is one agent at work.
type process struct {
	*agent.Agent
	stop, abort context.CancelFunc
	done        chan struct{}
}

// start starts an agent, which ends with the test.
func (w *world) start(change func(*agent.Config)) *process {
	w.t.Helper()
	ping := w.ping
	if ping == nil {
		ping = func(context.Context) error { return nil }
	}
	shown, err := report.New(report.FormatText, io.Discard, io.Discard)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := agent.Config{
		Store: w.store, Repositories: w, Planner: w, Caller: w, Report: finished{shown, w}, Meter: w,
		Mask: func(s string) string { return strings.ReplaceAll(s, secret, "***") },
		Name: "test", Replaces: true,
		Ping: ping, PingEvery: 10 * time.Millisecond, Planners: 4, Parallelism: 4,
		RunURL: func(n int64) string { return fmt.Sprintf("https://ci.test/runs/%d", n) },
		Log:    slog.New(slog.NewTextHandler(w, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	p := &process{Agent: agent.New(cfg), done: make(chan struct{})}
	w.mu.Lock()
	w.started = append(w.started, p)
	w.mu.Unlock()
	stopping, stop := context.WithCancel(context.Background())
	aborting, abort := context.WithCancelCause(context.Background())
	p.stop, p.abort = stop, func() { abort(errors.New("the agent was told to end")) }
	go func() {
		defer close(p.done)
		p.Run(stopping, aborting)
	}()
	w.t.Cleanup(func() {
		p.stop()
		p.abort()
		p.wait(w.t)
	})
	return p
}

func (p *process) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Error("the agent does not end")
	}
}

func push(id string) events.Event {
	return events.Event{
		ID: id, Delivery: id, Vendor: "github", Name: "push", Filter: "main", Ref: "refs/heads/main", SHA: sha(id), Trusted: true,
		Repository: &events.Repository{FullName: "octo/hello", CloneURL: "https://github.com/octo/hello.git"},
	}
}

// sha is a commit of its own for each name.
func sha(name string) string { return fmt.Sprintf("%040x", []byte(name)) }

// accept has an agent take an event and returns the number of its run.
func (w *world) accept(p *process, ev events.Event) int64 {
	w.t.Helper()
	r, err := p.Accept(w.t.Context(), server.Delivery{Event: ev, Hook: "github"})
	if err != nil {
		w.t.Fatalf("accept %s: %v", ev.ID, err)
	}
	return r.Run
}

// run waits until a run is as it should be.
func (w *world) run(number int64, what string, holds func(store.Run) bool) store.Run {
	w.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		r, err := w.store.RunByNumber(w.t.Context(), number)
		if err != nil {
			w.t.Fatal(err)
		}
		if holds(r) {
			return r
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("run %d is %s (%s), want %s", number, r.State, r.Reason, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (w *world) ended(number int64, state store.State) store.Run {
	w.t.Helper()
	r := w.run(number, "an end", func(r store.Run) bool { return r.State.Final() })
	if r.State != state {
		w.t.Fatalf("run %d is %s (%s), want %s", number, r.State, r.Reason, state)
	}
	return r
}

// onlyCall is the call of a run that has one.
func (w *world) onlyCall(run string) store.Call {
	w.t.Helper()
	calls, err := w.store.Calls(w.t.Context(), run)
	if err != nil || len(calls) != 1 {
		w.t.Fatalf("calls of run %s: %v, %v", run, calls, err)
	}
	return calls[0]
}
