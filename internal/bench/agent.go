package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/report"
)

// patience is how long any one thing may take: the first use of an engine
// unpacks and compiles.
const patience = 5 * time.Minute

// theAgent is an agent process with its own data directory and secret.
type theAgent struct {
	ctx     context.Context
	pid     int
	url     string
	secret  string
	verbose bool
	logs    chan logLine
	reports chan report.Line
}

// logLine is what a line of the agent's log has that is used here.
type logLine struct {
	Message   string `json:"msg"`
	Address   string `json:"address"`
	Succeeded int    `json:"succeeded"`
	Failed    int    `json:"failed"`
	TimedOut  int    `json:"timed-out"`
	Aborted   int    `json:"aborted"`
	Invalid   int    `json:"invalid"`
	Error     string `json:"error"`
}

// startAgent runs the agent with its defaults until the stage is cleared, and
// waits until it is ready.
func (b *bench) startAgent() (*theAgent, error) {
	a := &theAgent{ctx: b.ctx, secret: rand.Text(), verbose: b.verbose, logs: make(chan logLine, 1024), reports: make(chan report.Line, 1<<16)}
	level := "info"
	if b.verbose {
		level = "debug"
	}
	cmd := exec.Command(filepath.Join(b.bin, "agent"),
		"--listen", "127.0.0.1:0", "--data-dir", b.TempDir(), "--clone-scheme", "http", "--log-format", "json", "--log-level", level)
	cmd.Env = append(os.Environ(), "X_HUB_SIGNATURE="+a.secret)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	a.pid = cmd.Process.Pid
	go a.read(stdout, func(line []byte) {
		var l report.Line
		if json.Unmarshal(line, &l) == nil {
			a.reports <- l
		}
	})
	go a.read(stderr, func(line []byte) {
		var l logLine
		if json.Unmarshal(line, &l) == nil {
			a.logs <- l
		}
	})
	listens, err := a.await("agent listens")
	if err != nil {
		return nil, err
	}
	a.url = "http://" + listens.Address
	// Once it has probed the engine it has nothing left to do.
	_, err = a.await("engine is ready", "the engine lets modules run")
	return a, err
}

func (a *theAgent) read(r io.Reader, each func([]byte)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if a.verbose {
			fmt.Fprintf(os.Stderr, "  agent: %s\n", lines.Bytes())
		}
		each(lines.Bytes())
	}
}

// await returns the next line of log whose message starts with one of those
// given.
func (a *theAgent) await(messages ...string) (logLine, error) {
	timeout := time.After(patience)
	for {
		select {
		case line := <-a.logs:
			for _, message := range messages {
				if strings.HasPrefix(line.Message, message) {
					return line, nil
				}
			}
		case <-timeout:
			return logLine{}, fmt.Errorf("the agent did not say %q within %s", messages, patience)
		case <-a.ctx.Done():
			return logLine{}, a.ctx.Err()
		}
	}
}

// phases is how long after a webhook was sent each thing had happened.
type phases struct {
	acknowledged, planned, called, ended time.Duration
}

// deliver sends a signed push as GitHub does and waits until all its calls
// have succeeded. It returns when it began to send.
func (a *theAgent) deliver(body []byte) (sent time.Time, p phases, err error) {
	for len(a.reports) > 0 {
		<-a.reports
	}
	request, err := http.NewRequestWithContext(a.ctx, http.MethodPost, a.url+"/webhooks/github", bytes.NewReader(body))
	if err != nil {
		return sent, p, fmt.Errorf("send push: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", rand.Text())
	request.Header.Set("X-Hub-Signature-256", github.Sign(a.secret, body))
	sent = time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return sent, p, fmt.Errorf("send push: %w", err)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	p.acknowledged = time.Since(sent)
	if response.StatusCode != http.StatusAccepted {
		return sent, p, fmt.Errorf("the agent answered %s to a push", response.Status)
	}
	ended, err := a.await("run ended", "event is not run")
	if err != nil {
		return sent, p, err
	}
	if ended.Message != "run ended" || ended.Succeeded == 0 || ended.Failed+ended.TimedOut+ended.Aborted+ended.Invalid > 0 {
		return sent, p, fmt.Errorf("the run did not succeed: %+v", ended)
	}
	for {
		select {
		case line := <-a.reports:
			since := line.Time.Sub(sent)
			switch line.Type {
			case "planned":
				p.planned = since
			case "started":
				p.called = cmp.Or(p.called, since) // the first
			case "finished":
				p.ended = since
				return sent, p, nil
			}
		case <-time.After(patience):
			return sent, p, fmt.Errorf("no report of the run within %s", patience)
		}
	}
}

// residentKB is the memory that the agent's process holds, in kB.
func (a *theAgent) residentKB() (int, error) { return residentKB(a.pid) }

func residentKB(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read a process's memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			var kb int
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				return 0, fmt.Errorf("read a process's memory: %q: %w", line, err)
			}
			return kb, nil
		}
	}
	return 0, fmt.Errorf("read a process's memory: no VmRSS in its status")
}
