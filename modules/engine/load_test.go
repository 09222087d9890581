package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestLoad(t *testing.T) {
	e := enginetest.Start(t)
	for _, sample := range []string{"conditions", "returns", "constructor"} {
		t.Run(sample, func(t *testing.T) {
			dir := repository(t, []string{sample}, nil)
			m, err := e.Load(t.Context(), enginetest.Tree(dir), sample)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(ordered(t, m), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, sample+".json", append(got, '\n'))
		})
	}
}

// ordered is the module with the members of enums in order: Dang gives them in any.
func ordered(t *testing.T, m *modules.Module) *modules.Module {
	t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var own modules.Module // the one that was loaded is shared
	if err := json.Unmarshal(data, &own); err != nil {
		t.Fatal(err)
	}
	for _, f := range own.Functions {
		slices.Sort(f.Returns.Values)
		for _, arg := range f.Args {
			slices.Sort(arg.Type.Values)
		}
	}
	return &own
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		write(t, name, string(got))
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestLoadDependencies(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"dependent", "shared"}, nil)
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "dependent"})
	if got := call(t, s, "onGithubPush", nil); got != "library and shared" {
		t.Errorf("got %q", got)
	}
}

func TestLoadErrors(t *testing.T) {
	e := enginetest.Start(t)
	const dang = `{"name": "m", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}}`
	for name, c := range map[string]struct {
		files  map[string]string
		output []string
	}{
		"a syntax error in Dang": {
			map[string]string{"m/dagger.json": dang, "m/main.dang": "type M {\n  pub onPush: String! {\n"},
			[]string{"main.dang"},
		},
		"an unknown name in Dang": {
			map[string]string{"m/dagger.json": dang, "m/main.dang": "type M {\n  pub onPush: String! { unheardOf }\n}\n"},
			[]string{"main.dang:2", "unheardOf"},
		},
		"a syntax error in Go": {
			map[string]string{
				"m/dagger.json": `{"name": "m", "engineVersion": "v0.21.8", "sdk": "go"}`,
				"m/main.go":     "package main\n\ntype M struct{}\n\nfunc (m *M) OnPush( string {\n",
			},
			[]string{"main.go:5"},
		},
		"an engine of the future": {
			map[string]string{"m/dagger.json": `{"name": "m", "engineVersion": "v9.0.0", "sdk": "dang"}`},
			[]string{"v9.0.0"},
		},
		"an SDK that does not exist": {
			map[string]string{"m/dagger.json": `{"name": "m", "engineVersion": "v0.21.8", "sdk": "./nowhere"}`},
			[]string{"nowhere"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t, nil, c.files)
			_, err := e.Load(t.Context(), enginetest.Tree(dir), "m")
			if !errors.Is(err, modules.ErrModule) || errors.Is(err, modules.ErrUnavailable) {
				t.Fatalf("got %v, want an error about the module", err)
			}
			for _, part := range c.output {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing in:\n%v", part, err)
				}
			}
			if strings.Contains(err.Error(), "\x1b") || strings.Contains(err.Error(), "traceparent") || strings.Contains(err.Error(), "dagger-mount") {
				t.Errorf("there is noise in %q", err)
			}
		})
	}
}

// noEngine is a configuration whose engine is never there.
func noEngine(t *testing.T, dir string) engine.Config {
	t.Helper()
	return engine.Config{Host: "unix://" + filepath.Join(t.TempDir(), "none.sock"), CLI: "/bin/false", Dir: dir}
}

// chain is a repository of n modules, each of which depends on the next.
func chain(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := range n {
		tree[fmt.Sprintf("m%d/dagger.json", i)] = &fstest.MapFile{
			Data: fmt.Appendf(nil, `{"name": "m%d", "sdk": "dang", "dependencies": ["../m%d"]}`, i, (i+1)%n),
		}
	}
	return tree
}

func TestLoadOfACancelledContext(t *testing.T) {
	e := enginetest.With(t, noEngine(t, t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Load(ctx, modules.Tree{FS: chain(2), GitDir: "/nowhere"}, "m0")
	if !errors.Is(err, context.Canceled) || errors.Is(err, modules.ErrUnavailable) {
		t.Errorf("got %v, want the context's error before the engine is looked for", err)
	}
}

func TestTreeErrors(t *testing.T) {
	e := enginetest.With(t, noEngine(t, t.TempDir()))
	for name, c := range map[string]struct {
		tree   fstest.MapFS
		module string
		path   string
	}{
		"no dagger.json": {fstest.MapFS{"m/main.dang": {}}, "m", "m/dagger.json"},
		"not JSON":       {fstest.MapFS{"m/dagger.json": {Data: []byte("{")}}, "m", "m/dagger.json"},
		"not an object":  {fstest.MapFS{"m/dagger.json": {Data: []byte("null")}}, "m", "m/dagger.json"},
		"a source outside": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "source": "../../up"}`)}}, "m", "../../up",
		},
		"a dependency outside": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "dependencies": [{"source": "../../other"}]}`)}}, "m", "../../other",
		},
		"an absolute dependency": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "dependencies": ["/etc"]}`)}}, "m", "/etc",
		},
		"a dependency that is missing": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "dependencies": ["../other"]}`)}}, "m", "other/dagger.json",
		},
		"an SDK outside": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": {"source": "../../sdk"}}`)}}, "m", "../../sdk",
		},
		"an include outside": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "include": ["../../*.txt"]}`)}}, "m", "../../*.txt",
		},
		"a pattern that multiplies": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "include": ["` + strings.Repeat("{a,a,a,a}", 20) + `"]}`)}, "m/aaaaaaaaaaaaaaaaaaab": {}}, "m", "m/dagger.json",
		},
		"too many includes": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "include": ["a"` + strings.Repeat(`, "a"`, 1000) + `]}`)}}, "m", "m/dagger.json",
		},
		"a large dagger.json": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang"}` + strings.Repeat(" ", 1<<20))}}, "m", "m/dagger.json",
		},
		"too many modules": {chain(1001), "m0", "m1000/dagger.json"},
		"a bad pattern": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "include": ["[a"]}`)}}, "m", "[a",
		},
		"a dagger.json that is an absolute symbolic link": {
			fstest.MapFS{"m/dagger.json": {Mode: fs.ModeSymlink, Data: []byte("/etc/passwd")}}, "m", "m/dagger.json",
		},
		"a source that is a symbolic link upwards": {
			fstest.MapFS{
				"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "source": "src"}`)},
				"m/src":         {Mode: fs.ModeSymlink, Data: []byte("../../src")},
			}, "m", "m/src",
		},
		"a symbolic link upwards that is named": {
			fstest.MapFS{
				"m/dagger.json": {Data: []byte(`{"name": "m", "sdk": "dang", "include": ["a/x"]}`)},
				"m/a/x":         {Mode: fs.ModeSymlink, Data: []byte("../../../etc")},
			}, "m", "m/a/x",
		},
		"a blueprint": {
			fstest.MapFS{"m/dagger.json": {Data: []byte(`{"name": "m", "blueprint": {"source": "../b"}}`)}}, "m", "m/dagger.json",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.Load(t.Context(), modules.Tree{FS: c.tree, GitDir: "/nowhere"}, c.module)
			var fault *engine.TreeError
			if !errors.As(err, &fault) || !errors.Is(err, modules.ErrModule) {
				t.Fatalf("got %v, want a TreeError", err)
			}
			if fault.Path != c.path {
				t.Errorf("blames %q, want %q", fault.Path, c.path)
			}
		})
	}
}

// Symbolic links that leave the repository are not taken along, and leave the
// module as it is otherwise.
func TestLinksThatLeaveTheRepository(t *testing.T) {
	e := enginetest.Start(t)
	dir := repository(t, []string{"shared"}, nil)
	for name, target := range map[string]string{
		"shared/passwd.dang": "/etc/passwd",
		"shared/data/up":     "../../../etc",
		"shared/inside":      "data",
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "shared"})
	if got := call(t, s, "name", nil); got != "shared" {
		t.Errorf("got %q", got)
	}
}

func TestCache(t *testing.T) {
	cfg := enginetest.Config(t)
	dir := repository(t, []string{"shared"}, map[string]string{"unrelated.txt": "1"})
	tree := enginetest.Tree(dir)
	want, err := enginetest.With(t, cfg).Load(t.Context(), tree, "shared")
	if err != nil {
		t.Fatal(err)
	}
	// The version of an engine is remembered by its address.
	away := func(t *testing.T) *engine.Engine {
		t.Helper()
		c := cfg
		c.CLI = "/bin/false"
		return enginetest.With(t, c)
	}

	t.Run("needs no engine", func(t *testing.T) {
		e := away(t)
		write(t, filepath.Join(dir, "unrelated.txt"), "2")
		write(t, filepath.Join(dir, "shared", ".env"), "SECRET=1")
		got, err := e.Load(t.Context(), tree, "shared")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if v, err := e.Version(t.Context()); err != nil || v != "v0.21.8" {
			t.Errorf("version is %q, %v", v, err)
		}
	})
	t.Run("notices a change", func(t *testing.T) {
		write(t, filepath.Join(dir, "shared", "more.dang"), "# changed\n")
		if _, err := away(t).Load(t.Context(), tree, "shared"); !errors.Is(err, modules.ErrUnavailable) {
			t.Errorf("got %v, want to be told that the engine is away", err)
		}
		if err := os.Remove(filepath.Join(dir, "shared", "more.dang")); err != nil {
			t.Fatal(err)
		}
	})
	for name, spoil := range map[string]func([]byte) []byte{
		"cut short": func(b []byte) []byte { return b[:len(b)/2] },
		"empty":     func([]byte) []byte { return nil },
		"garbage":   func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) },
		"other":     func([]byte) []byte { return []byte(`{"Name": "x", "Schema": {"Field": "y"}}`) },
		"null":      func([]byte) []byte { return []byte("null") },
	} {
		t.Run("ignores what is "+name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(cfg.Dir, "functions", "*.json"))
			if err != nil || len(files) == 0 {
				t.Fatalf("nothing is cached: %v", err)
			}
			for _, file := range files {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				write(t, file, string(spoil(data)))
				t.Cleanup(func() { write(t, file, string(data)) })
			}
			got, err := enginetest.With(t, cfg).Load(t.Context(), tree, "shared")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A .env beside a module is evaluated by Dagger when the module is loaded by
// path: ${…} with the environment of the host, cmd:// and file:// on the host.
func TestHostileEnv(t *testing.T) {
	t.Setenv("POCKETCI_TEST_SECRET", "leaked-from-the-environment")
	private := filepath.Join(t.TempDir(), "private")
	write(t, private, "leaked-from-a-file")
	e := enginetest.Start(t)
	env := strings.Join([]string{
		"GREETING=${POCKETCI_TEST_SECRET}",
		"HOSTILE_GREETING=${POCKETCI_TEST_SECRET}",
		"ARGUMENT_TEXT=${POCKETCI_TEST_SECRET}",
		"HOSTILE_ARGUMENT_TEXT=${POCKETCI_TEST_SECRET}",
		"SECRET_TOKEN=cmd://echo leaked-from-a-command",
		"HOSTILE_SECRET_TOKEN=env://POCKETCI_TEST_SECRET",
		"FILE_FILE=" + private,
		"HOSTILE_FILE_FILE=file://" + private,
	}, "\n") + "\n"
	dir := repository(t, []string{"hostile"}, map[string]string{"hostile/.env": env, ".env": env})
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "hostile"})
	for function, args := range map[string]map[string]modules.Value{
		"constructed":     nil,
		"argument":        nil,
		"secret":          nil,
		"file":            nil,
		"workspace":       nil,
		"fromEnvironment": {"name": constant("POCKETCI_TEST_SECRET")},
		"fromHost":        {"path": constant(private)},
		"fromCommand":     {"command": constant("echo leaked-from-a-command")},
	} {
		t.Run(function, func(t *testing.T) {
			result, err := s.Call(t.Context(), bind(t, s, function, args), nil)
			t.Logf("%q, %v", result.Output, err)
			switch {
			case strings.Contains(result.Output, "leaked"):
				t.Errorf("the function got %q", result.Output)
			case args == nil && function != "workspace" && (err != nil || result.Output != "unset"):
				t.Errorf("got %q, %v; want the default", result.Output, err)
			case function == "workspace" && result.Output != "" && result.Output != "[]":
				t.Errorf("the workspace holds %s", result.Output)
			}
		})
	}
}

func TestLaptop(t *testing.T) {
	t.Setenv("POCKETCI_TEST_GREETING", "from the environment")
	e := enginetest.Start(t)
	dir := repository(t, []string{"hostile", "conditions", "dependent", "shared"}, map[string]string{
		"hostile/.env": "GREETING=${POCKETCI_TEST_GREETING}\nARGUMENT_TEXT=inner\n",
		".env":         "HOSTILE_SECRET_TOKEN=cmd://echo -n from a command\n",
		"docs/a.md":    "",
	})
	tree := modules.Tree{FS: enginetest.Tree(dir).FS, Dir: dir}
	t.Run("the user's own .env works", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "hostile"})
		for function, want := range map[string]string{
			"constructed": "from the environment",
			"argument":    "inner",
			"secret":      "from a command",
		} {
			if got := call(t, s, function, nil); got != want {
				t.Errorf("%s gives %q, want %q", function, got, want)
			}
		}
	})
	t.Run("dependencies are found", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "dependent"})
		if got := call(t, s, "onGithubPush", nil); got != "library and shared" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("default paths are those of the work tree", func(t *testing.T) {
		s := open(t, e, engine.Run{Tree: tree, Module: "conditions"})
		if got := call(t, s, "contextual", nil); got != "a.md true" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("what is ignored is not taken along", func(t *testing.T) {
		write(t, filepath.Join(dir, "shared", ".gitignore"), "*.local\n/build/\n")
		write(t, filepath.Join(dir, "shared", "broken.local"), "")
		write(t, filepath.Join(dir, "shared", "build", "broken.dang"), "this does not parse {")
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "shared", "link.local")); err != nil {
			t.Fatal(err)
		}
		s := open(t, e, engine.Run{Tree: tree, Module: "shared"})
		if got := call(t, s, "name", nil); got != "shared" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a function runs each time", func(t *testing.T) {
		fresh := func() string {
			return call(t, open(t, e, engine.Run{Tree: tree, Module: "conditions"}), "fresh", nil)
		}
		if a, b := fresh(), fresh(); a == b {
			t.Errorf("both runs gave %s", a)
		}
	})
	t.Run("the work tree is left as it was", func(t *testing.T) {
		var names []string
		entries, err := os.ReadDir(filepath.Join(dir, "conditions"))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		if diff := cmp.Diff([]string{"dagger.json", "main.go"}, names); diff != "" {
			t.Error(diff)
		}
	})
}

func TestUnsafeDirectory(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, dir string){
		"a .env above":      func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".env"), "A=1") },
		"a git tree around": func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".git", "HEAD"), "") },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := enginetest.Config(t)
			dir := t.TempDir()
			make(t, dir)
			cfg.Dir = filepath.Join(dir, "data", "engine")
			e := enginetest.With(t, cfg)
			_, err := e.Probe(t.Context())
			if err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want a refusal that names %s", err, dir)
			}
		})
	}
}

func TestProbe(t *testing.T) {
	e := enginetest.Start(t)
	got, err := e.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (engine.Capabilities{Version: "v0.21.8", InsecureRoot: false}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAwayEngine(t *testing.T) {
	dead := filepath.Join(t.TempDir(), "dead.sock")
	write(t, dead, "")
	for name, host := range map[string]string{
		"no socket":      "unix:///nowhere/engine.sock",
		"a dead socket":  "unix://" + dead,
		"nobody listens": "tcp://127.0.0.1:1",
		"not an address": "unix://%zz",
	} {
		t.Run(name, func(t *testing.T) {
			cfg := enginetest.Config(t)
			cfg.Host = host
			e := enginetest.With(t, cfg)
			dir := repository(t, []string{"shared"}, nil)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for what, err := range map[string]error{
				"ping": e.Ping(ctx),
				"load": func() error { _, err := e.Load(ctx, enginetest.Tree(dir), "shared"); return err }(),
				"open": func() error {
					_, err := e.Open(ctx, engine.Run{Tree: enginetest.Tree(dir), Module: "shared"})
					return err
				}(),
			} {
				if !errors.Is(err, modules.ErrUnavailable) {
					t.Errorf("%s: got %v", what, err)
				}
			}
			if ctx.Err() != nil {
				t.Error("it took too long")
			}
		})
	}
}
