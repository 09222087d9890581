package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/franela/pocketci/events/github"
)

const (
	// burst is how many deliveries one repetition sends, over as many
	// connections at a time.
	burst       = 20_000
	connections = 16
	// bodySize is the size of a payload in bytes.
	bodySize = 10_000
)

// intake compares how fast deliveries are acknowledged: by the agent once they
// are on disk, and by adnanh/webhook, which keeps them nowhere, under the same
// rule for signatures. Neither does any work for them: the agent has no engine,
// and the rule of webhook asks for a ref that no delivery has.
func (b *bench) intake() ([]row, error) {
	ours, secret, err := b.startIntake()
	if err != nil {
		return nil, err
	}
	theirs, err := b.startWebhook(secret)
	if err != nil {
		return nil, err
	}
	targets := []*target{
		{name: "agent", address: ours, path: "/webhooks/github", status: http.StatusAccepted, secret: secret},
		{name: "webhook", address: theirs, path: "/hooks/bench", status: http.StatusOK, secret: secret},
	}
	for i := range b.runs + 1 {
		order := slices.Clone(targets)
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			if err := t.burst(b.ctx.Done(), i > 0); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			if b.verbose && i > 0 {
				fmt.Fprintf(os.Stderr, "  %s: %.0f/s, p99 %s\n", t.name, t.rates[i-1], ms(t.slow[i-1]))
			}
		}
	}
	rate, other, slow := middle(targets[0].rates), middle(targets[1].rates), middle(targets[0].slow)
	return []row{{
		what:     "durable acknowledgements, 10 kB at 16 connections",
		measured: fmt.Sprintf("%.0f/s (%.0f to %.0f)", rate, slices.Min(targets[0].rates), slices.Max(targets[0].rates)),
		against:  fmt.Sprintf("adnanh/webhook, which stores nothing %.0f/s (%.0f to %.0f), p99 %s", other, slices.Min(targets[1].rates), slices.Max(targets[1].rates), ms(middle(targets[1].slow))),
		ratio:    fmt.Sprintf("%.2f", rate/other),
		goal:     "at least 5000/s",
		met:      met(rate >= 5000),
	}, {
		what:     "time to acknowledge, 99th percentile",
		measured: ms(slow),
		goal:     "under 25 ms",
		met:      met(slow < 25*time.Millisecond),
	}}, nil
}

func middle[T int | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// startIntake runs an agent whose engine is away, so that it only receives.
func (b *bench) startIntake() (address, secret string, err error) {
	secret = rand.Text()
	cmd := exec.Command(filepath.Join(b.bin, "agent"), "--listen", "127.0.0.1:0", "--data-dir", b.TempDir(), "--queue", "10000000", "--log-format", "json")
	cmd.Env = append(os.Environ(), "X_HUB_SIGNATURE="+secret, "_EXPERIMENTAL_DAGGER_RUNNER_HOST=unix:///nonexistent/engine.sock")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", "", fmt.Errorf("start the agent: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", "", fmt.Errorf("start the agent: %w", err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	lines := bufio.NewReader(stderr)
	for {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return "", "", errors.New("the agent ended before it listened")
		}
		var line logLine
		if json.Unmarshal(text, &line) == nil && line.Message == "agent listens" {
			go io.Copy(io.Discard, lines)
			return line.Address, secret, nil
		}
	}
}

// startWebhook runs Debian's webhook with a rule that checks the same signature.
func (b *bench) startWebhook(secret string) (address string, err error) {
	program, err := exec.LookPath("webhook")
	if err != nil {
		return "", errors.New("there is no webhook to compare with; install the Debian package webhook")
	}
	hooks := filepath.Join(b.TempDir(), "hooks.json")
	rules := map[string]any{"and": []any{
		map[string]any{"match": map[string]any{
			"type": "payload-hmac-sha256", "secret": secret, "parameter": map[string]any{"source": "header", "name": "X-Hub-Signature-256"}}},
		map[string]any{"match": map[string]any{
			"type": "value", "value": "refs/heads/none", "parameter": map[string]any{"source": "payload", "name": "ref"}}},
	}}
	data, err := json.Marshal([]any{map[string]any{"id": "bench", "execute-command": "/bin/true", "trigger-rule": rules}})
	if err != nil {
		return "", fmt.Errorf("write the rules of webhook: %w", err)
	}
	if err := os.WriteFile(hooks, data, 0o600); err != nil {
		return "", fmt.Errorf("write the rules of webhook: %w", err)
	}
	// It cannot find a free port by itself.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port for webhook: %w", err)
	}
	address = free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "-hooks", hooks, "-ip", "127.0.0.1", "-port", port)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start webhook: %w", err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return address, conn.Close()
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("webhook does not listen: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// target is a receiver of webhooks and what was measured of it.
type target struct {
	name, address, path, secret string
	status                      int
	rates                       []float64
	slow                        []time.Duration
}

// burst sends deliveries, each of another commit and with another id, and waits
// for their answers.
func (t *target) burst(stop <-chan struct{}, counts bool) error {
	var (
		next  atomic.Int64
		mu    sync.Mutex
		took  []time.Duration
		fault error
		wg    sync.WaitGroup
	)
	began := time.Now()
	for range connections {
		wg.Go(func() {
			mine, err := t.connection(stop, &next)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			fault = errors.Join(fault, err)
		})
	}
	wg.Wait()
	if fault != nil {
		return fault
	}
	if counts {
		t.rates = append(t.rates, float64(len(took))/time.Since(began).Seconds())
		slices.Sort(took)
		t.slow = append(t.slow, took[len(took)*99/100])
	}
	return nil
}

// connection sends one delivery after the other over one connection.
func (t *target) connection(stop <-chan struct{}, next *atomic.Int64) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", t.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var (
		took    []time.Duration
		answers = bufio.NewReader(conn)
		request bytes.Buffer
		body    = pushBody()
		sha     = make([]byte, 20)
	)
	at := bytes.Index(body, bytes.Repeat([]byte("f"), 40))
	for next.Add(1) <= burst {
		select {
		case <-stop:
			return nil, errors.New("interrupted")
		default:
		}
		rand.Read(sha)
		hex.Encode(body[at:], sha)
		request.Reset()
		fmt.Fprintf(&request, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %x\r\nX-Hub-Signature-256: %s\r\n\r\n",
			t.path, t.address, len(body), sha, github.Sign(t.secret, body))
		request.Write(body)
		sent := time.Now()
		if _, err := conn.Write(request.Bytes()); err != nil {
			return nil, err
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(response.Body)
		took = append(took, time.Since(sent))
		if err != nil || response.StatusCode != t.status {
			return nil, fmt.Errorf("%s: %s (%v)", response.Status, answer, err)
		}
	}
	return took, nil
}

// pushBody is the payload of a push with a commit of forty f, filled up to its
// size.
func pushBody() []byte {
	payload := map[string]any{
		"ref": "refs/heads/main", "before": strings.Repeat("0", 40), "after": strings.Repeat("f", 40), "deleted": false,
		"repository": map[string]any{
			"full_name": "octo/bench", "clone_url": "https://github.com/octo/bench.git", "html_url": "https://github.com/octo/bench", "default_branch": "main",
		},
		"sender":  map[string]any{"login": "octo"},
		"padding": "",
	}
	data, err := json.Marshal(payload)
	if err == nil {
		payload["padding"] = strings.Repeat("x", bodySize-len(data))
		data, err = json.Marshal(payload)
	}
	if err != nil {
		panic(err) // it is made of texts
	}
	return data
}
