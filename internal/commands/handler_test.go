package commands_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/commands"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/store"
)

// page is a pull request's page: who may write, and what was answered.
type page struct {
	forge.Forge
	fork     string
	err      error
	signs    []forge.Reaction
	comments map[string]string
}

func (p *page) CanWrite(_ context.Context, repository, login string) (bool, error) {
	return repository == "acme/shop" && login == "anna", p.err
}

func (p *page) PullRequest(context.Context, string, int) (forge.PullRequest, error) {
	return forge.PullRequest{Number: 7, HeadSHA: sha, BaseRef: "main", BaseSHA: strings.Repeat("2", 40), Fork: p.fork}, nil
}

func (p *page) React(_ context.Context, _ string, number int, comment string, r forge.Reaction) error {
	if number != 7 || comment != "99" {
		return fmt.Errorf("reacted to %s on %d", comment, number)
	}
	p.signs = append(p.signs, r)
	return nil
}

func (p *page) Comment(_ context.Context, _ string, number int, c forge.Comment) error {
	if number != 7 {
		return fmt.Errorf("commented on %d", number)
	}
	p.comments[c.Marker] = c.Body
	return nil
}

// plans are what a planner says.
type plans struct{ err error }

func (p plans) Plan(_ context.Context, e events.Event) (*dispatcher.View, error) {
	return &dispatcher.View{
		Event:   dispatcher.EventView{SHA: e.SHA},
		Calls:   []dispatcher.CallView{{Module: "ci", Function: "test", Why: "named On<Vendor><Event>"}},
		Invalid: []dispatcher.Invalid{{Module: "ci", Function: "deploy", Argument: "token", Error: "required secret token is not mapped"}},
		Skipped: []dispatcher.Skipped{{Module: "ci", Function: "lint", Reason: "no changed file matches **/*.go | @everybody <script>"}},
	}, p.err
}

// scene is a pull request with a run of a plan of two calls.
type scene struct {
	t       *testing.T
	store   *store.Store
	agent   *store.Agent
	page    *page
	handler *commands.Handler
	run     store.Receipt
}

func pullRequest(fork string) events.Event {
	return events.Event{
		ID: events.NewID(), Vendor: "github", Name: events.NamePullRequest, Filter: "opened", Kind: "pull_request", PullRequest: 7, SHA: sha,
		Ref: "refs/pull/7/head", Fork: fork, Trusted: fork == "", Sender: "mallory", ReceivedAt: time.Now().UTC(), Payload: []byte("{}"),
		Repository: &events.Repository{FullName: "acme/shop", CloneURL: "https://github.com/acme/shop.git"},
	}
}

func newScene(t *testing.T, fork string) *scene {
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &scene{t: t, store: s, page: &page{fork: fork, comments: map[string]string{}}}
	if c.agent, err = s.Join(t.Context(), "a", true); err != nil {
		t.Fatal(err)
	}
	if c.run, err = s.Accept(t.Context(), store.Delivery{Event: pullRequest(fork)}); err != nil {
		t.Fatal(err)
	}
	c.handler = &commands.Handler{Store: s, Planner: plans{}, Forges: forge.Set{{Forge: c.page, Host: "github.com"}}, Log: slog.New(slog.DiscardHandler)}
	return c
}

// plan gives the run two calls and ends them.
func (c *scene) plan(states ...store.State) {
	c.t.Helper()
	claim, _, err := c.agent.ClaimRun(c.t.Context(), store.Limits{})
	if err != nil {
		c.t.Fatal(err)
	}
	p := store.Plan{Plan: json.RawMessage(`{}`)}
	for i := range states {
		p.Calls = append(p.Calls, store.NewCall{Module: "ci", Function: fmt.Sprintf("testOnPush%d", i), Spec: json.RawMessage(`{}`)})
	}
	if _, err := c.agent.Planned(c.t.Context(), claim, p); err != nil {
		c.t.Fatal(err)
	}
	for _, state := range states {
		if state == store.StateQueued {
			continue
		}
		claim, _, err := c.agent.ClaimCall(c.t.Context(), store.Limits{})
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := c.agent.Finish(c.t.Context(), claim, store.Ending{State: state}); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *scene) wait() {
	c.t.Helper()
	claim, _, err := c.agent.ClaimRun(c.t.Context(), store.Limits{})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.agent.Unplanned(c.t.Context(), claim, store.StateWaiting, "it is a fork's", false); err != nil {
		c.t.Fatal(err)
	}
}

func (c *scene) say(author, body string) (string, error) {
	e := events.Event{
		ID: events.NewID(), Vendor: "github", Name: "issue_comment", Filter: "created", PullRequest: 7, Sender: author,
		Repository: pullRequest("").Repository, Comment: &events.Comment{ID: "99", Author: author, Body: body},
	}
	return c.handler.Handle(c.t.Context(), &e)
}

func (c *scene) states() string {
	c.t.Helper()
	calls, err := c.store.Calls(c.t.Context(), c.run.Run)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := c.store.Run(c.t.Context(), c.run.Run)
	if err != nil {
		c.t.Fatal(err)
	}
	texts := []string{string(r.State)}
	for _, call := range calls {
		texts = append(texts, fmt.Sprintf("%s/%d", call.State, call.Attempt))
	}
	return strings.Join(texts, " ")
}

func TestHandle(t *testing.T) {
	seen, refused := forge.ReactionSeen, forge.ReactionRefused
	ended := func(c *scene) { c.plan(store.StateSucceeded, store.StateFailed) }
	running := func(c *scene) { c.plan(store.StateSucceeded, store.StateQueued) }
	for name, c := range map[string]struct {
		fork         string
		before       func(*scene)
		author, body string
		did          string
		states       string
		sign         forge.Reaction
		comment      string // a part of it
	}{
		"ordinary words":              {"", ended, "anna", "nice", "", "failed succeeded/1 failed/1", "", ""},
		"retest":                      {"", ended, "anna", "/retest", "/retest: restarted run 1", "running succeeded/1 queued/2", seen, ""},
		"retest by a stranger":        {"", ended, "mallory", "/retest", "not done: mallory has no write access", "failed succeeded/1 failed/1", refused, ""},
		"retest of what is fine":      {"", func(c *scene) { c.plan(store.StateSucceeded) }, "anna", "/retest", "not done", "succeeded succeeded/1", refused, "nothing has failed"},
		"retest of what goes on":      {"", running, "anna", "/retest", "not done", "running succeeded/1 queued/1", refused, "nothing has failed"},
		"test":                        {"", ended, "anna", "/test test-on-push0", "/test: restarted ci:testOnPush0 of run 1", "running queued/2 failed/1", seen, ""},
		"test of a module":            {"", ended, "anna", "/test ci:testOnPush1", "/test: restarted ci:testOnPush1", "running succeeded/1 queued/2", seen, ""},
		"test of what was not called": {"", ended, "anna", "/test other", "/test: run 2 calls other", "failed succeeded/1 failed/1", seen, ""},
		"test of what goes on":        {"", running, "anna", "/test testOnPush0", "not done", "running succeeded/1 queued/1", refused, "has not ended"},
		"abort":                       {"", running, "anna", "/abort", "/abort: aborted run 1", "aborted succeeded/1 aborted/1", seen, ""},
		"abort by a stranger":         {"", running, "mallory", "/abort", "not done", "running succeeded/1 queued/1", refused, ""},
		"abort of nothing":            {"", ended, "anna", "/abort", "not done", "failed succeeded/1 failed/1", refused, "nothing runs or waits"},
		"approve":                     {"mallory/shop", (*scene).wait, "anna", "/approve " + sha, "/approve: approved run 1", "queued", seen, ""},
		"approve by its author":       {"mallory/shop", (*scene).wait, "mallory", "/approve " + sha, "not done", "waiting-approval", refused, ""},
		"approve of another commit":   {"mallory/shop", (*scene).wait, "anna", "/approve " + strings.Repeat("3", 40), "not done", "waiting-approval", refused, "no run of commit"},
		"approve of a short commit":   {"mallory/shop", (*scene).wait, "anna", "/approve 1111111", "not done", "waiting-approval", refused, "full sha"},
		"plan":                        {"", ended, "anna", "/plan", "/plan: planned commit " + sha, "failed succeeded/1 failed/1", seen, "| `ci:lint` | not called |"},
		"two":                         {"", running, "anna", "/abort\n/retest", "/abort: aborted run 1; /retest: restarted run 1", "running succeeded/1 queued/2", seen, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, c.fork)
			c.before(s)
			did, err := s.say(c.author, c.body)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(did, c.did) || (did == "") != (c.did == "") {
				t.Errorf("did %q, want %q", did, c.did)
			}
			if got := s.states(); got != c.states {
				t.Errorf("it is %s, want %s", got, c.states)
			}
			if got := fmt.Sprint(s.page.signs); c.sign == "" && got != "[]" || c.sign != "" && got != fmt.Sprint([]forge.Reaction{c.sign}) {
				t.Errorf("signs %s, want %s", got, c.sign)
			}
			all := s.page.comments["answer"] + s.page.comments["plan"]
			if !strings.Contains(all, c.comment) || (all == "") != (c.comment == "") {
				t.Errorf("answered %q, want %q", all, c.comment)
			}
			if strings.Contains(all, "@everybody") || strings.Contains(all, "<script>") {
				t.Errorf("the answer has markup of others: %s", all)
			}
		})
	}
}

// What is called by hand on a fork's pull request stays a fork's.
func TestTestOfAFork(t *testing.T) {
	s := newScene(t, "mallory/shop")
	s.plan(store.StateSucceeded)
	if _, err := s.say("anna", "/test other"); err != nil {
		t.Fatal(err)
	}
	all, err := s.store.Runs(t.Context(), store.RunFilter{Repository: "acme/shop"})
	if err != nil || len(all) != 2 {
		t.Fatalf("%d runs, %v", len(all), err)
	}
	e, err := s.store.Event(t.Context(), all[0].Event)
	if err != nil || e.Trusted || e.Fork != "mallory/shop" || e.SHA != sha || e.Sender != "anna" || e.PullRequest != 7 || e.BaseRef != "main" {
		t.Errorf("%+v, %v", e, err)
	}
	asked, ok, err := events.ReadByHand(&e.Event)
	if err != nil || !ok || asked.Function != "other" {
		t.Errorf("%+v, %v", asked, err)
	}
}

func TestHandleFails(t *testing.T) {
	s := newScene(t, "")
	s.plan(store.StateFailed)
	s.page.err = errors.New("the forge answers 502")
	if did, err := s.say("anna", "/retest"); err == nil {
		t.Errorf("did %q in spite of the forge", did)
	}
	if got := s.states(); got != "failed failed/1" {
		t.Errorf("it is %s", got)
	}
	s.page.err = nil
	s.handler.Planner = plans{err: errors.New("no engine answers")}
	if _, err := s.say("anna", "/plan"); err != nil || !strings.Contains(s.page.comments["answer"], "no engine answers") {
		t.Errorf("answered %q, %v", s.page.comments["answer"], err)
	}
	s.handler.Forges = forge.Set{}
	if did, err := s.say("anna", "/retest"); err != nil || did != "" {
		t.Errorf("did %q, %v", did, err)
	}
}

// The buttons of checks.
func TestAgain(t *testing.T) {
	for name, c := range map[string]struct {
		kind, payload, repository string
		did, states               string
	}{
		"a check":                 {"check_run", `{"check_run": {"name": "pocketci/ci/testOnPush0", "external_id": "CALL"}}`, "acme/shop", "restarted ci:testOnPush0 of run 1", "running queued/2 failed/1"},
		"a check of another App":  {"check_run", `{"check_run": {"name": "lint", "external_id": "CALL"}}`, "acme/shop", "", "failed succeeded/1 failed/1"},
		"a check that is gone":    {"check_run", `{"check_run": {"name": "pocketci/ci/x", "external_id": "gone"}}`, "acme/shop", "not done", "failed succeeded/1 failed/1"},
		"another repository's":    {"check_run", `{"check_run": {"name": "pocketci/ci/x", "external_id": "CALL"}}`, "acme/other", "not done", "failed succeeded/1 failed/1"},
		"all checks":              {"check_suite", `{}`, "acme/shop", "restarted run 1", "running succeeded/1 queued/2"},
		"all of another commit":   {"check_suite", `{"other": true}`, "acme/shop", "not done: nothing has failed", "failed succeeded/1 failed/1"},
		"not a payload of GitHub": {"check_run", `[]`, "acme/shop", "", "failed succeeded/1 failed/1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, "")
			s.plan(store.StateSucceeded, store.StateFailed)
			calls, err := s.store.Calls(t.Context(), s.run.Run)
			if err != nil {
				t.Fatal(err)
			}
			e := events.Event{
				ID: events.NewID(), Vendor: "github", Kind: c.kind, Name: c.kind, Filter: "rerequested", SHA: sha, Sender: "anna",
				Repository: &events.Repository{FullName: c.repository, CloneURL: "https://github.com/acme/shop.git"},
				Payload:    []byte(strings.ReplaceAll(c.payload, "CALL", calls[0].ID)),
			}
			if strings.Contains(c.payload, "other") {
				e.SHA = strings.Repeat("3", 40)
			}
			did, err := s.handler.Handle(t.Context(), &e)
			if err != nil || !strings.Contains(did, c.did) || (did == "") != (c.did == "") {
				t.Errorf("did %q, %v, want %q", did, err, c.did)
			}
			if got := s.states(); got != c.states {
				t.Errorf("it is %s, want %s", got, c.states)
			}
		})
	}
}
