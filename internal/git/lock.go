package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Lock is held by one goroutine of one process at a time.
type Lock struct {
	path string
	held chan struct{}
}

// NewLock returns the lock of a file, which it makes when it is first acquired.
func NewLock(path string) *Lock { return &Lock{path: path, held: make(chan struct{}, 1)} }

// Acquire waits for the lock until ctx ends. The file it returns carries the
// lock, which is free again when release is called, and, should this process
// die, when every process that inherited the file has ended.
func (l *Lock) Acquire(ctx context.Context) (file *os.File, release func(), err error) {
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("wait for the repository: %w", context.Cause(ctx))
	}
	defer func() {
		if err != nil {
			<-l.held
		}
	}()
	file, err = os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("lock the repository: %w", err)
	}
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file, func() {
				_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
				file.Close()
				<-l.held
			}, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, nil, fmt.Errorf("lock the repository: %w", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			file.Close()
			return nil, nil, fmt.Errorf("wait for the repository, which another process uses: %w", context.Cause(ctx))
		}
	}
}
