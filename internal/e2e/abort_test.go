package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// beside opens the store of an agent that is at work, as another process does.
func beside(t *testing.T, a *agent) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{DataDir: a.dataDir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var somebody = store.Actor{Person: "ann"}

// callOf is the call of a function in a run.
func callOf(t *testing.T, s *store.Store, run, function string) store.Call {
	t.Helper()
	calls, err := s.Calls(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		if c.Function == function {
			return c
		}
	}
	t.Fatalf("the run has no call of %s: %+v", function, calls)
	return store.Call{}
}

// Aborting a call ends it and its container, and leaves its siblings alone,
// although they share a session. One that waits for the very same container
// keeps it. What waits never begins.
func TestAbortEndsACallAndNoOther(t *testing.T) {
	t.Parallel()
	long, common := number(), number()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub longOnGithubPush(src: Directory!): String! { shell(src, "echo begins; sleep `+long+`").stdout }
  pub besideOnGithubPush(src: Directory!): String! { shell(src, "sleep 8; echo unharmed").stdout }
  pub firstOnGithubPush(src: Directory!): String! { shell(src, ": `+common+`; sleep 8; echo common").stdout }
  pub secondOnGithubPush(src: Directory!): String! { shell(src, ": `+common+`; sleep 8; echo common").stdout }
  pub waitsOnGithubPush: String! { "never" }
`), yaml("module-path: ./ci", "functions:", "  waitsOnGithubPush: {after: longOnGithubPush}"))...)
	a := start(t, f, settings{})
	id := a.deliver("push", push(t, f, "", sha))
	a.printed(id, "begins")
	runs(t, "sleep", long)
	s := beside(t, a)
	run := runsOf(t, s)[0].ID
	until(t, "both wait for the common container", patience, func() bool { return a.says(a.runs[id], "started") == 4 })
	time.Sleep(time.Second) // lest one of them has not got as far

	began := time.Now()
	for _, function := range []string{"longOnGithubPush", "firstOnGithubPush"} {
		if err := s.AbortCall(t.Context(), callOf(t, s, run, function).ID, somebody, "not needed"); err != nil {
			t.Fatal(err)
		}
	}
	ended := a.line(id, "the call ends", func(l report.Line) bool { return l.Type == "ended" && l.Function == "longOnGithubPush" })
	took := ended.Time.Sub(began)
	gone(t, 10*time.Second, "sleep", long)
	t.Logf("the call ended after %s, its container was gone after %s", took.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if ended.State != "aborted" || took > 10*time.Second { // two, on a machine with nothing else to do
		t.Errorf("the call is %s after %s", ended.State, took)
	}

	r := await(t, s, a.runs[id], store.StateAborted)
	for function, want := range map[string]string{
		"longOnGithubPush": "aborted aborted by ann: not needed", "firstOnGithubPush": "aborted aborted by ann: not needed",
		"besideOnGithubPush": "succeeded ", "secondOnGithubPush": "succeeded ",
		"waitsOnGithubPush": "skipped it comes after ci:longOnGithubPush, which is aborted",
	} {
		if c := callOf(t, s, r.ID, function); string(c.State)+" "+c.Reason != want {
			t.Errorf("%s is %s %s, want %s", function, c.State, c.Reason, want)
		}
	}
	if n := a.says(a.runs[id], "started"); n != 4 {
		t.Errorf("%d calls were started, want 4", n)
	}
}

// However fast people abort and restart, a call is made once at a time and ends
// as the last of them wanted.
func TestAbortAndRestartInATurn(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	a := start(t, f, settings{})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	runs(t, "sleep", nap)
	s := beside(t, a)
	run := runsOf(t, s)[0].ID
	most := 0
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			most = max(most, len(processes("sleep", nap)))
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	for range 4 {
		if err := s.Abort(t.Context(), run, somebody, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Restart(t.Context(), run, store.RestartAll, somebody); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the last attempt is made", patience, func() bool {
		c := callOf(t, s, run, "onGithubPush")
		return c.State == store.StateRunning && c.Attempt == 5
	})
	runs(t, "sleep", nap)
	time.Sleep(2 * time.Second) // whatever else would have begun has
	close(stop)
	<-watched
	// The shell of the container has the words in its own command line too,
	// but not in a row.
	if most > 1 {
		t.Errorf("%d containers ran at once", most)
	}
	if err := s.Abort(t.Context(), run, somebody, ""); err != nil {
		t.Fatal(err)
	}
	gone(t, 10*time.Second, "sleep", nap)
}

// A restart of what failed makes that again, really, and nothing else.
func TestRestartOfWhatFailed(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub goodOnGithubPush(src: Directory!): String! { shell(src, "echo good").stdout }
  pub badOnGithubPush(src: Directory!): String! { shell(src, "cat /proc/uptime; exit 3").stdout }
  pub thenOnGithubPush: String! { "then" }
`), yaml("module-path: ./ci", "functions:", "  thenOnGithubPush: {after: [goodOnGithubPush, badOnGithubPush]}"))...)
	a := start(t, f, settings{})
	id := a.deliver("push", push(t, f, "", sha))
	a.finish(id)
	s := beside(t, a)
	r := await(t, s, a.runs[id], store.StateFailed)
	if c := callOf(t, s, r.ID, "thenOnGithubPush"); c.State != store.StateSkipped || !strings.Contains(c.Reason, "badOnGithubPush, which is failed") {
		t.Errorf("what comes after is %s: %s", c.State, c.Reason)
	}
	if _, err := s.Restart(t.Context(), r.ID, store.RestartFailed, somebody); err != nil {
		t.Fatal(err)
	}
	until(t, "the second attempt ends", patience, func() bool {
		again := runsOf(t, s)[0]
		return again.Attempt == 2 && again.State.Final()
	})
	for function, want := range map[string]int{"goodOnGithubPush": 1, "badOnGithubPush": 2, "thenOnGithubPush": 2} {
		if c := callOf(t, s, r.ID, function); c.Attempt != want {
			t.Errorf("%s has attempt %d, want %d", function, c.Attempt, want)
		}
	}
	// The container ran each time: it printed another uptime.
	seen := map[string]bool{}
	for attempt := 1; attempt <= 2; attempt++ {
		chunks, _, err := s.ReadLog(t.Context(), callOf(t, s, r.ID, "badOnGithubPush").ID, attempt, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range chunks {
			for line := range strings.Lines(string(c.Data)) {
				if strings.Contains(line, `"state":"output"`) {
					_, text, _ := strings.Cut(line, `"text":"`)
					seen[text] = true
				}
			}
		}
	}
	if len(seen) < 2 {
		t.Errorf("two attempts printed %v", seen)
	}
}
