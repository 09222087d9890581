package globs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/globs"
)

func TestSplitList(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     []string
	}{
		{"empty", "", nil},
		{"only commas", " , ,", nil},
		{"one", "main", []string{"main"}},
		{"trimmed", " main ,\trelease/* ", []string{"main", "release/*"}},
		{"spaces inside stay", "a b,c", []string{"a b", "c"}},
		{"braces do not split", "*.{go,mod},x", []string{"*.{go,mod}", "x"}},
		{"nested braces", "{a,{b,c}},d", []string{"{a,{b,c}}", "d"}},
		{"brace in a class", "[{,]a,b", []string{"[{,]a", "b"}},
		{"escaped brace splits", `\{a,b\}`, []string{`\{a`, `b\}`}},
		{"escaped comma", `a\,b,c`, []string{`a\,b`, "c"}},
		{"class with comma", "[a,b]x,c", []string{"[a,b]x", "c"}},
		{"next.js names", "app/[id]/page.tsx, b", []string{"app/[id]/page.tsx", "b"}},
		{"unclosed brace splits", "{a,b", []string{"{a", "b"}},
		{"unclosed class splits", "[a,b", []string{"[a", "b"}},
		{"ends in a backslash", `a,b\`, []string{"a", `b\`}},
		{"excludes", "**/*.go,!vendor/**", []string{"**/*.go", "!vendor/**"}},
		{"the original's example", "**/**.go,go.*", []string{"**/**.go", "go.*"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, globs.SplitList(tc.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseList(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     []string
		bad      bool
	}{
		{"comma list", "a, b", []string{"a", "b"}, false},
		{"JSON list", `["a", " b,c "]`, []string{"a", " b,c "}, false},
		{"JSON list in spaces", ` [ "a" ] `, []string{"a"}, false},
		{"empty JSON list", "[]", []string{}, false},
		{"a class", "[0-9]*.txt,b", []string{"[0-9]*.txt", "b"}, false},
		{"a class of one digit", "[1]", []string{"[1]"}, false},
		{"unfinished JSON", `["a", "b"`, nil, true},
		{"mixed JSON", `["a", 1]`, nil, true},
		{"text after JSON", `["a"],b`, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := globs.ParseList(tc.in)
			if (err != nil) != tc.bad {
				t.Fatalf("error %v, want one: %v", err, tc.bad)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMatchValue(t *testing.T) {
	for _, tc := range []struct {
		name  string
		list  []string
		value string
		want  bool
	}{
		{"equal", []string{"opened", "synchronize"}, "synchronize", true},
		{"case matters", []string{"Opened"}, "opened", false},
		{"glob", []string{"release/*"}, "release/1.2", true},
		{"a star stops at a slash", []string{"release/*"}, "release/1/2", false},
		{"two stars do not", []string{"release/**"}, "release/1/2", true},
		{"alternatives", []string{"{main,master}"}, "master", true},
		{"no list", nil, "main", false},
		{"empty value equals nothing", []string{"main"}, "", false},
		{"empty value matches a star", []string{"*"}, "", true},
		{"bad glob is compared", []string{"fix-[1"}, "fix-[1", true},
		{"bad glob matches nothing else", []string{"[a"}, "a", false},
		{"equal although a glob", []string{"v[1]"}, "v[1]", true},
		{"no excludes for values", []string{"!main"}, "develop", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := globs.MatchValue(tc.list, tc.value); got != tc.want {
				t.Errorf("MatchValue(%q, %q) = %v", tc.list, tc.value, got)
			}
		})
	}
}

// What SplitList returns has no empty or untrimmed entry, and joining it with
// commas splits into the same list again.
func FuzzSplitList(f *testing.F) {
	for _, seed := range []string{"", "a,b", "{a,b},c", `a\,b`, "[a,b", "{[}],a}", "é, ,ü", `x\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list := globs.SplitList(s)
		for _, entry := range list {
			if entry == "" {
				t.Fatalf("%q holds an empty entry: %q", s, list)
			}
			if err := globs.Check(entry); err == nil && len(list) > 1 {
				again := globs.SplitList(entry)
				if diff := cmp.Diff([]string{entry}, again); diff != "" {
					t.Fatalf("a valid glob of %q splits again: %s", s, diff)
				}
			}
		}
		if _, err := globs.ParseList(s); err != nil && len(s) < 2 {
			t.Fatalf("%q: %v", s, err)
		}
	})
}
