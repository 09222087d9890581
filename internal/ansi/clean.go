package ansi

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// sequence is a control sequence (ECMA-48), whole or not: one that ends in a letter, a
// string such as a title, a link or an image, or any other.
var sequence = regexp.MustCompile(`^\x1b(?:\[([0-?]*)([ -/]*)([@-~]?)|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)`)

// clean leaves of a line what the library may have: text, tabs, carriage returns,
// backspaces, colours, erasing, and moves within the line.
func clean(line string) string {
	var b strings.Builder
	for line != "" {
		if line[0] == '\x1b' {
			m := sequence.FindStringSubmatch(line)
			line = line[len(m[0]):]
			b.WriteString(wanted(m[1], m[2], m[3]))
			continue
		}
		end := strings.IndexByte(line, '\x1b')
		if end < 0 {
			end = len(line)
		}
		text(&b, line[:end])
		line = line[end:]
	}
	return b.String()
}

// wanted is the sequence that is given to the library for another one, empty for none.
func wanted(params, between, final string) string {
	if final == "" || between != "" || strings.ContainsAny(params, "<=>?") {
		return ""
	}
	switch final {
	case "m":
		if codes := colours(params); codes != "" {
			return "\x1b[" + codes + "m"
		}
	case "K", "C", "D", "G":
		if len(params) <= 5 && !strings.ContainsAny(params, ":;") {
			return "\x1b[" + params + final
		}
	}
	return ""
}

// text writes text so that each character of it is seen, and none moves others.
func text(b *strings.Builder, s string) {
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteByte(' ')
		case r == '\t', r == '\r', r == '\b':
			b.WriteRune(r)
		case r < ' ', r >= 0x7f && r < 0xa0:
		case special(r):
			fmt.Fprintf(b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
}

// special characters change the order of others, or are not seen. Joiners are a part of
// the writing of some languages and of emoji.
func special(r rune) bool {
	switch r {
	case '\u200c', '\u200d', '\u00ad':
		return false
	}
	return r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}
