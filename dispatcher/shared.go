package dispatcher

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// sharedSession is the one session that all calls of a module and run use. The
// first call that gets to run opens it, the last to end closes it. It lives by
// the context of the run, so that the time limit of one call does not end it
// for the others.
type sharedSession struct {
	open   func(context.Context) (Session, error)
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
	ready  chan struct{} // closed when session and err are set

	session Session
	err     error

	mu    sync.Mutex
	users int
}

func newSharedSession(ctx context.Context, open func(context.Context) (Session, error)) *sharedSession {
	s := &sharedSession{open: open, ready: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// get returns the session, and waits for it no longer than ctx allows.
func (s *sharedSession) get(ctx context.Context) (Session, error) {
	s.once.Do(func() { go s.start() })
	select {
	case <-s.ready:
		return s.session, s.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *sharedSession) start() {
	defer close(s.ready)
	defer func() {
		if p := recover(); p != nil {
			s.err = fmt.Errorf("open session: internal error: %v\n%s", p, debug.Stack())
		}
	}()
	s.session, s.err = s.open(s.ctx)
}

// release gives up one use. The last one closes the session, and if it is
// still being opened that comes to an end first.
func (s *sharedSession) release() error {
	s.mu.Lock()
	s.users--
	last := s.users == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	defer s.cancel()
	started := true
	s.once.Do(func() { started = false })
	if !started {
		return nil
	}
	select {
	case <-s.ready:
	default:
		s.cancel()
		<-s.ready
	}
	if s.err != nil || s.session == nil {
		return nil
	}
	return s.session.Close()
}
