package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/converge/pattern"
)

const (
	// maxOutput is how much of what an action prints is kept for variables and
	// answers: the beginning. maxTail is how much of the end is kept for results.
	maxOutput = 64 << 10
	maxTail   = 4 << 10
	// endWait is how long an action that is to end has between SIGTERM and
	// SIGKILL, and how long the output of what it left behind is waited for.
	endWait = 3 * time.Second
)

// DefaultExec is what shell texts are given to where nothing else is said.
var DefaultExec = []string{"bash", "-e", "-o", "pipefail", "-c"}

// Host is how the actions of a source are run.
type Host struct {
	// Exec is what a shell text is given to as its last argument; nil is
	// [DefaultExec]. With Fixed patterns have no say in it, and cannot run
	// programs past it either.
	Exec  []string
	Fixed bool
	// Dir is the working directory.
	Dir string
	// Env are all variables that actions have beside those of their pattern.
	Env []string
	// Timeout is that of actions that have none.
	Timeout time.Duration
}

// done is what came of an action.
type done struct {
	exit   int
	output string // the beginning of standard output
	tail   string // the end of both outputs
	took   time.Duration
	// err is set if the action could not be run to its end.
	err error
}

// Check returns an error if a pattern asks for what the host does not allow.
func (h *Host) Check(commands []pattern.Command) error {
	if !h.Fixed {
		return nil
	}
	for i := range commands {
		c := &commands[i]
		for _, a := range []*pattern.Action{c.Check, c.Change, c.Remove} {
			if c.Exec != nil || a != nil && a.Args != nil {
				return fmt.Errorf("the command %q has an exec or a list of arguments of its own, which this source does not allow", c.ID)
			}
		}
	}
	return nil
}

// run runs an action. What reaches it from outside are variables and its input, and
// never a part of a text that a shell reads.
func (h *Host) run(ctx context.Context, c *pattern.Command, a *pattern.Action, env []string, stdin []byte) done {
	if h.Fixed && a.Args != nil {
		// What was applied before that was so.
		return done{exit: -1, err: errors.New("this source does not allow lists of arguments any more")}
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = h.Timeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := a.Args
	if args == nil {
		prefix := c.Exec
		if prefix == nil || h.Fixed {
			prefix = h.Exec
		}
		if prefix == nil {
			prefix = DefaultExec
		}
		args = append(append([]string{}, prefix...), a.Text)
	}
	cmd := exec.CommandContext(limited, args[0], args[1:]...)
	cmd.Dir = h.Dir
	if c.Dir != "" {
		cmd.Dir = c.Dir
		if !filepath.IsAbs(c.Dir) {
			cmd.Dir = filepath.Join(h.Dir, c.Dir)
		}
	}
	cmd.Env = append(append([]string{}, h.Env...), env...)
	for name, value := range c.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if c.Stdin != "" {
		stdin = []byte(c.Stdin)
	}
	if stdin != nil {
		cmd.Stdin = bytes.NewReader(stdin)
	}
	output, tail := &head{most: maxOutput}, &ending{most: maxTail}
	cmd.Stdout, cmd.Stderr = both{output, tail}, tail
	together(cmd)
	cmd.WaitDelay = endWait
	// A process that ends with the thread that started it needs the thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	err := cmd.Run()
	if limited.Err() != nil {
		end(cmd)
	}
	d := done{took: time.Since(began), output: output.String(), tail: tail.String()}
	if errors.Is(err, exec.ErrWaitDelay) {
		// It ended well, and something that it started still has its output.
		err = nil
	}
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil && err != nil:
		d.exit, d.err = -1, fmt.Errorf("it was cut off: %w", context.Cause(ctx))
	case limited.Err() != nil && err != nil:
		d.exit, d.err = -1, fmt.Errorf("it took longer than %s", timeout)
	case exited && exit.ExitCode() >= 0:
		d.exit = exit.ExitCode()
	case err != nil && os.IsNotExist(err):
		d.exit, d.err = -1, fmt.Errorf("start %s in %s: %w", args[0], cmd.Dir, err)
	case err != nil && exited:
		d.exit, d.err = -1, fmt.Errorf("it ended by %s", strings.TrimSpace(exit.Error()))
	case err != nil:
		d.exit, d.err = -1, fmt.Errorf("run %s: %w", args[0], err)
	}
	return d
}
