// Package ansi shows what a step prints as a terminal would, in pieces of text that have
// classes of a style sheet.
//
// What a terminal does with a line is left to github.com/buildkite/terminal-to-html. That
// library knows more than is wanted: links, images and times in sequences of its own, and
// moves from line to line. So it is given nothing but text, colours and moves within the
// line, and of what it returns only text and its own classes are taken. No markup leaves
// this package.
package ansi

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	terminal "github.com/buildkite/terminal-to-html/v3"
	"golang.org/x/net/html"
)

// Limit is how much of a line is shown, in bytes, control sequences included. Of a line
// that was written over again and again, as progress bars are, that is its end, of others
// the beginning.
const Limit = 4 << 10

// Span is a piece of a line that looks the same.
type Span struct {
	// Class are the names of classes, with spaces between them, empty for plain text:
	// term-fg31 to term-fg37 and term-fgi90 to term-fgi97 are colours of text, term-bg41
	// and so on of what is behind it, term-fg1, 2, 3, 4 and 9 stand for bold, faint,
	// italic, underlined and struck out.
	Class string
	Text  string
}

// Line is a line as a terminal shows it.
type Line struct {
	Spans []Span
	// Cut is how many bytes of the line are not shown.
	Cut int
}

// Text is what is shown, without how.
func (l Line) Text() string {
	var b strings.Builder
	for _, s := range l.Spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Render returns a line as a terminal shows it. A newline at its end is left out; others
// are spaces.
func Render(line string) Line {
	line = strings.TrimRight(line, "\r\n")
	shown := shorten(line)
	out := Line{Cut: len(line) - len(shown)}
	if plain(shown) {
		if shown != "" {
			out.Spans = []Span{{Text: shown}}
		}
		return out
	}
	shown = clean(shown)
	// As wide as the line is long, so that it is never divided.
	screen, err := terminal.NewScreen(terminal.WithSize(len(shown)+1, 1), terminal.WithMaxSize(0, 1))
	if err != nil {
		panic(fmt.Sprintf("a screen of %d columns: %v", len(shown)+1, err)) // there is no reason
	}
	_, _ = screen.Write([]byte(shown)) // it never fails
	out.Spans = spans(screen.AsHTMLWithTimestamps(false))
	return out
}

// plain reports whether a line is shown as it is.
func plain(line string) bool {
	for _, r := range line {
		if r != '\t' && r < ' ' || r == 0x7f || r >= 0x80 && special(r) {
			return false
		}
	}
	return true
}

// shorten takes so much of a line as is shown.
func shorten(line string) string {
	if len(line) <= Limit {
		return line
	}
	if i := strings.LastIndexByte(line, '\r'); i >= len(line)-Limit {
		end := line[len(line)-Limit:]
		return end[strings.IndexByte(end, '\r')+1:]
	} else if line = line[i+1:]; len(line) <= Limit {
		return line
	}
	end := Limit
	for end > Limit-utf8.UTFMax && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end]
}

// class is what the library names its classes.
var class = regexp.MustCompile(`^(term-(fg|bg|fgi|bgi)[0-9]{1,3}( |$))+$`)

// spans reads what the library wrote, which is text within span elements.
func spans(markup string) []Span {
	var (
		list []Span
		now  string
	)
	if markup == "&nbsp;" {
		return nil // an empty line
	}
	for z := html.NewTokenizer(strings.NewReader(markup)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return list // the end
		case html.StartTagToken:
			now = ""
			for _, a := range z.Token().Attr {
				if a.Key == "class" && class.MatchString(a.Val) {
					now = a.Val
				}
			}
		case html.EndTagToken:
			now = ""
		case html.TextToken:
			text := z.Token().Data
			if n := len(list); n > 0 && list[n-1].Class == now {
				list[n-1].Text += text
				continue
			}
			list = append(list, Span{now, text})
		}
	}
}
