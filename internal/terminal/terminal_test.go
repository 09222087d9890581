package terminal_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/terminal"
)

func TestQuote(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"plain":            {"refs/heads/ветка ✔", "refs/heads/ветка ✔"},
		"colour":           {"\x1b[1;31mred\x1b[0m", "red"},
		"cursor":           {"a\x1b[2J\x1b[Hb", "ab"},
		"title":            {"a\x1b]0;owned\x07b\x1b]8;;http://x\x1b\\c", "abc"},
		"open title":       {"a\x1b]0;owned", "a"},
		"reset":            {"a\x1bcb\x1b(Bc", "abc"},
		"lone escape":      {"a\x1b", `a\x1b`},
		"C1":               {"a\u009b31mb", `a\u009b31mb`},
		"new line and tab": {"a\nb\tc\r", `a\nb\tc\r`},
		"overrides":        {"a\u202eb\u200bc", `a\u202eb\u200bc`},
		"broken UTF-8":     {"a\xffb\xc3", `a\xffb\xc3`},
		"replacement":      {"a\ufffdb", "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := terminal.Quote(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"plain\ttext ü": "plain\ttext ü", "\x1b[31mred\x1b[0m": "red", "a\x1b]0;title\ab": "ab",
		"\x1b]8;;x\x1b\\link": "link", "a\x1b": "a", "\x1b[": "", "a\u009b31mb": "a31mb", "a\rb\x00": "ab",
	} {
		if got := terminal.Plain(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	got := terminal.Lines("a\tb\r\n\x1b[31mc\n10%\r20%\rdone\n\n")
	if diff := cmp.Diff([]string{"a\tb", "c", "10%", "20%", "done"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{""}, terminal.Lines("")); diff != "" {
		t.Errorf("lines of nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{""}, terminal.Lines("\r")); diff != "" {
		t.Errorf("lines of a carriage return (-want +got):\n%s", diff)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b[2J\x1b]0;x\x07\x1b\x1b[[c\r\n\u009b\u202e\xff")
	f.Add("\x1b\x1b[31m[31mx")
	f.Fuzz(func(t *testing.T, text string) {
		for _, shown := range append(terminal.Lines(text), terminal.Quote(text), terminal.Plain(text)) {
			if strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
		if plain := terminal.Plain(text); !strings.ContainsFunc(text, unicode.IsControl) && plain != strings.ToValidUTF8(text, "\uFFFD") && !strings.ContainsRune(text, unicode.ReplacementChar) {
			t.Errorf("%q becomes %q", text, plain)
		}
	})
}
