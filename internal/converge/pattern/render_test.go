package pattern_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/pattern"
)

// childVariable has the test program render, as the command line does.
const childVariable = "POCKETCI_TEST_RENDER"

func TestMain(m *testing.M) {
	if slices.Contains(os.Args, childVariable) {
		if err := pattern.Child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func renderer(t testing.TB) *pattern.Renderer {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &pattern.Renderer{Command: []string{program, childVariable}, Time: time.Minute}
}

func set(values map[string]string, unset ...string) pattern.Environment {
	env := pattern.Environment{}
	for name, value := range values {
		env[name] = &value
	}
	for _, name := range unset {
		env[name] = nil
	}
	return env
}

func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A pattern is packed with what it imports and rendered from that alone.
func TestRender(t *testing.T) {
	dir := tree(t, map[string]string{
		"patterns/main.jsonnet": `local file = import '../lib/file.libsonnet';
local env = std.native('getEnv');
{ commands: [file('motd', importstr 'motd.txt'), [{ id: env('HOST', 'x'), check: env('NONE', 'fallback') }]] }`,
		"patterns/motd.txt":    "hello",
		"lib/file.libsonnet":   `local q = import 'quote.libsonnet'; function(name, text) { id: name, check: 'test -e ' + q(name), change: 'cat > ' + q(name), stdin: text }`,
		"lib/quote.libsonnet":  `function(s) "'" + std.strReplace(s, "'", "'\\''") + "'"`,
		"lib/unused.libsonnet": `{}`,
		"secret":               "secret",
	})
	files, err := pattern.Pack(dir, filepath.Join(dir, "patterns", "main.jsonnet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for name := range files.Files {
		names = append(names, name)
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"lib/file.libsonnet", "lib/quote.libsonnet", "patterns/main.jsonnet", "patterns/motd.txt"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	p, err := renderer(t).Render(t.Context(), &files, set(map[string]string{"HOST": "web1"}, "NONE"))
	if err != nil {
		t.Fatal(err)
	}
	want := []pattern.Command{
		{ID: "motd", Check: text("test -e 'motd'"), Change: text("cat > 'motd'"), Stdin: "hello"},
		{ID: "web1", Check: text("fallback")},
	}
	if diff := cmp.Diff(want, p.Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestRenderRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, err string }{
		"a variable that is not allowed": {`{commands: [{id: std.native('getEnv')('SECRET', 'x'), check: 'true'}]}`, `"SECRET" is not a variable that this source may read`},
		"a variable that is not set":     {`{commands: [{id: std.native('getEnv')('NONE', null), check: 'true'}]}`, `"NONE" is not set, and the fallback is null`},
		"another native":                 {`{commands: [{id: std.native('getFile')('/etc/passwd'), check: 'true'}]}`, `Unexpected type null, expected function`},
		"an absolute import":             {`{commands: [{id: importstr '/etc/passwd', check: 'true'}]}`, `an absolute path`},
		"an import above the root":       {`{commands: [{id: importstr '../../etc/passwd', check: 'true'}]}`, `is not a path below the root`},
		"an import that was not signed":  {`{commands: [{id: importstr 'other.txt', check: 'true'}]}`, `the pattern was signed without "other.txt"`},
		"an external variable":           {`{commands: [{id: std.extVar('x'), check: 'true'}]}`, `Undefined external variable`},
		"endless recursion":              {`local f(x) = f(x + 1) + 1; {commands: f(0)}`, `max stack frames exceeded`},
		"endless work":                   {`local f(x) = if x == 0 then 0 else f(x - 1) + f(x - 1); {commands: f(300)}`, `it took longer than`},
		"too much memory":                {`local f(n) = if n == 0 then 'xxxxxxxxxxxxxxxx' else local s = f(n - 1); s + s; {commands: std.length(std.strReplace(f(30), 'x', 'yy'))}`, `render the pattern: `},
		"too much output":                {`local f(n) = if n == 0 then 'x' else local s = f(n - 1); s + s; {commands: [f(21)]}`, `it renders to`},
		"no pattern":                     {`{commands: [{id: 'a'}]}`, `p.jsonnet (rendered):`},
		"no Jsonnet":                     {`{`, `p.jsonnet:1:2`},
		"its own error":                  {`error 'not for this host'`, `not for this host`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SECRET", "secret")
			r := renderer(t)
			if name == "endless work" {
				r.Time = 500 * time.Millisecond
			}
			files := pattern.Files{Entrypoint: "p.jsonnet", Files: map[string]string{"p.jsonnet": c.text}}
			_, err := r.Render(t.Context(), &files, set(nil, "NONE"))
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestPackRefuses(t *testing.T) {
	outside := tree(t, map[string]string{"secret.txt": "secret", "p.yaml": "commands: []"})
	for name, c := range map[string]struct {
		files map[string]string
		links map[string]string
		err   string
	}{
		"an import above the root":  {files: map[string]string{"p.jsonnet": `importstr '../x'`}, err: `is not a path below the root`},
		"an absolute import":        {files: map[string]string{"p.jsonnet": `importstr '/etc/passwd'`}, err: `an absolute path`},
		"an import that is missing": {files: map[string]string{"p.jsonnet": `import 'x'`}, err: `no such file`},
		"a link out of the root":    {files: map[string]string{"p.jsonnet": `importstr 'x'`}, links: map[string]string{"x": outside + "/secret.txt"}, err: `path escapes`},
		"a folder out of the root":  {files: map[string]string{"p.jsonnet": `importstr 'x/secret.txt'`}, links: map[string]string{"x": outside}, err: `path escapes`},
		"the pattern itself":        {links: map[string]string{"p.jsonnet": outside + "/p.yaml"}, err: `path escapes`},
		"a folder":                  {files: map[string]string{"p.jsonnet": `importstr 'x'`, "x/y": ""}, err: `is no regular file`},
		"not text":                  {files: map[string]string{"p.jsonnet": `importbin 'x'`, "x": "\xff"}, err: `is not UTF-8 text`},
		"too large":                 {files: map[string]string{"p.jsonnet": `importstr 'x'`, "x": strings.Repeat("x", pattern.MaxBytes)}, err: `is larger than`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tree(t, c.files)
			for link, to := range c.links {
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
			if files, err := pattern.Pack(dir, filepath.Join(dir, "p.jsonnet")); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q; files %v", err, c.err, files)
			}
		})
	}
	if _, err := pattern.Pack(tree(t, nil), filepath.Join(outside, "p.yaml")); err == nil || !strings.Contains(err.Error(), "is not below the root") {
		t.Errorf("a pattern elsewhere: error %v", err)
	}
}
