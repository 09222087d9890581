package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func TestOverview(t *testing.T) {
	f := newFixture(t)
	var empty v1.Overview
	a := f.get("/overview", &empty)
	if len(empty.Repositories)+len(empty.Running)+len(empty.Waiting)+len(empty.Failed) != 0 || strings.Contains(string(a.body), "null") {
		t.Errorf("of nothing it is %s", a.body)
	}
	failed := f.planned("a/b", "x")
	f.finish(f.claimed(failed), store.StateFailed)
	hostile := push("a/<script>\u202e\"'&")
	hostile.Event.Ref, hostile.Event.Branch, hostile.Event.Sender = "refs/heads/$(id);`x`", "$(id);`x`", "<b>"
	f.accept(hostile)
	f.accept(fork("a/b"))
	f.disabled()
	running := f.planned("c/d", "y", "z")
	f.claimed(running)
	var o v1.Overview
	f.get("/overview", &o)
	if len(o.Running) != 1 || o.Running[0].Run.Number != running.Number || len(o.Running[0].Calls) != 1 || o.Running[0].Calls[0].Since == nil ||
		o.Running[0].Calls[0].Agent != "agent-1" {
		t.Errorf("running is %+v", o.Running)
	}
	if len(o.Waiting) != 2 || o.Waiting[0].Why != "approval" || o.Waiting[0].Reason != "waits for an approval: it comes from a fork" ||
		len(o.Waiting[1].Calls) != 1 || o.Waiting[1].Why != "nothing" || o.Waiting[1].Since.IsZero() {
		t.Errorf("waiting is %+v", o.Waiting)
	}
	if len(o.Failed) != 1 || o.Failed[0].ID != failed.Run {
		t.Errorf("failed is %+v", o.Failed)
	}
	if len(o.Repositories) != 3 || o.Repositories[0].Repository != "c/d" || o.Repositories[0].Branch != nil || len(o.Repositories[0].Recent) != 1 {
		t.Fatalf("repositories are %+v", o.Repositories)
	}
	if r := o.Repositories[1]; r.Repository != "a/b" || r.DefaultBranch != "main" || r.Branch == nil || r.Branch.State != "failed" || r.Disabled == nil {
		t.Errorf("a/b is %+v", r)
	}
	if r := o.Repositories[2]; r.Repository != hostile.Event.Repository.FullName {
		t.Errorf("the hostile one is %+v", r)
	}
	var first, second v1.Overview
	f.get("/overview?limit=2", &first)
	f.get("/overview?limit=2&cursor="+first.Next, &second)
	if first.MoreRepositories != 1 || len(second.Repositories) != 1 || second.Next != "" || second.MoreRepositories != 0 {
		t.Errorf("the pages are %+v and %+v", first, second)
	}
	f.do(v1.ScopeRead, http.MethodGet, "/overview?cursor=x", nil, http.StatusUnprocessableEntity, nil)
}

func TestBadge(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "x", "y")
	f.finish(f.claimed(r), store.StateFailed)
	f.finish(f.claimed(r), store.StateSucceeded)
	for query, want := range map[string]string{
		"repository=a/b":                          "main  failed 1",
		"repository=a/b&branch=main":              "main  failed 1",
		"repository=a/b&branch=dev":               "dev  none 0",
		"repository=a/b&function=y":               "main ci succeeded 1",
		"repository=a/b&function=x&module=ci":     "main ci failed 1",
		"repository=a/b&function=x&module=other":  "main other none 0",
		"repository=a/b&function=z":               "main  none 0",
		"repository=never/seen":                   "  none 0",
		"repository=never/seen&branch=%3Cb%3E%2F": "<b>/  none 0",
	} {
		var b v1.Badge
		f.get("/badge?"+query, &b)
		if got := fmt.Sprint(b.Branch, " ", b.Module, " ", b.State, " ", b.Run); got != want || (b.EndedAt != nil) != (b.Run != 0) {
			t.Errorf("%s is %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"", "repository=", "repository=a/b&module=ci", "repository=a/b&x=1"} {
		f.do(v1.ScopeRead, http.MethodGet, "/badge?"+query, nil, http.StatusUnprocessableEntity, nil)
	}
}

func TestWhyInWords(t *testing.T) {
	call := []store.CallName{{RunNumber: 7, Function: "deploy"}}
	for name, tc := range map[string]struct {
		w    store.Waiting
		want string
	}{
		"approval":            {store.Waiting{Why: store.WhyApproval}, "waits for an approval: somebody must look at it"},
		"ending":              {store.Waiting{Why: store.WhyEnding}, "waits for its last attempt to end, which was aborted"},
		"after":               {store.Waiting{Run: store.Run{Number: 7}, Why: store.WhyAfter, Behind: call, MoreBehind: 2}, "waits for deploy and 2 more"},
		"after nobody known":  {store.Waiting{Why: store.WhyAfter}, "waits for other calls of its run"},
		"group":               {store.Waiting{Run: store.Run{Number: 8}, Why: store.WhyGroup, Behind: call}, "waits for deploy of run 7, of the same group"},
		"no agent":            {store.Waiting{Why: store.WhyNoAgent}, "waits for an agent: none is at work"},
		"runner":              {store.Waiting{Why: store.WhyRunner, RunsOn: "gpu"}, `waits for a runner with the label "gpu": no agent at work has one that answers`},
		"other people's code": {store.Waiting{Why: store.WhyRunner, RunsOn: "untrusted "}, "waits for a runner for other people's code: no agent at work has one that answers"},
		"both":                {store.Waiting{Why: store.WhyRunner, RunsOn: "untrusted gpu"}, `waits for a runner with the label "gpu" for other people's code: no agent at work has one that answers`},
		"planning":            {store.Waiting{Why: store.WhyRepository, Most: 2}, "waits for other runs of the repository: 2 at a time are planned"},
		"repository":          {store.Waiting{Calls: call, Why: store.WhyRepository, Most: 2}, "waits for other calls of the repository: 2 at a time are made"},
		"planners":            {store.Waiting{Why: store.WhyAgents, Busy: 4, Most: 4}, "waits for room: 4 of 4 runs are being planned"},
		"agents":              {store.Waiting{Calls: call, Why: store.WhyAgents, Busy: 4, Most: 4}, "waits for room: 4 of 4 calls are being made"},
		"nothing":             {store.Waiting{Why: store.WhyNothing}, "waits to be taken by an agent"},
	} {
		if got := api.InWords(&tc.w); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// A change is seen by whoever follows, who need not ask again.
func TestFollowingTheOverview(t *testing.T) {
	f := newFixture(t)
	s := f.follow("/overview/stream")
	next := func() v1.Overview {
		t.Helper()
		m := s.next(t)
		var o v1.Overview
		if err := json.Unmarshal([]byte(m.data), &o); err != nil || m.event != "" || m.id != "" {
			t.Fatalf("%+v is no overview (%v)", m, err)
		}
		return o
	}
	if o := next(); len(o.Repositories) != 0 {
		t.Errorf("at first there is %+v", o)
	}
	r := f.accept(push("a/b"))
	if o := next(); len(o.Waiting) != 1 || o.Waiting[0].Run.ID != r.Run {
		t.Errorf("after a push there is %+v", o)
	}
	f.do(v1.ScopeRun, http.MethodPost, "/runs/"+r.Run+"/abort", nil, http.StatusOK, nil)
	if o := next(); len(o.Waiting) != 0 || o.Repositories[0].Recent[0].State != "aborted" {
		t.Errorf("after an abort there is %+v", o)
	}
	s.hangUp()
	s.over(t)
}

// However many follow, one of them computes, and those who come later get it at once.
func TestFollowersShareTheirOverview(t *testing.T) {
	var (
		share    api.Share
		computed atomic.Int64
		wg       sync.WaitGroup
	)
	compute := func() ([]byte, error) { return fmt.Append(nil, computed.Add(1)), nil }
	start := time.Now()
	for range 200 {
		wg.Go(func() {
			if data, err := share.Get(t.Context(), start, compute); err != nil || string(data) != "1" {
				t.Errorf("got %s (%v)", data, err)
			}
		})
	}
	wg.Wait()
	later := time.Now()
	for range 200 {
		wg.Go(func() {
			if data, err := share.Get(t.Context(), later, compute); err != nil || string(data) != "2" {
				t.Errorf("after a change got %s (%v)", data, err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); computed.Load() != 2 || took < time.Second {
		t.Errorf("it was computed %d times in %s", computed.Load(), took)
	}
	// What one of them runs into is not the others' fault.
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := share.Get(gone, time.Now(), compute); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone gets %v", err)
	}
	broken := errors.New("broken")
	if _, err := share.Get(t.Context(), time.Now(), func() ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("a failure gives %v", err)
	}
	if data, err := share.Get(t.Context(), time.Now(), compute); err != nil || string(data) != "3" {
		t.Errorf("after a failure got %s (%v)", data, err)
	}
}

// A stranger sees what is public and is not told that there is more, in any list or count.
func TestOverviewOfStrangers(t *testing.T) {
	f := newFixture(t)
	for _, repository := range []string{"a/b", "a/secret"} {
		f.finish(f.claimed(f.planned(repository, "x")), store.StateFailed)
		f.claimed(f.planned(repository, "y", "z"))
		f.accept(fork(repository))
		d := store.Disabled{Repository: repository, Reason: "for a/secret reason"}
		if err := f.store.Disable(t.Context(), d, store.Actor{Person: "mona"}); err != nil {
			t.Fatal(err)
		}
	}
	f.accept(push("a/b"))
	f.accept(push("a/secret"))
	check := func(what, text string, repositories int) {
		t.Helper()
		var o v1.Overview
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%s: %v: %s", what, err, text)
		}
		if strings.Contains(text, "a/secret") || strings.Contains(text, "mona") || strings.Contains(text, "agent-1") || len(o.Repositories) != repositories || len(o.Failed) != repositories ||
			len(o.Running) != repositories || len(o.Waiting) != 3*repositories || o.MoreWaiting+o.MoreRunning+o.MoreRepositories != 0 {
			t.Errorf("%s: a stranger is told %.3000s", what, text)
		}
	}
	for name, tc := range map[string]struct {
		visitor      api.Visitor
		repositories int
	}{"one is public": {public, 1}, "none is": {api.Visitor{}, 0}} {
		status, text := f.as(tc.visitor, http.MethodGet, "/overview", nil)
		if status != http.StatusOK {
			t.Fatalf("%s: %d", name, status)
		}
		check(name, text, tc.repositories)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+v1.Prefix+"/overview/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	// What somebody else follows who may see more is not what he gets.
	f.follow("/overview/stream").next(t)
	res, err := f.api.As(public).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(res.Body).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	check("stream", strings.TrimPrefix(line, "data: "), 1)
}
