//go:build linux

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// process is process 1 of an engine's namespace, seen from outside. With it
// end, by the kernel's hand, all processes of the engine: containers, too.
type process struct {
	pid int
	// started is the kernel's start time of the process, in ticks since boot.
	// A number that was given out again has another.
	started uint64
}

func (p process) save(path string) error {
	return os.WriteFile(path, fmt.Appendf(nil, "%d %d\n", p.pid, p.started), 0o600)
}

// loadProcess returns the process noted in a file, and false unless that very
// process is alive.
func loadProcess(path string) (process, bool, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return process{}, false, nil
	}
	if err != nil {
		return process{}, false, fmt.Errorf("read the engine's process number: %w", err)
	}
	var p process
	if _, err := fmt.Sscan(string(content), &p.pid, &p.started); err != nil {
		// Cut short by a crash: as good as none.
		return process{}, false, nil
	}
	return p, p.alive(), nil
}

func (p process) alive() bool {
	started, state, err := inspect(p.pid)
	return err == nil && started == p.started && state != "Z" && state != "X"
}

// inspect returns a process's start time and state.
func inspect(pid int) (uint64, string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, "", err
	}
	// The name in parentheses may hold anything, so count from its end.
	_, rest, found := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')'):]), ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return 0, "", fmt.Errorf("unexpected contents of /proc/%d/stat", pid)
	}
	started, err := strconv.ParseUint(fields[19], 10, 64)
	return started, fields[0], err
}

// waitGone waits until the process has ended, at most for d.
func (p process) waitGone(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for p.alive() {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// signal sends to that very process, and to no other of the same number.
func (p process) signal(sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !p.alive() {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}
