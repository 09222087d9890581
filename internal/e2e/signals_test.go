package e2e_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/report"
)

// sleeper is a forge whose pushes to main begin, take a while and end.
func sleeper(t *testing.T, script string) (*forge, []byte) {
	t.Helper()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub onGithubPush(src: Directory!): String! { shell(src, "echo begins; `+script+`; echo ended").stdout }
`))...)
	return f, push(t, f, "", sha)
}

func TestSIGTERMLetsCallsFinish(t *testing.T) {
	t.Parallel()
	f, body := sleeper(t, "sleep 4")
	a := start(t, f, settings{})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	a.signal(syscall.SIGTERM)
	a.log("the agent stops", func(l logLine) bool { return strings.HasPrefix(l.Msg, "agent stops") })
	until(t, "deliveries are refused", 3*time.Second, func() bool {
		status, _, err := a.post("push", body, nil)
		return err != nil || status == http.StatusServiceUnavailable
	})
	if code := a.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if got := a.finish(id).succeeded("onGithubPush"); got != "begins\nended\n" {
		t.Errorf("the call returned %q", got)
	}
}

func TestGracePeriodIsALimit(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	a := start(t, f, settings{args: []string{"--grace-period", "1s"}})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	began := time.Now()
	a.signal(syscall.SIGTERM)
	if code := a.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	if took := time.Since(began); took < time.Second || took > 15*time.Second {
		t.Errorf("the agent took %s to end, with a grace period of 1s", took)
	}
	if got := a.finish(id).result("onGithubPush"); got.State != "aborted" || !strings.Contains(got.Error, "grace period of 1s") {
		t.Errorf("the call is %s: %q", got.State, got.Error)
	}
	gone(t, 15*time.Second, "sleep", nap)
}

func TestSecondSIGTERMEndsCalls(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	a := start(t, f, settings{})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	a.signal(syscall.SIGTERM)
	a.log("the agent stops", func(l logLine) bool { return strings.HasPrefix(l.Msg, "agent stops") })
	began := time.Now()
	a.signal(syscall.SIGTERM)
	if code := a.exit(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	t.Logf("the agent ended after %s", time.Since(began).Round(time.Millisecond))
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the agent took %s to end", took)
	}
	if got := a.finish(id).result("onGithubPush"); got.State != "aborted" || !strings.Contains(got.Error, "again") {
		t.Errorf("the call is %s: %q", got.State, got.Error)
	}
	gone(t, 15*time.Second, "sleep", nap)
}

func TestSIGKILLLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	a := start(t, f, settings{})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	runs(t, "sleep", nap)
	below := children(a.cmd.Process.Pid)
	if len(below) == 0 {
		t.Fatal("the agent has no session")
	}
	began := time.Now()
	a.signal(syscall.SIGKILL)
	gone(t, 15*time.Second, "sleep", nap)
	until(t, "the sessions end", 15*time.Second-time.Since(began), func() bool {
		for _, pid := range below {
			if alive(pid) {
				return false
			}
		}
		return true
	})
	t.Logf("everything was gone after %s", time.Since(began).Round(time.Millisecond))
	a.exit()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.lines {
		if l.Type == "ended" {
			t.Errorf("the call ended before the agent was killed: %+v", l)
		}
	}
}

// The agent that comes after one that was killed works in its data directory.
func TestAgentFollowsOneThatWasKilled(t *testing.T) {
	t.Parallel()
	f, body := sleeper(t, "true")
	first := start(t, f, settings{})
	id := first.deliver("push", body)
	first.line(id, "the call starts", func(l report.Line) bool { return l.Type == "started" })
	first.signal(syscall.SIGKILL)
	first.exit()
	second := start(t, f, settings{args: []string{"--data-dir", first.dataDir}})
	if got := second.finish(second.deliver("push", body)).succeeded("onGithubPush"); got != "begins\nended\n" {
		t.Errorf("the call returned %q", got)
	}
}
