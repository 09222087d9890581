package engine_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

func TestLiteral(t *testing.T) {
	str, integer, float, boolean := modules.Type{Kind: modules.KindString}, modules.Type{Kind: modules.KindInteger}, modules.Type{Kind: modules.KindFloat}, modules.Type{Kind: modules.KindBoolean}
	level := modules.Type{Kind: modules.KindEnum, Name: "Level", Values: []string{"LOW", "HIGH"}}
	list := func(elem modules.Type) modules.Type { return modules.Type{Kind: modules.KindList, Elem: &elem} }
	for name, c := range map[string]struct {
		typ   modules.Type
		value any
		want  string // empty: an error
	}{
		"string":             {str, "a\"b\\\n", `"a\"b\\\n"`},
		"empty string":       {str, "", `""`},
		"scalar":             {modules.Type{Kind: modules.KindScalar, Name: "Platform"}, "linux/arm64", `"linux/arm64"`},
		"enum":               {level, "LOW", `LOW`},
		"no member":          {level, "low", ""},
		"injection":          {level, "LOW) { id } #", ""},
		"integer":            {integer, int64(math.MinInt64), `-9223372036854775808`},
		"plain integer":      {integer, 7, `7`},
		"no integer":         {integer, 1.5, ""},
		"float":              {float, 1e21, `1e+21`},
		"whole float":        {float, 2.0, `2.0`},
		"integer as float":   {float, int64(2), `2.0`},
		"not a number":       {float, math.NaN(), ""},
		"infinite":           {float, math.Inf(1), ""},
		"boolean":            {boolean, true, `true`},
		"string for boolean": {boolean, "true", ""},
		"list":               {list(str), []any{"a", "b"}, `["a", "b"]`},
		"strings":            {list(str), []string{"a"}, `["a"]`},
		"list of lists":      {list(list(integer)), []any{[]any{int64(1)}, []any{}}, `[[1], []]`},
		"bad item":           {list(str), []any{"a", int64(1)}, ""},
		"object":             {modules.Type{Kind: modules.KindObject, Name: "Container"}, "alpine", ""},
		"null":               {modules.Type{Kind: modules.KindString, Optional: true}, nil, `null`},
		"required null":      {str, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := engine.Literal(c.typ, c.value)
			if (err == nil) != (c.want != "") || got != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

// FuzzLiteral checks that no string gets out of its quotes.
func FuzzLiteral(f *testing.F) {
	for _, seed := range []string{"", `"`, `\`, "\x00\u2028", "\xff", `"""`, "a\r\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := engine.Literal(modules.Type{Kind: modules.KindString}, s)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := parser.ParseQuery(&ast.Source{Input: "query { f(a: " + text + ") }"})
		if err != nil {
			t.Fatalf("%q as %s: %v", s, text, err)
		}
		field, ok := doc.Operations[0].SelectionSet[0].(*ast.Field)
		if !ok || len(doc.Operations[0].SelectionSet) != 1 || len(field.Arguments) != 1 {
			t.Fatalf("%q as %s is more than an argument", s, text)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); utf8.ValidString(s) && field.Arguments[0].Value.Raw != want {
			t.Fatalf("%q arrives as %q", s, field.Arguments[0].Value.Raw)
		}
	})
}

// encodeCall writes a call as spans carry it.
func encodeCall(field string, module bool, args ...[]byte) string {
	var b []byte
	b = protowire.AppendTag(b, 3, protowire.BytesType)
	b = protowire.AppendString(b, field)
	for _, arg := range args {
		var a []byte
		a = protowire.AppendTag(a, 1, protowire.BytesType)
		a = protowire.AppendString(a, "name")
		a = protowire.AppendTag(a, 2, protowire.BytesType)
		a = protowire.AppendBytes(a, arg)
		b = protowire.AppendTag(b, 4, protowire.BytesType)
		b = protowire.AppendBytes(b, a)
	}
	if module {
		b = protowire.AppendTag(b, 8, protowire.BytesType)
		b = protowire.AppendString(b, "")
	}
	return base64.StdEncoding.EncodeToString(b)
}

func text(s string) []byte {
	return protowire.AppendString(protowire.AppendTag(nil, 7, protowire.BytesType), s)
}

func texts(items ...string) []byte {
	var list []byte
	for _, item := range items {
		list = protowire.AppendTag(list, 1, protowire.BytesType)
		list = protowire.AppendBytes(list, text(item))
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 8, protowire.BytesType), list)
}

func TestStepName(t *testing.T) {
	for name, c := range map[string]struct {
		call, want string
	}{
		"a command":     {encodeCall("withExec", false, texts("go", "test", "./...")), "withExec go test ./..."},
		"several lines": {encodeCall("withExec", false, texts("sh", "-c", "a\n\tb")), "withExec sh -c a b"},
		"an image":      {encodeCall("from", false, text("alpine:3")), "from alpine:3"},
		"a new file":    {encodeCall("withNewFile", false, text("/a"), text("content")), "withNewFile /a"},
		"no argument":   {encodeCall("stdout", false), "stdout"},
		"a function":    {encodeCall("onPush", true, text("main")), "onPush"},
		"long":          {encodeCall("withExec", false, texts(strings.Repeat("é", 300))), "withExec " + strings.Repeat("é", 95) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := engine.StepName(c.call)
			if !ok || got != c.want {
				t.Errorf("got %q, %t; want %q", got, ok, c.want)
			}
		})
	}
}

func FuzzStepName(f *testing.F) {
	f.Add(encodeCall("withExec", false, texts("a", "b")))
	f.Add(encodeCall("f", true, text("x")))
	f.Add("EgoKBlN0cmluZxgBGgd2ZXJzaW9uShV4eGgzOjIxMGRiNTQ0NDNmNDdiODU=")
	f.Add("////")
	f.Add("")
	f.Fuzz(func(t *testing.T, call string) {
		name, ok := engine.StepName(call)
		if ok && (name == "" && strings.TrimSpace(name) != name || strings.ContainsAny(name, "\n\r") || !utf8.ValidString(name) || len(name) > 210) {
			t.Errorf("name is %q", name)
		}
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name": "m", "sdk": "go", "dependencies": ["../a", {"name": "b", "source": "github.com/x/y", "pin": "z"}], "include": ["a", "!b"], "exclude": ["c", "!d"]}`))
	f.Add([]byte(`{"sdk": {"source": "dang"}, "source": "src", "blueprint": {"source": "x"}, "toolchains": [{"source": "y"}]}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"sdk": null, "dependencies": [null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree := modules.Tree{FS: fstest.MapFS{"m/dagger.json": {Data: data}}, GitDir: "/nowhere"}
		e := fuzzEngine(t)
		_, err := e.Load(t.Context(), tree, "m")
		if !errors.Is(err, modules.ErrModule) && !errors.Is(err, modules.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzSchema(f *testing.F) {
	f.Add([]byte(`{"typeDefs": [
		{"name": "Query", "kind": "OBJECT_KIND", "asObject": {"name": "Query", "functions": [{"name": "m", "sourceModuleName": "m", "returnType": {"name": "M"}, "args": []}]}},
		{"name": "M", "kind": "OBJECT_KIND", "asObject": {"name": "M", "functions": [{"name": "f", "returnType": {"name": "L"}, "args": [{"name": "a", "defaultValue": "\"[1]\"", "defaultPath": "/", "typeDef": {"name": "L"}}]}]}},
		{"name": "L", "kind": "LIST_KIND", "asList": {"elementTypeDef": {"name": "S"}}},
		{"name": "S", "kind": "STRING_KIND"}]}`))
	f.Add([]byte(`{"typeDefs": [{"name": "Query", "asObject": {"functions": [{"sourceModuleName": "m", "returnType": {"name": "Query"}}, {"name": "f", "returnType": {"name": "L"}}]}}, {"name": "L", "asList": {"elementTypeDef": {"name": "L"}}}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = engine.ReadSchema(data, "m", "m") // must not panic or hang
	})
}

// FuzzTelemetry feeds what a session could send.
func FuzzTelemetry(f *testing.F) {
	trace, parent := bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 8)
	id := func(b byte) []byte { return bytes.Repeat([]byte{b}, 8) }
	flag := func(key string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}}
	}
	spans, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{
		{TraceId: trace, SpanId: id(3), ParentSpanId: parent, Name: "POST /query", StartTimeUnixNano: 1, EndTimeUnixNano: 9, Attributes: []*commonpb.KeyValue{flag("dagger.io/ui.passthrough")}},
		{TraceId: trace, SpanId: id(4), ParentSpanId: id(3), Name: "a", StartTimeUnixNano: 1, EndTimeUnixNano: 2, Attributes: []*commonpb.KeyValue{flag("dagger.io/dag.pending")}},
		{TraceId: trace, SpanId: id(5), ParentSpanId: id(5), Name: "resume a", StartTimeUnixNano: 3, Links: []*tracepb.Span_Link{{TraceId: trace, SpanId: id(4)}}},
		{TraceId: trace, SpanId: id(6), ParentSpanId: id(4)},
	}}}}}})
	if err != nil {
		f.Fatal(err)
	}
	logs, err := proto.Marshal(&logspb.LogsData{ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{
		{TraceId: trace, SpanId: id(4), Body: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: "one\ntwo"}}},
		{TraceId: trace, SpanId: id(4), Attributes: []*commonpb.KeyValue{flag("stdio.eof")}},
	}}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(spans, logs)
	f.Add(logs, spans)
	f.Add([]byte{}, []byte{0xff})
	f.Fuzz(func(t *testing.T, spans, logs []byte) {
		var traces tracepb.TracesData
		var lines logspb.LogsData
		if proto.Unmarshal(spans, &traces) != nil || proto.Unmarshal(logs, &lines) != nil {
			return
		}
		engine.Feed(trace, parent, &traces, &lines, func(s modules.Step) {
			if s.State == "" {
				t.Errorf("a step without a state: %+v", s)
			}
		})
	})
}

func TestStepQueue(t *testing.T) {
	t.Run("loses output, says so, and keeps states", func(t *testing.T) {
		var mu sync.Mutex
		var got []modules.Step
		gate := make(chan struct{})
		q := engine.NewStepQueue(func(s modules.Step) {
			<-gate
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
		}, slog.Default())
		line := strings.Repeat("x", 1000)
		for range 2000 { // twice what is stored
			q.Add(modules.Step{State: modules.StepOutput, Text: line})
		}
		q.Add(modules.Step{State: modules.StepDone, Name: "end"})
		close(gate)
		q.Close()
		mu.Lock()
		defer mu.Unlock()
		lines, lost := 0, 0
		for _, s := range got {
			var n int
			if _, err := fmt.Sscanf(s.Text, "[%d lines", &n); err == nil {
				lost += n
			} else if s.Text == line {
				lines++
			}
		}
		if lines+lost != 2000 || lines < 900 || lost < 900 {
			t.Errorf("%d lines arrived, %d are said to be lost", lines, lost)
		}
		if end := got[len(got)-1]; end.Name != "end" {
			t.Errorf("the end is %v", end)
		}
	})
	t.Run("is not held up for ever", func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		q := engine.NewStepQueue(func(modules.Step) { <-hang }, slog.Default())
		q.Add(modules.Step{State: modules.StepStarted})
		ended := make(chan struct{})
		go func() {
			q.Close()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("a report that hangs holds up the call")
		}
	})
}

func TestErrorsReadWell(t *testing.T) {
	for want, err := range map[string]error{
		"load module ci: go build .: exit code 1\nmain.go:1:1: wrong": &engine.LoadError{Module: "ci", Message: "go build .: exit code 1", Output: "main.go:1:1: wrong"},
		"load module ci: ../x leaves the repository":                  &engine.TreeError{Module: "ci", Path: "../x", Reason: "leaves the repository"},
		"lint: go vet ./...: exit code 2":                             &engine.CallError{Function: "lint", Command: []string{"go", "vet", "./..."}, ExitCode: 2, Message: "exit code: 2"},
		"lint: /runtime: exit code 2: panic: no luck":                 &engine.CallError{Function: "lint", Command: []string{"/runtime"}, ExitCode: 2, Stderr: "words\npanic: no luck\n\ngoroutine 1 [running]:\n"},
		"lint: /runtime: exit code 1":                                 &engine.CallError{Function: "lint", Command: []string{"/runtime"}, ExitCode: 1, Stderr: "words\n"},
		"lint: sh: exit code 1":                                       &engine.CallError{Function: "lint", Command: []string{"sh"}, ExitCode: 1, Stderr: "panic: of another\n"},
		"lint: not today":                                             &engine.CallError{Function: "lint", Message: "not today"},
		"lint: argument level: x is not one of A, B":                  &engine.ArgError{Function: "lint", Argument: "level", Err: errors.New("x is not one of A, B")},
	} {
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
	}
}

// fuzzEngine is an engine that is never there.
var fuzzEngine = func() func(*testing.T) *engine.Engine {
	var once sync.Once
	var e *engine.Engine
	return func(t *testing.T) *engine.Engine {
		once.Do(func() {
			dir := t.TempDir()
			var err error
			if e, err = engine.New(engine.Config{Host: "unix://" + dir + "/none.sock", CLI: "/bin/false", Dir: dir}); err != nil {
				t.Fatal(err)
			}
		})
		return e
	}
}()
