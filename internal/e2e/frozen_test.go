package e2e_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

// The call of an agent that stands still for a while, as in a virtual machine
// that is paused, is made by another one. The first has nothing to say of it any
// more when it wakes up, and takes part again.
func TestAgentThatStandsStill(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	f, body := sleeper(t, "sleep 4")
	agents := []*agent{with(t, f, dsn), with(t, f, dsn)}
	id := agents[0].deliver("push", body)
	run := agents[0].runs[id]
	agents[1].runs[id] = run
	frozen, others := started(t, run, agents...)
	other := others[0]
	frozen.printed(id, "begins")
	// Its session goes on, and the call comes to its end.
	frozen.signal(syscall.SIGSTOP)
	t.Cleanup(func() { _ = frozen.cmd.Process.Signal(syscall.SIGCONT) }) // lest it cannot be ended
	began := time.Now()
	other.line(id, "the other agent makes the call", func(l report.Line) bool { return l.Type == "started" })
	took := time.Since(began)
	t.Logf("the other agent made the call after %s", took.Round(time.Millisecond))
	if took > 40*time.Second {
		t.Errorf("the other agent made the call only after %s", took)
	}
	other.finish(id).succeeded("onGithubPush")

	frozen.signal(syscall.SIGCONT)
	frozen.log("it gives up its work", func(l logLine) bool { return strings.Contains(l.Msg, "gives up its work") })
	late := frozen.line(id, "its call ends", func(l report.Line) bool { return l.Type == "ended" })
	t.Logf("its late result was: %s %s", late.State, late.Error)
	r := runsOf(t, s)[0]
	c := callOf(t, s, r.ID, "onGithubPush")
	attempts, err := s.CallAttempts(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r.State != store.StateSucceeded || c.State != store.StateSucceeded || c.Attempt != 2 {
		t.Errorf("run and call are %+v and %+v", r, c)
	}
	if len(attempts) != 1 || attempts[0].State != store.StateAborted || !strings.Contains(attempts[0].Reason, "was silent") {
		t.Errorf("the earlier attempts are %+v", attempts)
	}
	frozen.mu.Lock()
	for _, l := range frozen.logs {
		if l.Msg == "run ended" {
			t.Errorf("the agent that was late says that it ended the run: %s", l.text)
		}
	}
	frozen.mu.Unlock()

	// It is a member again if it makes the next call alone.
	other.endNow()
	next := frozen.deliver("push", another(body))
	frozen.finish(next).succeeded("onGithubPush")
}
