package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopGrace is how long git may take to clean up after SIGTERM.
const stopGrace = 3 * time.Second

// Command is one run of the program.
type Command struct {
	// Dir is the repository, empty for none.
	Dir string
	// WorkTree is the working directory, and the work tree if Dir is set.
	WorkTree string
	// Own honours the configuration of the user: for directories of their own.
	Own bool
	// Config holds settings beyond the fixed ones, Env variables.
	Config []Setting
	Env    []string
	Stdin  io.Reader
	// Lock stays held for as long as git runs, even if this process dies.
	Lock *os.File
	// Args begin with the name of the subcommand.
	Args []string
}

// Setting is one line of git configuration.
type Setting struct{ Key, Value string }

// fixed makes git independent of the machine that it runs on, keeps it from
// starting programs that a repository chose, and leaves cleaning up to us.
var fixed = []Setting{
	{"core.hooksPath", os.DevNull},
	{"core.attributesFile", os.DevNull},
	{"core.excludesFile", os.DevNull},
	{"core.fsmonitor", "false"},
	{"core.logAllRefUpdates", "false"},
	{"credential.helper", ""},
	{"fetch.recurseSubmodules", "false"},
	{"fetch.unpackLimit", "1"},
	{"gc.auto", "0"},
	{"http.followRedirects", "initial"},
	{"http.lowSpeedLimit", "1"},
	{"http.lowSpeedTime", "60"},
	{"maintenance.auto", "false"},
	{"protocol.version", "2"},
	{"safe.directory", "*"},
	{"submodule.recurse", "false"},
}

// inherited are the variables that git needs from our own environment: where
// programs are and how the network is reached.
var inherited = []string{
	"PATH", "TMPDIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE",
}

// authorities are the certificates that the rest of the agent trusts, in the
// variables that git reads whichever TLS library it was built with: only OpenSSL
// knows SSL_CERT_FILE.
func authorities() []string {
	var env []string
	for _, pair := range [][2]string{{"SSL_CERT_FILE", "GIT_SSL_CAINFO"}, {"SSL_CERT_DIR", "GIT_SSL_CAPATH"}} {
		if value := os.Getenv(pair[0]); value != "" && os.Getenv(pair[1]) == "" {
			env = append(env, pair[1]+"="+value)
		}
	}
	return env
}

func (g Command) environ() []string {
	var env []string
	if g.Own {
		for _, v := range os.Environ() {
			if !strings.HasPrefix(v, "GIT_") {
				env = append(env, v)
			}
		}
		env = append(env, "GIT_OPTIONAL_LOCKS=0")
	} else {
		for _, name := range inherited {
			if v, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+v)
			}
		}
		env = append(env, authorities()...)
		env = append(env, "HOME="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_ATTR_NOSYSTEM=1")
		g.Config = slices.Concat(fixed, g.Config)
	}
	env = append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=")
	if g.Dir != "" {
		env = append(env, "GIT_DIR="+g.Dir)
		if g.WorkTree != "" {
			env = append(env, "GIT_WORK_TREE="+g.WorkTree)
		}
	}
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(g.Config)))
	for i, s := range g.Config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s.Key), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s.Value))
	}
	return append(env, g.Env...)
}

// Run runs git to its end and returns what it printed. If ctx ends before, git
// and everything it started is stopped. Errors are the context's or a
// [*Error].
func (g Command) Run(ctx context.Context) ([]byte, error) {
	name, args := "git", g.Args
	if g.WorkTree != "" && !g.Own {
		// The modes of checked out files must not depend on how the agent
		// was started, so a shell sets the umask before it becomes git.
		name, args = "sh", append([]string{"-c", `umask 022; exec git "$@"`, "git"}, g.Args...)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = g.WorkTree, g.environ(), g.Stdin
	if g.Lock != nil {
		cmd.ExtraFiles = []*os.File{g.Lock}
	}
	var stdout bytes.Buffer
	stderr := &tail{max: 16 << 10}
	cmd.Stdout, cmd.Stderr = &stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	err := cmd.Run()
	if ctx.Err() != nil {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		return nil, fmt.Errorf("git %s: %w", g.Args[0], context.Cause(ctx))
	}
	if err != nil {
		e := &Error{command: g.Args[0], code: -1, stderr: strings.TrimSpace(string(stderr.kept)), err: err}
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			e.code = exit.ExitCode()
		}
		return nil, e
	}
	return stdout.Bytes(), nil
}

// Line runs git and returns the one line that it printed.
func (g Command) Line(ctx context.Context) (string, error) {
	out, err := g.Run(ctx)
	return strings.TrimSpace(string(out)), err
}

// List runs git and splits what it printed at NUL.
func (g Command) List(ctx context.Context) ([]string, error) {
	out, err := g.Run(ctx)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// Error is a failure of the program itself.
type Error struct {
	command string
	code    int
	stderr  string
	err     error
}

func (e *Error) Error() string {
	if line := e.reason(); line != "" {
		return fmt.Sprintf("git %s: %s", e.command, line)
	}
	return fmt.Sprintf("git %s: %v", e.command, e.err)
}

// Unwrap returns how the program ended, and the error of the system that stands
// behind it where what git printed names one that callers branch on: that its
// disk is full or cannot be written.
func (e *Error) Unwrap() []error {
	chain := []error{e.err}
	said := quotedText.ReplaceAllString(e.stderr, "''")
	for _, number := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		for line := range strings.Lines(said) {
			// What the server says is about the server's disk.
			if !strings.HasPrefix(line, "remote: ") && strings.Contains(strings.ToLower(line), number.Error()) {
				return append(chain, number)
			}
		}
	}
	return chain
}

// reason is the line of the error output that says most: the first fatal one,
// else the last.
func (e *Error) reason() string {
	lines := strings.Split(e.stderr, "\n")
	for _, prefix := range []string{"fatal: ", "ERROR: ", "error: "} {
		for _, l := range lines {
			if rest, ok := strings.CutPrefix(strings.TrimPrefix(l, "remote: "), prefix); ok {
				return rest
			}
		}
	}
	return lines[len(lines)-1]
}

// ExitCode returns the code that git ended with, or -1 if err is another error.
func ExitCode(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.code
	}
	return -1
}

// tail is a writer that keeps the last max bytes.
type tail struct {
	kept []byte
	max  int
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.max; over > 0 {
		t.kept = slices.Delete(t.kept, 0, over)
	}
	return len(p), nil
}
