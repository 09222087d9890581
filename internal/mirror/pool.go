package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// pool holds the checkouts of one process: those in use, and some that may be
// used again.
type pool struct {
	dir  string
	lock *os.File
	keep int
	// removals are those under way.
	removals sync.WaitGroup

	mu   sync.Mutex
	next int
	// idle ones are in the order of their last use, oldest first.
	used map[*checkout]struct{}
	idle []*checkout
}

// checkoutKey says which checkouts can take each other's place.
type checkoutKey struct {
	mirror  string
	withGit bool
}

// checkout is one directory. Its fields but dir belong to the pool.
type checkout struct {
	dir    string
	key    checkoutKey
	commit string
	users  int
	// ready is closed when it is built, or err is set.
	ready  chan struct{}
	err    error
	cancel context.CancelFunc
}

// newPool makes a directory of this process's own below root, and removes
// those of processes that are no more.
func newPool(root string, keep int) (*pool, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	// One process at a time, lest one sweeps what another is about to lock.
	guard, err := os.OpenFile(filepath.Join(root, "guard"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer guard.Close()
	if err := syscall.Flock(int(guard.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	old, err := filepath.Glob(filepath.Join(root, "*.lock"))
	if err != nil {
		return nil, err
	}
	for _, path := range old {
		if err := sweep(path); err != nil {
			return nil, err
		}
	}
	lock, err := os.CreateTemp(root, "*.lock")
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	p := &pool{dir: ownDir(lock.Name()), lock: lock, keep: keep, used: map[*checkout]struct{}{}}
	return p, os.Mkdir(p.dir, 0o700)
}

func ownDir(lock string) string { return lock[:len(lock)-len(".lock")] }

// sweep removes the directory of a lock that nobody holds.
func sweep(path string) error {
	lock, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	return errors.Join(os.RemoveAll(ownDir(path)), os.Remove(path))
}

// build fills dir with a commit, in place of old if that is not empty.
type build func(ctx context.Context, dir, old string) error

// get returns a checkout of the commit that the caller gives back with put. It
// is built once however many ask, until the last of them has given up.
func (p *pool) get(ctx context.Context, key checkoutKey, commit string, build build) (*checkout, error) {
	c, old := p.take(key, commit)
	if old != nil {
		var building context.Context
		building, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
		go func() {
			defer c.cancel()
			defer close(c.ready)
			// The commit is somebody else's; what it makes panic must not
			// end the agent.
			defer func() {
				if p := recover(); p != nil {
					c.err = fmt.Errorf("check out %s: internal error: %v", commit, p)
				}
			}()
			if err := os.MkdirAll(c.dir, 0o700); err != nil {
				c.err = err
			} else {
				c.err = build(building, c.dir, *old)
			}
		}()
	}
	select {
	case <-c.ready:
	case <-ctx.Done():
		p.put(c)
		return nil, fmt.Errorf("wait for the checkout: %w", context.Cause(ctx))
	}
	if c.err != nil {
		p.put(c)
		return nil, c.err
	}
	return c, nil
}

// take finds a checkout and counts the caller as a user of it. If old is not
// nil the caller must build it, over the commit that it names.
func (p *pool) take(key checkoutKey, commit string) (c *checkout, old *string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.used {
		if c.key == key && c.commit == commit && !c.failed() {
			c.users++
			return c, nil
		}
	}
	reuse := -1
	for i, c := range p.idle {
		if c.key == key && (c.commit == commit || reuse < 0 || p.idle[reuse].commit != commit) {
			reuse = i
		}
	}
	if reuse < 0 {
		p.next++
		c = &checkout{dir: filepath.Join(p.dir, fmt.Sprint(p.next)), key: key}
		old = new(string)
	} else {
		c = p.idle[reuse]
		p.idle = append(p.idle[:reuse], p.idle[reuse+1:]...)
		if c.commit != commit {
			was := c.commit
			old = &was
		}
	}
	c.users = 1
	if old != nil {
		c.commit, c.ready = commit, make(chan struct{})
	}
	p.used[c] = struct{}{}
	return c, old
}

// failed reports whether c could not be built.
func (c *checkout) failed() bool {
	select {
	case <-c.ready:
		return c.err != nil
	default:
		return false
	}
}

// put gives up one use of a checkout.
func (p *pool) put(c *checkout) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.users--; c.users > 0 {
		return
	}
	delete(p.used, c)
	select {
	case <-c.ready:
	default:
		c.cancel()
		p.remove(c)
		return
	}
	if c.err != nil {
		p.remove(c)
		return
	}
	p.idle = append(p.idle, c)
	for len(p.idle) > max(0, p.keep) {
		p.remove(p.idle[0])
		p.idle = p.idle[1:]
	}
}

// remove deletes a checkout that nobody uses, when it is no longer written to.
func (p *pool) remove(c *checkout) {
	p.removals.Go(func() {
		<-c.ready
		// What cannot be removed now is removed with the pool.
		_ = os.RemoveAll(c.dir)
	})
}

// close removes everything, also what is still in use.
func (p *pool) close() error {
	p.removals.Wait()
	return errors.Join(os.RemoveAll(p.dir), os.Remove(p.lock.Name()), p.lock.Close())
}
