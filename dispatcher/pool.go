package dispatcher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/franela/pocketci/modules"
)

// linger is how long a session that nobody uses stays open for the next call.
// To open one again takes seconds, and the calls of a run come one by one.
const linger = 3 * time.Second

// errClosed is why no session opens any more. The same call can be made by
// another dispatcher, as after the loss of an engine.
var errClosed = fmt.Errorf("the dispatcher is closed: %w", modules.ErrUnavailable)

// sessionKey says which calls share a session.
type sessionKey struct {
	run, module, runsOn, at string
	attempt                 int
}

// pool has the sessions of all runs, one for each key.
type pool struct {
	sessions Sessions
	log      *slog.Logger

	mu     sync.Mutex
	closed bool
	// shared are the sessions that further calls may use.
	shared map[sessionKey]*sharedSession
	// all are those that have not been closed, also where no further call may
	// use them.
	all map[*sharedSession]struct{}
}

func newPool(sessions Sessions, log *slog.Logger) *pool {
	return &pool{sessions: sessions, log: log, shared: map[sessionKey]*sharedSession{}, all: map[*sharedSession]struct{}{}}
}

// acquire returns the session of a key for one use more. It is opened when
// somebody waits for it; each use ends with one release.
func (p *pool) acquire(run *Run, call *Call, attempt int) *sharedSession {
	key := sessionKey{run.ID, call.Module, call.RunsOn, call.At, attempt}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shared[key]
	if s == nil {
		s = &sharedSession{key: key, ready: make(chan struct{}), closed: make(chan struct{})}
		s.open = func(ctx context.Context) (Session, error) {
			at, err := run.at(ctx, key.at)
			if err != nil {
				return nil, err
			}
			return p.sessions.Open(ctx, at, key.module, key.runsOn)
		}
		// It belongs to all calls that use it, and to the context of none.
		s.ctx, s.cancel = context.WithCancelCause(context.Background())
		if p.closed {
			s.cancel(errClosed)
		}
		p.shared[key], p.all[s] = s, struct{}{}
	}
	s.users++
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil
	}
	return s
}

// release gives up one use. The session that nobody uses any more is closed:
// at once if it is no good to anybody or that is asked for, else when nobody
// has come for a while. It does not wait for that; s.closed says when.
func (p *pool) release(s *sharedSession, atOnce bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.users--
	switch {
	case s.users > 0:
	case atOnce || p.closed || s.lost || !s.usable():
		p.retire(s)
	default:
		s.idle = time.AfterFunc(linger, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			// Somebody may have come while the timer went off.
			if s.users == 0 {
				p.retire(s)
			}
		})
	}
}

// lose says that a session is of no further use. The calls in it come to their
// own ends; new ones get a new session.
func (p *pool) lose(s *sharedSession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.lost = true
	if p.shared[s.key] == s {
		delete(p.shared, s.key)
	}
}

// retire closes a session in the background, once. The lock is held.
func (p *pool) retire(s *sharedSession) {
	if p.shared[s.key] == s {
		delete(p.shared, s.key)
	}
	if s.retired {
		return
	}
	s.retired = true
	go func() {
		defer close(s.closed)
		if err := s.close(); err != nil {
			p.log.Warn("close session", "run", s.key.run, "module", s.key.module, "attempt", s.key.attempt, "error", err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.all, s)
	}()
}

// close closes all sessions, also those in use, and returns when they are.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	var all []*sharedSession
	for s := range p.all {
		all = append(all, s)
		if s.idle != nil {
			s.idle.Stop()
		}
		if !s.usable() {
			s.cancel(errClosed)
		}
		p.retire(s)
	}
	p.mu.Unlock()
	for _, s := range all {
		<-s.closed
	}
}

// sharedSession is a session that several calls use. The first call that waits
// for it has it opened. The fields below the channels are guarded by the pool.
type sharedSession struct {
	key    sessionKey
	open   func(context.Context) (Session, error)
	ctx    context.Context
	cancel context.CancelCauseFunc
	once   sync.Once

	ready   chan struct{} // closed when session and err are set
	session Session
	err     error
	closed  chan struct{} // closed when the session is

	users   int
	idle    *time.Timer // closes it when nobody has come
	lost    bool
	retired bool
}

// errUnused is why the opening of a session ends that nobody waits for.
var errUnused = errors.New("nobody waits for the session any more")

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
	if s.ctx.Err() == nil {
		s.session, s.err = s.open(s.ctx)
	}
	if s.session == nil && s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
	}
}

// usable reports whether the session is open.
func (s *sharedSession) usable() bool {
	select {
	case <-s.ready:
		return s.err == nil
	default:
		return false
	}
}

// close closes the session. If it is still being opened, that comes to an end
// first.
func (s *sharedSession) close() error {
	defer s.cancel(errUnused)
	started := true
	s.once.Do(func() {
		started = false
		s.err = context.Cause(s.ctx)
		close(s.ready)
	})
	if !started {
		return nil
	}
	if !s.usable() {
		s.cancel(errUnused)
	}
	<-s.ready
	if s.err != nil || s.session == nil {
		return nil
	}
	return s.session.Close()
}

// at is the run on another commit of its repository, or as it is if there is none.
func (r *Run) at(ctx context.Context, commit string) (Run, error) {
	run := *r
	if commit == "" {
		return run, nil
	}
	if r.Commit == nil {
		return Run{}, fmt.Errorf("%w: commit %s cannot be had here", modules.ErrModule, commit)
	}
	tree, err := r.Commit(ctx, commit)
	if err != nil {
		return Run{}, fmt.Errorf("get commit %.12s: %w", commit, err)
	}
	run.Tree, run.Source = tree, tree
	return run, nil
}
