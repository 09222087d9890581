package agent

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/franela/pocketci/internal/store"
)

const (
	// lookEvery is how often the queue is looked at without a wake-up, which
	// can be lost between processes.
	lookEvery = 5 * time.Second
	// answerTimeout limits one try of telling the store how work ended, and
	// answerEvery is the time between two.
	answerTimeout = 10 * time.Second
	answerEvery   = time.Second
)

// membership is the agent while it is one member of those at work.
type membership struct {
	*Agent
	member *store.Agent
	// gone ends when the member is lost; abort when all work is to end.
	gone, abort context.Context
}

// loop claims work and does it, as much at a time as there are slots, until ctx
// ends. Work that was begun is waited for by the caller.
func (a *Agent) loop(ctx context.Context, slots int, working *sync.WaitGroup, claim func(context.Context) (func(), error)) {
	woken, unwatch := a.cfg.Store.Watch(store.TopicWork)
	defer unwatch()
	busy := make(chan struct{}, slots)
	for away := false; ctx.Err() == nil; {
		select {
		case busy <- struct{}{}:
		case <-ctx.Done():
			return
		}
		var work func()
		err := a.gate.wait(ctx)
		if err == nil {
			work, err = claim(ctx)
		}
		if err == nil {
			away = false
			working.Go(func() {
				defer func() { <-busy }()
				work()
			})
			continue
		}
		<-busy
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, store.ErrNoWork):
			away = false
		case !away:
			away = true
			a.cfg.Log.Error("cannot claim work; trying again", "error", err)
		}
		wait := time.NewTimer(lookEvery)
		select {
		case <-woken:
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// answer tells the store how work ended. A store that is away is told again
// until the member is lost, and somebody else does the work anew.
func (m *membership) answer(tell func(context.Context) error) error {
	for {
		ctx, cancel := context.WithTimeout(m.gone, answerTimeout)
		err := tell(ctx)
		cancel()
		switch {
		case err == nil:
			return nil
		case m.gone.Err() != nil:
			return context.Cause(m.gone)
		case !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		pause(m.gone, answerEvery)
	}
}

// over reports whether an answer was refused because the work is not this
// member's any more, which is nothing to worry about.
func over(err error) bool {
	return errors.Is(err, store.ErrAborted) || errors.Is(err, store.ErrFenced) || errors.Is(err, store.ErrLost)
}

// contain turns a panic into an error: what is worked on belongs to other
// people, and what it makes panic ends that work and nothing else.
func contain(log *slog.Logger, doing string, work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic while working", "doing", doing, "panic", p, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	return work()
}

// errInternal is all that others are told of a panic.
var errInternal = errors.New("internal error; the agent's log says more")
