package pattern

import (
	"errors"
	"fmt"
	"strings"

	jsonnet "github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"

	"github.com/franela/pocketci/internal/yamlfile"
)

// maxStack is how deep the evaluation of Jsonnet goes.
const maxStack = 400

// Environment is what a pattern may read with getEnv: the values of the allowed
// names, nil for one that is not set.
type Environment map[string]*string

// Evaluate renders the Jsonnet of a pattern to JSON. Imports are those of the files
// and no others, and the one native function is getEnv(name, fallback). Nothing
// bounds how long it takes and how much memory it needs but the process that it runs
// in; see [Renderer].
func Evaluate(files *Files, env Environment) ([]byte, error) {
	text, err := evaluate(files, func(name string, fallback any) (any, error) {
		value, allowed := env[name]
		switch {
		case !allowed:
			return nil, fmt.Errorf("getEnv: %.100q is not a variable that this source may read", name)
		case value == nil && fallback == nil:
			return nil, fmt.Errorf("getEnv: %q is not set, and the fallback is null", name)
		case value == nil:
			return fallback, nil
		}
		return *value, nil
	})
	return []byte(text), err
}

// EvaluateAnywhere is [Evaluate] where the host's environment is not known: each
// variable is its fallback, or empty.
func EvaluateAnywhere(files *Files) ([]byte, error) {
	text, err := evaluate(files, func(_ string, fallback any) (any, error) {
		if fallback == nil {
			return "", nil
		}
		return fallback, nil
	})
	return []byte(text), err
}

func evaluate(files *Files, lookup func(name string, fallback any) (any, error)) (string, error) {
	if err := files.Check(); err != nil {
		return "", err
	}
	vm := jsonnet.MakeVM()
	vm.MaxStack = maxStack
	vm.SetTraceOut(discard{})
	vm.ErrorFormatter.SetMaxStackTraceSize(5)
	vm.Importer(newMemory(files))
	vm.NativeFunction(&jsonnet.NativeFunction{
		Name:   "getEnv",
		Params: ast.Identifiers{"name", "fallback"},
		Func: func(args []any) (any, error) {
			name, ok := args[0].(string)
			if !ok {
				return nil, errors.New("getEnv: the name must be a string")
			}
			if _, ok := args[1].(string); !ok && args[1] != nil {
				return nil, errors.New("getEnv: the fallback must be a string or null")
			}
			return lookup(name, args[1])
		},
	})
	text, err := vm.EvaluateFile(files.Entrypoint)
	if err != nil {
		return "", fmt.Errorf("render the pattern: %s", strings.TrimSpace(err.Error()))
	}
	if len(text) > yamlfile.MaxSize {
		return "", fmt.Errorf("render the pattern: it renders to %d bytes, more than %d", len(text), yamlfile.MaxSize)
	}
	return text, nil
}

// discard drops what std.trace says: it would be the one way out of the pattern that
// is not its result.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// memory imports from the files of a pattern alone.
type memory map[string]jsonnet.Contents

func newMemory(files *Files) memory {
	m := memory{}
	for name, text := range files.Files {
		m[name] = jsonnet.MakeContents(text)
	}
	return m
}

// Import implements [jsonnet.Importer].
func (m memory) Import(importedFrom, imported string) (jsonnet.Contents, string, error) {
	name, err := resolve(importedFrom, imported)
	if err != nil {
		return jsonnet.Contents{}, "", err
	}
	contents, ok := m[name]
	if !ok {
		return jsonnet.Contents{}, "", fmt.Errorf("import %.100q: the pattern was signed without %q", imported, name)
	}
	return contents, name, nil
}
