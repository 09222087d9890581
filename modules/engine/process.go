package engine

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"github.com/franela/pocketci/modules"
)

// closeGrace is how long a session's process may take to hand over its last
// telemetry and to part from the engine before it is killed.
const closeGrace = 10 * time.Second

// outputGrace is how long the outputs of a process that has ended are read:
// something that it left behind may hold them open for ever.
const outputGrace = 5 * time.Second

// process is a running "dagger session", the program through which every
// Dagger SDK speaks to an engine. The Go SDK would start one itself, but with
// the whole environment of this process; here the environment is explicit.
// process implements engineconn.EngineConn.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *tail
	http   *http.Client
	port   int
	token  string

	exited  chan struct{} // closed when the process has ended
	closing sync.Once
}

// startProcess runs cli in dir with exactly env and waits until it is
// connected to the engine, at most for timeout. Its standard input is a pipe
// that is held by nobody else: when this process dies, however it dies, the
// pipe breaks and the session ends itself and everything that it runs.
func startProcess(ctx context.Context, cli, dir string, env []string, timeout time.Duration) (*process, error) {
	cmd := exec.Command(cli, "session", "--silent")
	cmd.Dir = dir
	cmd.Env = env
	// A group of its own, so that an interrupt typed at a terminal reaches
	// pocketci alone, which ends the session in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start dagger session: %w", err)
	}
	// Not a pipe of the process itself, so that WaitDelay holds for it too.
	stdout, output := io.Pipe()
	cmd.Stdout = output
	cmd.WaitDelay = outputGrace
	p := &process{cmd: cmd, stdin: stdin, stderr: &tail{max: 8 << 10}, exited: make(chan struct{})}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dagger session: %w", err)
	}
	greeting := make(chan error, 1)
	go func() {
		greeting <- p.readGreeting(stdout)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	go func() {
		_ = cmd.Wait()
		_ = output.Close()
		close(p.exited)
	}()

	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case err = <-greeting:
		if err != nil {
			err = fmt.Errorf("%w: dagger session did not start: %w", modules.ErrUnavailable, err)
		}
	case <-timer.C:
		err = fmt.Errorf("%w: no connection within %s", modules.ErrUnavailable, timeout)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		p.kill()
		if out := bytes.TrimSpace(p.stderr.Bytes()); len(out) > 0 && ctx.Err() == nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return nil, err
	}
	p.http = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		},
		MaxIdleConnsPerHost: 64,
	}}
	return p, nil
}

func (p *process) readGreeting(stdout io.Reader) error {
	line, err := bufio.NewReader(io.LimitReader(stdout, 64<<10)).ReadBytes('\n')
	if err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("it ended early")
		}
		return err
	}
	var greeting struct {
		Port  int    `json:"port"`
		Token string `json:"session_token"`
	}
	if err := json.Unmarshal(line, &greeting); err != nil {
		return fmt.Errorf("read its greeting: %w", err)
	}
	p.port, p.token = greeting.Port, greeting.Token
	return nil
}

// Do sends a request to the session. The trace context of the request's
// context goes along, which is how steps are attributed to calls.
func (p *process) Do(req *http.Request) (*http.Response, error) {
	req.SetBasicAuth(p.token, "")
	propagation.TraceContext{}.Inject(req.Context(), propagation.HeaderCarrier(req.Header))
	return p.http.Do(req)
}

// Host is the host part of the session's address; it is not resolved.
func (p *process) Host() string { return "dagger" }

// Close ends the session and waits until its process is gone.
func (p *process) Close() error {
	p.closing.Do(func() {
		p.http.CloseIdleConnections()
		_ = p.stdin.Close()
		select {
		case <-p.exited:
		case <-time.After(closeGrace):
			p.kill()
		}
	})
	return nil
}

func (p *process) kill() {
	_ = p.stdin.Close()
	if p.ended() {
		return // its number may be another's by now
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.exited
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// tail keeps the last max bytes that were written to it.
type tail struct {
	mu  sync.Mutex
	max int
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if over := len(t.buf) - t.max; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(b), nil
}

func (t *tail) Bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.buf)
}
