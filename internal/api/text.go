package api

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/terminal"
)

// The states of a log's lines.
const (
	lineStarted = "started"
	lineDone    = "done"
	lineCached  = "cached"
	lineFailed  = "failed"
	lineOutput  = "output"
)

// human writes a line of a log for people: the time in UTC, a mark, and what
// happened to a step or what it printed. The marks are those of `pocketci run`.
func human(l *v1.LogLine) string {
	at, step := l.Time.UTC().Format(time.TimeOnly), terminal.Plain(l.Step)
	took := time.Duration(l.Seconds * float64(time.Second)).Round(time.Millisecond)
	switch l.State {
	case lineStarted:
		return fmt.Sprintf("%s · %s\n", at, step)
	case lineDone:
		return fmt.Sprintf("%s ✔ %s (%s)\n", at, step, took)
	case lineCached:
		return fmt.Sprintf("%s $ %s (cached)\n", at, step)
	case lineFailed:
		head := fmt.Sprintf("%s ✘ %s (%s)\n", at, step, took)
		if l.Text == "" {
			return head
		}
		return head + printed(at, l.Text)
	}
	return printed(at, l.Text)
}

// printed writes what a step printed. A carriage return begins a line of its
// own, so that nothing is written over.
func printed(at, text string) string {
	var b strings.Builder
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		fmt.Fprintf(&b, "%s │ %s\n", at, terminal.Plain(line))
	}
	return b.String()
}

// raw is what a step printed, and nothing for what happened to steps. The newline
// behind it is not stored, unless an old agent did.
func raw(l *v1.LogLine) string {
	switch {
	case l.State != lineOutput:
		return ""
	case l.Open, strings.HasSuffix(l.Text, "\n"):
		return l.Text
	}
	return l.Text + "\n"
}
