package engine

import (
	"bytes"
	"strings"
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
	function   bool // a function of a module
	command    bool // prints, and says when it has printed everything
	hidden     bool // by itself
	enclosing  bool // hides what is in it
	substitute bool // stands for what is in it
	fast       bool // of no interest unless it takes time
	resumes    trace.SpanID

	queued   bool
	reported modules.StepState
	number   int                // of the step, from its start on
	output   [2]strings.Builder // lines that have not ended, by stream
	held     []heldOutput       // what arrived before the span itself
	eof      [2]bool            // streams that have ended
	awaited  bool               // the end of the output is waited for
	ended    *modules.Step      // held back until the output has ended
}

// printed reports whether everything that a command printed has arrived.
func (s *span) printed() bool { return s.eof[0] && s.eof[1] }

type heldOutput struct {
	at     time.Time
	stream int
	text   string
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
		c.open++
		s.start = time.Unix(0, int64(p.StartTimeUnixNano))
		s.name, s.fast = oneLine(c.mask(p.Name)), false
		if len(p.ParentSpanId) == len(trace.SpanID{}) {
			s.parent = trace.SpanID(p.ParentSpanId)
		}
	}
	if p.EndTimeUnixNano >= p.StartTimeUnixNano {
		if s.end.IsZero() {
			c.open--
		}
		s.end = time.Unix(0, int64(p.EndTimeUnixNano))
	}
	s.failed = p.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR
	s.failure = p.GetStatus().GetMessage()
	for _, a := range p.Attributes {
		on := a.GetValue().GetBoolValue()
		switch a.Key {
		case attrCall:
			if call, ok := parseDagCall(a.GetValue().GetStringValue()); ok {
				s.name = call.stepName(c.mask)
				s.function = call.Module
				s.command = !call.Module && call.Field == "withExec"
				s.fast = !s.function && !s.command
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
	if s.parent == c.parent {
		c.root = c.root || !s.end.IsZero()
	} else {
		c.inner = true
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
	}
	if eof {
		s.eof[stream] = true
		if s.awaited && s.printed() {
			s.awaited = false
			c.waiting--
		}
	}
	if !s.queued {
		s.queued = true
		c.order = append(c.order, s)
	}
}
