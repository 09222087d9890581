package e2e_test

import (
	"net/http"
	"os/exec"
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
	givenBack(a, id, "grace period of 1s")
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
	givenBack(a, id, "again")
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

// givenBack checks that a call was ended for a reason and put back into the
// queue by an agent that has stopped.
func givenBack(a *agent, id, reason string) {
	a.t.Helper()
	ended := a.line(id, "the call is ended", func(l report.Line) bool { return l.Type == "ended" })
	if ended.State != "aborted" || !strings.Contains(ended.Error, reason) {
		a.t.Errorf("the call is %s: %q", ended.State, ended.Error)
	}
	back := a.log("the call is given back", func(l logLine) bool { return strings.HasPrefix(l.Msg, "call is given back") })
	if !strings.Contains(back.Reason, reason) {
		a.t.Errorf("the call is given back because %q", back.Reason)
	}
}

// The agent that comes after one that was killed, or stopped in the middle of a
// call, makes that call again.
func TestAgentFollowsAnother(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*agent){
		"that was killed":      func(a *agent) { a.signal(syscall.SIGKILL) },
		"that was told to end": (*agent).endNow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nap := number()
			f, body := sleeper(t, "sleep "+nap)
			first := start(t, f, settings{})
			id := first.deliver("push", body)
			first.printed(id, "begins")
			runs(t, "sleep", nap)
			end(first)
			first.exit()
			gone(t, 15*time.Second, "sleep", nap)
			second := start(t, f, settings{args: []string{"--data-dir", first.dataDir}})
			second.runs[id] = first.runs[id]
			second.printed(id, "begins")
			runs(t, "sleep", nap)
			second.endNow()
			gone(t, 15*time.Second, "sleep", nap)
		})
	}
}

// One data directory is one agent's.
func TestTwoAgentsInOneDirectory(t *testing.T) {
	t.Parallel()
	f, _ := sleeper(t, "true")
	first := start(t, f, settings{})
	second := exec.Command(agentBinary(), "--listen", "127.0.0.1:0", "--data-dir", first.dataDir)
	second.Env = append(cleanEnv(), "X_HUB_SIGNATURE=secret of the webhook")
	out, err := second.CombinedOutput()
	if second.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "another agent uses the data directory") {
		t.Errorf("the second agent: %v\n%s", err, out)
	}
}
