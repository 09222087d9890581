package main

import (
	"bufio"
	"crypto/rand"
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
	"syscall"
	"time"
)

// intake compares how fast deliveries are acknowledged: by the agent once they
// are on disk, and by adnanh/webhook, which keeps them nowhere, under the same
// rule for signatures. Neither does any work for them: the agent has no engine,
// and the rule of webhook asks for a ref that no delivery has.
func (b *bench) intake() ([]row, error) {
	ours, err := b.startIntake()
	if err != nil {
		return nil, err
	}
	theirs, err := b.startWebhook(ours.secret)
	if err != nil {
		return nil, err
	}
	body, err := pushBody()
	if err != nil {
		return nil, err
	}
	targets := []*target{ours, theirs}
	for i := range b.runs + 1 {
		order := slices.Clone(targets)
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			m, err := t.burst(b.ctx.Done(), body)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			if i == 0 {
				continue // to warm up
			}
			t.add(m)
			b.note("%s: %.0f/s, p99 %s, CPU of it %.0f µs, of the client %.0f µs", t.name, m.rate, ms(m.slow), m.cpu, m.client)
		}
	}
	rate, other, slow := middle(ours.rates), middle(theirs.rates), middle(ours.slow)
	return []row{{
		what:     "durable acknowledgements, 10 kB at 16 connections",
		measured: fmt.Sprintf("%.0f/s (%.0f to %.0f)", rate, slices.Min(ours.rates), slices.Max(ours.rates)),
		against:  fmt.Sprintf("adnanh/webhook, which stores nothing %.0f/s (%.0f to %.0f), p99 %s", other, slices.Min(theirs.rates), slices.Max(theirs.rates), ms(middle(theirs.slow))),
		ratio:    fmt.Sprintf("%.2f", rate/other),
		goal:     "at least 5000/s",
		met:      met(rate >= 5000),
	}, {
		what:     "time to acknowledge, 99th percentile",
		measured: ms(slow),
		goal:     "under 25 ms",
		met:      met(slow < 25*time.Millisecond),
	}, {
		what:     "CPU of the program for each",
		measured: fmt.Sprintf("%.0f µs (%.0f to %.0f)", middle(ours.cpu), slices.Min(ours.cpu), slices.Max(ours.cpu)),
		against:  fmt.Sprintf("webhook %.0f µs (%.0f to %.0f); the client beside either %.0f µs", middle(theirs.cpu), slices.Min(theirs.cpu), slices.Max(theirs.cpu), middle(append(ours.client, theirs.client...))),
		ratio:    fmt.Sprintf("%.2f", middle(ours.cpu)/middle(theirs.cpu)),
	}}, nil
}

func middle[T int | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// startIntake runs an agent whose engine is away, so that it only receives.
func (b *bench) startIntake() (*target, error) {
	t := &target{name: "agent", path: "/webhooks/github", status: http.StatusAccepted, secret: rand.Text()}
	cmd := exec.Command(filepath.Join(b.bin, "agent"), "--listen", "127.0.0.1:0", "--data-dir", b.TempDir(), "--queue", "10000000", "--log-format", "json")
	cmd.Env = append(os.Environ(), "X_HUB_SIGNATURE="+t.secret, "_EXPERIMENTAL_DAGGER_RUNNER_HOST=unix:///nonexistent/engine.sock")
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
	lines := bufio.NewReader(stderr)
	for {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return nil, errors.New("the agent ended before it listened")
		}
		var line logLine
		if json.Unmarshal(text, &line) == nil && line.Message == "agent listens" {
			go io.Copy(io.Discard, lines)
			t.address, t.pid = line.Address, cmd.Process.Pid
			return t, nil
		}
	}
}

// startWebhook runs Debian's webhook with a rule that checks the same signature.
func (b *bench) startWebhook(secret string) (*target, error) {
	program, err := exec.LookPath("webhook")
	if err != nil {
		return nil, errors.New("there is no webhook to compare with; install the Debian package webhook")
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
		return nil, fmt.Errorf("write the rules of webhook: %w", err)
	}
	if err := os.WriteFile(hooks, data, 0o600); err != nil {
		return nil, fmt.Errorf("write the rules of webhook: %w", err)
	}
	// It cannot find a free port by itself.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a port for webhook: %w", err)
	}
	address := free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(program, "-hooks", hooks, "-ip", "127.0.0.1", "-port", port)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start webhook: %w", err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			t := &target{name: "webhook", address: address, path: "/hooks/bench", status: http.StatusOK, secret: secret, pid: cmd.Process.Pid}
			return t, conn.Close()
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("webhook does not listen: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
