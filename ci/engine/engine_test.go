//go:build linux

package main_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests run the program and the engine themselves, under a name of their
// own. Programs and image come from the cache that all engines share.

// callTimeout bounds one call. The first of a Go module takes 20 s on two idle
// cores.
const callTimeout = 5 * time.Minute

// program is the compiled command.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "pocketci-engine-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		// Another user runs it in one of the tests.
		if err := os.Chmod(dir, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		program = filepath.Join(dir, "engine")
		if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the command: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// engine is one under test.
type engine struct {
	name  string
	state string
	env   []string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	requireDebianRoot(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	// On a real disk, not in memory, as a developer's is.
	engines := filepath.Join(cache, "pocketci", "engine", "engines")
	if err := os.MkdirAll(engines, 0o700); err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp(engines, "test-")
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{name: fmt.Sprintf("test-%d", os.Getpid()), state: state}
	t.Cleanup(func() {
		if out, err := e.command(context.Background(), "stop").CombinedOutput(); err != nil {
			t.Errorf("stop: %v\n%s", err, out)
		}
		if err := os.RemoveAll(state); err != nil {
			t.Error(err)
		}
	})
	return e
}

func requireDebianRoot(t *testing.T) {
	t.Helper()
	_, err := os.Stat("/etc/debian_version")
	if err == nil && os.Geteuid() == 0 {
		return
	}
	const reason = "building and running an engine needs root on Debian"
	if os.Getenv("CI") != "" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func (e *engine) command(ctx context.Context, verb string) *exec.Cmd {
	return exec.CommandContext(ctx, program, verb, "--ignore-docker", "--name", e.name, "--state", e.state)
}

// start runs the start command and returns the variables that it printed.
func (e *engine) start(t *testing.T) []string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := e.command(t.Context(), "start")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("start: %v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	want := []string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST=unix:///", "_EXPERIMENTAL_DAGGER_CLI_BIN=/"}
	for i, prefix := range want {
		if len(lines) != len(want) || !strings.HasPrefix(lines[i], prefix) {
			t.Fatalf("start printed %q, want two lines that start with %q", lines, want)
		}
	}
	e.env = lines
	return lines
}

// dagger runs the command line with the printed variables alone.
func (e *engine) dagger(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	defer cancel()
	cmd := e.daggerCommand(ctx, t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("dagger %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

func (e *engine) daggerCommand(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	_, cli, _ := strings.Cut(e.env[1], "=")
	cmd := exec.CommandContext(ctx, cli, append([]string{"--progress", "plain"}, args...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "DO_NOT_TRACK=1", "DAGGER_NO_NAG=1"}, e.env...)
	return cmd
}

func (e *engine) mustDagger(t *testing.T, args ...string) string {
	t.Helper()
	out, err := e.dagger(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// busyboxRoot is a root file system with one program.
func busyboxRoot(t *testing.T) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin", "busybox"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestEngine(t *testing.T) {
	e := newEngine(t)
	before := lookAtHost(t)
	variables := e.start(t)
	root := busyboxRoot(t)

	loopback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "from loopback")
	}))
	defer loopback.Close()
	query := filepath.Join(t.TempDir(), "http.graphql")
	if err := os.WriteFile(query, fmt.Appendf(nil, "{ http(url: %q) { contents } }", loopback.URL), 0o600); err != nil {
		t.Fatal(err)
	}

	goModule := []string{"call", "-m", "./testdata/hello-go"}
	t.Run("reaches a Go module, and needs no network to load it", func(t *testing.T) {
		e.withoutNetwork(t, func() {
			const want = "hello you from git version"
			if got := e.mustDagger(t, append(goModule, "greet", "--name", "you")...); !strings.HasPrefix(got, want) {
				t.Errorf("got %q, want it to start with %q", got, want)
			}
		})
	})
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"the version", []string{"version"}, "v0.21.8"},
		{"a Dang module", []string{"call", "-m", "./testdata/hello-dang", "greet", "--name", "you"}, "hello you"},
		{"a container", append(goModule, "step", "--root", root, "--command", "echo $((6*7))"), "42"},
		{"a container's network", append(goModule, "step", "--root", root, "--command", "busybox ip -4 addr show"), "inet 10."},
		{"what listens on the host's loopback", []string{"query", "--doc", query}, "from loopback"},
	} {
		t.Run("reaches "+test.name, func(t *testing.T) {
			if got := e.mustDagger(t, test.args...); !strings.Contains(got, test.want) {
				t.Errorf("got %q, want it to contain %q", got, test.want)
			}
		})
	}

	t.Run("forbids steps with all of root's capabilities", func(t *testing.T) {
		_, err := e.dagger(t, append(goModule, "root-step", "--root", root, "--command", "echo never")...)
		if err == nil || !strings.Contains(err.Error(), "security.insecure is not allowed") {
			t.Errorf("got %v, want security.insecure is not allowed", err)
		}
	})

	t.Run("keeps the socket to its user", func(t *testing.T) {
		info, err := os.Stat(strings.TrimPrefix(variables[0], "_EXPERIMENTAL_DAGGER_RUNNER_HOST=unix://"))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("permissions %o, want 600", got)
		}
	})

	t.Run("a second start returns at once", func(t *testing.T) {
		pid := e.pid(t)
		began := time.Now()
		if again := e.start(t); strings.Join(again, "\n") != strings.Join(variables, "\n") {
			t.Errorf("second start printed %q, first %q", again, variables)
		}
		// Two, on a machine with nothing else to do.
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("second start took %s, want under 10 s", took)
		}
		if e.pid(t) != pid {
			t.Error("second start replaced the engine")
		}
	})

	t.Run("a start waits for an engine that is busy", func(t *testing.T) {
		pid := e.pid(t)
		if err := suspend(pid); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(4*time.Second, func() { _ = resume(pid) })
		e.start(t)
		if e.pid(t) != pid {
			t.Error("start replaced an engine that was only busy")
		}
	})

	t.Run("changes no file of the host", func(t *testing.T) {
		lookAtHost(t).compareFiles(t, before)
	})

	t.Run("containers do not outlive a killed engine", func(t *testing.T) { e.killWhileBusy(t, goModule, root) })

	t.Run("starts again after a kill, two at once", func(t *testing.T) {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if out, err := e.command(t.Context(), "start").CombinedOutput(); err != nil {
					t.Errorf("start: %v\n%s", err, out)
				}
			})
		}
		both.Wait()
		// A killed engine starts with empty caches, so this is not the Go module.
		if got := e.mustDagger(t, "call", "-m", "./testdata/hello-dang", "greet", "--name", "again"); !strings.Contains(got, "hello again") {
			t.Errorf("got %q", got)
		}
	})

	t.Run("leaves nothing behind when stopped", func(t *testing.T) {
		pid := e.pid(t)
		if out, err := e.command(t.Context(), "stop").CombinedOutput(); err != nil {
			t.Fatalf("stop: %v\n%s", err, out)
		}
		// What its parent has not yet asked for has no command line any more.
		if left, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); len(left) > 0 {
			t.Errorf("process %d is still there: %q", pid, left)
		}
		e.requireNothingLeft(t, before)
		if err := e.command(t.Context(), "env").Run(); err == nil {
			t.Error("env succeeds without an engine")
		}
		if out, err := e.command(t.Context(), "stop").CombinedOutput(); err != nil {
			t.Errorf("second stop: %v\n%s", err, out)
		}
	})
}

// killWhileBusy kills the engine during a step and expects the step's process
// to end with it.
func (e *engine) killWhileBusy(t *testing.T, goModule []string, root string) {
	t.Helper()
	// A number that marks this run's process in the process table.
	seconds := fmt.Sprint(100_000 + os.Getpid())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	call := e.daggerCommand(ctx, t, append(goModule, "step", "--root", root, "--command", "exec busybox sleep "+seconds)...)
	if err := call.Start(); err != nil {
		t.Fatal(err)
	}
	step := []string{"busybox", "sleep", seconds}
	eventually(t, "the step runs", func() bool { return processRuns(step) })
	pid := e.pid(t)
	if err := kill(pid); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the step's process is gone", func() bool { return !processRuns(step) })
	cancel()
	_ = call.Wait()
}
