package e2e_test

import (
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// ann is somebody who asks an agent through its API.
func ann(t *testing.T, a *agent, s *store.Store) *client.Client {
	t.Helper()
	_, secret, err := s.CreateKey(t.Context(), store.NewKey{Name: "ann", Scope: store.KeyScopeRun}, somebody)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{Server: a.url, Key: secret, UserAgent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// An abort that one agent is asked for ends the call that another one makes,
// and not the call that the first one makes of the same run.
func TestAbortThroughAnotherAgent(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	naps := map[string]string{"aOnGithubPush": number() + "1", "bOnGithubPush": number() + "2"}
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub aOnGithubPush(src: Directory!): String! { shell(src, "sleep `+naps["aOnGithubPush"]+`").stdout }
  pub bOnGithubPush(src: Directory!): String! { shell(src, "sleep `+naps["bOnGithubPush"]+`").stdout }
`))...)
	one, two := with(t, f, dsn), with(t, f, dsn)
	c := ann(t, one, s)

	id := one.deliver("push", push(t, f, "", sha))
	two.runs[id] = one.runs[id]
	for _, nap := range naps {
		runs(t, "sleep", nap)
	}
	mine := one.line(id, "the first agent makes a call", func(l report.Line) bool { return l.Type == "started" }).Function
	theirs := two.line(id, "the second agent makes a call", func(l report.Line) bool { return l.Type == "started" }).Function
	run := runsOf(t, s)[0].ID

	began := time.Now()
	if err := c.AbortCall(t.Context(), callOf(t, s, run, theirs).ID, v1.Abort{Reason: "not needed"}); err != nil {
		t.Fatal(err)
	}
	ended := two.line(id, "the other agent's call ends", func(l report.Line) bool { return l.Type == "ended" })
	gone(t, 10*time.Second, "sleep", naps[theirs])
	took := ended.Time.Sub(began)
	t.Logf("the call ended after %s, its container was gone after %s", took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if ended.State != "aborted" || took > 10*time.Second { // two, on a machine with nothing else to do
		t.Errorf("the call is %s after %s", ended.State, took)
	}
	if c := callOf(t, s, run, theirs); c.State != store.StateAborted || c.Reason != "aborted by ann: not needed" {
		t.Errorf("the call is %s: %s", c.State, c.Reason)
	}
	if c := callOf(t, s, run, mine); c.State != store.StateRunning || len(processes("sleep", naps[mine])) != 1 {
		t.Errorf("the other call of the run is %s: %s", c.State, c.Reason)
	}
	if err := c.AbortRun(t.Context(), one.runs[id], v1.Abort{}); err != nil {
		t.Fatal(err)
	}
	gone(t, 10*time.Second, "sleep", naps[mine])
	if r := await(t, s, one.runs[id], store.StateAborted); r.Reason != "aborted by ann" {
		t.Errorf("the run's reason is %q", r.Reason)
	}
}

// What is aborted before it starts never starts, whether it waits for a turn or
// to be planned, and what waits behind it does.
func TestAbortBeforeItStarts(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	g := newGateway(t)
	a := start(t, f, settings{host: g.host(), args: []string{"--parallelism", "1"}})
	s := beside(t, a)
	byNumber := func(number string) store.Run {
		for _, r := range runsOf(t, s) {
			if fmt.Sprint(r.Number) == number {
				return r
			}
		}
		t.Fatalf("there is no run %s", number)
		return store.Run{}
	}
	var numbers []string
	for i := range 4 {
		numbers = append(numbers, a.runs[a.deliver("push", append(body, strings.Repeat("\n", i)...))])
	}
	abort := func(number string) {
		if err := s.Abort(t.Context(), byNumber(number).ID, somebody, ""); err != nil {
			t.Fatal(err)
		}
	}
	abort(numbers[0]) // without an engine nothing has been planned
	g.open()
	first := ""
	until(t, "a call is made and two wait", patience, func() bool {
		first = ""
		waiting := 0
		for _, number := range numbers[1:] {
			calls, err := s.Calls(t.Context(), byNumber(number).ID)
			switch {
			case err != nil:
				t.Fatal(err)
			case len(calls) == 1 && calls[0].State == store.StateRunning:
				first = number
			case len(calls) == 1 && calls[0].State == store.StateQueued:
				waiting++
			}
		}
		return first != "" && waiting == 2
	})
	var others []string
	for _, number := range numbers[1:] {
		if number != first {
			others = append(others, number)
		}
	}
	runs(t, "sleep", nap)
	abort(others[0])
	abort(first)
	until(t, "what waits behind it starts", patience, func() bool { return a.says(others[1], "started") == 1 })
	runs(t, "sleep", nap)
	abort(others[1])
	gone(t, 10*time.Second, "sleep", nap)
	for number, planned := range map[string]int{numbers[0]: 0, others[0]: 1} {
		r := byNumber(number)
		calls, err := s.Calls(t.Context(), r.ID)
		if err != nil || len(calls) != planned || r.State != store.StateAborted || a.says(number, "started") != 0 {
			t.Errorf("run %s is %s, was started %d times and has the calls %+v, %v", number, r.State, a.says(number, "started"), calls, err)
		}
		for _, c := range calls {
			if c.State != store.StateAborted || !c.StartedAt.IsZero() || c.Agent != "" {
				t.Errorf("the call that was aborted before it started is %+v", c)
			}
		}
	}
}

// triesVariable is how often a call is aborted at random while it starts.
const triesVariable = "POCKETCI_ABORT_TRIES"

// A call that is aborted at whatever moment of its start ends, and leaves no
// container behind. The engine can leave one: v0.21.8 forgets a container if it
// is told to end it after it has called runc and before it knows runc's process
// (runcProcessHandle in engine/engineutil/executor.go). One try can meet that.
func TestAbortWhileItStarts(t *testing.T) {
	t.Parallel()
	tries := 6
	if text := os.Getenv(triesVariable); text != "" {
		var err error
		if tries, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", triesVariable, err)
		}
	}
	// Each has a function, and so a container, of its own: one that comes late
	// is seen as that one's.
	naps := make([]string, tries)
	var functions strings.Builder
	base := number()
	for i := range naps {
		naps[i] = fmt.Sprintf("%s%03d", base, i)
		fmt.Fprintf(&functions, "  pub f%dOnGithubPush(src: Directory!): String! { shell(src, \"sleep %s\").stdout }\n", i, naps[i])
	}
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(functions.String()))...)
	// One at a time, so that each starts when the one before it is over.
	a := start(t, f, settings{args: []string{"--parallelism", "1"}})
	s := beside(t, a)
	c := ann(t, a, s)
	id := a.deliver("push", push(t, f, "", sha))
	aborted, running := map[string]bool{}, 0
	for try := range naps {
		started := a.line(id, "a call starts", func(l report.Line) bool {
			return l.Type == "started" && !aborted[l.Function]
		})
		wait := time.Duration(mathrand.IntN(1500)) * time.Millisecond
		if try == 0 {
			wait = 0 // while the session is being opened
		}
		time.Sleep(wait)
		var i int
		if _, err := fmt.Sscanf(started.Function, "f%dOnGithubPush", &i); err != nil {
			t.Fatal(err)
		}
		if len(processes("sleep", naps[i])) > 0 {
			running++
		}
		began := time.Now()
		if err := c.AbortCall(t.Context(), callOf(t, s, runsOf(t, s)[0].ID, started.Function).ID, v1.Abort{}); err != nil {
			t.Fatal(err)
		}
		ended := a.line(id, "the call ends", func(l report.Line) bool { return l.Type == "ended" && l.Function == started.Function })
		aborted[started.Function] = true
		if took := ended.Time.Sub(began); took > 10*time.Second {
			t.Errorf("%s ended %s after it was aborted, which was %s after it started", started.Function, took, wait)
		}
	}
	await(t, s, a.runs[id], store.StateAborted)
	time.Sleep(3 * time.Second) // a container that comes late is there by now
	left := func() (pids []int) {
		for _, nap := range naps {
			pids = append(pids, processes("sleep", nap)...)
		}
		return pids
	}
	for deadline := time.Now().Add(7 * time.Second); len(left()) > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	forgotten := left()
	for _, pid := range forgotten {
		_ = syscall.Kill(pid, syscall.SIGKILL) // nobody else does
	}
	t.Logf("%d calls were aborted within 1.5 s of their start, %d of them after their container ran; %d containers were left", tries, running, len(forgotten))
	if len(forgotten) > 1 {
		t.Errorf("%d containers were left", len(forgotten))
	}
}
