package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/franela/pocketci/events/github"
)

// theAgent is an agent process.
type theAgent struct {
	ctx    context.Context
	url    string
	secret string
	data   string // its data directory
	cmd    *exec.Cmd
	ended  chan string // a line of log for every run that ended
}

// start runs the agent with a webhook secret of its own and waits until it is
// ready. Its output is the demo's.
func (d *demo) start(binary, data, gitURL, user, token string) (*theAgent, error) {
	a := &theAgent{ctx: d.ctx, secret: rand.Text(), data: data, ended: make(chan string, 16)}
	cmd := exec.Command(binary, "--listen", "127.0.0.1:0", "--data-dir", data, "--clone-scheme", "http", "--clone-host", gitURL)
	a.cmd = cmd
	cmd.Env = append(os.Environ(), "GITHUB_USERNAME="+user, "GITHUB_TOKEN="+token, "X_HUB_SIGNATURE="+a.secret)
	cmd.Stdout = os.Stdout
	logs, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the agent: %w", err)
	}
	d.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(io.TeeReader(logs, os.Stderr))
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.Contains(line, `msg="agent listens"`):
				_, rest, _ := strings.Cut(line, "address=")
				found, _, _ := strings.Cut(rest, " ")
				address <- found
			case strings.Contains(line, `msg="run ended"`), strings.Contains(line, `msg="event is not run"`):
				a.ended <- line
			}
		}
	}()
	select {
	case found := <-address:
		a.url = "http://" + found
	case <-time.After(patience):
		return nil, fmt.Errorf("the agent did not start")
	case <-d.ctx.Done():
		return nil, d.ctx.Err()
	}
	return a, a.waitReady()
}

func (a *theAgent) waitReady() error {
	deadline := time.Now().Add(patience)
	for {
		response, err := http.Get(a.url + "/readyz")
		if err == nil {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				fmt.Printf("GET /readyz: %s %s\n", response.Status, bytes.TrimSpace(body))
				return nil
			}
			err = fmt.Errorf("%s: %s", response.Status, body)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the agent is not ready: %w", err)
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-a.ctx.Done():
			return a.ctx.Err()
		}
	}
}

// deliver sends an event as GitHub does and waits for its run to end.
func (a *theAgent) deliver(event string, body []byte) error {
	status, err := a.post(event, body, github.Sign(a.secret, body))
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("the agent answered %d, want 202", status)
	}
	return a.succeeds()
}

// succeeds waits for the end of a run that has to succeed.
func (a *theAgent) succeeds() error {
	select {
	case line := <-a.ended:
		if !strings.Contains(line, `msg="run ended"`) || !strings.Contains(line, "failed=0") || !strings.Contains(line, " invalid=0") {
			return fmt.Errorf("the run did not succeed: %s", line)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("the run did not end within %s", patience)
	case <-a.ctx.Done():
		return a.ctx.Err()
	}
}

// kill ends the process at once, as a crash of the machine would.
func (a *theAgent) kill() {
	a.cmd.Process.Kill()
	a.cmd.Wait()
}

// refused sends an event without a signature.
func (a *theAgent) refused(body []byte) error {
	status, err := a.post("push", body, "")
	if err == nil && status != http.StatusUnauthorized {
		err = fmt.Errorf("the agent answered %d, want 401", status)
	}
	return err
}

func (a *theAgent) post(event string, body []byte, signature string) (int, error) {
	request, err := http.NewRequestWithContext(a.ctx, http.MethodPost, a.url+"/webhooks/github", bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("send %s: %w", event, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", event)
	request.Header.Set("X-GitHub-Delivery", rand.Text())
	if signature != "" {
		request.Header.Set("X-Hub-Signature-256", signature)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("send %s: %w", event, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("read the answer to %s: %w", event, err)
	}
	fmt.Printf("POST /webhooks/github (%s): %s %s\n", event, response.Status, bytes.TrimSpace(answer))
	return response.StatusCode, nil
}
