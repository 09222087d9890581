package doctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/config"
)

// The example of docs/checks.md is planned as the page says, on the real engine,
// and does what it says.
func TestExampleOfChecks(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	page := readPage(t, "docs/checks.md")
	sources, plans, settings := page.blocksOf("go"), page.blocksOf("text"), page.blocksOf("yaml")
	if len(sources) != 1 || len(plans) != 1 || len(settings) != 1 {
		t.Fatalf("docs/checks.md has %d blocks of Go, %d of text and %d of YAML, want one of each", len(sources), len(plans), len(settings))
	}
	s := newShell(t)
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(s.dir, "hello", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("ci/dagger.json", `{"name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": "go"}}`)
	write("ci/main.go", sources[0].text)
	write("README.md", "# Hello\n")
	sha := strings.TrimSpace(s.must("hello", `git init -q -b main . && git add . && git commit -q -m one && git rev-parse HEAD
cat > ../push.json <<END
{
  "ref": "refs/heads/main", "before": "0000000000000000000000000000000000000000", "after": "$(git rev-parse HEAD)",
  "repository": {"full_name": "you/hello", "clone_url": "https://github.com/you/hello.git", "default_branch": "main"}
}
END`))

	want := strings.ReplaceAll(plans[0].text, "e3eb2bf9d483", sha[:12])
	got := s.must("hello", "pocketci plan --event push --payload ../push.json")
	if called, _, _ := strings.Cut(got, "\nnot called:"); called != want {
		t.Errorf("plan (-docs/checks.md +now):\n%s", cmp.Diff(want, called))
	}
	out := s.must("hello", "pocketci run --event push --payload ../push.json")
	for _, passed := range []string{"ci:readme succeeded\n", "ci:web:scripts succeeded\n"} {
		if !strings.Contains(out, passed) {
			t.Errorf("nothing says %q:\n%s", passed, out)
		}
	}

	write("README.md", "Hello\n")
	write("web/x.min.js", "")
	out, err := s.run("hello", "pocketci run --event push --payload ../push.json")
	for _, reason := range []string{"README.md:1: the title is missing", "minified: web/x.min.js"} {
		if err == nil || !strings.Contains(out, reason) {
			t.Errorf("nothing says %q (%v):\n%s", reason, err, out)
		}
	}

	cfg, err := config.Parse(config.FileName, []byte(settings[0].text))
	if err != nil {
		t.Fatal(err)
	}
	write("pocketci.yaml", settings[0].text)
	out = s.must("hello", "pocketci plan --event push --payload ../push.json --changes other.txt || true")
	for name := range cfg.Modules[0].Checks.ByName {
		if !strings.Contains(out, "ci:"+name+"  ") {
			t.Errorf("the example of settings names %s, which is in no plan:\n%s", name, out)
		}
	}
	if strings.Contains(out, "warning:") {
		t.Errorf("there are warnings:\n%s", out)
	}
}
