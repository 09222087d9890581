package api

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
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
	at, step := l.Time.UTC().Format(time.TimeOnly), visible(l.Step)
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
		fmt.Fprintf(&b, "%s │ %s\n", at, visible(line))
	}
	return b.String()
}

// raw is what a step printed, and nothing for what happened to steps.
func raw(l *v1.LogLine) string {
	if l.State != lineOutput {
		return ""
	}
	return l.Text
}

// visible keeps what a terminal would obey out of a line: escape sequences
// (ECMA-48) and control characters but the tab.
func visible(line string) string {
	if strings.Contains(line, "\x1b") {
		line = withoutSequences(line)
	}
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return -1
		}
		return r
	}, line)
}

func withoutSequences(s string) string {
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(s, "\x1b")
		b.WriteString(text)
		if !found || rest == "" {
			return b.String()
		}
		kind := rest[0]
		switch kind {
		case '[': // up to a final byte
			end := strings.IndexFunc(rest[1:], func(r rune) bool { return r >= 0x40 && r <= 0x7e })
			if end < 0 {
				return b.String()
			}
			s = rest[1+end+1:]
		case ']', 'P', 'X', '^', '_': // up to BEL or ESC \
			end := strings.IndexAny(rest, "\a\x1b")
			if end < 0 {
				return b.String()
			}
			s = rest[end:]
			s = strings.TrimPrefix(strings.TrimPrefix(s, "\a"), "\x1b\\")
		default:
			if kind >= 0x80 {
				s = rest // no sequence at all
			} else {
				s = rest[1:]
			}
		}
	}
}
