package statuses_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/statuses"
	"github.com/franela/pocketci/internal/store"
)

const head = "1111111111111111111111111111111111111111"

// board is a forge that shows statuses.
type board struct {
	forge.Forge

	mu    sync.Mutex
	told  []forge.Status
	refs  []string
	fails []error
}

func (b *board) SetStatus(_ context.Context, repository, sha string, s forge.Status, ref string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if repository != "acme/shop" || sha != head {
		return "", fmt.Errorf("told %s at %s", repository, sha)
	}
	if len(b.fails) > 0 {
		err := b.fails[0]
		b.fails = b.fails[1:]
		return "", err
	}
	b.told, b.refs = append(b.told, s), append(b.refs, ref)
	return "ref-" + s.Context, nil
}

// shown are the latest statuses, and forgets all.
func (b *board) shown() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	latest := map[string]string{}
	for _, s := range b.told {
		latest[s.Context] = fmt.Sprintf("%s %s: %s", s.Context, s.State, s.Description)
	}
	b.told = nil
	return strings.Join(slices.Sorted(maps.Values(latest)), "\n")
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time         { return c.now }
func (c *clock) Elapsed() time.Duration { return c.now.Sub(time.Time{}.AddDate(2025, 0, 0)) }

// stage is a store with one run, and a teller.
type stage struct {
	t      *testing.T
	clock  *clock
	store  *store.Store
	agent  *store.Agent
	board  *board
	teller *statuses.Teller
	log    bytes.Buffer
	count  map[string]int
	run    store.Receipt
}

func newStage(t *testing.T, statusesOn bool) *stage {
	st := &stage{t: t, clock: &clock{time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}, board: &board{}, count: map[string]int{}}
	s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir(), Clock: st.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	st.store = s
	if st.agent, err = s.Join(t.Context(), "a", true); err != nil {
		t.Fatal(err)
	}
	st.run, err = s.Accept(t.Context(), store.Delivery{Hook: "github", Event: events.Event{
		ID: events.NewID(), Delivery: "1", Vendor: "github", Name: "push", Ref: "refs/heads/main", SHA: head, Trusted: true, ReceivedAt: st.clock.now,
		Repository: &events.Repository{FullName: "acme/shop", CloneURL: "https://github.com/acme/shop.git"}, Payload: []byte("{}"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	st.teller = statuses.New(statuses.Config{
		Store: s, Forges: forge.Set{{Forge: st.board, Host: "github.com", Statuses: statusesOn}},
		RunURL:   func(n int64) string { return fmt.Sprintf("https://ci.example.com/runs/%d", n) },
		Annotate: forge.AnnotationsIn,
		Count: func(vendor, result string) {
			mu.Lock()
			defer mu.Unlock()
			st.count[vendor+" "+result]++
		},
		Log: slog.New(slog.NewTextHandler(&st.log, nil)),
	})
	return st
}

func (st *stage) plan(functions ...string) {
	st.t.Helper()
	p := store.Plan{Plan: json.RawMessage(`{"view": {"event": {"changes": ["cmd/a.go"]}}}`), Tell: true, Uncalled: []store.Uncalled{{Module: "ci", Function: "docs", Reason: "no matching changes"}}}
	for _, f := range functions {
		p.Calls = append(p.Calls, store.NewCall{Module: "ci", Function: f, Spec: json.RawMessage(`{}`)})
	}
	p.Calls = append(p.Calls, store.NewCall{Module: "ci", Function: "wrong", Invalid: "ci:wrong: x is required\nand more"},
		store.NewCall{Module: "broken", Invalid: "it cannot be loaded"})
	c, _, err := st.agent.ClaimRun(st.t.Context(), store.Limits{})
	if err != nil {
		st.t.Fatal(err)
	}
	if _, err := st.agent.Planned(st.t.Context(), c, p); err != nil {
		st.t.Fatal(err)
	}
}

func (st *stage) claim() store.Claim {
	st.t.Helper()
	c, _, err := st.agent.ClaimCall(st.t.Context(), store.Limits{})
	if err != nil {
		st.t.Fatal(err)
	}
	return c
}

func (st *stage) tell(want string) {
	st.t.Helper()
	if _, err := st.teller.Tell(st.t.Context()); err != nil {
		st.t.Fatal(err)
	}
	if got := st.board.shown(); got != want {
		st.t.Errorf("the forge shows\n%s\nwant\n%s", got, want)
	}
}

func TestTell(t *testing.T) {
	st := newStage(t, true)
	st.plan("test", "lint", "last")
	st.tell(`pocketci/broken failed: it cannot be loaded
pocketci/ci/docs skipped: skipped: no matching changes
pocketci/ci/last pending: waits for its turn
pocketci/ci/lint pending: waits for its turn
pocketci/ci/test pending: waits for its turn
pocketci/ci/wrong failed: ci:wrong: x is required`)
	first, second := st.claim(), st.claim()
	st.tell("pocketci/ci/lint running: runs\npocketci/ci/test running: runs")
	st.tell("")
	st.clock.now = st.clock.now.Add(90 * time.Second)
	result := json.RawMessage(`{"error": "a.go:3: oops\n` + "```" + `\nmore"}`)
	if _, err := st.agent.Finish(t.Context(), first, store.Ending{State: store.StateSucceeded}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.agent.Finish(t.Context(), second, store.Ending{State: store.StateTimedOut, Reason: "timed out after 1m0s\nsecond line", Result: result}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.teller.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range st.board.told {
		if s.ExternalID == "" || s.URL != fmt.Sprintf("https://ci.example.com/runs/%d", st.run.Number) || s.Started.IsZero() || s.Ended.Sub(s.Started) != 90*time.Second {
			t.Errorf("%+v", s)
		}
		if s.State == forge.StateFailed && (!strings.Contains(s.Summary, "````text\na.go:3: oops\n```\nmore\n````") ||
			!strings.Contains(s.Summary, "[Run ") || len(s.Annotations) != 1 || s.Annotations[0] != forge.Annotation{Path: "cmd/a.go", Line: 3, Message: "oops"}) {
			t.Errorf("its summary is %q, its annotations %+v", s.Summary, s.Annotations)
		}
	}
	if !slices.Contains(st.board.refs, "ref-pocketci/ci/test") {
		t.Errorf("the forge's own references were not given back: %q", st.board.refs)
	}
	if got, want := st.board.shown(), "pocketci/ci/lint failed: timed out after 1m0s\npocketci/ci/test succeeded: succeeded in 1m30s"; got != want {
		t.Errorf("the forge shows\n%s\nwant\n%s", got, want)
	}
	if err := st.store.Abort(t.Context(), st.run.Run, store.Actor{Person: "ann"}, ""); err != nil {
		t.Fatal(err)
	}
	st.tell("pocketci/ci/last aborted: aborted by ann")
	st.tell("")
}

func TestTellOfPlanning(t *testing.T) {
	st := newStage(t, true)
	c, _, err := st.agent.ClaimRun(t.Context(), store.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.agent.Unplanned(t.Context(), c, store.StateWaiting, "it is code of the fork mallory/shop", true); err != nil {
		t.Fatal(err)
	}
	st.tell("pocketci/plan pending: waits for an approval: it is code of the fork mallory/shop")
	if err := st.store.Approve(t.Context(), st.run.Run, head, false, store.Actor{Person: "ann"}); err != nil {
		t.Fatal(err)
	}
	st.tell("pocketci/plan pending: waits to be planned")
	st.plan()
	st.tell(`pocketci/broken failed: it cannot be loaded
pocketci/ci/docs skipped: skipped: no matching changes
pocketci/ci/wrong failed: ci:wrong: x is required
pocketci/plan succeeded: planned`)
}

func TestFailures(t *testing.T) {
	limit := &forge.LimitError{}
	for name, c := range map[string]struct {
		fails  []error
		passes time.Duration // until it is tried again, zero for never
		count  string
		lines  int
	}{
		"that may pass":                  {[]error{errors.New("the forge answers 502")}, 10 * time.Second, "failed", 1},
		"a limit":                        {[]error{fmt.Errorf("set status: %w", limit)}, time.Hour, "limited", 1},
		"no permission":                  {[]error{&forge.PermissionError{Status: 403, Doing: "set status", Needs: "statuses"}}, 0, "refused", 1},
		"a token that is not known":      {[]error{&forge.PermissionError{Status: 401, Doing: "set status"}}, 10 * time.Second, "failed", 1},
		"a commit that is not there":     {[]error{fmt.Errorf("set status: %w", forge.ErrNotFound)}, 0, "refused", 1},
		"the same failure over and over": {[]error{errors.New("x"), errors.New("x"), errors.New("x")}, 10*time.Second + 20*time.Second + 40*time.Second, "failed", 1},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t, true)
			limit.Until = time.Now().Add(time.Hour)
			c2, _, err := st.agent.ClaimRun(t.Context(), store.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := st.agent.Unplanned(t.Context(), c2, store.StateInvalid, "pocketci.yaml:1:1: x", true); err != nil {
				t.Fatal(err)
			}
			st.board.fails = slices.Clone(c.fails)
			st.tell("")
			if st.count["github "+c.count] != 1 {
				t.Errorf("counted %v", st.count)
			}
			begun := st.clock.now
			for range 1000 {
				st.clock.now = st.clock.now.Add(5 * time.Second)
				if _, err := st.teller.Tell(t.Context()); err != nil {
					t.Fatal(err)
				}
				if len(st.board.told) > 0 {
					break
				}
			}
			switch told := len(st.board.told) > 0; {
			case told != (c.passes > 0):
				t.Errorf("told in the end: %v", told)
			case told && (st.clock.now.Sub(begun) < c.passes-5*time.Second || st.clock.now.Sub(begun) > c.passes+10*time.Second):
				t.Errorf("told after %s, want about %s", st.clock.now.Sub(begun), c.passes)
			}
			if n := strings.Count(st.log.String(), "\n"); n != c.lines {
				t.Errorf("%d lines of log:\n%s", n, st.log.String())
			}
		})
	}
}

func TestForgesThatAreNotTold(t *testing.T) {
	st := newStage(t, false)
	st.plan("test")
	st.tell("")
	if len(st.count) != 0 {
		t.Errorf("counted %v", st.count)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	st := newStage(t, true)
	st.plan("test")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		st.teller.Run(ctx)
	}()
	for {
		st.board.mu.Lock()
		n := len(st.board.told)
		st.board.mu.Unlock()
		if n == 4 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
}

// What a call printed is in its log alone, of which the end is shown.
func TestTellOfWhatWasPrinted(t *testing.T) {
	st := newStage(t, true)
	st.plan("lint")
	c := st.claim()
	line := func(state, text string) {
		t.Helper()
		data, err := json.Marshal(v1.LogLine{State: state, Step: "withExec", Text: text})
		if err != nil {
			t.Fatal(err)
		}
		if err := st.agent.AppendLog(t.Context(), c, append(data, '\n')); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 { // more than is looked at
		line("output", "cmd/a.go:1: at the very beginning "+strings.Repeat("x", 32<<10))
	}
	line("started", "cmd/a.go:2: of a step's name")
	line("output", "cmd/a.go:7: too long")
	line("output", "cmd/b.go:8: of another change")
	if _, err := st.agent.Finish(t.Context(), c, store.Ending{State: store.StateFailed, Reason: "exit code 1", Result: json.RawMessage(`{"error":"exit code 1"}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.teller.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(st.board.told, func(s forge.Status) bool { return s.Context == "pocketci/ci/lint" })
	if i < 0 {
		t.Fatalf("the forge was told %+v", st.board.told)
	}
	told := st.board.told[i]
	last := told.Annotations[len(told.Annotations)-1]
	if last != (forge.Annotation{Path: "cmd/a.go", Line: 7, Message: "too long"}) || len(told.Annotations) >= 40 {
		t.Errorf("%d annotations, the last %+v", len(told.Annotations), last)
	}
	if len(told.Summary) > 20<<10 {
		t.Errorf("the summary has %d bytes", len(told.Summary))
	}
	for text, want := range map[string]bool{"exit code 1": true, "cmd/b.go:8: of another change": true, "of a step's name": false} {
		if strings.Contains(told.Summary, text) != want {
			t.Errorf("the summary has %q: %t", text, !want)
		}
	}
}
