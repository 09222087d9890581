package engine_test

import (
	"fmt"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// Steps are a tree in which what is not shown is left out.
func TestStepTree(t *testing.T) {
	trace, request := []byte("0123456789abcdef"), []byte("request0")
	start := uint64(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	flag := func(key string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}}
	}
	span := func(id, parent string, attributes ...*commonpb.KeyValue) *tracepb.Span {
		return &tracepb.Span{
			TraceId: trace, SpanId: []byte(id), ParentSpanId: []byte(parent), Name: id,
			StartTimeUnixNano: start, EndTimeUnixNano: start + uint64(time.Second), Attributes: attributes,
		}
	}
	resumed := span("resumed0", "elsewher")
	resumed.Links = []*tracepb.Span_Link{{TraceId: trace, SpanId: []byte("lazystep")}}
	for name, test := range map[string]struct {
		spans []*tracepb.Span
		log   []string // ids of spans and what they print, in turns
		want  []string
	}{
		"a step in a step": {
			spans: []*tracepb.Span{span("outerone", "request0"), span("innerone", "outerone")},
			want:  []string{"started outerone 1 in ", "done outerone 1 in ", "started innerone 2 in 1", "done innerone 2 in 1"},
		},
		"two of one name": {
			spans: []*tracepb.Span{span("a-sister", "request0"), span("a-brothe", "request0")},
			want:  []string{"started a-sister 1 in ", "done a-sister 1 in ", "started a-brothe 2 in ", "done a-brothe 2 in "},
		},
		"what is not shown lies between": {
			spans: []*tracepb.Span{span("outerone", "request0"), span("substitu", "outerone", flag("dagger.io/ui.passthrough")), span("innerone", "substitu")},
			want:  []string{"started outerone 1 in ", "done outerone 1 in ", "started innerone 2 in 1", "done innerone 2 in 1"},
		},
		"the inner one comes first": {
			spans: []*tracepb.Span{span("innerone", "outerone"), span("outerone", "request0")},
			want:  []string{"started innerone 1 in ", "done innerone 1 in ", "started outerone 2 in ", "done outerone 2 in "},
		},
		"a lazy step is where it was asked for": {
			spans: []*tracepb.Span{span("outerone", "request0"), span("lazystep", "outerone", flag("dagger.io/dag.pending")), resumed},
			want:  []string{"started outerone 1 in ", "done outerone 1 in ", "started lazystep 2 in 1", "done lazystep 2 in 1"},
		},
		"a step that is inside of itself": {
			spans: []*tracepb.Span{span("circular", "circular")},
			want:  []string{"started circular 1 in ", "done circular 1 in "},
		},
		"output with and without an end": {
			spans: []*tracepb.Span{span("printing", "request0")},
			log:   []string{"printing", "\x1b[31mone\x1b[0m\n", "printing", "two"},
			want:  []string{"started printing 1 in ", "done printing 1 in ", "output printing 1 in  \"\\x1b[31mone\\x1b[0m\"", "output printing 1 in  \"two\" open"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			spans := &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: test.spans}}}}}
			var records []*logspb.LogRecord
			for i := 0; i < len(test.log); i += 2 {
				records = append(records, &logspb.LogRecord{TraceId: trace, SpanId: []byte(test.log[i]), TimeUnixNano: start,
					Body: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: test.log[i+1]}}})
			}
			logs := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: records}}}}}
			var got []string
			engine.Feed(trace, request, spans, logs, func(s modules.Step) {
				line := fmt.Sprintf("%s %s %s in %s", s.State, s.Name, s.ID, s.Parent)
				if s.State == modules.StepOutput {
					line += fmt.Sprintf(" %q", s.Text)
				}
				if s.Open {
					line += " open"
				}
				got = append(got, line)
			})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
