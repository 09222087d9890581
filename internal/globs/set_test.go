package globs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/franela/pocketci/internal/globs"
)

func TestSetMatch(t *testing.T) {
	files := []string{"README.md", "go.mod", "cmd/agent/main.go", "ci/main.go", "docs/a/b.md", "web/app/[id]/page.tsx", "!odd", "größe/ä.txt"}
	for _, tc := range []struct {
		name     string
		patterns []string
		want     string // empty: none
	}{
		{"every file", []string{"**"}, "!odd"},
		{"a name", []string{"go.mod"}, "go.mod"},
		{"a name elsewhere does not count", []string{"main.go"}, ""},
		{"below a folder", []string{"docs/**"}, "docs/a/b.md"},
		{"leading dot slash", []string{"./docs/**"}, "docs/a/b.md"},
		{"the original's glob", []string{"**/**.go"}, "ci/main.go"},
		{"the original's list", []string{"nothing", "go.*"}, "go.mod"},
		{"a star stays in its folder", []string{"*.go"}, ""},
		{"a folder is not the files below it", []string{"docs"}, ""},
		{"braces", []string{"**/*.{tsx,ts}"}, "web/app/[id]/page.tsx"},
		{"escaped class", []string{`web/app/\[id\]/*`}, "web/app/[id]/page.tsx"},
		{"non-ASCII", []string{"**/?.txt"}, "größe/ä.txt"},
		{"exclude", []string{"**/*.go", "!ci/**"}, "cmd/agent/main.go"},
		{"exclude first", []string{"!ci/**", "**/*.go"}, "cmd/agent/main.go"},
		{"all excluded", []string{"**/*.md", "!**/*.md"}, ""},
		{"excludes alone", []string{"!**/*.go", "!docs/**", "!*", "!web/**"}, "größe/ä.txt"},
		{"excludes alone, all", []string{"!**"}, ""},
		{"escaped exclamation mark", []string{`\!odd`}, "!odd"},
		{"exclude of an exclamation mark", []string{"*", `!\!odd`}, "README.md"},
		{"nothing asked for", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := globs.NewSet(tc.patterns)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := set.Match(globs.Index(files))
			if got != tc.want || ok != (tc.want != "") {
				t.Errorf("got %q, %v", got, ok)
			}
			if again, _ := set.Match(globs.Index(append(slices.Clone(files), files...))); again != got {
				t.Errorf("got %q, then %q", got, again)
			}
		})
	}
	if _, ok := new(globs.Set).Match(globs.Index(files)); ok {
		t.Error("the zero set matches")
	}
	set, err := globs.NewSet([]string{"**"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := set.Match(globs.Index(nil)); ok {
		t.Error("a file of none matches")
	}
}

func TestNewSetRefuses(t *testing.T) {
	for _, tc := range []struct{ pattern, reason string }{
		{"", "empty"},
		{"!", "empty"},
		{"[a", `"[" is not closed`},
		{"a/{b,c", `"{" is not closed`},
		{`a\`, "ends in a backslash"},
		{"[]", "malformed"},
		{"a\x00b", "zero byte"},
		{"/a/**", "leading slash"},
		{"!/a", "leading slash"},
		{"docs/", `"docs/**"`},
		{"../a", "leaves the repository"},
		{"a/../../b", "leaves the repository"},
		{strings.Repeat("a", globs.MaxLength+1), "longer than"},
		{strings.Repeat("{a,b}", 9), "more than 256"},
		{strings.Repeat("{a,b}", 400), "more than 256"},
	} {
		t.Run(fmt.Sprintf("%.20q", tc.pattern), func(t *testing.T) {
			_, err := globs.NewSet([]string{"ok", tc.pattern})
			var bad *globs.PatternError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.reason) {
				t.Errorf("got %v, want %q", err, tc.reason)
			}
		})
	}
	if err := globs.Check(strings.Repeat("{a,b}", 8)); err != nil {
		t.Errorf("256 alternatives: %v", err)
	}
}

func TestMatchFromManyGoroutines(t *testing.T) {
	files := globs.Index([]string{"a/b.go", "c/d.go", "vendor/x.go"})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			set, err := globs.NewSet([]string{"vendor/**", "**/*.go", fmt.Sprintf("x%d", i%4), "!vendor/**"})
			if err != nil {
				t.Error(err)
				return
			}
			if got, _ := set.Match(files); got != "a/b.go" {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

// reference is the specification: doublestar asked about every file.
func reference(patterns, names []string) (matches map[string]bool) {
	var include, exclude []string
	for _, pattern := range patterns {
		if rest, ok := strings.CutPrefix(pattern, "!"); ok {
			exclude = append(exclude, strings.TrimPrefix(rest, "./"))
		} else {
			include = append(include, strings.TrimPrefix(pattern, "./"))
		}
	}
	if len(include) == 0 && len(exclude) > 0 {
		include = []string{"**"}
	}
	some := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(pattern string) bool { return doublestar.MatchUnvalidated(pattern, name) })
	}
	matches = map[string]bool{}
	for _, name := range names {
		if name != "" && some(include, name) && !some(exclude, name) {
			matches[name] = true
		}
	}
	return matches
}

// tricky are globs on which doublestar has surprises or the index short cuts.
var tricky = []string{
	"**", "*", "a", "a/**", "**/a", "**/a/**", "**/*.go", "**/**.go", "**/*", "**/**", "a/*", "a/**/b", "a/**/", "**/", "a*", "*a",
	"{a,b}/**", "a{/**,b}", "a/{**,b}", "*{*/,}b", "{,a/}b", "a/{b,b/c.go}", "a/?", "[ab]/**", "[!a]*", `\a/\*`, "**/b/*", "***", "a***",
	"**.go", "**/c*", "a?**/c.go", "�", "c?.go", "c\xff.go", "**{,x}", "a{/**/,x}", "*.{tar.gz,zip}", "**/{a,b}/{b,c}*", "[]-a]", "[a-c]/b",
	"{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}*", "!a/**", "!**/*.go", "./a/**", "a/b/c.go/**", "**/a/b/**",
	"{a,b,c,d,e,f}{a,b,c,d,e,f}*", "**/{a,b}*{c,d}*/*", "{a,b}/**/{c,d}.go", "dir-{1,2}*/**/{[a-c],x}.go", "dir-7/**", "dir-*/{b,ab}/c.go", "**/{,x}c.go",
}

// crowd is enough files for every way of finding candidates to be taken.
func crowd(names []string) []string {
	list := slices.Clone(names)
	for i := range 12 {
		for _, name := range names {
			list = append(list, fmt.Sprintf("dir-%d/%s", i, name), fmt.Sprintf("%s%d", name, i))
		}
	}
	return list
}

// Every file of a crowd is asked about in turn: it is in the set of itself
// without the glob unless the glob matches it.
func TestExcludesMatchAsDoublestarDoes(t *testing.T) {
	names := crowd([]string{"a", "a/b", "a/b/c.go", "ab/c.go", "c.go", "b/a/b", "x/a"})
	files := globs.Index(names)
	escape := strings.NewReplacer(`*`, `\*`, `[`, `\[`, `{`, `\{`)
	for _, pattern := range tricky {
		if strings.HasPrefix(pattern, "!") || globs.CheckPath(strings.TrimPrefix(pattern, "./")) != nil {
			continue
		}
		want := reference([]string{pattern}, names)
		for _, name := range names {
			set, err := globs.NewSet([]string{escape.Replace(name), "!" + pattern})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := set.Match(files); ok == want[name] {
				t.Errorf("%q on %q: got %v", pattern, name, !ok)
			}
		}
		set, err := globs.NewSet([]string{pattern})
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := set.Match(files); ok != (len(want) > 0) || ok && !want[got] {
			t.Errorf("%q: got %q, %v", pattern, got, ok)
		}
	}
}

// The index, the shapes and the short cuts together are the same as asking
// doublestar about every file with every glob.
func FuzzSetMatchesAsDoublestarDoes(f *testing.F) {
	names := "a\na/b\na/b/c.go\nab/c.go\nc.go\nx.tar.gz\n.go\na-b/c\nb/a/b\nä/ö.go\nc\xff.go"
	for _, pattern := range tricky {
		f.Add(pattern, "!b", names)
		f.Add(pattern, "**", names)
		f.Add(pattern, "!**/*.go", names)
	}
	f.Fuzz(func(t *testing.T, a, b, list string) {
		if len(a)+len(b) > 60 || len(list) > 300 || strings.Contains(list, "\x00") {
			t.Skip()
		}
		names := strings.Split(list, "\n")
		for _, patterns := range [][]string{{a}, {a, b}, {"!" + a}} {
			set, err := globs.NewSet(patterns)
			if err != nil {
				continue
			}
			want := reference(patterns, names)
			got, ok := set.Match(globs.Index(names))
			if ok != (len(want) > 0) || ok && !want[got] {
				t.Fatalf("%q over %q: got %q, %v, doublestar has %v", patterns, names, got, ok, want)
			}
			if len(names) < 8 {
				want := reference(patterns, crowd(names))
				if got, ok := set.Match(globs.Index(crowd(names))); ok != (len(want) > 0) || ok && !want[got] {
					t.Fatalf("%q over a crowd of %q: got %q, %v, doublestar has %d", patterns, names, got, ok, len(want))
				}
			}
			// One by one, so that no match hides another.
			for _, name := range names {
				if _, ok := set.Match(globs.Index([]string{name})); ok != want[name] {
					t.Fatalf("%q on %q: got %v", patterns, name, ok)
				}
			}
		}
	})
}
