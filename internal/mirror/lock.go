package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lock is held by one goroutine of one process at a time.
type lock struct {
	path string
	held chan struct{}
}

func newLock(path string) *lock { return &lock{path: path, held: make(chan struct{}, 1)} }

// acquire waits for the lock until ctx ends. The file it returns carries the
// lock, which is free again when release is called, and, should this process
// die, when every process that inherited the file has ended.
func (l *lock) acquire(ctx context.Context) (file *os.File, release func(), err error) {
	select {
	case l.held <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("wait for the mirror: %w", context.Cause(ctx))
	}
	defer func() {
		if err != nil {
			<-l.held
		}
	}()
	file, err = os.OpenFile(l.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("lock the mirror: %w", err)
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
			return nil, nil, fmt.Errorf("lock the mirror: %w", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			file.Close()
			return nil, nil, fmt.Errorf("wait for the mirror, which another process uses: %w", context.Cause(ctx))
		}
	}
}
