package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"dagger.io/dagger"
	"go.opentelemetry.io/otel/trace"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/franela/pocketci/modules"
)

// CollectorURL is where the engine's sessions send telemetry.
func (e *Engine) CollectorURL() (string, error) {
	c, err := e.collector()
	if err != nil {
		return "", err
	}
	return c.url, nil
}

// ReadSchema reads what the engine says about a module named name.
func ReadSchema(data []byte, path, name string) (any, error) {
	var answer struct{ TypeDefs []typeDef }
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, err
	}
	return readSchema(answer.TypeDefs, path, name)
}

// ReadChecks reads what the engine says about the checks of a module named name:
// those that it lists, and the functions that are marked, as Type.function.
func ReadChecks(data []byte, name string, listed map[string][]string, marked ...string) ([]modules.Check, error) {
	var answer struct{ TypeDefs []typeDef }
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, err
	}
	s, err := readSchema(answer.TypeDefs, "ci", name)
	if err != nil {
		return nil, err
	}
	var list []listedCheck
	for name, path := range listed {
		list = append(list, listedCheck{Name: name, Path: path})
	}
	var types []markedType
	for _, mark := range marked {
		object, function, _ := strings.Cut(mark, ".")
		var t markedType
		text := fmt.Sprintf(`{"name": %q, "fields": [{"name": %q, "directives": [{"name": "check"}]}]}`, object, function)
		if err := json.Unmarshal([]byte(text), &t); err != nil {
			return nil, err
		}
		types = append(types, t)
	}
	err = s.addChecks(answer.TypeDefs, list, types)
	return s.Module.Checks, err
}

// StepName gives the name of the step that a span's call stands for.
func StepName(call string) (string, bool) {
	c, ok := parseDagCall(call)
	return c.stepName(plain), ok
}

// The functions that read and write what comes from outside.
var (
	Literal = literal
)

func plain(s string) string { return s }

// NewStepQueue gives a queue that logs to log.
func NewStepQueue(report func(modules.Step), log *slog.Logger) *stepQueue {
	return newStepQueue(report, log)
}

// MaskedStepName is StepName with a mask.
func MaskedStepName(call string, mask func(string) string) string {
	c, _ := parseDagCall(call)
	return c.stepName(mask)
}

// FeedMasked is Feed with a mask.
func FeedMasked(id, parent []byte, spans *tracepb.TracesData, logs *logspb.LogsData, mask func(string) string, report func(modules.Step)) {
	feed(id, parent, spans, logs, mask, report)
}

// Feed gives telemetry to a call with the given trace and parent span.
func Feed(id, parent []byte, spans *tracepb.TracesData, logs *logspb.LogsData, report func(modules.Step)) {
	feed(id, parent, spans, logs, plain, report)
}

func feed(id, parent []byte, spans *tracepb.TracesData, logs *logspb.LogsData, mask func(string) string, report func(modules.Step)) {
	t := &traces{calls: map[trace.TraceID]*callTrace{}}
	c := newCallTrace(report, mask, slog.Default())
	c.parent = trace.SpanID(parent)
	t.calls[trace.TraceID(id)] = c
	t.addSpans(spans)
	t.addLogs(logs)
	t.addSpans(spans)
	c.flush()
	c.queue.close()
}

// Add and Close are those that a call's telemetry uses.
func (q *stepQueue) Add(s modules.Step) { q.add(s) }

func (q *stepQueue) Close() { q.close() }

// Ask makes a query of the client that serves the session, whose own secrets it
// may use.
func (s *Session) Ask(ctx context.Context, query string, variables map[string]any, into any) error {
	return s.link.client.Do(ctx, &dagger.Request{Query: query, Variables: variables}, &dagger.Response{Data: into})
}

// SecretID is the handle of a secret of the session.
func (s *Session) SecretID(ctx context.Context, ref string) (string, error) {
	id, err := s.secret(ctx, ref)
	return string(id), err
}

// SecretName is what a secret is called on the engine.
func (e *Engine) SecretName(ref, value string) string { return e.names.name(ref, value) }
