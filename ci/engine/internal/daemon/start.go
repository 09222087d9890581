//go:build linux

package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/franela/pocketci/ci/engine/internal/progress"
	"github.com/franela/pocketci/ci/engine/internal/sandbox"
	"github.com/franela/pocketci/ci/engine/internal/sdkimage"
	"github.com/franela/pocketci/ci/engine/internal/tools"
)

const (
	// startTimeout bounds the time from the engine's process to its answer.
	// An old state directory can take some seconds to be opened.
	startTimeout = 90 * time.Second
	// busyTimeout is how long a living engine may be too busy to answer before
	// it is taken for stuck: ending it ends everybody's calls.
	busyTimeout = 60 * time.Second
	// LockTimeout bounds the wait for another start or stop, which may be
	// building everything.
	LockTimeout = 20 * time.Minute
	// logTail is how much of the log is shown when the engine dies.
	logTail = 4096
)

// Start starts the engine unless it already answers. The caller holds its lock.
func (e Engine) Start(ctx context.Context, log *progress.Log, set tools.Set, image sdkimage.Image) error {
	if e.revive(ctx, log, set) {
		return nil
	}
	if err := e.clearRemains(ctx, log); err != nil {
		return err
	}
	if err := e.checkNetwork(); err != nil {
		return err
	}
	if err := e.recordNetwork(ctx); err != nil {
		return err
	}
	for _, dir := range []string{e.State, e.root(), filepath.Dir(e.Socket), filepath.Join(e.State, "tmp"), filepath.Join(e.State, "home")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the engine's directories: %w", err)
		}
	}
	return log.Step(ctx, "start engine "+e.Name+", log in "+e.Log(), func(ctx context.Context, _ func(string)) error {
		cmd, err := e.spawn(set, image)
		if err != nil {
			return err
		}
		died := make(chan error, 1)
		go func() { died <- cmd.Wait() }()
		if err := e.awaitReady(ctx, died, set.Program("dagger")); err != nil {
			err = fmt.Errorf("%w\nthe end of %s:\n%s", err, e.Log(), e.tail())
			// A half-started engine would be in the way of the next start.
			return errors.Join(err, e.Stop(context.WithoutCancel(ctx), log))
		}
		return nil
	})
}

// revive reports whether an engine that seemed not to answer is there after
// all: it was only busy, or whoever started it did not wait until it was ready.
func (e Engine) revive(ctx context.Context, log *progress.Log, set tools.Set) bool {
	p, alive, err := loadProcess(e.pidFile())
	if err != nil || !alive {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	died := make(chan error, 1)
	go func() {
		if p.waitGone(ctx, busyTimeout) == nil {
			died <- errors.New("process gone")
		}
	}()
	err = log.Step(ctx, "wait for engine "+e.Name+", which runs but did not answer", func(ctx context.Context, _ func(string)) error {
		return e.awaitReady(ctx, died, set.Program("dagger"))
	})
	return err == nil
}

// spawn starts the process and notes which it is.
func (e Engine) spawn(set tools.Set, image sdkimage.Image) (*exec.Cmd, error) {
	config, err := engineConfig()
	if err != nil {
		return nil, err
	}
	cmd, err := sandbox.Prepare(sandbox.Spec{
		Tools:          set.Dir,
		Content:        image.Dir,
		State:          e.State,
		EngineConfig:   config,
		BuildkitConfig: e.buildkitConfig(),
		Args:           e.arguments(),
	})
	if err != nil {
		return nil, err
	}
	if err := os.Rename(e.Log(), e.Log()+".previous"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keep the previous log: %w", err)
	}
	output, err := os.OpenFile(e.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the engine's log: %w", err)
	}
	defer output.Close()
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Dir = e.State
	cmd.Env = e.engineEnvironment(image.Digest)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the engine in its own namespaces: %w", err)
	}
	started, _, err := inspect(cmd.Process.Pid)
	if err == nil {
		err = process{pid: cmd.Process.Pid, started: started}.save(e.pidFile())
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("note the engine's process number: %w", err)
	}
	return cmd, nil
}

// awaitReady waits until a session can be opened.
func (e Engine) awaitReady(ctx context.Context, died <-chan error, cli string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := e.probe(ctx)
		if err == nil {
			break
		}
		if errors.Is(err, errOtherVersion) {
			return err
		}
		select {
		case exit := <-died:
			return fmt.Errorf("the engine ended at its start (%v)", exit)
		case <-ctx.Done():
			return fmt.Errorf("the engine does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := os.Chmod(e.Socket, 0o600); err != nil {
		return fmt.Errorf("keep the socket to this user: %w", err)
	}
	if err := e.query(ctx, cli); err != nil {
		return err
	}
	// Written last: with it, the engine counts as ready.
	if err := os.WriteFile(e.cliFile(), []byte(cli), 0o600); err != nil {
		return fmt.Errorf("note the engine's client: %w", err)
	}
	return nil
}

// tail returns the last lines of the log.
func (e Engine) tail() []byte {
	content, err := os.ReadFile(e.Log())
	if err != nil {
		return []byte(err.Error())
	}
	if len(content) > logTail {
		content = content[len(content)-logTail:]
		if _, rest, found := bytes.Cut(content, []byte("\n")); found {
			content = rest
		}
	}
	return content
}
