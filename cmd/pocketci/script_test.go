package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/modules/engine"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pocketci": main})
}

// TestScripts runs the command line as a shell would, on the real engine. Each
// script says in its comments what it shows.
func TestScripts(t *testing.T) {
	host, cli := enginetest.Env(t)
	testdata, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	// What is cached goes by content, so that the scripts can share it.
	cache := t.TempDir()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv(engine.EnvRunnerHost, host)
			env.Setenv(engine.EnvCLI, cli)
			env.Setenv("XDG_CACHE_HOME", cache)
			env.Setenv("SAMPLES", filepath.Join(testdata, "modules"))
			env.Setenv("PAYLOADS", filepath.Join(testdata, "payloads", "github"))
			// Commands that are pasted into a shell say dagger.
			env.Setenv("PATH", env.Getenv("PATH")+string(filepath.ListSeparator)+filepath.Dir(cli))
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			for _, who := range []string{"AUTHOR", "COMMITTER"} {
				env.Setenv("GIT_"+who+"_NAME", "Test")
				env.Setenv("GIT_"+who+"_EMAIL", "test@example.com")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"quick":    quick,
			"sha":      sha,
			"expand":   expand,
			"validate": validate,
		},
	})
}

// exits runs a program that has to end with the given code: exits CODE PROGRAM
// [ARG...].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// quick is exits with a limit of time: quick DURATION CODE PROGRAM [ARG...].
func quick(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: quick DURATION CODE PROGRAM [ARG...]")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	start := time.Now()
	exits(ts, false, args[1:])
	if took := time.Since(start); took > limit {
		ts.Fatalf("it took %s, at most %s are allowed", took, limit)
	}
}

// sha sets a variable to the sha of a revision of the repository in the current
// directory: sha VARIABLE REV.
func sha(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sha VARIABLE REV")
	}
	ts.Check(ts.Exec("git", "rev-parse", "--verify", args[1]))
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// expand replaces variables in files: expand FILE...
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o644))
	}
}

// validate checks a file against a published schema: validate
// plan|report|functions|schema FILE. A report has one value a line; with schema
// the file has to be a JSON Schema itself.
func validate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: validate plan|report|functions|schema FILE")
	}
	text := []byte(ts.ReadFile(args[1]))
	c := jsonschema.NewCompiler()
	const base = "https://github.com/franela/pocketci/"
	for name, data := range map[string][]byte{
		"plan": dispatcher.PlanSchema(), "report": report.Schema(), "functions": functionsSchema, "schema": text,
	} {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if name == "schema" && args[0] != "schema" {
			continue
		}
		ts.Check(err)
		ts.Check(c.AddResource(base+name+".schema.json", value))
	}
	schema, err := c.Compile(base + args[0] + ".schema.json")
	ts.Check(err)
	if args[0] == "schema" {
		return
	}
	values := [][]byte{text}
	if args[0] == "report" {
		values = nil
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, len(text)+1)
		for lines.Scan() {
			values = append(values, bytes.Clone(lines.Bytes()))
		}
	}
	if len(values) == 0 {
		ts.Fatalf("%s is empty", args[1])
	}
	for _, data := range values {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			ts.Fatalf("not JSON: %v: %s", err, data)
		}
		if err := schema.Validate(value); err != nil {
			ts.Fatalf("%v: %s", err, data)
		}
	}
}
