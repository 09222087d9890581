package engine

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/franela/pocketci/modules"
)

// Limits of what is kept per call.
const (
	maxSpans = 50_000
	// maxAround bounds how far a span is looked for what is around it.
	maxAround = 100
	// settleTime is how long the last telemetry of a call is waited for. It
	// is exported in batches every 100 ms, by the engine and by the session,
	// so that it is usually there after 200 ms. Nobody waits for long for
	// that of a call that was cancelled.
	settleTime    = 5 * time.Second
	cancelledTime = 600 * time.Millisecond
	// quietTime is how long nothing must have come after the request's own
	// span has ended. That span and the steps' come from different programs,
	// in batches of their own.
	quietTime = 150 * time.Millisecond
	// aloneTime is the same while nothing has come but that span: there is always
	// something in it, and an engine on a busy machine tells of it late.
	aloneTime = time.Second
	// outputDelay is how long the end of a step waits for its output.
	outputDelay = 300 * time.Millisecond
)

// callTrace makes steps out of the spans and log lines of one call.
type callTrace struct {
	parent trace.SpanID // of everything in the call
	queue  *stepQueue
	mask   func(string) string

	mu      sync.Mutex
	spans   map[trace.SpanID]*span
	order   []*span     // those whose state is to be published
	started int         // steps that have been reported
	waiting int         // commands whose output has not ended
	open    int         // spans that have begun and not ended
	root    bool        // the request's own span has ended
	inner   bool        // there is another span in it
	quiet   *time.Timer // since the last batch, once root has ended
	settled chan struct{}
}

func newCallTrace(report func(modules.Step), mask func(string) string, log *slog.Logger) *callTrace {
	c := &callTrace{mask: mask, spans: map[trace.SpanID]*span{}, settled: make(chan struct{})}
	if report != nil {
		c.queue = newStepQueue(report, log)
	}
	return c
}

// begin starts to listen for a call's telemetry. The returned context ties
// requests to it; finish waits for what is still under way, unless the session
// is lost.
func (t *traces) begin(ctx context.Context, report func(modules.Step)) (_ context.Context, finish func(lost <-chan struct{})) {
	var id trace.TraceID
	c := newCallTrace(report, t.collector.mask, t.collector.log)
	_, _ = rand.Read(id[:])
	_, _ = rand.Read(c.parent[:])
	ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: c.parent, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
	if report == nil {
		return ctx, func(<-chan struct{}) {}
	}
	t.mu.Lock()
	t.calls[id] = c
	t.mu.Unlock()
	return ctx, func(lost <-chan struct{}) {
		limit := settleTime
		if ctx.Err() != nil {
			limit = cancelledTime
		}
		select {
		case <-c.settled:
		case <-lost:
		case <-time.After(limit):
		}
		t.mu.Lock()
		delete(t.calls, id)
		t.mu.Unlock()
		c.flush()
		c.queue.close()
	}
}

func (c *callTrace) get(id trace.SpanID) *span {
	s := c.spans[id]
	if s == nil {
		s = &span{id: id}
		if len(c.spans) < maxSpans {
			c.spans[id] = s
		}
	}
	return s
}

// publish reports what has become known since the last time.
func (c *callTrace) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	order := c.order
	c.order = nil
	for _, s := range order {
		s.queued = false
		if s.known {
			c.state(s)
			c.lines(s)
			c.end(s, false)
		}
	}
	quiet := quietTime
	if !c.inner {
		quiet = aloneTime
	}
	switch {
	case !c.root || c.waiting > 0 || c.open > 0:
		if c.quiet != nil {
			c.quiet.Stop()
		}
	case c.quiet == nil:
		c.quiet = time.AfterFunc(quiet, sync.OnceFunc(func() { close(c.settled) }))
	default:
		c.quiet.Reset(quiet)
	}
}

// flush reports what is left at the end of a call.
func (c *callTrace) flush() {
	c.publish()
	c.mu.Lock()
	defer c.mu.Unlock()
	incomplete := c.waiting > 0
	byStart := func(a, b *span) int { return a.start.Compare(b.start) }
	for _, s := range slices.SortedFunc(maps.Values(c.spans), byStart) {
		// A lazy step whose result was there already is never resumed.
		if s.pending && s.cached && s.reported == "" && !s.fast && c.visible(s) {
			c.start(s, s.start)
			c.queue.add(modules.Step{Time: s.end, State: modules.StepCached, ID: s.step(), Parent: c.around(s), Name: s.name, Duration: s.end.Sub(s.start)})
		}
		c.lines(s)
		c.rest(s)
		c.end(s, true)
	}
	if incomplete {
		c.queue.add(modules.Step{Time: time.Now(), State: modules.StepOutput, Text: "[some of the output did not arrive]"})
	}
}

// state reports how far a span has come.
func (c *callTrace) state(s *span) {
	step := s
	if s.resumes.IsValid() {
		// The span of the lazy call has ended long ago; this is its work.
		if step = c.spans[s.resumes]; step == nil || !step.known {
			return
		}
	} else if s.pending && !s.function {
		return
	}
	if !c.visible(step) {
		return
	}
	ended := !s.end.IsZero()
	if step.reported == "" && step.fast && ended && !s.failed && len(s.held) == 0 {
		return // over before anybody could have seen it
	}
	c.start(step, s.start)
	if step.command && !s.cached && !step.awaited && !step.printed() {
		step.awaited = true
		c.waiting++
	}
	if !ended || step.reported != modules.StepStarted {
		return
	}
	end := &modules.Step{Time: s.end, State: modules.StepDone, ID: step.step(), Parent: c.around(step), Name: step.name, Duration: s.end.Sub(s.start)}
	switch {
	case s.canceled, s.failed && strings.Contains(s.failure, context.Canceled.Error()):
		end.State, end.Text = modules.StepFailed, "cancelled"
	case s.failed:
		end.State, end.Text = modules.StepFailed, s.failure
	case s.cached:
		end.State = modules.StepCached
	}
	if step.awaited && s.failed && !strings.Contains(s.failure, "exit code") {
		step.awaited = false // it never began
		c.waiting--
	}
	step.reported = end.State
	step.ended = end
	c.lines(step)
	c.end(step, false)
	if step.ended != nil {
		time.AfterFunc(outputDelay, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.end(step, true)
		})
	}
}

// end reports that a step has ended, after everything that it printed: output
// takes another way here, and can arrive later. It is waited for only shortly.
func (c *callTrace) end(s *span, now bool) {
	if s.ended == nil || s.awaited && !now {
		return
	}
	c.lines(s)
	c.rest(s)
	c.queue.add(*s.ended)
	s.ended = nil
}

// start reports that a step has started, unless that was done.
func (c *callTrace) start(s *span, at time.Time) {
	if s.reported == "" {
		s.reported = modules.StepStarted
		c.started++
		s.number = c.started
		c.queue.add(modules.Step{Time: at, State: modules.StepStarted, ID: s.step(), Parent: c.around(s), Name: s.name})
	}
}

// step is the id of the step that a span is reported as, empty if it is none.
func (s *span) step() string {
	if s.number == 0 {
		return ""
	}
	return strconv.Itoa(s.number)
}

// around is the id of the nearest step around a span that is reported by now.
func (c *callTrace) around(s *span) string {
	up := s
	for range maxAround {
		if up = c.spans[up.parent]; up == nil || up == s {
			return ""
		}
		if up.number > 0 {
			return up.step()
		}
	}
	return ""
}

// visible reports whether Dagger's own display shows a span by default: not
// what is internal, and not what is inside of a span that encapsulates it.
func (c *callTrace) visible(s *span) bool { return !s.substitute && !c.buried(s) }

// buried reports whether a span is hidden or inside of one that hides it.
func (c *callTrace) buried(s *span) bool {
	if s.hidden {
		return true
	}
	for range maxAround {
		up := c.spans[s.parent]
		if s.parent == c.parent || up == nil || !up.known {
			return false
		}
		if up.enclosing || up.hidden {
			return true
		}
		s = up
	}
	return false
}
