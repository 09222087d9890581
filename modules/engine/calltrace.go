package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/franela/pocketci/modules"
)

// Attributes by which Dagger says what a span is; from attrs.go of
// github.com/dagger/otel-go.
const (
	attrCall         = "dagger.io/dag.call"
	attrCached       = "dagger.io/dag.cached"
	attrCanceled     = "dagger.io/dag.canceled"
	attrPending      = "dagger.io/dag.pending"
	attrInternal     = "dagger.io/ui.internal"
	attrEncapsulate  = "dagger.io/ui.encapsulate"
	attrEncapsulated = "dagger.io/ui.encapsulated"
	attrPassthrough  = "dagger.io/ui.passthrough"
	attrPurpose      = "dagger.io/link.purpose"
	attrEOF          = "stdio.eof"
	attrStream       = "stdio.stream"
	attrVerbose      = "dagger.io/logs.verbose"

	purposeCause = "cause"
)

// Limits of what is kept per call.
const (
	maxSpans = 50_000
	// settleTime is how long the last telemetry of a call is waited for. It
	// is exported in batches every 100 ms, by the engine and by the session.
	settleTime = 600 * time.Millisecond
)

// callTrace makes steps out of the spans and log lines of one call.
type callTrace struct {
	parent trace.SpanID // of everything in the call
	queue  *stepQueue

	mu      sync.Mutex
	spans   map[trace.SpanID]*span
	order   []*span // those whose state is to be published
	waiting int     // steps whose output has not ended
	root    bool    // the request's own span has ended
	settled chan struct{}
}

// span is one span of Dagger's and how far it has been reported.
type span struct {
	id, parent trace.SpanID
	known      bool // more than its id
	name       string
	start, end time.Time
	failure    string
	failed     bool
	cached     bool
	canceled   bool
	pending    bool // will be resumed by another span
	hidden     bool // by itself
	enclosing  bool // hides what is in it
	substitute bool // stands for what is in it
	fast       bool // of no interest unless it takes time
	resumes    trace.SpanID

	queued   bool
	reported modules.StepState
	output   [2]strings.Builder // lines that have not ended, by stream
	held     []heldOutput       // what arrived before the span itself
	open     bool               // output is expected to end
}

type heldOutput struct {
	at     time.Time
	stream int
	text   string
}

// begin starts to listen for a call's telemetry. The returned context ties
// requests to it; finish waits, shortly, for what is still under way.
func (t *traces) begin(ctx context.Context, report func(modules.Step)) (context.Context, func()) {
	var id trace.TraceID
	c := &callTrace{spans: map[trace.SpanID]*span{}, settled: make(chan struct{})}
	_, _ = rand.Read(id[:])
	_, _ = rand.Read(c.parent[:])
	ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: c.parent, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
	if report == nil {
		return ctx, func() {}
	}
	c.queue = newStepQueue(report)
	t.mu.Lock()
	t.calls[id] = c
	t.mu.Unlock()
	return ctx, func() {
		select {
		case <-c.settled:
		case <-time.After(settleTime):
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

// addSpan takes the start or the end of a span.
func (c *callTrace) addSpan(p *tracepb.Span) {
	if len(p.SpanId) != len(trace.SpanID{}) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.get(trace.SpanID(p.SpanId))
	if !s.known {
		s.known = true
		s.start = time.Unix(0, int64(p.StartTimeUnixNano))
		s.name, s.fast = oneLine(p.Name), false
		if len(p.ParentSpanId) == len(trace.SpanID{}) {
			s.parent = trace.SpanID(p.ParentSpanId)
		}
	}
	if p.EndTimeUnixNano >= p.StartTimeUnixNano {
		s.end = time.Unix(0, int64(p.EndTimeUnixNano))
	}
	s.failed = p.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR
	s.failure = p.GetStatus().GetMessage()
	for _, a := range p.Attributes {
		on := a.GetValue().GetBoolValue()
		switch a.Key {
		case attrCall:
			if call, ok := parseDagCall(a.GetValue().GetStringValue()); ok {
				s.name = call.stepName()
				s.fast = !call.Module && call.Field != "withExec"
				s.hidden = s.hidden || boring(call)
			}
		case attrCached:
			s.cached = on
		case attrCanceled:
			s.canceled = on
		case attrPending:
			s.pending = on
		case attrInternal, attrEncapsulated:
			s.hidden = s.hidden || on
		case attrEncapsulate:
			s.enclosing = on
		case attrPassthrough:
			s.substitute = on
		}
	}
	// The first cause is the lazy step itself; further ones are the calls
	// that passed it on. Two calls can share a step; for the one that did
	// not define it, the work stands for itself.
	for _, link := range p.Links {
		if purpose(link) != purposeCause || len(link.SpanId) != len(trace.SpanID{}) {
			continue
		}
		if bytes.Equal(link.TraceId, p.TraceId) {
			s.resumes = trace.SpanID(link.SpanId)
		} else {
			s.substitute, s.name = false, strings.TrimPrefix(s.name, "resume ")
		}
		break
	}
	if s.parent == c.parent && !s.end.IsZero() {
		c.root = true
	}
	if !s.queued {
		s.queued = true
		c.order = append(c.order, s)
	}
}

func purpose(link *tracepb.Span_Link) string {
	for _, a := range link.Attributes {
		if a.Key == attrPurpose {
			return a.GetValue().GetStringValue()
		}
	}
	return purposeCause
}

// boring reports calls that Dagger's own display leaves out.
func boring(c dagCall) bool {
	switch c.Field {
	case "id", "sync", "setSecret", "cacheVolume", "currentModule", "currentFunctionCall", "typeDef", "function", "sourceMap", "generatedCode":
		return !c.Module
	}
	return strings.HasPrefix(c.Field, "_")
}

// addLog takes a piece of what a span printed.
func (c *callTrace) addLog(r *logspb.LogRecord) {
	if len(r.SpanId) != len(trace.SpanID{}) {
		return
	}
	var eof bool
	stream := 0
	for _, a := range r.Attributes {
		switch a.Key {
		case attrVerbose:
			if a.GetValue().GetBoolValue() {
				return
			}
		case attrEOF:
			eof = a.GetValue().GetBoolValue()
		case attrStream:
			if a.GetValue().GetIntValue() == 2 {
				stream = 1
			}
		}
	}
	text, _ := r.GetBody().GetValue().(*commonpb.AnyValue_StringValue)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.get(trace.SpanID(r.SpanId))
	at := time.Unix(0, int64(max(r.TimeUnixNano, r.ObservedTimeUnixNano)))
	if text != nil && text.StringValue != "" {
		s.held = append(s.held, heldOutput{at: at, stream: stream, text: text.StringValue})
		if !s.open {
			s.open = true
			c.waiting++
		}
	}
	if eof && s.open {
		s.open = false
		c.waiting--
	}
	if !s.queued {
		s.queued = true
		c.order = append(c.order, s)
	}
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
		}
	}
	if c.root && c.waiting == 0 {
		select {
		case <-c.settled:
		default:
			close(c.settled)
		}
	}
}

// flush reports what is left at the end of a call.
func (c *callTrace) flush() {
	c.publish()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		// A lazy step whose result was there already is never resumed.
		if s.pending && s.cached && s.reported == "" && !s.fast && c.visible(s) {
			c.start(s, s.start)
			c.queue.add(modules.Step{Time: s.end, State: modules.StepCached, Name: s.name, Duration: s.end.Sub(s.start)})
		}
		c.lines(s)
		for i := range s.output {
			if s.output[i].Len() > 0 {
				c.print(s, time.Now(), s.output[i].String())
				s.output[i].Reset()
			}
		}
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
	} else if s.pending {
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
	if !ended || step.reported != modules.StepStarted {
		return
	}
	end := modules.Step{Time: s.end, State: modules.StepDone, Name: step.name, Duration: s.end.Sub(s.start)}
	switch {
	case s.canceled, s.failed && strings.Contains(s.failure, context.Canceled.Error()):
		end.State, end.Text = modules.StepFailed, "cancelled"
	case s.failed:
		end.State, end.Text = modules.StepFailed, s.failure
	case s.cached:
		end.State = modules.StepCached
	}
	c.lines(step)
	step.reported = end.State
	c.queue.add(end)
}

// start reports that a step has started, unless that was done.
func (c *callTrace) start(s *span, at time.Time) {
	if s.reported == "" {
		s.reported = modules.StepStarted
		c.queue.add(modules.Step{Time: at, State: modules.StepStarted, Name: s.name})
	}
}

// visible reports whether Dagger's own display shows a span by default: not
// what is internal, and not what is inside of a span that encapsulates it.
func (c *callTrace) visible(s *span) bool { return !s.substitute && !c.buried(s) }

// buried reports whether a span is hidden or inside of one that hides it.
func (c *callTrace) buried(s *span) bool {
	if s.hidden {
		return true
	}
	for depth := 0; depth < 100; depth++ {
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

// lines reports the complete lines of a span's output.
func (c *callTrace) lines(s *span) {
	for _, h := range s.held {
		buf := &s.output[h.stream]
		buf.WriteString(h.text)
		text := buf.String()
		end := strings.LastIndexByte(text, '\n')
		if end < 0 && len(text) < maxLine {
			continue
		}
		if end < 0 {
			end = len(text)
		}
		c.print(s, h.at, text[:end])
		buf.Reset()
		buf.WriteString(strings.TrimPrefix(text[end:], "\n"))
	}
	s.held = nil
}

// print reports output under the step that it belongs to: the span's own or
// the nearest around it. What hidden spans print, such as an SDK that builds
// the module, stays hidden with them.
func (c *callTrace) print(s *span, at time.Time, text string) {
	if s.known && c.buried(s) {
		return
	}
	step := s
	for depth := 0; depth < 100 && step != nil && (!step.known || !c.visible(step)); depth++ {
		step = c.spans[step.parent]
	}
	name := ""
	if step != nil {
		name = step.name
		c.start(step, step.start)
	}
	c.queue.add(modules.Step{Time: at, State: modules.StepOutput, Name: name, Text: text})
}
