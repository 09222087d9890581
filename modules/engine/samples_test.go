package engine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// repository gives a directory with the named sample modules in it, files by
// their content, and a root file system.
func repository(t *testing.T, samples []string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, sample := range samples {
		from := os.DirFS(filepath.Join("..", "..", "testdata", "modules", sample))
		if err := os.CopyFS(filepath.Join(dir, sample), from); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	enginetest.Busybox(t, dir)
	return dir
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// open opens a session for a sample module and closes it with the test.
func open(t *testing.T, e *engine.Engine, run engine.Run) *engine.Session {
	t.Helper()
	s, err := e.Open(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// constant, source, event and secret are values for bind.
func constant(v any) modules.Value { return modules.Value{Kind: modules.ValueConst, Const: v} }
func secret(ref string) modules.Value {
	return modules.Value{Kind: modules.ValueSecret, Secret: ref}
}

var (
	source = modules.Value{Kind: modules.ValueSource}
	event  = modules.Value{Kind: modules.ValueEvent}
)

// bind makes a call of a function with arguments by name.
func bind(t *testing.T, s *engine.Session, function string, args map[string]modules.Value) modules.Call {
	t.Helper()
	for _, f := range s.Module().Functions {
		if f.Name != function {
			continue
		}
		call := modules.Call{Function: function, Returns: f.Returns}
		for _, arg := range f.Args {
			if v, given := args[arg.Name]; given {
				call.Args = append(call.Args, modules.Bound{Name: arg.Name, Type: arg.Type, Value: v})
			}
		}
		if len(call.Args) != len(args) {
			t.Fatalf("%s takes %v, not %v", function, f.Args, args)
		}
		return call
	}
	t.Fatalf("module %s has no function %s", s.Module().Path, function)
	return modules.Call{}
}

// call calls a function and fails the test if it fails.
func call(t *testing.T, s *engine.Session, function string, args map[string]modules.Value) string {
	t.Helper()
	result, err := s.Call(t.Context(), bind(t, s, function, args), nil)
	if err != nil {
		t.Fatal(err)
	}
	return result.Output
}

// await waits for a condition.
func await(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// secrets looks references up in a map.
func secrets(values map[string]string) func(context.Context, string) (string, error) {
	return func(_ context.Context, ref string) (string, error) {
		if v, ok := values[ref]; ok {
			return v, nil
		}
		return "", errors.New("it is not configured")
	}
}
