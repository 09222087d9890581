package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/terminal"
)

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
	if diff := cmp.Diff(want, terminal.Strip(coloured.String())); diff != "" {
		t.Errorf("table without its colours (-want +got):\n%s", diff)
	}
	if !strings.Contains(coloured.String(), "\x1b[32msucceeded\x1b[39m") {
		t.Errorf("no colours: %q", &coloured)
	}
}
