package agent_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// site is what functions change, and the world in which they do.
type site struct {
	*world
	// lists are those of the module deploy, by commit. A commit's module has the
	// functions of its list alone.
	lists map[string][]string
	// on are the events that have it converge, nil for pushes.
	on []config.EventPattern

	mu sync.Mutex
	// there is what is deployed: a commit for each id.
	there map[string]string
	// log are the functions that were called, with the commit that each was of.
	log []string
	// before is called before a function does something.
	before func(ctx context.Context, function string) error
}

func newSite(t *testing.T, lists map[string][]string) *site {
	s := &site{world: newWorld(t), lists: map[string][]string{}, there: map[string]string{}}
	for commit, list := range lists {
		s.lists[sha(commit)] = list
	}
	s.plan = s.planned
	return s
}

func (s *site) module(commit string) *modules.Module {
	m := &modules.Module{Path: "deploy"}
	for _, id := range s.lists[commit] {
		for _, name := range []string{"check", "change", "remove"} {
			f := modules.Function{Name: name + strings.ToUpper(id[:1]) + id[1:]}
			if name == "check" {
				f.Returns.Kind = modules.KindBoolean
			}
			m.Functions = append(m.Functions, f)
		}
	}
	return m
}

// planned plans as a planner does: whatever has the module converge is the same.
func (s *site) planned(req dispatcher.Request) (*dispatcher.Plan, error) {
	if !req.Event.IsApply() {
		p := &dispatcher.Plan{Event: *req.Event}
		if !req.Foreign && (s.on == nil || slices.ContainsFunc(s.on, func(o config.EventPattern) bool { return o.Matches(req.Event) })) {
			p.Following = []dispatcher.Following{{Module: "deploy", Why: "a push"}}
		}
		return p, nil
	}
	applied, err := agent.Applied(context.Background(), s.store, "octo/hello", "deploy")
	if err != nil {
		return nil, err
	}
	former := map[string]dispatcher.Former{}
	for _, e := range applied {
		former[e.From()] = dispatcher.Former{Module: s.module(e.From())}
	}
	cfg := config.Module{Path: "deploy", Converge: &config.Converge{}}
	for _, id := range s.lists[req.Event.SHA] {
		cfg.Converge.IDs = append(cfg.Converge.IDs, config.ConvergeID{ID: id})
	}
	p := dispatcher.Converge(dispatcher.Input{Event: req.Event, Config: cfg, Module: s.module(req.Event.SHA)}, applied, former)
	return &p, nil
}

// Call does what functions do.
func (s *site) Call(ctx context.Context, run *dispatcher.Run, call *dispatcher.Call, attempt int, o dispatcher.Observer) dispatcher.Outcome {
	commit := run.Plan.Event.SHA
	if call.At != "" {
		commit = call.At
	}
	s.mu.Lock()
	s.log = append(s.log, call.Function+"@"+name(commit))
	before := s.before
	s.mu.Unlock()
	if before != nil {
		if err := before(ctx, call.Function); err != nil {
			if ctx.Err() != nil {
				return dispatcher.Outcome{State: dispatcher.StateAborted, Begun: true, Err: context.Cause(ctx)}
			}
			return dispatcher.Outcome{State: dispatcher.StateFailed, Begun: true, Err: err}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := succeeded("")
	switch c := call.Converge; c.Does {
	case dispatcher.DoesCheck:
		out.Holds = s.there[c.ID] == commit
	case dispatcher.DoesChange:
		s.there[c.ID] = commit
	case dispatcher.DoesRemove:
		delete(s.there, c.ID)
	}
	return out
}

// name is what [sha] made a commit of.
func name(commit string) string {
	var text []byte
	if _, err := fmt.Sscanf(strings.TrimLeft(commit, "0"), "%x", &text); err != nil {
		return commit
	}
	return string(text)
}

func (s *site) begin(change func(*agent.Config)) *process {
	return s.start(func(c *agent.Config) {
		c.Caller = s
		if change != nil {
			change(c)
		}
	})
}

// called returns the functions called since the last time.
func (s *site) called() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return strings.Join(log, " ")
}

func (s *site) deployed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, id := range slices.Sorted(maps.Keys(s.there)) {
		list = append(list, id+"@"+name(s.there[id]))
	}
	return strings.Join(list, " ")
}

func (s *site) applied() string {
	s.t.Helper()
	applied, err := agent.Applied(s.t.Context(), s.store, "octo/hello", "deploy")
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for _, e := range applied {
		text := e.ID
		if e.Commit != "" {
			text += "@" + name(e.Commit)
		}
		if e.Tried != "" {
			text += "?" + name(e.Tried)
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

// push has the module converge to a commit, and returns the run that does so.
func (s *site) push(p *process, event, commit string) int64 {
	s.t.Helper()
	e := push(event)
	e.SHA, e.Before = sha(commit), sha(event)
	number := s.accept(p, e)
	r := s.ended(number, store.StateSkipped)
	return s.following(r.Event)
}

// following returns the number of the run that follows from an event.
func (s *site) following(cause string) int64 {
	s.t.Helper()
	list, err := s.store.Runs(s.t.Context(), store.RunFilter{Name: events.NameApply})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range list {
		e, err := s.store.Event(s.t.Context(), r.Event)
		if err != nil {
			s.t.Fatal(err)
		}
		if e.Cause == cause {
			return r.Number
		}
	}
	s.t.Fatalf("nothing follows from %s", cause)
	return 0
}

// expect compares what was called, is there and counts as applied.
func (s *site) expect(what, called, deployed, applied string) {
	s.t.Helper()
	if got := s.called(); got != called {
		s.t.Errorf("%s: called are\n%s, want\n%s", what, got, called)
	}
	if got := s.deployed(); got != deployed {
		s.t.Errorf("%s: there is %q, want %q", what, got, deployed)
	}
	if got := s.applied(); got != applied {
		s.t.Errorf("%s: applied counts %q, want %q", what, got, applied)
	}
}

func TestAModuleConverges(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db", "app", "dns"}, "two": {"app"}, "none": {}})
	p := s.begin(nil)

	s.ended(s.push(p, "p1", "one"), store.StateSucceeded)
	s.expect("first", "checkDb@one changeDb@one checkApp@one changeApp@one checkDns@one changeDns@one", "app@one db@one dns@one", "db@one app@one dns@one")

	r := s.ended(s.push(p, "p2", "one"), store.StateSucceeded)
	s.expect("nothing to do", "checkDb@one checkApp@one checkDns@one", "app@one db@one dns@one", "db@one app@one dns@one")
	calls, err := s.store.Calls(t.Context(), r.ID)
	if err != nil || calls[1].State != store.StateSkipped || calls[1].Reason != dispatcher.WhyNeedless {
		t.Errorf("the change is %s because of %q (%v)", calls[1].State, calls[1].Reason, err)
	}

	s.there["app"] = "somebody's own"
	s.ended(s.push(p, "p3", "one"), store.StateSucceeded)
	s.expect("drift", "checkDb@one checkApp@one changeApp@one checkDns@one", "app@one db@one dns@one", "db@one app@one dns@one")

	// The new commit has no function that could remove the two.
	s.ended(s.push(p, "p4", "two"), store.StateSucceeded)
	s.expect("two are gone", "removeDns@one removeDb@one checkApp@two changeApp@two", "app@two", "app@two")

	s.ended(s.push(p, "p5", "none"), store.StateSucceeded)
	s.expect("all are gone", "removeApp@two", "", "")
	s.ended(s.push(p, "p6", "none"), store.StateSkipped)
	s.expect("nothing is left", "", "", "")
}

// Ticks, signed tokens and what else is in the list have a module converge, and pushes
// then do not. The event that follows names the one before.
func TestAModuleConvergesOnOtherEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db"}, "two": {"db", "app"}})
	s.on = []config.EventPattern{{Vendor: events.VendorTime, Event: events.NameTick, Filter: "nightly"}, {Vendor: events.VendorSigned, Event: "push"}}
	p := s.begin(nil)
	happens := func(id, vendor, name, filter, commit string) string {
		e := push(id)
		e.Vendor, e.Name, e.Kind, e.Filter, e.Ref, e.SHA = vendor, name, name, filter, "", sha(commit)
		return s.ended(s.accept(p, e), store.StateSkipped).Event
	}
	s.ended(s.following(happens("t1", events.VendorTime, events.NameTick, "nightly", "one")), store.StateSucceeded)
	s.expect("a tick", "checkDb@one changeDb@one", "db@one", "db@one")
	s.ended(s.following(happens("s1", events.VendorSigned, "push", "web", "two")), store.StateSucceeded)
	s.expect("a signed token", "checkDb@two changeDb@two checkApp@two changeApp@two", "app@two db@two", "db@two app@two")

	happens("t2", events.VendorTime, events.NameTick, "hourly", "one")
	happens("p1", events.VendorGithub, events.NamePush, "main", "one")
	s.expect("neither another tick nor a push", "", "app@two db@two", "db@two app@two")
	list, err := s.store.Runs(t.Context(), store.RunFilter{Name: events.NameApply})
	if err != nil || len(list) != 2 {
		t.Errorf("%d convergences (%v), want 2", len(list), err)
	}
}

func TestAConvergenceThatFailsGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db", "app", "dns"}, "two": {"db", "app"}, "three": {"db"}})
	fails := map[string]error{"changeApp": errors.New("no such image")}
	s.before = func(_ context.Context, function string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return fails[function]
	}
	set := func(function string, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fails[function] = err
	}
	p := s.begin(nil)
	failed := s.ended(s.push(p, "p1", "one"), store.StateFailed)
	s.expect("a change fails", "checkDb@one changeDb@one checkApp@one changeApp@one", "db@one", "db@one app?one")

	// The same run again does what is still to be done, and looks at the rest.
	set("changeApp", nil)
	if _, err := s.store.Restart(t.Context(), failed.ID, store.RestartFailed, store.Actor{Person: "anna"}); err != nil {
		t.Fatal(err)
	}
	s.ended(failed.Number, store.StateSucceeded)
	s.expect("once more", "checkDb@one checkApp@one changeApp@one checkDns@one changeDns@one", "app@one db@one dns@one", "db@one app@one dns@one")

	// A removal that fails stays to be done, also for another commit.
	set("removeDns", errors.New("the zone is locked"))
	s.ended(s.push(p, "p2", "two"), store.StateFailed)
	s.expect("a removal fails", "removeDns@one", "app@one db@one dns@one", "db@one app@one dns@one")
	set("removeDns", nil)
	s.ended(s.push(p, "p3", "three"), store.StateSucceeded)
	s.expect("it is done by the next", "removeDns@one removeApp@one checkDb@three changeDb@three", "db@three", "db@three")

	// A check that cannot tell ends the run.
	set("checkDb", errors.New("no connection"))
	s.ended(s.push(p, "p4", "one"), store.StateFailed)
	s.expect("a check fails", "checkDb@one", "db@three", "db@three")
}

// What was only ever tried is removed by the commit that tried it.
func TestWhatFailedToBeAppliedIsRemovedAsWell(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db", "app"}, "two": {"db"}})
	s.before = func(_ context.Context, function string) error {
		if function == "changeApp" {
			return errors.New("half of it is there")
		}
		return nil
	}
	p := s.begin(nil)
	s.ended(s.push(p, "p1", "one"), store.StateFailed)
	s.ended(s.push(p, "p2", "two"), store.StateSucceeded)
	s.expect("removed", "checkDb@one changeDb@one checkApp@one changeApp@one removeApp@one checkDb@two changeDb@two", "db@two", "db@two")
}

// A run that was planned while an older one went on is planned again by what that has
// achieved.
func TestAConvergenceIsPlannedByWhatIsAppliedAtItsTurn(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db", "app"}, "two": {"db"}})
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	s.before = func(ctx context.Context, function string) error {
		if function != "changeApp" {
			return nil
		}
		entered <- struct{}{}
		select {
		case <-leave:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p := s.begin(nil)
	first := s.push(p, "p1", "one")
	<-entered
	second := s.push(p, "p2", "two")
	s.run(second, "a plan", func(r store.Run) bool { return r.State == store.StateRunning && len(r.Plan) > 0 })
	third := s.push(p, "p3", "two")
	s.run(third, "a plan", func(r store.Run) bool { return r.State == store.StateRunning && len(r.Plan) > 0 })
	if r := s.ended(second, store.StateAborted); r.Reason != fmt.Sprintf("superseded by run %d", third) {
		t.Errorf("the second run ended because of %q", r.Reason)
	}
	close(leave)
	s.ended(first, store.StateSucceeded)
	s.ended(third, store.StateSucceeded)
	s.expect("one after the other", "checkDb@one changeDb@one checkApp@one changeApp@one removeApp@one checkDb@two changeDb@two", "db@two", "db@two")

	// A superseded run that is asked for again gives way to the one that succeeded.
	s.called()
	r, err := s.store.RunByNumber(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.Restart(t.Context(), r.ID, store.RestartAll, store.Actor{Person: "anna"}); err != nil {
		t.Fatal(err)
	}
	if r := s.ended(second, store.StateSkipped); r.Reason != fmt.Sprintf("superseded by run %d, which has module deploy converge", third) {
		t.Errorf("the restarted run says %q", r.Reason)
	}
	s.expect("after a restart of the older", "", "db@two", "db@two")
}

func TestAnOlderEventGivesWayToOneThatSucceeded(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db"}, "two": {"db"}})
	p := s.begin(nil)
	older := events.Apply(push("x").Repository, "refs/heads/main", sha("one"), "anna", "deploy")
	older.ID = "older"
	// It waits for somebody until the newer one has ended.
	receipt, err := s.store.Accept(t.Context(), store.Delivery{Event: older, Hold: "not yet"})
	if err != nil {
		t.Fatal(err)
	}
	newer := s.push(p, "p1", "two")
	s.ended(newer, store.StateSucceeded)
	if err := s.store.Approve(t.Context(), receipt.Run, sha("one"), false, store.Actor{Person: "anna"}); err != nil {
		t.Fatal(err)
	}
	r := s.ended(receipt.Number, store.StateSkipped)
	if want := fmt.Sprintf("superseded by run %d, which has module deploy converge", newer); r.Reason != want {
		t.Errorf("the older run says %q, want %q", r.Reason, want)
	}
	s.expect("only the newer", "checkDb@two changeDb@two", "db@two", "db@two")
}

// An agent that goes in the middle of a change leaves what the next one needs.
func TestAConvergenceOutlivesItsAgent(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db", "app"}})
	entered := make(chan struct{}, 1)
	s.before = func(ctx context.Context, function string) error {
		if function != "changeDb" {
			return nil
		}
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	p := s.begin(nil)
	number := s.push(p, "p1", "one")
	<-entered
	if got := s.applied(); got != "db?one" {
		t.Errorf("in the middle %q counts as applied", got)
	}
	p.stop()
	p.abort()
	p.wait(t)
	s.mu.Lock()
	s.before = nil
	s.mu.Unlock()
	s.begin(nil)
	s.ended(number, store.StateSucceeded)
	s.expect("after another agent", "checkDb@one changeDb@one changeDb@one checkApp@one changeApp@one", "app@one db@one", "db@one app@one")
}

// A fork's commit has nothing converge, whoever has approved it.
func TestNothingConvergesToAForksCommit(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string][]string{"one": {"db"}})
	foreign := make(chan bool, 1)
	s.plan = func(req dispatcher.Request) (*dispatcher.Plan, error) {
		foreign <- req.Foreign
		return s.planned(req)
	}
	p := s.begin(nil)
	e := push("p1")
	e.Name, e.Filter, e.PullRequest, e.Fork, e.Trusted = events.NamePullRequest, "opened", 7, "evil/hello", false
	number := s.accept(p, e)
	r := s.run(number, "a wait", func(r store.Run) bool { return r.State == store.StateWaiting || r.State.Final() })
	if r.State == store.StateWaiting {
		if err := s.store.Approve(t.Context(), r.ID, e.SHA, true, store.Actor{Person: "anna"}); err != nil {
			t.Fatal(err)
		}
		s.ended(number, store.StateSkipped)
		if !<-foreign {
			t.Error("an approved commit of a fork is taken for the repository's own")
		}
	}
	list, err := s.store.Runs(t.Context(), store.RunFilter{Name: events.NameApply})
	if err != nil || len(list) > 0 {
		t.Errorf("%d runs follow (%v)", len(list), err)
	}
}
