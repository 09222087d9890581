package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrintable(t *testing.T) {
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
			if got := printable(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPrintableLines(t *testing.T) {
	got := printableLines("a\tb\r\n\x1b[31mc\n10%\r20%\rdone\n\n")
	if diff := cmp.Diff([]string{"a\tb", "c", "10%", "20%", "done"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{""}, printableLines("")); diff != "" {
		t.Errorf("lines of nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{""}, printableLines("\r")); diff != "" {
		t.Errorf("lines of a carriage return (-want +got):\n%s", diff)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[2J\x1b]0;x\x07\x1b\x1b[[c\r\n\u009b\u202e\xff")
	f.Add("\x1b\x1b[31m[31mx")
	f.Fuzz(func(t *testing.T, text string) {
		for _, shown := range append(printableLines(text), printable(text)) {
			if strings.ContainsFunc(shown, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
	})
}

// Columns stay aligned with colours, which only states have.
func TestTable(t *testing.T) {
	var plain, coloured bytes.Buffer
	for _, s := range []*screen{{w: &plain}, {w: &coloured, colours: true}} {
		table := s.table("RUN", state("STATE"), "WHAT")
		table.row("1", state("succeeded"), "a\x1b[31mb")
		table.row("2", state("timed-out"), strings.Repeat("x", 100))
		table.row("3", state("\x1b[0mgone"), "c")
		if err := table.flush(); err != nil {
			t.Fatal(err)
		}
	}
	want := "RUN  STATE      WHAT\n1    succeeded  ab\n2    timed-out  " + strings.Repeat("x", 79) + "…\n3    gone       c\n"
	if diff := cmp.Diff(want, plain.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, sequences.ReplaceAllString(coloured.String(), "")); diff != "" {
		t.Errorf("table without its colours (-want +got):\n%s", diff)
	}
	if !strings.Contains(coloured.String(), "\x1b[32msucceeded\x1b[39m") {
		t.Errorf("no colours: %q", &coloured)
	}
}
