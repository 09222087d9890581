package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// scriptAgent is an agent's API on a store of its own, and the work of an agent
// as a script tells it.
type scriptAgent struct {
	t       testing.TB
	ctx     context.Context
	store   *store.Store
	worker  *store.Agent
	clock   *schedules.Keeper
	handler http.Handler
	address string
	http    *http.Server

	mu sync.Mutex
	// away has every request answered with 503.
	away bool
	// asked counts the requests by their paths; bell is closed with each.
	asked map[string]int
	bell  chan struct{}
	// claim is the call that is being made.
	claim store.Claim
	// watches are what is watched in registry, which is real and nil at first.
	watches  *registries.Set
	watched  settings.Registry
	registry *registrytest.Registry
	// signed are the sources of signed tokens, nil for none.
	signed *tokens.Set
}

// noPlanner has no repositories to plan anything with.
type noPlanner struct{}

func (noPlanner) Plan(_ context.Context, e events.Event) (*dispatcher.View, error) {
	if e.Vendor == events.VendorTime {
		return &dispatcher.View{
			Event:   dispatcher.EventView{Vendor: e.Vendor, Event: e.Name, Filter: e.Filter, Repository: e.Repository.FullName, SHA: strings.Repeat("3f2a", 10)},
			Calls:   []dispatcher.CallView{{Module: "ci", Function: "onTimeTickNightly", Command: "dagger call on-time-tick-nightly", Why: "named"}},
			Skipped: []dispatcher.Skipped{{Module: "ci", Function: "onPush", Reason: "its name waits for OnPush"}}, Invalid: []dispatcher.Invalid{}, Warnings: []string{"a \x1b[2J doubt"},
		}, nil
	}
	return nil, errors.New("the repository cannot be fetched")
}

// scriptInspector finds in files the functions that functions.txt names. A file broken
// makes the module one that cannot be loaded. Repositories all have the same function.
type scriptInspector struct{}

func (scriptInspector) Functions(context.Context, events.Event) (string, []dispatcher.Declared, error) {
	level := modules.Type{Kind: modules.KindEnum, Name: "Level", Values: []string{"LOW", "HIGH"}, Optional: true}
	return strings.Repeat("3f2a1b9c0d", 4), []dispatcher.Declared{
		{Path: "ci", Module: &modules.Module{Path: "ci", Name: "ci", Functions: []modules.Function{{
			Name: "build", Description: "Builds it.\nAll of \x1b[2Jit.", Returns: modules.Type{Kind: modules.KindString},
			Args: []modules.Arg{
				{Name: "src", Type: modules.Type{Kind: modules.KindObject, Name: "Directory"}},
				{Name: "version", Description: "What to build.", Type: modules.Type{Kind: modules.KindString}},
				{Name: "levels", Type: modules.Type{Kind: modules.KindList, Elem: &level}, Default: []byte(`["LOW"]`)},
			},
		}}}},
		{Path: "web", Err: errors.New("web/main.go:7:9: undefined")},
	}, nil
}

func (scriptInspector) FunctionsOf(_ context.Context, files []bundle.File) ([]dispatcher.Declared, error) {
	m := &modules.Module{Path: ".", Name: "tool"}
	for _, f := range files {
		if f.Name == "broken" {
			return []dispatcher.Declared{{Path: ".", Err: errors.New("main.go:7:9: undefined")}}, nil
		}
		if f.Name == "functions.txt" {
			for name := range strings.FieldsSeq(string(f.Data)) {
				m.Functions = append(m.Functions, modules.Function{Name: name, Returns: modules.Type{Kind: modules.KindString}})
			}
		}
	}
	return []dispatcher.Declared{{Path: ".", Module: m}}, nil
}

// newScriptAgent starts an agent with a key of each scope in the script's
// variables KEY_READ, KEY_RUN and KEY_ADMIN, and its address in SERVER.
func newScriptAgent(t testing.TB, env *testscript.Env) (*scriptAgent, error) {
	dir := filepath.Join(env.WorkDir, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	// Scripts end after their context.
	a := &scriptAgent{t: t, ctx: context.Background(), asked: map[string]int{}, bell: make(chan struct{})}
	quiet := slog.New(slog.DiscardHandler)
	var err error
	if a.store, err = store.Open(a.ctx, store.Options{DataDir: dir, Log: quiet, Silence: time.Hour}); err != nil {
		return nil, err
	}
	env.Defer(func() {
		a.stop()
		if err := a.store.Close(); err != nil {
			t.Error(err)
		}
	})
	if a.worker, err = a.store.Join(a.ctx, "worker", false); err != nil {
		return nil, err
	}
	a.watches = registries.New(registries.Config{
		Store:  a.store,
		Aim:    func(context.Context, settings.Target, *events.Event) error { return nil },
		Nudge:  func(string) {},
		States: func() []poll.State { return nil },
	})
	a.clock = schedules.New(schedules.Config{Store: a.store, Poller: poll.New(poll.Config{Store: a.store, Log: quiet}), Log: quiet})
	a.handler, err = api.New(api.Options{
		Schedules: a.clock,
		Mirrors:   scriptMirrors, SyncMirror: syncScriptMirror,
		Store: a.store, Planner: noPlanner{}, Inspector: scriptInspector{}, Version: "1.2.3", Log: quiet,
		Registries: a.watches,
		Parse:      func(_, name string, payload []byte) (events.Event, error) { return github.Parse(name, payload) },
		Checks:     func(context.Context) map[string]string { return map[string]string{"engine": "ok"} },
		Signed: func(ctx context.Context) ([]tokens.Status, error) {
			a.mu.Lock()
			set := a.signed
			a.mu.Unlock()
			return set.List(ctx, a.store, []poll.State{{Name: "web", Failures: 1, Error: "/srv/web.jwt: malformed token"}})
		},
		Push: func(ctx context.Context, source, token string) (store.Receipt, error) {
			a.mu.Lock()
			set := a.signed
			a.mu.Unlock()
			return set.Push(ctx, a.store, source, token, time.Now())
		},
	})
	if err != nil {
		return nil, err
	}
	a.address = "127.0.0.1:0"
	if err := a.start(); err != nil {
		return nil, err
	}
	env.Setenv("SERVER", "http://"+a.address)
	for _, scope := range []string{store.KeyScopeRead, store.KeyScopeRun, store.KeyScopeAdmin} {
		_, secret, err := a.store.CreateKey(a.ctx, store.NewKey{Name: "mona-" + scope, Scope: scope}, store.Actor{Person: "test"})
		if err != nil {
			return nil, err
		}
		env.Setenv("KEY_"+strings.ToUpper(scope), secret)
	}
	return a, nil
}

// start listens, the second time at the same address.
func (a *scriptAgent) start() error {
	l, err := net.Listen("tcp", a.address)
	if err != nil {
		return err
	}
	a.address = l.Addr().String()
	a.http = &http.Server{Handler: http.HandlerFunc(a.serve)}
	go a.http.Serve(l) // until it is closed
	return nil
}

// stop breaks all connections off.
func (a *scriptAgent) stop() {
	if a.http != nil {
		a.http.Close()
		a.http = nil
	}
}

func (a *scriptAgent) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	away := a.away
	a.asked[r.URL.Path]++
	close(a.bell)
	a.bell = make(chan struct{})
	a.mu.Unlock()
	if away {
		http.Error(w, "<h1>bad gateway</h1>", http.StatusBadGateway)
		return
	}
	a.handler.ServeHTTP(w, r)
}

// await returns once there were so many requests whose path ends so.
func (a *scriptAgent) await(n int, suffix string) error {
	limit := time.After(time.Minute)
	for {
		a.mu.Lock()
		seen, bell := 0, a.bell
		for path, count := range a.asked {
			if strings.HasSuffix(path, suffix) {
				seen += count
			}
		}
		a.mu.Unlock()
		if seen >= n {
			return nil
		}
		select {
		case <-bell:
		case <-limit:
			return fmt.Errorf("only %d requests of %s", seen, suffix)
		}
	}
}

// accept stores an event and returns its run.
func (a *scriptAgent) accept(d store.Delivery) (store.Run, error) {
	receipt, err := a.store.Accept(a.ctx, d)
	if err != nil {
		return store.Run{}, err
	}
	return a.store.Run(a.ctx, receipt.Run)
}

// plan gives the next run in the queue a plan with the given calls, each after
// the one before if chained.
func (a *scriptAgent) plan(chained bool, functions ...string) ([]store.Call, error) {
	c, run, err := a.worker.ClaimRun(a.ctx, store.Limits{})
	if err != nil {
		return nil, err
	}
	view := dispatcher.View{
		Event:   dispatcher.EventView{ID: run.Event, Changes: []string{"main.go"}},
		Skipped: []dispatcher.Skipped{{Module: "ci", Function: "docsOnPush", Reason: "no changed file matches docs/**"}},
	}
	p := store.Plan{}
	for i, name := range functions {
		call := store.NewCall{Module: "ci", Function: name, Spec: json.RawMessage("{}")}
		if chained && i > 0 {
			call.After = []int{i - 1}
		}
		p.Calls = append(p.Calls, call)
		view.Calls = append(view.Calls, dispatcher.CallView{Module: "ci", Function: name, Command: "dagger call -m ./ci " + name})
	}
	if p.Plan, err = json.Marshal(map[string]any{"view": view}); err != nil {
		return nil, err
	}
	if _, err := a.worker.Planned(a.ctx, c, p); err != nil {
		return nil, err
	}
	return a.store.Calls(a.ctx, run.ID)
}

// begin claims the next call.
func (a *scriptAgent) begin() (err error) {
	a.claim, _, err = a.worker.ClaimCall(a.ctx, store.Limits{})
	return err
}

func (a *scriptAgent) log(lines ...v1.LogLine) error {
	for _, line := range lines {
		line.Time = time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC)
		data, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if err := a.worker.AppendLog(a.ctx, a.claim, append(data, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// trust has the agent take tokens for a source that a key has signed.
func (a *scriptAgent) trust(source, key string) error {
	trusted, err := signed.ParseKey(key)
	if err != nil {
		return err
	}
	set, err := tokens.NewSet([]settings.SignedSource{{
		Name: source, Keys: []signed.Key{trusted}, Push: true, Pull: &settings.SignedPull{Paths: []string{"/srv/web.jwt"}, Every: time.Minute},
	}}, tokens.Options{
		Aim: func(_ context.Context, _ settings.Target, e *events.Event) error {
			e.Repository = push("you/hello", "refs/heads/main", "").Repository
			return nil
		},
	})
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.signed = set
	return nil
}

// end reports the call that was begun last.
func (a *scriptAgent) end(state store.State, output, failure string) error {
	result, err := json.Marshal(map[string]string{"output": output, "error": failure})
	if err != nil {
		return err
	}
	_, err = a.worker.Finish(a.ctx, a.claim, store.Ending{State: state, Result: result})
	return err
}

// push is an event of a repository.
func push(repository, ref, sha string) events.Event {
	e := events.Event{
		ID: events.NewID(), Delivery: events.NewID(), Vendor: events.VendorGithub, Name: events.NamePush, Kind: events.NamePush, Ref: ref, SHA: sha,
		Repository: &events.Repository{FullName: repository, CloneURL: "https://github.com/" + repository + ".git", DefaultBranch: "main"},
		Sender:     "mona", Trusted: true, ReceivedAt: time.Now(),
	}
	e.Branch, e.Filter = strings.TrimPrefix(ref, "refs/heads/"), strings.TrimPrefix(ref, "refs/heads/")
	e.Payload = json.RawMessage(fmt.Sprintf(`{"ref": %q, "before": "%040d", "after": %q, "sender": {"login": "mona"}, "repository": {"full_name": %q, "clone_url": %q, "default_branch": "main"}}`,
		ref, 0, sha, repository, e.Repository.CloneURL))
	return e
}

// watch watches a repository with the given tags, and looks until all is told.
func (a *scriptAgent) watch(name, repository string, tags []string) error {
	if a.registry == nil {
		a.registry = registrytest.Start(a.t)
		a.watched = settings.Registry{Name: "local", Host: a.registry.Host, Insecure: true}
	}
	for _, tag := range tags {
		a.registry.Push(repository, tag)
	}
	a.watched.Watch = append(a.watched.Watch, settings.Watch{Name: name, Repository: repository, Interval: time.Minute, AutoDeploy: true, DeployAttempts: 1})
	made, _, err := a.watches.Prepare([]settings.Registry{a.watched}, nil)
	if err != nil {
		return err
	}
	a.watches.Use(made)
	for _, source := range made.Sources() {
		for range 3 {
			if _, err := poll.Once(a.ctx, a.store, source, time.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// history makes what most scripts look at: run 1, which failed, of a push;
// run 2 of another repository, with a hostile branch, which waits for an
// approval.
func (a *scriptAgent) history(ts *testscript.TestScript) {
	sha := strings.Repeat("3f2a1b9c0d", 4)
	first, err := a.accept(store.Delivery{Hook: "github", Event: push("you/hello", "refs/heads/main", sha)})
	ts.Check(err)
	calls, err := a.plan(true, "lint", "test", "deploy")
	ts.Check(err)
	ts.Check(a.begin())
	ts.Check(a.log(
		v1.LogLine{State: "started", Step: "lint"},
		v1.LogLine{State: "output", Step: "lint", Text: "all \x1b[2J\x1b]0;owned\x07good\rreally\n"},
		v1.LogLine{State: "done", Step: "lint", Seconds: 1.25},
	))
	ts.Check(a.end(store.StateSucceeded, "no findings", ""))
	ts.Check(a.begin())
	ts.Check(a.log(v1.LogLine{State: "failed", Step: "test", Seconds: 2, Text: "exit code 1"}))
	ts.Check(a.end(store.StateFailed, "", "exit code 1\n\x1b[31mFAIL\x1b[0m"))

	held := push("you/other", "refs/heads/\x1b[2Jevil", sha)
	held.Trusted = false
	second, err := a.accept(store.Delivery{Hook: "github", Event: held, Hold: "from somebody without write access"})
	ts.Check(err)
	for name, value := range map[string]string{
		"EVENT": first.Event, "RUN": first.ID, "HELD": second.Event, "SHA": sha,
		"LINT": calls[0].ID, "TEST": calls[1].ID, "DEPLOY": calls[2].ID,
	} {
		ts.Setenv(name, value)
	}
}

// schedules has the agent keep two schedules, of which one was due.
func (a *scriptAgent) schedules(ts *testscript.TestScript) {
	nightly, err := schedule.Parse("TZ=Europe/Berlin 0 3 * * *", nil)
	ts.Check(err)
	often, err := schedule.Parse("@every 90s", nil)
	ts.Check(err)
	aim := func(_ context.Context, e *events.Event) error {
		e.Repository = &events.Repository{FullName: "you/hello", CloneURL: "https://github.com/you/hello.git"}
		return nil
	}
	list := []schedules.Entry{
		{Name: "nightly", Filter: "nightly", Schedule: nightly, Of: schedule.OfAgent, Repository: "you/hello", Aim: aim},
		{
			Name: "you/other#Often", Filter: "Often", Schedule: often, Of: schedule.OfFunctions, Repository: "you/other", Aim: aim,
			Policy:    schedule.Policy{CatchUp: schedule.CatchUpNone, Jitter: 5 * time.Second},
			Functions: []dispatcher.FunctionName{{Module: "ci", Function: "onTimeTickOften"}}, Paused: "disabled by mona: flaky",
		},
	}
	a.clock.SetOwn(list)
	for _, now := range []time.Time{time.Now().AddDate(0, 0, -2), time.Now()} {
		_, err := poll.Once(a.ctx, a.store, &schedules.Source{Entry: list[0]}, now)
		ts.Check(err)
	}
}

// agentCommand is the script's command agent:
//
//	agent history             makes what history says
//	agent schedules           makes what schedules says
//	agent push REPO           stores an event; EVENT and RUN name it
//	agent plan FUNCTION...    plans the next run
//	agent begin               begins the next call, whose id CALL is
//	agent log TEXT            logs a line of output of that call
//	agent end STATE           ends that call
//	agent stop, agent start   breaks all connections off; listens again
//	agent away, agent back    answers with 502; answers again
//	agent trust SOURCE FILE   takes tokens for a source that the key in FILE signed
//	agent mark                begins to count requests
//	agent watch NAME REPO TAG...  watches a repository of a registry with these tags
//	agent await N PATH        waits for N requests since, whose path ends so
func agentCommand(ts *testscript.TestScript, neg bool, args []string) {
	a, ok := ts.Value(agentKey{}).(*scriptAgent)
	if neg || !ok || len(args) == 0 {
		ts.Fatalf("usage: agent COMMAND [ARG...]")
	}
	switch args[0] {
	case "history":
		a.history(ts)
	case "schedules":
		a.schedules(ts)
	case "push":
		run, err := a.accept(store.Delivery{Hook: "github", Event: push(args[1], "refs/heads/main", fmt.Sprintf("%040x", time.Now().UnixNano()))})
		ts.Check(err)
		ts.Setenv("EVENT", run.Event)
		ts.Setenv("RUN", run.ID)
	case "plan":
		_, err := a.plan(false, args[1:]...)
		ts.Check(err)
	case "begin":
		ts.Check(a.begin())
		ts.Setenv("CALL", a.claim.Call)
	case "log":
		ts.Check(a.log(v1.LogLine{State: "output", Step: "build", Text: strings.Join(args[1:], " ") + "\n"}))
	case "end":
		ts.Check(a.end(store.State(args[1]), "", ""))
	case "stop":
		a.stop()
	case "start":
		ts.Check(a.start())
	case "away", "back":
		a.mu.Lock()
		a.away = args[0] == "away"
		a.mu.Unlock()
	case "watch":
		ts.Check(a.watch(args[1], args[2], args[3:]))
	case "trust":
		ts.Check(a.trust(args[1], ts.ReadFile(args[2])))
	case "mark":
		a.mu.Lock()
		clear(a.asked)
		a.mu.Unlock()
	case "await":
		n := 0
		_, err := fmt.Sscan(args[1], &n)
		ts.Check(err)
		ts.Check(a.await(n, args[2]))
	default:
		ts.Fatalf("agent %s: no such command", args[0])
	}
}

type agentKey struct{}

// TestAgentScripts runs the commands that talk to an agent against its real
// API on a real store. Each script says in its comments what it shows.
func TestAgentScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "agent"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			a, err := newScriptAgent(t, env)
			if err != nil {
				return err
			}
			env.Values[agentKey{}] = a
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			env.Setenv("POCKETCI_SERVER", env.Getenv("SERVER"))
			env.Setenv("POCKETCI_KEY", env.Getenv("KEY_ADMIN"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"agent": agentCommand,
			"exits": exits,
			"mode":  mode,
		},
	})
}

// mode checks the permissions of a file: mode BITS FILE.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode BITS FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has the mode %s, want %s", args[1], got, args[0])
	}
}
