package moduletest_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/globs"
)

// root is the top of the repository.
var root = filepath.Join("..", "..")

// oracle is a process with the module's own code.
type oracle struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// question and answer are those of testdata/oracle.
type question struct {
	Changes, Globs [][]byte
	Filter         []byte
	Entries        [][]byte
}

type answer struct {
	Changed, Matches, Bad bool
	Version               int
}

func startOracle(t testing.TB) *oracle {
	t.Helper()
	program := filepath.Join(t.TempDir(), "oracle")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("testdata", "oracle")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the oracle: %v\n%s", err, out)
	}
	cmd := exec.Command(program)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the oracle ended: %v", err)
		}
	})
	return &oracle{in: in, out: bufio.NewReader(out)}
}

func (o *oracle) ask(t *testing.T, q question) (a answer) {
	t.Helper()
	data, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.in.Write(append(data, '\n')); err != nil {
		t.Fatalf("ask the oracle: %v", err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("the oracle does not answer: %v", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// own answers with pocketci's own code, as the dispatcher does for onChanges
// and for filter.
func own(changes, patterns []string, filter string, entries []string) answer {
	a := answer{Matches: globs.MatchValue(entries, filter), Version: events.FileVersion}
	set, err := globs.NewSet(patterns)
	switch {
	case err != nil:
		a.Bad = true
	case changes == nil, len(patterns) == 0:
		a.Changed = true
	default:
		_, a.Changed = set.Match(globs.Index(changes))
	}
	return a
}

func bytesOf(list []string) [][]byte {
	if list == nil {
		return nil
	}
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

// same fails the test unless both give the same answer.
func (o *oracle) same(t *testing.T, changes, patterns []string, filter string, entries []string) {
	t.Helper()
	got := o.ask(t, question{bytesOf(changes), bytesOf(patterns), []byte(filter), bytesOf(entries)})
	if want := own(changes, patterns, filter, entries); got != want {
		t.Errorf("changes %q, globs %q, filter %q, entries %q: the module says %+v, pocketci %+v", changes, patterns, filter, entries, got, want)
	}
}

// names are file names, patterns are globs on which matchers differ.
var (
	names = []string{
		"a", "b", "a/b", "a/b/c.go", "ab/c.go", "c.go", "b/a/b", "x/a", ".go", "x.tar.gz", "a-b/c", "ä/ö.go", "größe.txt", "c\xff.go", "\xff",
		"!odd", "a]b", "[id]", "a{b}", "a,b", `a\b`, "a b", "docs/a/b.md", "README.md", "web/app/[id]/page.tsx", "-", "^", "~", "a//b", "a/", "/a",
	}
	patterns = []string{
		"**", "*", "***", "****", "a", "a/**", "**/a", "**/a/**", "**/*.go", "**/**.go", "**/*", "**/**", "a/*", "a/**/b", "a/**/", "**/", "a*", "*a",
		"a**", "**a", "a**/b", "a/**b", "**.go", "*.*", "*/*", "*/**/*", "?", "??", "?/?", "a?b", "[ab]", "[!a]*", "[^a]*", "[a-c]/b", "[]-a]", "[a-]",
		"[-a]", "[--a]", `[\]]`, `[\--a]`, `[a\-z]`, "[a-c-e]", "[!]", "[]", "[", "[a", "]", "a]b", "[/]a", "*[/]*", "[!x]b", "[ä-ö]/*", "[z-a]", "[a-0]/b", "****/", "*a**/", "\xff", "�",
		"c?.go", "c\xff.go", "c[\xff].go", "c[^x].go", "{a,b}", "{a,b}/**", "a{/**,b}", "a/{**,b}", "*{*/,}b", "{,a/}b", "a/{b,b/c.go}", "{**,a}", "{**/,}b",
		"**{,x}", "{a{/**/,x}}", "a{/**/,x}", "*.{tar.gz,zip}", "**/{a,b}/{b,c}*", "{a,b}{a,b}*", "{{a,b},c}", "{a}", "{}", "{,}", "{a", "a}", "{a,b", `\{a,b\}`,
		`a\{b\}`, `{a\,b,c}`, "{[,],a}b", "{[}],a}", `\a/\*`, `\`, `a\`, `\\`, `a\\b`, `\!odd`, "!odd", "!a/**", "!**/*.go", "!**", "!", "./a/**", "!./a", "././a",
		"/a", "a/", "docs/", "..", "../a", "a/..", "a/../b", ".", "./", "a\x00b", "", " a", "{a**/,b}", "{a/,b}**", "*{,x}", "a*{,x}", "{a,b}/**/{b,c}.go",
		strings.Repeat("{a,b}", 8), strings.Repeat("{a,b}", 9), strings.Repeat("a", 2048), strings.Repeat("a", 2049),
	}
)

func TestModuleMatchesAsPocketciDoes(t *testing.T) {
	o := startOracle(t)
	o.same(t, nil, []string{"*.go"}, "main", nil)
	o.same(t, []string{}, []string{"*.go"}, "main", []string{})
	o.same(t, names, nil, "main", []string{"main", "m*"})
	for _, pattern := range patterns {
		// Each name alone, so that no match hides another.
		for _, name := range names {
			o.same(t, []string{name}, []string{pattern}, name, []string{pattern})
		}
		for _, other := range patterns {
			o.same(t, names, []string{pattern, other}, "a/b", []string{pattern, other})
		}
	}
}

func FuzzModuleMatchesAsPocketciDoes(f *testing.F) {
	for i, pattern := range patterns {
		f.Add(pattern, patterns[(i+7)%len(patterns)], names[i%len(names)]+"\n"+names[(i+3)%len(names)])
	}
	o := startOracle(f)
	f.Fuzz(func(t *testing.T, a, b, list string) {
		if len(a)+len(b) > 60 || len(list) > 300 {
			t.Skip()
		}
		files := strings.Split(list, "\n")
		for _, globs := range [][]string{{a}, {a, b}, {a, "!" + b}, {"!" + a}} {
			o.same(t, files, globs, list, globs)
			for _, name := range files {
				o.same(t, []string{name}, globs, name, globs)
			}
		}
	})
}
