package engine_test

import (
	"strings"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// A value that is cut in two is recognised by nobody afterwards.
func TestMaskBeforeCut(t *testing.T) {
	const value = "open-sesame-open-sesame"
	mask := func(s string) string { return strings.ReplaceAll(s, value, "***") }

	t.Run("names of calls", func(t *testing.T) {
		for before := 150; before < 200; before++ {
			name := engine.MaskedStepName(encodeCall("withExec", false, text(strings.Repeat("x", before)+value+" and more of it "+strings.Repeat("y", 100))), mask)
			if strings.Contains(name, value[:4]) {
				t.Errorf("after %d letters: %s", before, name)
			}
		}
	})
	t.Run("names of spans and long lines", func(t *testing.T) {
		id, parent, own := []byte("0123456789abcdef"), []byte("parent00"), []byte("span0000")
		spans := &tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{
			TraceId: id, SpanId: own, ParentSpanId: parent, Name: strings.Repeat("x", 190) + value + strings.Repeat("y", 100),
			StartTimeUnixNano: uint64(time.Now().UnixNano()),
		}}}}}}}
		var records []*logspb.LogRecord
		// Pieces of 1000 bytes of a line without an end: some value lies
		// over each place where the line could be cut.
		line := strings.Repeat("é"+value+"é", 20_000)
		for piece := line; piece != ""; {
			n := min(1000, len(piece))
			records = append(records, &logspb.LogRecord{
				TraceId: id, SpanId: own,
				Body: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: piece[:n]}},
			})
			piece = piece[n:]
		}
		logs := &logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: records}}}}}
		var printed strings.Builder
		outputs := 0
		engine.FeedMasked(id, parent, spans, logs, mask, func(s modules.Step) {
			if strings.Contains(s.Name, value[:4]) {
				t.Errorf("the name is %s", s.Name)
			}
			if s.State == modules.StepOutput {
				outputs++
				printed.WriteString(mask(s.Text)) // as whoever stores it does
			}
		})
		if want := mask(line); printed.String() != want {
			t.Errorf("got %d bytes with %d rests of values, want %d bytes", printed.Len(), strings.Count(printed.String(), value[:4]), len(want))
		}
		if outputs < 2 {
			t.Errorf("the line came in %d pieces", outputs)
		}
	})
}
