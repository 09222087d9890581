package engine

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/modules"
)

// Limits of what waits for a report.
const (
	maxQueued = 1 << 20 // bytes of output
	maxLine   = 64 << 10
	// maxReport is how long a call that has ended waits for its report.
	maxReport = 5 * time.Second
)

// stepQueue hands steps to a report, in order and from one goroutine, without
// ever making the sender wait. Output that does not fit is left out, which a
// step in its place says; states of steps are never left out.
type stepQueue struct {
	report func(modules.Step)
	log    *slog.Logger
	wake   chan struct{}
	done   chan struct{}

	mu      sync.Mutex
	steps   []modules.Step
	size    int // bytes of output in steps
	dropped int // lines
	closed  bool
	stopped bool
}

func newStepQueue(report func(modules.Step), log *slog.Logger) *stepQueue {
	q := &stepQueue{report: report, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go q.run()
	return q
}

func (q *stepQueue) add(s modules.Step) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.State == modules.StepOutput && q.size+len(s.Text) > maxQueued {
		q.dropped += 1 + strings.Count(s.Text, "\n")
		return
	}
	q.mark(s.Time)
	q.size += len(s.Text)
	q.push(s)
}

// mark says what was left out since the last step.
func (q *stepQueue) mark(at time.Time) {
	if q.dropped > 0 {
		q.push(modules.Step{Time: at, State: modules.StepOutput, Text: fmt.Sprintf("[%d lines of output were lost: they came faster than they could be stored]", q.dropped)})
		q.dropped = 0
	}
}

func (q *stepQueue) push(s modules.Step) {
	q.steps = append(q.steps, s)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *stepQueue) run() {
	defer close(q.done)
	for range q.wake {
		q.mu.Lock()
		steps := q.steps
		q.steps = nil
		closed := q.closed
		q.mu.Unlock()
		for _, s := range steps {
			q.mu.Lock()
			q.size -= len(s.Text)
			stopped := q.stopped
			q.mu.Unlock()
			if stopped {
				return
			}
			q.deliver(s)
		}
		if closed {
			return
		}
	}
}

// deliver reports one step. A report that panics loses it, and no more.
func (q *stepQueue) deliver(s modules.Step) {
	defer func() {
		if r := recover(); r != nil {
			q.log.Error("panic in the report of a step", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	q.report(s)
}

// close waits until everything is reported. A report that hangs is left behind.
func (q *stepQueue) close() {
	q.mu.Lock()
	q.mark(time.Now())
	q.closed = true
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	select {
	case <-q.done:
	case <-time.After(maxReport):
		q.mu.Lock()
		q.stopped = true
		q.mu.Unlock()
	}
}
