package event_test

import (
	"strings"
	"testing"

	"dagger/pocketci/event"
)

func TestChanged(t *testing.T) {
	files := []string{"README.md", "cmd/agent/main.go", "docs/a/b.md", "web/app/[id]/page.tsx", "größe/ä.txt", "!odd"}
	for name, tc := range map[string]struct {
		changes, globs []string
		want           bool
	}{
		"no globs":                    {files, nil, true},
		"not known":                   {nil, []string{"*.nothing"}, true},
		"nothing changed":             {[]string{}, []string{"**"}, false},
		"everything":                  {files, []string{"**"}, true},
		"the original's globs":        {files, []string{"**/**.go", "go.*"}, true},
		"in any folder":               {files, []string{"**/*.go"}, true},
		"a star stays in its folder":  {files, []string{"*.go"}, false},
		"below":                       {files, []string{"./docs/**"}, true},
		"a folder is not its files":   {files, []string{"docs"}, false},
		"alternatives":                {files, []string{"**/*.{ts,tsx}"}, true},
		"a class":                     {files, []string{"[A-Z]*.md"}, true},
		"a negated class":             {files, []string{"[^A-Z!]*"}, false},
		"escaped brackets":            {files, []string{`web/app/\[id\]/*`}, true},
		"one character":               {files, []string{"größe/?.txt"}, true},
		"excluded":                    {files, []string{"**/*.go", "!cmd/**"}, false},
		"excluded, whatever order":    {files, []string{"!cmd/**", "**/*.go"}, false},
		"excludes alone":              {files, []string{"!**/*.md", "!cmd/**", "!web/**", "!größe/*", `!\!odd`}, false},
		"excludes alone, but for one": {files, []string{"!**/*.md", "!cmd/**", "!web/**", "!größe/*"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := &event.File{Changes: tc.changes}
			if got, err := f.Changed(tc.globs); got != tc.want || err != nil {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
}

func TestChangedRefuses(t *testing.T) {
	for glob, want := range map[string]string{
		"":                         "it is empty",
		"!":                        "it is empty",
		"[a":                       `a "[" is not closed`,
		"[]":                       `a "[" is not closed, or empty`,
		"{a,b":                     `a "{" is not closed`,
		"a}":                       `a "}" is not opened`,
		`a\`:                       "it ends in a backslash",
		"a\x00":                    "zero byte",
		"/a":                       "remove the leading slash",
		"docs/":                    `write "docs/**"`,
		"../a":                     "it leaves the repository",
		strings.Repeat("{a,b}", 9): "more than 256 globs",
		strings.Repeat("a", 2049):  "longer than 2048 bytes",
	} {
		// Also where the outcome would not depend on it.
		f := &event.File{}
		if _, err := f.Changed([]string{"**", glob}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", glob, err, want)
		}
	}
}

// Stars that could each end anywhere do not take time that grows with their
// number: without that, one of these would take longer than the universe is old.
func TestChangedIsQuick(t *testing.T) {
	f := &event.File{Changes: []string{strings.Repeat("a", 500), strings.Repeat("a/", 200) + "b"}}
	for _, glob := range []string{
		strings.Repeat("*a", 40) + "*b", strings.Repeat("**/a/", 40) + "c", strings.Repeat("{a,*}", 8) + strings.Repeat("*a", 20) + "x",
	} {
		if got, err := f.Changed([]string{glob}); got || err != nil {
			t.Errorf("%s: %v, %v", glob, got, err)
		}
	}
}

func TestMatches(t *testing.T) {
	for name, tc := range map[string]struct {
		filter string
		list   []string
		want   bool
	}{
		"equal":                   {"synchronize", []string{"opened", "synchronize"}, true},
		"letter by letter":        {"opened", []string{"Opened"}, false},
		"a glob":                  {"release/1.2", []string{"release/*"}, true},
		"a star stops at a slash": {"release/1/2", []string{"release/*"}, false},
		"no entries":              {"main", nil, false},
		"a bad glob is compared":  {"fix-[1", []string{"fix-[1"}, true},
		"and matches no other":    {"fix-1", []string{"fix-[1"}, false},
		"nothing is excluded":     {"main", []string{"!develop"}, false},
		"the empty filter":        {"", []string{"*"}, true},
		"image names":             {"registry.example.com:5000/acme/shop:1.2", []string{"registry.example.com:5000/*/shop:1.*"}, true},
		"a leading slash":         {"/a", []string{"/*"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := &event.File{Filter: tc.filter}
			if got := f.Matches(tc.list); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
