// Package terminal makes text of other people safe to show: what a step prints,
// how a branch is called or what a server answers could otherwise move the
// cursor, rewrite the lines of others or name the window.
package terminal

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sequences are what moves cursors and changes colours and titles (ECMA-48).
var sequences = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?|[ -/]*[0-~])`)

// Strip returns the text without control sequences.
func Strip(text string) string {
	if !strings.Contains(text, "\x1b") {
		return text
	}
	return sequences.ReplaceAllString(text, "")
}

// Plain returns a line of text without anything that a terminal would obey:
// control sequences, and control characters but the tab.
func Plain(line string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return -1
		}
		return r
	}, Strip(line))
}

// Quote is like Plain, but shows every character that does not print as Go
// writes it, so that names which look alike can be told apart.
func Quote(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }) < 0 {
		return text
	}
	text = Strip(text)
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if strconv.IsPrint(r) && !(r == utf8.RuneError && size == 1) {
			b.WriteRune(r)
		} else {
			quoted := strconv.Quote(text[i : i+size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

// Lines splits a text into lines that are quoted but for their tabs. What a
// carriage return would have overwritten is a line of its own.
func Lines(text string) []string {
	text = strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n")
	parts := []string{text}
	if strings.Contains(text, "\r") {
		parts = strings.FieldsFunc(text, func(r rune) bool { return r == '\r' })
	}
	var list []string
	for _, part := range parts {
		for line := range strings.SplitSeq(part, "\n") {
			cells := strings.Split(line, "\t")
			for i := range cells {
				cells[i] = Quote(cells[i])
			}
			list = append(list, strings.Join(cells, "\t"))
		}
	}
	return list
}
