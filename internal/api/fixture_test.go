package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/reaction"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/store"
)

// planner is a function that plans: loading modules needs an engine.
type planner func(ctx context.Context, event events.Event) (*dispatcher.View, error)

func (p planner) Plan(ctx context.Context, event events.Event) (*dispatcher.View, error) {
	return p(ctx, event)
}

// clock is the system's, and can be set forward.
type clock struct {
	store.Clock
	ahead atomic.Int64
}

func (c *clock) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) Elapsed() time.Duration { return c.Clock.Elapsed() + time.Duration(c.ahead.Load()) }

// fixture is an API over a real store, behind the HTTP server of the agent.
type fixture struct {
	t      *testing.T
	store  *store.Store
	agent  *store.Agent
	api    *api.API
	server *httptest.Server
	// stop ends the base context of the server.
	stop  context.CancelFunc
	log   *bytes.Buffer
	clock *clock
	keys  map[v1.Scope]string
	// spares counts the modules that were made for one request.
	spares int
}

func newFixture(t *testing.T, change ...func(*api.Options, *http.Server)) *fixture {
	t.Helper()
	clock := &clock{Clock: store.NewClock()}
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), LogLimit: 8 << 20, Depth: 50, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &fixture{t: t, store: s, log: &bytes.Buffer{}, clock: clock, keys: map[v1.Scope]string{}}
	if f.agent, err = s.Join(t.Context(), "agent-1", false); err != nil {
		t.Fatal(err)
	}
	o := api.Options{
		Store: s, PublicURL: "https://ci.example/", Version: "1.2.3", Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Planner: planner(func(_ context.Context, e events.Event) (*dispatcher.View, error) {
			return &dispatcher.View{
				Event: dispatcher.EventView{ID: e.ID, Vendor: e.Vendor, Event: e.Name, Filter: e.Filter, Repository: e.Repository.FullName},
				Calls: []dispatcher.CallView{}, Invalid: []dispatcher.Invalid{}, Skipped: []dispatcher.Skipped{}, Warnings: []string{},
			}, nil
		}),
		Inspector: inspector{},
		Parse: func(vendor, name string, payload []byte) (events.Event, error) {
			if vendor != events.VendorGithub {
				return events.Event{}, &events.MalformedError{Path: "vendor", Reason: "is not known: " + vendor}
			}
			return github.Parse(name, payload)
		},
		Checks:     func(context.Context) map[string]string { return map[string]string{"engine": "ok"} },
		Registries: &shelf{},
		SyncMirror: func(name string, _ bool) error {
			if name != "shop" {
				return reaction.ErrUnknown
			}
			return nil
		},
		CanWrite: func(_ context.Context, _ *events.Event, login string) (bool, error) { return login == writer, nil },
	}
	config := server.NewHTTPServer(nil, nil)
	for _, c := range change {
		c(&o, config)
	}
	if f.api, err = api.New(o); err != nil {
		t.Fatal(err)
	}
	config.Handler = f.api
	base, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.server = httptest.NewUnstartedServer(nil)
	f.server.Config = config
	f.server.Config.BaseContext = func(net.Listener) context.Context { return base }
	f.server.Start()
	t.Cleanup(func() {
		stop()
		f.server.Close()
	})
	for scope, name := range map[v1.Scope]string{v1.ScopeRead: "reader", v1.ScopeRun: "runner", v1.ScopeAdmin: "admin"} {
		key := store.NewKey{Name: name, Scope: string(scope)}
		if scope == v1.ScopeRun {
			key.Login = writer
		}
		_, secret, err := s.CreateKey(t.Context(), key, store.Actor{Person: "test"})
		if err != nil {
			t.Fatal(err)
		}
		f.keys[scope] = secret
	}
	return f
}

// writer is the login of the runner, who may write to every repository.
const writer = "mona-writes"

// answered is an answer that has been read to its end.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// problem is what problem details say.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct{ Message, Location string }
}

func (a *answered) problem(t *testing.T) problem {
	t.Helper()
	var p problem
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type is %q, want that of a problem: %s", got, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if p.Status != a.status {
		t.Errorf("the problem says %d, the answer %d", p.Status, a.status)
	}
	return p
}

// request makes a request below the prefix with a key.
func (f *fixture) request(secret, method, path string, body any) *http.Request {
	f.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			f.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.server.URL+v1.Prefix+path, reader)
	if err != nil {
		f.t.Fatal(err)
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// endless is what has no end of its own.
const endless = "/overview/stream"

// send sends a request and holds the answer to the document.
func (f *fixture) send(r *http.Request) *answered {
	f.t.Helper()
	if strings.HasSuffix(r.URL.Path, endless) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		return f.begin(r.WithContext(ctx))
	}
	response, err := f.server.Client().Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	a := &answered{response.StatusCode, response.Header, data}
	documented(f.t, r, a)
	return a
}

// begin is send for what has no end: it reads the first message, or all of a refusal.
func (f *fixture) begin(r *http.Request) *answered {
	f.t.Helper()
	response, err := f.server.Client().Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	a := &answered{status: response.StatusCode, header: response.Header}
	for lines := bufio.NewReader(response.Body); ; {
		line, err := lines.ReadBytes('\n')
		a.body = append(a.body, line...)
		if errors.Is(err, io.EOF) || bytes.Equal(line, []byte("\n")) {
			break
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	documented(f.t, r, a)
	return a
}

// do makes a request with a key of the scope, expects a status, and reads the
// answer into out unless that is nil.
func (f *fixture) do(scope v1.Scope, method, path string, body any, status int, out any) *answered {
	f.t.Helper()
	a := f.send(f.request(f.keys[scope], method, path, body))
	if a.status != status {
		f.t.Fatalf("%s %s gives %d, want %d: %s", method, path, a.status, status, a.body)
	}
	if out != nil {
		if err := json.Unmarshal(a.body, out); err != nil {
			f.t.Fatalf("%s %s: %v: %s", method, path, err, a.body)
		}
	}
	return a
}

func (f *fixture) get(path string, out any) *answered {
	f.t.Helper()
	return f.do(v1.ScopeRead, http.MethodGet, path, nil, http.StatusOK, out)
}

var sha = strings.Repeat("a", 40)

// push is a delivery of a push that differs from all others.
func push(repository string) store.Delivery {
	id := events.NewID()
	return store.Delivery{
		Hook: "github",
		Event: events.Event{
			ID: id, Delivery: "delivery-" + id, Vendor: "github", Name: "push", Filter: "main", Kind: "push",
			Repository: &events.Repository{FullName: repository, DefaultBranch: "main", WebURL: "https://github.com/" + repository,
				CloneURL: "https://github.com/" + repository + ".git"},
			Ref: "refs/heads/main", Branch: "main", SHA: sha, Before: strings.Repeat("b", 40),
			Sender: "octocat", Trusted: true, ReceivedAt: time.Now().UTC(),
			Payload: []byte(`{"after":"` + id + `",  "text":"größe 🚀"}`),
		},
	}
}

// fork is a delivery of a fork's pull request, which waits for an approval.
func fork(repository string) store.Delivery {
	d := push(repository)
	e := &d.Event
	e.Name, e.Kind, e.Filter, e.Ref, e.Branch = "pull_request", "pull_request", "opened", "refs/pull/7/head", "patch-1"
	e.PullRequest, e.Fork, e.Trusted, e.BaseRef = 7, "stranger/app", false, "main"
	d.Hold = "it comes from a fork"
	return d
}

func (f *fixture) accept(d store.Delivery) store.Receipt {
	f.t.Helper()
	r, err := f.store.Accept(f.t.Context(), d)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// planned accepts a push and plans calls of the functions of module ci.
func (f *fixture) planned(repository string, functions ...string) store.Receipt {
	f.t.Helper()
	r := f.accept(push(repository))
	var claim store.Claim
	for claim.Run != r.Run {
		c, _, err := f.agent.ClaimRun(f.t.Context(), store.Limits{})
		if err != nil {
			f.t.Fatal(err)
		}
		if claim = c; c.Run == r.Run {
			break
		}
		// What an earlier request has put into the queue.
		if err := f.agent.Unplanned(f.t.Context(), c, store.StateSkipped, "not planned by the test", false); err != nil {
			f.t.Fatal(err)
		}
	}
	view := dispatcher.View{Event: dispatcher.EventView{Changes: []string{"README.md", "größe.go"}}}
	p := store.Plan{SHA: sha, Reason: "nothing matched"}
	for _, name := range functions {
		view.Calls = append(view.Calls, dispatcher.CallView{Module: "ci", Function: name, Command: "dagger call " + name})
		p.Calls = append(p.Calls, store.NewCall{Module: "ci", Function: name, Spec: json.RawMessage(`{}`)})
	}
	var err error
	if p.Plan, err = json.Marshal(map[string]any{"view": view, "more": "of the planner's own"}); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.agent.Planned(f.t.Context(), claim, p); err != nil {
		f.t.Fatal(err)
	}
	return r
}

// claimed has the agent begin the next call of a run.
func (f *fixture) claimed(r store.Receipt) store.Claim {
	f.t.Helper()
	for {
		c, _, err := f.agent.ClaimCall(f.t.Context(), store.Limits{})
		if err != nil {
			f.t.Fatal(err)
		}
		if c.Run == r.Run {
			return c
		}
	}
}

func (f *fixture) finish(c store.Claim, state store.State) {
	f.t.Helper()
	e := store.Ending{State: state, Result: json.RawMessage(`{"output":"done ✔"}`)}
	if state != store.StateSucceeded {
		e = store.Ending{State: state, Reason: "exit code 1", Result: json.RawMessage(`{"error":"exit code 1"}`)}
	}
	if _, err := f.agent.Finish(f.t.Context(), c, e); err != nil {
		f.t.Fatal(err)
	}
}

// write adds lines to the log of a call and returns them as they are stored.
func (f *fixture) write(c store.Claim, lines ...v1.LogLine) string {
	f.t.Helper()
	var b strings.Builder
	for _, l := range lines {
		data, err := json.Marshal(l)
		if err != nil {
			f.t.Fatal(err)
		}
		b.Write(append(data, '\n'))
	}
	f.append(c, b.String())
	return b.String()
}

func (f *fixture) append(c store.Claim, text string) {
	f.t.Helper()
	if err := f.agent.AppendLog(f.t.Context(), c, []byte(text)); err != nil {
		f.t.Fatal(err)
	}
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// output is a line that a step printed.
func output(n int) v1.LogLine {
	return v1.LogLine{Time: noon, State: "output", Step: "test", Text: fmt.Sprintf("line %d", n)}
}

// ended is a run of one call that has succeeded, and the call's claim.
func (f *fixture) ended() store.Claim {
	f.t.Helper()
	c := f.claimed(f.planned("a/b", "x"))
	f.write(c, output(1))
	f.finish(c, store.StateSucceeded)
	return c
}

// disabled disables a/b.
func (f *fixture) disabled() {
	f.t.Helper()
	err := f.store.Disable(f.t.Context(), store.Disabled{Repository: "a/b", Reason: "on fire"}, store.Actor{Person: "test"})
	if err != nil {
		f.t.Fatal(err)
	}
}

// spareKey is the id of a key that nobody uses.
func (f *fixture) spareKey() string {
	f.t.Helper()
	k, _, err := f.store.CreateKey(f.t.Context(), store.NewKey{Name: "spare", Scope: "read"}, store.Actor{Person: "test"})
	if err != nil {
		f.t.Fatal(err)
	}
	return k.ID
}
