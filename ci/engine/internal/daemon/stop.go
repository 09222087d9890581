//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/franela/pocketci/ci/engine/internal/progress"
)

const (
	// stopTimeout is how long the engine may take to end sessions and write
	// its caches before it is killed.
	stopTimeout = 30 * time.Second
	// killTimeout bounds the wait after that.
	killTimeout = 10 * time.Second
)

// Stop ends the engine, waits until it is gone and removes what it left in the
// host's network. Without a running engine it removes only that. The caller
// holds the engine's lock.
func (e Engine) Stop(ctx context.Context, log *progress.Log) error {
	p, alive, err := loadProcess(e.pidFile())
	if err != nil {
		return err
	}
	if alive {
		err := log.Step(ctx, "stop engine "+e.Name, func(ctx context.Context, _ func(string)) error {
			return e.end(ctx, log, p)
		})
		if err != nil {
			return err
		}
	}
	return e.clearRemains(ctx, log)
}

func (e Engine) end(ctx context.Context, log *progress.Log, p process) error {
	if err := p.signal(unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("ask the engine to end: %w", err)
	}
	if p.waitGone(ctx, stopTimeout) == nil {
		return nil
	}
	log.Printf("the engine did not end in %s and is killed", stopTimeout)
	// Its process namespace goes with it, and so every container.
	if err := p.signal(unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill the engine: %w", err)
	}
	if err := p.waitGone(context.WithoutCancel(ctx), killTimeout); err != nil {
		return fmt.Errorf("the engine's process %d is still there after SIGKILL: %w", p.pid, err)
	}
	return nil
}

// clearRemains removes what an ended engine leaves behind, however it ended.
// It refuses while an engine still uses the state directory.
func (e Engine) clearRemains(ctx context.Context, log *progress.Log) error {
	if p, alive, err := loadProcess(e.pidFile()); err != nil {
		return err
	} else if alive {
		// Alive but not answering: neither usable nor safe to run beside.
		if err := e.end(ctx, log, p); err != nil {
			return err
		}
	}
	if err := e.awaitLockFree(ctx); err != nil {
		return err
	}
	for _, name := range []string{e.Socket, e.cliFile(), e.pidFile(), e.engineLock()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what the engine left: %w", err)
		}
	}
	if err := os.RemoveAll(filepath.Join(e.State, "tmp")); err != nil {
		return fmt.Errorf("remove the engine's temporary files: %w", err)
	}
	e.removeCgroups()
	return e.removeNetwork(ctx)
}

func (e Engine) awaitLockFree(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	for {
		free, err := lockIsFree(e.engineLock())
		if err != nil {
			return fmt.Errorf("look at the engine's lock: %w", err)
		}
		if free {
			return nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("another engine, not started by this program, uses %s", e.root())
		}
	}
}

// removeCgroups removes the engine's empty control groups, under version 1 one
// in each hierarchy. What is not empty stays: the kernel refuses.
func (e Engine) removeCgroups() {
	tops, _ := filepath.Glob("/sys/fs/cgroup/*/" + e.cgroupParent())
	tops = append(tops, "/sys/fs/cgroup/"+e.cgroupParent())
	for _, top := range tops {
		var dirs []string
		_ = filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, name)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			_ = os.Remove(dirs[i])
		}
	}
}
