package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

func TestChecks(t *testing.T) {
	e := enginetest.Start(t)
	for _, sample := range []string{"checks", "gochecks"} {
		t.Run(sample, func(t *testing.T) {
			dir := repository(t, []string{sample}, nil)
			m, err := e.Load(t.Context(), enginetest.Tree(dir), sample)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(m.Checks, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, sample+".json", append(got, '\n'))
		})
	}
}

// check makes the call of a check.
func check(t *testing.T, s *engine.Session, name string) modules.Call {
	t.Helper()
	c := s.Module().Check(name)
	if c == nil {
		t.Fatalf("there is no check %s", name)
	}
	return modules.Call{Function: c.Name, Path: c.Path, Returns: c.Returns}
}

func TestCallOfChecks(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"checks", "gochecks"}, map[string]string{"docs/README.md": "read me"})
	for name, c := range map[string]struct {
		module, check, output string
		fails                 string
	}{
		"nothing to say":            {module: "checks", check: "lint-all"},
		"the repository's files":    {module: "checks", check: "readme", output: "read me"},
		"a default":                 {module: "checks", check: "maybe", output: "hello nobody"},
		"of an object":              {module: "checks", check: "web:lint-js", output: "read me"},
		"of an object's object":     {module: "checks", check: "web:deep:httpprobe", output: "probed"},
		"a step that fails":         {module: "checks", check: "test", fails: "exit code 3"},
		"in Go":                     {module: "gochecks", check: "docs"},
		"in Go, that does not pass": {module: "gochecks", check: "web:lint-js", fails: "main.js:3: a semicolon is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: c.module})
			result, err := s.Call(t.Context(), check(t, s, c.check), nil)
			if c.fails != "" {
				var failed *engine.CallError
				if !errors.As(err, &failed) || !strings.Contains(failed.Error(), c.fails) || failed.Function != c.check {
					t.Fatalf("got %v, want a CallError about %s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if result.Output != c.output {
				t.Errorf("output is %q, want %q", result.Output, c.output)
			}
		})
	}
}

// A check that fails is told about as any function: by its steps, what they
// printed, and the command that failed.
func TestStepsOfChecks(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"checks"}, nil)
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "checks"})
	var printed []string
	_, err := s.Call(t.Context(), check(t, s, "test"), func(step modules.Step) {
		if step.State == modules.StepOutput {
			printed = append(printed, step.Text)
		}
	})
	want := &engine.CallError{
		Function: "test", Message: "exit code: 3", ExitCode: 3,
		Command: []string{"/bin/busybox", "sh", "-c", "echo before it fails; echo the reason >&2; exit 3"},
		Stdout:  "before it fails", Stderr: "the reason",
	}
	var failed *engine.CallError
	if !errors.As(err, &failed) {
		t.Fatalf("got %v, want a CallError", err)
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Error(diff)
	}
	if text := strings.Join(printed, "\n"); !strings.Contains(text, "before it fails") || !strings.Contains(text, "the reason") {
		t.Errorf("the output of its step is %q", text)
	}
}

// Like a function, a check takes its files from what the run is about, not from
// where the module is: those of a fork are judged by the rules of its base.
func TestSourceOfChecks(t *testing.T) {
	e := enginetest.Start(t)
	base := repository(t, []string{"checks"}, map[string]string{"docs/README.md": "base"})
	head := repository(t, nil, map[string]string{"docs/README.md": "head"})
	s := open(t, e, engine.Run{Tree: enginetest.Tree(base), Source: enginetest.Tree(head), Module: "checks"})
	for _, name := range []string{"readme", "web:lint-js"} {
		result, err := s.Call(t.Context(), check(t, s, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Output != "head" {
			t.Errorf("%s read %q", name, result.Output)
		}
	}
}

// types are those of a module whose objects lead to each other in a circle.
const types = `{"typeDefs": [
	{"name": "Query", "asObject": {"name": "Query", "functions": [{"name": "ci", "sourceModuleName": "ci", "returnType": {"name": "Ci"}}]}},
	{"name": "String", "kind": "STRING_KIND"},
	{"name": "Ci", "asObject": {"name": "Ci", "sourceModuleName": "ci", "fields": [{"name": "again", "typeDef": {"name": "Ci"}}], "functions": [
		{"name": "lint", "returnType": {"name": "String"}},
		{"name": "greet", "returnType": {"name": "String"}, "args": [{"name": "name", "typeDef": {"name": "String"}}]},
		{"name": "inner", "returnType": {"name": "Inner"}},
		{"name": "demanding", "returnType": {"name": "Inner"}, "args": [{"name": "name", "typeDef": {"name": "String"}}]}]}},
	{"name": "Inner", "asObject": {"name": "Inner", "sourceModuleName": "ci", "functions": [
		{"name": "outer", "returnType": {"name": "Ci"}},
		{"name": "lintJs", "returnType": {"name": "String"}, "args": [{"name": "strict", "typeDef": {"name": "String", "optional": true}}]},
		{"name": "audit", "returnType": {"name": "String"}, "args": [{"name": "level", "typeDef": {"name": "String"}}]}]}}
]}`

func TestReadChecks(t *testing.T) {
	for name, c := range map[string]struct {
		listed map[string][]string
		marked []string
		want   string // names, those that require arguments with them
		err    string
	}{
		"none":                        {},
		"listed":                      {listed: map[string][]string{"lint": {"lint"}, "inner:lint-js": {"inner", "lintJs"}}, want: "inner:lint-js lint"},
		"through a field":             {listed: map[string][]string{"again:lint": {"again", "lint"}}, want: "again:lint"},
		"marked alone":                {marked: []string{"Ci.greet", "Inner.audit"}, want: "greet(name) inner:audit(level)"},
		"marked, and in no type":      {marked: []string{"Ci.gone", "Gone.lint"}},
		"marked, and not listed":      {marked: []string{"Ci.lint"}},
		"listed for a user's default": {listed: map[string][]string{"greet": {"greet"}}, marked: []string{"Ci.greet"}, want: "greet"},
		"listed, and in no type":      {listed: map[string][]string{"inner:gone": {"inner", "gone"}}, err: "the check inner:gone is listed, and Inner has no gone"},
		"listed below no object":      {listed: map[string][]string{"lint:x": {"lint", "x"}}, err: "the check lint:x is listed, and lint has no x"},
		"listed without a path":       {listed: map[string][]string{"lint": nil}, err: `the check "lint" is listed without a path`},
	} {
		t.Run(name, func(t *testing.T) {
			checks, err := engine.ReadChecks([]byte(types), "ci", c.listed, c.marked...)
			if c.err != "" {
				if err == nil || !errors.Is(err, modules.ErrModule) || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, check := range checks {
				text := check.Name
				for _, arg := range check.Requires {
					text += "(" + arg.Name + ")"
				}
				got = append(got, text)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
