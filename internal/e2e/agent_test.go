package e2e_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/internal/report"
)

// agent is an agent process and what it has said so far.
type agent struct {
	t       *testing.T
	cmd     *exec.Cmd
	url     string
	secret  string
	dataDir string
	exited  chan struct{}
	killed  bool

	mu      sync.Mutex
	runs    map[string]string // numbers of runs by the ids of their events
	lines   []report.Line
	raw     [][]byte // the same as text
	logs    []logLine
	output  strings.Builder // both streams as they came
	stray   []string        // lines that are no JSON
	changed chan struct{}   // closed when something is added
}

// logLine is a line of the agent's log.
type logLine struct {
	Level, Msg, Address, Reason, Error, Cause, Check, Warning string
	Event                                                     eventOfLog
	Succeeded, Failed, Aborted, Invalid                       int
	TimedOut                                                  int `json:"timed-out"`
	NotCalled                                                 int `json:"not-called"`
	text                                                      string
}

// eventOfLog names the event that a line of log is about. Some lines have an
// event's name in its place.
type eventOfLog struct{ ID string }

func (e *eventOfLog) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return nil
	}
	var group struct{ ID string }
	err := json.Unmarshal(data, &group)
	e.ID = group.ID
	return err
}

// settings are what a test wants of its agent beyond the usual.
type settings struct {
	args []string
	env  []string
	// host is the runner host, that of the engine for tests if empty.
	host string
	// name is the agent's, made by itself if empty.
	name string
	// config is an agent.yaml. With it the agent knows nothing of the forge by
	// its flags and variables.
	config string
}

// start starts an agent that clones from the forge with its credentials, and
// waits until it listens. It ends with the test.
func start(t *testing.T, f *forge, s settings) *agent {
	t.Helper()
	host, cli := enginetest.Env(t)
	if s.host != "" {
		host = s.host
	}
	a := &agent{
		t: t, secret: rand.Text(), dataDir: t.TempDir(),
		exited: make(chan struct{}), changed: make(chan struct{}), runs: map[string]string{},
	}
	if s.name != "" {
		if err := os.WriteFile(filepath.Join(a.dataDir, "agent-name"), []byte(s.name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--listen", "127.0.0.1:0", "--data-dir", a.dataDir, "--clone-scheme", "http"}
	if s.config != "" {
		args = append(args, "--config", s.config)
	} else {
		args = append(args, "--clone-host", f.URL)
	}
	a.cmd = exec.Command(agentBinary(), append(args, s.args...)...)
	a.cmd.Env = append(cleanEnv(),
		"POCKETCI_LOG_FORMAT=json",
		"_EXPERIMENTAL_DAGGER_RUNNER_HOST="+host, "_EXPERIMENTAL_DAGGER_CLI_BIN="+cli)
	if s.config == "" {
		a.cmd.Env = append(a.cmd.Env, "GITHUB_USERNAME="+f.user, "GITHUB_TOKEN="+f.token, "X_HUB_SIGNATURE="+a.secret)
	}
	a.cmd.Env = append(a.cmd.Env, s.env...)
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := a.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(func() { a.read(stdout, a.addLine) })
	readers.Go(func() { a.read(stderr, a.addLog) })
	go func() {
		readers.Wait()
		_ = a.cmd.Wait() // its state is kept
		close(a.exited)
	}()
	t.Cleanup(a.end)
	line := a.log("the agent listens", func(l logLine) bool { return l.Msg == "agent listens" })
	a.url = "http://" + line.Address
	return a
}

// cleanEnv is the environment of the test without what configures an agent.
func cleanEnv() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "POCKETCI_"), strings.HasPrefix(name, "GITHUB_"), strings.HasPrefix(name, "_EXPERIMENTAL_DAGGER_"),
			strings.HasPrefix(name, "OTEL_"), strings.HasPrefix(name, "GIT_SSL_"), name == "X_HUB_SIGNATURE", name == "DAGGER_CLOUD_TOKEN":
		default:
			env = append(env, entry)
		}
	}
	return env
}

func (a *agent) read(r io.Reader, add func([]byte) error) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			a.mu.Lock()
			a.output.Write(line)
			if add(line) != nil {
				a.stray = append(a.stray, string(line))
			}
			close(a.changed)
			a.changed = make(chan struct{})
			a.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (a *agent) addLine(data []byte) error {
	var line report.Line
	err := json.Unmarshal(data, &line)
	if err == nil {
		a.lines = append(a.lines, line)
		a.raw = append(a.raw, data)
	}
	return err
}

func (a *agent) addLog(data []byte) error {
	line := logLine{text: string(data)}
	err := json.Unmarshal(data, &line)
	if err == nil {
		a.logs = append(a.logs, line)
	}
	return err
}

// await waits until holds does, which is asked under the agent's lock whenever
// the agent has said something.
func (a *agent) await(what string, holds func() bool) {
	a.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for exited := false; ; {
		a.mu.Lock()
		ok, changed := holds(), a.changed
		a.mu.Unlock()
		if ok {
			return
		}
		if exited {
			a.t.Fatalf("%s: the agent ended before (%s)", what, a.cmd.ProcessState)
		}
		select {
		case <-changed:
		case <-a.exited:
			exited = true
		case <-timer.C:
			a.t.Fatalf("%s: not within %s", what, patience)
		}
	}
}

// log waits for a line of log and returns it.
func (a *agent) log(what string, matches func(logLine) bool) (found logLine) {
	a.t.Helper()
	a.await(what, func() bool {
		for _, l := range a.logs {
			if matches(l) {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// line waits for a line of a run's report and returns it.
func (a *agent) line(id, what string, matches func(report.Line) bool) (found report.Line) {
	a.t.Helper()
	a.await(what, func() bool {
		for _, l := range a.lines {
			if l.Run == a.runs[id] && matches(l) {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

// printed waits until a step of the run has printed a text.
func (a *agent) printed(id, text string) report.Line {
	a.t.Helper()
	return a.line(id, "a step prints "+text, func(l report.Line) bool {
		return l.Type == "output" && strings.Contains(l.Text, text)
	})
}

// everything is all that the agent has said so far.
func (a *agent) everything() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.output.String()
}

// signal sends the process a signal.
func (a *agent) signal(s os.Signal) {
	a.t.Helper()
	a.killed = a.killed || s == syscall.SIGKILL
	if err := a.cmd.Process.Signal(s); err != nil {
		a.t.Fatalf("signal the agent: %v", err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (a *agent) exit() int {
	a.t.Helper()
	select {
	case <-a.exited:
		return a.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		a.t.Fatalf("the agent does not end")
		return 0
	}
}

// endNow stops the agent and its calls. The second signal waits until the first
// has been heard: two at once are one.
func (a *agent) endNow() {
	a.t.Helper()
	a.signal(syscall.SIGTERM)
	a.log("the agent stops", func(l logLine) bool { return strings.HasPrefix(l.Msg, "agent stops") })
	a.signal(syscall.SIGTERM)
	a.exit()
}

// end stops the agent with the test, and looks at what every agent must not
// have done.
func (a *agent) end() {
	select {
	case <-a.exited:
	default:
		_ = a.cmd.Process.Signal(syscall.SIGTERM)
		again := time.AfterFunc(time.Second, func() { _ = a.cmd.Process.Signal(syscall.SIGTERM) })
		defer again.Stop()
		select {
		case <-a.exited:
			if code := a.cmd.ProcessState.ExitCode(); code != 0 {
				a.t.Errorf("the agent ended with exit code %d", code)
			}
		case <-time.After(30 * time.Second):
			a.t.Error("the agent did not end after two signals")
			_ = a.cmd.Process.Kill()
			<-a.exited
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.stray) > 0 && !a.killed { // in the middle of a line, maybe
		a.t.Errorf("the agent printed what is not JSON, such as a data race:\n%s", strings.Join(a.stray, ""))
	}
	checkReport(a.t, a.raw)
	for _, l := range a.logs {
		if strings.HasPrefix(l.Msg, "panic") {
			a.t.Errorf("the agent caught a panic: %s", l.text)
		}
	}
	if a.t.Failed() {
		a.t.Logf("the agent said:\n%s", a.output.String())
	}
}

// get asks the agent for a path and returns status and body.
func (a *agent) get(path string) (int, string) {
	a.t.Helper()
	response, err := http.Get(a.url + path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
