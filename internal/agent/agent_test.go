package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/trust"
	"github.com/franela/pocketci/modules"
)

// An event becomes a run with a plan, calls, logs and results, none of which
// holds a secret.
func TestRunOfAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var url string
	w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
		url = req.RunURL
		p, _ := planOf("a", "b")(req)
		p.Invalid = []dispatcher.Invalid{{Module: "ci", Function: "c", Argument: "x", Error: "it is required"}, {Module: "ci", Function: "c", Argument: "y", Error: "so is this"}}
		p.Skipped = []dispatcher.Skipped{{Module: "ci", Function: "d", Reason: "not today"}}
		return p, nil
	}
	w.call = func(_ context.Context, function string, _ int, o *observed) dispatcher.Outcome {
		o.step(modules.StepStarted, "")
		o.step(modules.StepOutput, "the secret is "+secret+"\nand \x00 \xff is said too")
		o.step(modules.StepOutput, strings.Repeat("ä", 40_000))
		if function == "b" {
			return dispatcher.Outcome{State: dispatcher.StateFailed, Begun: true, Err: errors.New("exit code 1: " + secret + "\nmore")}
		}
		return succeeded("out: " + secret)
	}
	p := w.start(nil)
	number := w.accept(p, push("one"))
	r := w.ended(number, store.StateFailed)

	if want := fmt.Sprintf("https://ci.test/runs/%d", number); url != want {
		t.Errorf("the planner got the link %q, want %q", url, want)
	}
	if r.SHA != sha("one") {
		t.Errorf("the run is of commit %s", r.SHA)
	}
	record, err := runs.ReadRecord(r.Plan)
	if err != nil || len(record.View.Calls) != 2 || len(record.View.Skipped) != 1 || record.SHA != sha("one") {
		t.Errorf("the stored plan is %s (%v)", r.Plan, err)
	}
	calls, err := w.store.Calls(t.Context(), r.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a succeeded {\"output\":\"out: ***\"}", "b failed {\"error\":\"exit code 1: ***\\nmore\"}", "c invalid "}
	for i, c := range calls {
		if got := fmt.Sprintf("%s %s %s", c.Function, c.State, c.Result); got != want[i] {
			t.Errorf("call %d is %s, want %s", i, got, want[i])
		}
	}
	if calls[1].Reason != "exit code 1: ***" || calls[2].Reason != "it is required\nso is this" {
		t.Errorf("the reasons are %q and %q", calls[1].Reason, calls[2].Reason)
	}

	chunks, ended, err := w.store.ReadLog(t.Context(), calls[0].ID, 1, 0)
	if err != nil || !ended {
		t.Fatalf("read log: %v, ended: %v", err, ended)
	}
	var log []byte
	for _, c := range chunks {
		log = append(log, c.Data...)
	}
	var texts []string
	long := ""
	for line := range strings.Lines(string(log)) {
		var l v1.LogLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if strings.HasPrefix(l.Text, "ä") {
			long += l.Text
			continue
		}
		texts = append(texts, l.State+" "+l.Text)
	}
	if got, want := fmt.Sprintf("%q", texts), fmt.Sprintf("%q", []string{"started ", "output the secret is ***", "output and \x00 \uFFFD is said too"}); got != want {
		t.Errorf("the log is %s, want %s", got, want)
	}
	if long != strings.Repeat("ä", 40_000) {
		t.Errorf("the long line came out as %d bytes", len(long))
	}
	if strings.Contains(w.logged(), secret) {
		t.Error("the secret is in the agent's log")
	}
	for _, phase := range []string{"fetch", "plan", "wait", "call"} {
		if w.phases[phase] == 0 {
			t.Errorf("phase %s was not timed", phase)
		}
	}
}

func TestEngineThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var back atomic.Bool
	var asked atomic.Int32
	w.ping = func(context.Context) error {
		asked.Add(1)
		if !back.Load() {
			return errors.New("connection refused")
		}
		return nil
	}
	p := w.start(nil)
	number := w.accept(p, push("one"))
	for asked.Load() < 20 {
		time.Sleep(time.Millisecond)
	}
	if r := w.run(number, "anything", func(store.Run) bool { return true }); r.State != store.StateQueued {
		t.Fatalf("the run is %s without an engine", r.State)
	}
	if err := p.Ready(t.Context()); !errors.Is(err, agent.ErrEngineAway) {
		t.Errorf("ready gives %v, want %v", err, agent.ErrEngineAway)
	}
	back.Store(true)
	w.ended(number, store.StateSucceeded)
	if got := strings.Count(w.logged(), "does not answer"); got > 2 {
		t.Errorf("said %d times that the engine is away, want once for each queue:\n%s", got, w.logged())
	}
}

func TestRunsThatComeToNoPlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    func(*world)
		state  store.State
		reason string
	}{
		"no repository": {func(w *world) {
			w.snapshot = func(context.Context, *events.Event) (*runs.Snapshot, error) {
				return nil, errors.New("repository not found, says " + secret)
			}
		}, store.StateFailed, "repository not found, says ***"},
		"bad configuration": {func(w *world) {
			w.plan = func(dispatcher.Request) (*dispatcher.Plan, error) {
				return nil, fmt.Errorf("plan: %w", &config.Error{Line: 1, Column: 2, Message: "unknown key"})
			}
		}, store.StateInvalid, "unknown key"},
		"panic": {func(w *world) {
			w.plan = func(dispatcher.Request) (*dispatcher.Plan, error) { panic("oh no") }
		}, store.StateFailed, "internal error"},
		"nothing called": {func(w *world) {
			w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
				return &dispatcher.Plan{Event: *req.Event, Skipped: []dispatcher.Skipped{{Function: "*", Reason: "no module"}}}, nil
			}
		}, store.StateSkipped, "no module"},
		"engine that never serves": {func(w *world) {
			w.plan = func(dispatcher.Request) (*dispatcher.Plan, error) {
				return nil, fmt.Errorf("plan: %w", modules.ErrUnavailable)
			}
		}, store.StateFailed, modules.ErrUnavailable.Error()},
		"a plan that the store does not take": {func(w *world) {
			w.plan = planOf("a", "a")
		}, store.StateFailed, "store plan"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.set(w)
			p := w.start(nil)
			first := w.ended(w.accept(p, push("one")), c.state)
			if !strings.Contains(first.Reason, c.reason) {
				t.Errorf("the reason is %q, want %q", first.Reason, c.reason)
			}
			// It stands in nobody's way.
			w.snapshot, w.plan = nil, planOf("a")
			w.ended(w.accept(p, push("two")), store.StateSucceeded)
		})
	}
}

// An engine that goes away while a run is being planned has called nothing
// yet, so that planning begins again.
func TestEngineThatGoesAwayWhilePlanning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var tries atomic.Int32
	w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
		if tries.Add(1) < 3 {
			return nil, fmt.Errorf("plan: %w", modules.ErrUnavailable)
		}
		return planOf("a")(req)
	}
	w.ended(w.accept(w.start(nil), push("one")), store.StateSucceeded)
	if got := tries.Load(); got != 3 {
		t.Errorf("planned %d times, want 3", got)
	}
}

// A call that had not begun when the engine went away is made again, and one
// that may have begun is not.
func TestEngineThatGoesAwayInACall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begun bool
		state store.State
		made  string
	}{
		"before it began":   {false, store.StateSucceeded, "a/1 a/2"},
		"after it may have": {true, store.StateFailed, "a/1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.call = func(_ context.Context, _ string, attempt int, _ *observed) dispatcher.Outcome {
				if attempt == 1 {
					return dispatcher.Outcome{State: dispatcher.StateFailed, Begun: c.begun, Err: fmt.Errorf("open: %w", modules.ErrUnavailable)}
				}
				return succeeded("")
			}
			w.ended(w.accept(w.start(nil), push("one")), c.state)
			if got := w.calls(); got != c.made {
				t.Errorf("made %s, want %s", got, c.made)
			}
		})
	}
}

func TestUntrustedEventsWaitForAnApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.snapshot = func(_ context.Context, ev *events.Event) (*runs.Snapshot, error) {
		s := &runs.Snapshot{Event: *ev, EventFile: []byte("{}")}
		s.Event.SHA = sha("tip")
		return s, nil
	}
	p := w.start(nil)
	comment := push("comment")
	comment.Trusted, comment.Name, comment.SHA, comment.Ref = false, "issue_comment", "", ""
	number := w.accept(p, comment)
	waits := func(reason string) store.Run {
		return w.run(number, "to wait because "+reason, func(r store.Run) bool {
			return r.State == store.StateWaiting && strings.Contains(r.Reason, reason)
		})
	}
	r := waits("without write access")
	if err := w.store.Approve(t.Context(), r.ID, sha("older"), false, store.Actor{Person: "ann"}); err != nil {
		t.Fatal(err)
	}
	waits("the approval is of commit " + sha("older"))
	if w.calls() != "" {
		t.Fatalf("made %s without an approval", w.calls())
	}
	if err := w.store.Approve(t.Context(), r.ID, sha("tip"), false, store.Actor{Person: "ann"}); err != nil {
		t.Fatal(err)
	}
	w.ended(number, store.StateSucceeded)

}

func forkOf(id string) events.Event {
	e := push(id)
	e.Name, e.Filter, e.PullRequest, e.Ref = events.NamePullRequest, "opened", 7, "refs/pull/7/head"
	e.Trusted, e.Fork = false, "mallory/hello"
	return e
}

// Code of a fork runs by the base's rules, and only where other people's code
// may; with trust it is the repository's own.
func TestForks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy trust.Policy
		places []string
		trust  bool
		want   runs.Terms
		state  store.State
		runsOn string
	}{
		"on a runner for it":       {trust.Policy{Isolated: true}, []string{"untrusted "}, false, runs.Terms{BaseRules: true, Untrusted: true}, store.StateSucceeded, "untrusted "},
		"on a shared engine":       {trust.Policy{ShareEngine: true}, nil, false, runs.Terms{BaseRules: true}, store.StateSucceeded, ""},
		"answered for":             {trust.Policy{Isolated: true}, nil, true, runs.Terms{AsBranch: true}, store.StateSucceeded, ""},
		"nowhere":                  {trust.Policy{}, nil, false, runs.Terms{}, store.StateInvalid, ""},
		"never":                    {trust.Policy{Forks: trust.ForksNever, Isolated: true}, nil, false, runs.Terms{}, store.StateSkipped, ""},
		"no runner for it is here": {trust.Policy{Isolated: true}, nil, false, runs.Terms{BaseRules: true, Untrusted: true}, store.StateRunning, "untrusted "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var approved atomic.Bool
			w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
				if trusted := req.Event.Trusted && req.Event.Fork == ""; trusted != c.want.AsBranch || req.Untrusted != c.want.Untrusted || !approved.Load() {
					t.Errorf("planned as %+v", req.Event)
				}
				return planOf("a")(req)
			}
			p := w.start(func(cfg *agent.Config) {
				cfg.Trust, cfg.Places = func() trust.Policy { return c.policy }, func() []string { return c.places }
			})
			number := w.accept(p, forkOf("fork"))
			if c.state != store.StateInvalid && c.state != store.StateSkipped {
				r := w.run(number, "to wait", func(r store.Run) bool { return r.State == store.StateWaiting })
				approved.Store(true)
				if err := w.store.Approve(t.Context(), r.ID, sha("fork"), c.trust, store.Actor{Person: "ann"}); err != nil {
					t.Fatal(err)
				}
			}
			r := w.run(number, string(c.state), func(r store.Run) bool { return r.State == c.state && len(r.Plan) > 0 == (c.want != runs.Terms{}) })
			if (c.want == runs.Terms{}) {
				return
			}
			record, err := runs.ReadRecord(r.Plan)
			if err != nil || record.Terms != c.want {
				t.Errorf("planned on the terms %+v, want %+v (%v)", record.Terms, c.want, err)
			}
			if call := w.onlyCall(r.ID); call.RunsOn != c.runsOn {
				t.Errorf("its call waits for a runner %q, want %q", call.RunsOn, c.runsOn)
			}
			if c.state == store.StateRunning && w.calls() != "" {
				t.Errorf("made %s", w.calls())
			}
		})
	}
}

// What calls nothing needs neither an approval nor a runner, and what names a
// commit that was pushed is the repository's own.
func TestStrangersThatNeedNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
		if req.Event.Name == events.NamePush || req.Event.Name == "deployment" && req.Event.Trusted {
			return planOf("a")(req)
		}
		return &dispatcher.Plan{Event: *req.Event, Skipped: []dispatcher.Skipped{{Function: "*", Reason: "nothing is named for it"}}}, nil
	}
	p := w.start(nil)
	deployment := push("deployment")
	deployment.Name, deployment.Ref, deployment.Trusted = "deployment", "", false
	w.ended(w.accept(p, deployment), store.StateSkipped)
	w.ended(w.accept(p, push("pushed")), store.StateSucceeded)
	deployment.ID, deployment.Delivery, deployment.SHA = "deployment 2", "deployment 2", sha("pushed")
	w.ended(w.accept(p, deployment), store.StateSucceeded)
}

// Whoever closes a pull request ends what is left to do for it, and needs no
// approval for that.
func TestClosingAForksPullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(func(cfg *agent.Config) { cfg.Trust = func() trust.Policy { return trust.Policy{Isolated: true} } })
	first := w.accept(p, forkOf("fork"))
	w.run(first, "to wait", func(r store.Run) bool { return r.State == store.StateWaiting })
	closed := forkOf("closed")
	closed.Filter = "closed"
	w.accept(p, closed)
	if r := w.ended(first, store.StateAborted); !strings.Contains(r.Reason, "pull request 7 was closed") {
		t.Errorf("the reason is %q", r.Reason)
	}
}

// Calls that run when the agent stops may end; those that are still running at
// the end of the grace period are given back, and the next agent makes them.
func TestStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, finish := make(chan string, 10), make(chan struct{})
	w.plan = planOf("quick", "slow")
	w.call = func(ctx context.Context, function string, attempt int, _ *observed) dispatcher.Outcome {
		begun <- function
		if attempt > 1 {
			return succeeded("at last")
		}
		if function == "quick" {
			<-finish
			return succeeded("")
		}
		<-ctx.Done()
		return dispatcher.Outcome{State: dispatcher.StateAborted, Begun: true, Err: context.Cause(ctx)}
	}
	first := w.start(nil)
	number := w.accept(first, push("one"))
	<-begun
	<-begun
	first.stop()
	if _, err := first.Accept(t.Context(), server.Delivery{Event: push("late"), Hook: "github"}); !errors.Is(err, server.ErrStopping) {
		t.Errorf("an event after the stop gives %v, want %v", err, server.ErrStopping)
	}
	close(finish)
	w.run(number, "the quick call to end", func(r store.Run) bool {
		calls, err := w.store.Calls(t.Context(), r.ID)
		return err == nil && calls[0].State == store.StateSucceeded
	})
	first.abort()
	first.wait(t)
	r := w.run(number, "anything", func(store.Run) bool { return true })
	calls, err := w.store.Calls(t.Context(), r.ID)
	if err != nil || calls[1].State != store.StateQueued || calls[1].Attempt != 2 {
		t.Fatalf("the slow call is %+v, %v", calls[1], err)
	}
	attempts, err := w.store.CallAttempts(t.Context(), calls[1].ID)
	if err != nil || len(attempts) != 1 || !strings.Contains(attempts[0].Reason, "told to end") {
		t.Errorf("its attempts are %+v, %v", attempts, err)
	}
	w.start(nil)
	w.ended(number, store.StateSucceeded)
	// The late event may have been just in time, and is run by the second agent.
	if got := w.calls(); strings.Count(got, " slow/2") != 1 || strings.Contains(got, "quick/2") {
		t.Errorf("made %s", got)
	}
}

// Aborting a run ends its call at once, and a restart waits for that end.
func TestAbortAndRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, leave := make(chan struct{}, 10), make(chan struct{})
	w.call = func(ctx context.Context, _ string, attempt int, _ *observed) dispatcher.Outcome {
		begun <- struct{}{}
		if attempt > 1 {
			return succeeded("")
		}
		<-ctx.Done()
		<-leave // its end takes a while
		return dispatcher.Outcome{State: dispatcher.StateAborted, Begun: true, Err: context.Cause(ctx)}
	}
	number := w.accept(w.start(nil), push("one"))
	<-begun
	r := w.run(number, "anything", func(store.Run) bool { return true })
	ann := store.Actor{Person: "ann"}
	if err := w.store.Abort(t.Context(), r.ID, ann, "wrong branch"); err != nil {
		t.Fatal(err)
	}
	if got := w.ended(number, store.StateAborted); got.Reason != "aborted by ann: wrong branch" {
		t.Errorf("the reason is %q", got.Reason)
	}
	if _, err := w.store.Restart(t.Context(), r.ID, store.RestartAll, ann); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // lest it begins too early
	if got := w.calls(); got != "a/1" {
		t.Errorf("made %s while the first attempt was ending", got)
	}
	close(leave)
	w.ended(number, store.StateSucceeded)
	if got := w.calls(); got != "a/1 a/2" {
		t.Errorf("made %s", got)
	}
}

// Closing a pull request ends its other runs and not its own.
func TestClosedPullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun := make(chan struct{}, 10)
	w.call = func(ctx context.Context, _ string, _ int, o *observed) dispatcher.Outcome {
		if o.run.Plan.Event.Filter == "closed" {
			return succeeded("")
		}
		begun <- struct{}{}
		<-ctx.Done()
		return dispatcher.Outcome{State: dispatcher.StateAborted, Begun: true, Err: context.Cause(ctx)}
	}
	p := w.start(nil)
	pull := func(id, action string, number int) events.Event {
		ev := push(id)
		ev.Name, ev.Filter, ev.PullRequest = "pull_request", action, number
		return ev
	}
	opened, other := w.accept(p, pull("1", "opened", 7)), w.accept(p, pull("2", "opened", 8))
	<-begun
	<-begun
	closed := w.accept(p, pull("3", "closed", 7))
	if r := w.ended(opened, store.StateAborted); r.Reason != "pull request 7 was closed" {
		t.Errorf("the reason is %q", r.Reason)
	}
	w.ended(closed, store.StateSucceeded)
	if r := w.run(other, "anything", func(store.Run) bool { return true }); r.State != store.StateRunning {
		t.Errorf("the run of another pull request is %s", r.State)
	}
}

// What somebody has disabled is told to the planner, and a whole repository is
// not even fetched.
func TestDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen []dispatcher.Disabled
	var fetched atomic.Int32
	w.snapshot = func(_ context.Context, ev *events.Event) (*runs.Snapshot, error) {
		fetched.Add(1)
		return &runs.Snapshot{Event: *ev, EventFile: []byte("{}")}, nil
	}
	w.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
		seen = req.Disabled
		return &dispatcher.Plan{Event: *req.Event, Skipped: []dispatcher.Skipped{{Function: "*", Reason: "disabled by ann"}}}, nil
	}
	p := w.start(nil)
	ann := store.Actor{Person: "ann"}
	if err := w.store.Disable(t.Context(), store.Disabled{Repository: "octo/hello", Module: "ci", Function: "a", Reason: "flaky"}, ann); err != nil {
		t.Fatal(err)
	}
	w.ended(w.accept(p, push("one")), store.StateSkipped)
	if want := (dispatcher.Disabled{Module: "ci", Function: "a", By: "ann", Reason: "flaky"}); len(seen) != 1 || seen[0] != want {
		t.Errorf("the planner was told %+v, want %+v", seen, want)
	}
	if err := w.store.Disable(t.Context(), store.Disabled{Repository: "octo/hello"}, ann); err != nil {
		t.Fatal(err)
	}
	before := fetched.Load()
	if r := w.ended(w.accept(p, push("two")), store.StateSkipped); r.Reason != "disabled by ann" {
		t.Errorf("the reason is %q", r.Reason)
	}
	if fetched.Load() != before {
		t.Error("a disabled repository was fetched")
	}
}

// A log that comes faster than it can be stored holds no call up.
func TestFloodOfOutput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.call = func(_ context.Context, _ string, _ int, o *observed) dispatcher.Outcome {
		line := strings.Repeat("x", 1<<20)
		for range 100 {
			o.step(modules.StepOutput, line)
		}
		return succeeded("")
	}
	r := w.ended(w.accept(w.start(nil), push("one")), store.StateSucceeded)
	c := w.onlyCall(r.ID)
	if c.LogSize == 0 || c.LogSize > 70<<20 {
		t.Errorf("the log has %d bytes", c.LogSize)
	}
}

// Deliveries that were here before, and those that nothing can be planned for,
// are answered as such.
func TestReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start(nil)
	number := w.accept(p, push("one"))
	w.ended(number, store.StateSucceeded)
	again := push("other")
	again.Delivery = "one"
	r, err := p.Accept(t.Context(), server.Delivery{Event: again, Hook: "github"})
	if err != nil || !r.Duplicate || r.Event != "one" || r.Run != number {
		t.Errorf("the same delivery gives %+v, %v", r, err)
	}
	twin := push("twin")
	twin.SHA = push("one").SHA
	r, err = p.Accept(t.Context(), server.Delivery{Event: twin, Hook: "github"})
	if err != nil || r.Duplicate || r.Event != "twin" || !strings.Contains(r.Reason, "the same push") {
		t.Errorf("the same push gives %+v, %v", r, err)
	}
	r, err = p.Accept(t.Context(), server.Delivery{Event: push("gone"), Hook: "github", Nothing: "the push deletes refs/heads/x"})
	if err != nil || r.Reason != "the push deletes refs/heads/x" {
		t.Errorf("a deletion gives %+v, %v", r, err)
	}
	if got := w.ended(r.Run, store.StateSkipped); got.Reason != r.Reason {
		t.Errorf("the run of a deletion says %q", got.Reason)
	}
}
