package globs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// Limits on one glob. Globs come from repositories, and alternatives multiply:
// {a,b}{a,b}… with thirty groups would keep the matcher busy for hours.
const (
	// MaxLength is the greatest length of a glob in bytes.
	MaxLength = 2048
	// MaxAlternatives is the greatest number of globs without braces that
	// one glob may stand for.
	MaxAlternatives = 256
)

// maxShapes bounds how many alternatives of one glob are indexed one by one.
const maxShapes = 32

// PatternError says what is wrong with a glob.
type PatternError struct {
	// Pattern is the glob as it was written.
	Pattern string
	// Reason says what is wrong with it and how to put it right.
	Reason string
}

func (e *PatternError) Error() string {
	shown := e.Pattern
	if len(shown) > 80 {
		shown = strings.ToValidUTF8(shown[:80], "") + "…"
	}
	return fmt.Sprintf("bad glob %q: %s", shown, e.Reason)
}

// Check reports whether the glob is well formed and within the limits, as a
// [*PatternError] if it is not.
func Check(pattern string) error {
	switch {
	case pattern == "":
		return &PatternError{pattern, "it is empty"}
	case len(pattern) > MaxLength:
		return &PatternError{pattern, fmt.Sprintf("it is longer than %d bytes", MaxLength)}
	case strings.IndexByte(pattern, 0) >= 0:
		return &PatternError{pattern, "it holds a zero byte"}
	case !doublestar.ValidatePattern(pattern):
		return &PatternError{pattern, malformed(pattern)}
	case strings.IndexByte(pattern, '{') >= 0 && alternatives(pattern) > MaxAlternatives:
		return &PatternError{pattern, fmt.Sprintf("its braces stand for more than %d globs; write fewer alternatives or several globs", MaxAlternatives)}
	}
	return nil
}

// CheckPath is [Check] for globs over files in a repository. It also refuses
// globs that can never match one. A leading "!" is not part of the glob.
func CheckPath(pattern string) error {
	if err := Check(pattern); err != nil {
		return err
	}
	switch {
	case pattern[0] == '/':
		return &PatternError{pattern, "files are relative to the repository's root; remove the leading slash"}
	case strings.HasSuffix(pattern, "/"):
		return &PatternError{pattern, fmt.Sprintf("it matches no file; write %q for everything below", strings.TrimRight(pattern, "/")+"/**")}
	case pattern == ".." || strings.HasPrefix(pattern, "../") || strings.HasSuffix(pattern, "/..") || strings.Contains(pattern, "/../"):
		return &PatternError{pattern, `it leaves the repository; remove the ".."`}
	}
	return nil
}

func malformed(pattern string) string {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			if i++; i == len(pattern) {
				return `it ends in a backslash; write "\\\\" for a backslash itself`
			}
		case '[':
			end := classEnd(pattern, i)
			if end < 0 {
				return `a "[" is not closed; write "\\[" for a bracket itself`
			}
			i = end
		case '{':
			if braceEnd(pattern, i) < 0 {
				return `a "{" is not closed; write "\\{" for a brace itself`
			}
		}
	}
	return "it is malformed; an empty or unfinished class such as [] or [a-] or a stray brace"
}

// classEnd returns the index of the "]" that closes the class opened at i, or
// -1.
func classEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ']':
			return i
		}
	}
	return -1
}

// braceEnd returns the index of the "}" that closes the brace opened at i, or
// -1.
func braceEnd(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			if i = classEnd(s, i); i < 0 {
				return -1
			}
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// nextBrace returns where the first pair of braces at or after from opens and
// closes, or -1.
func nextBrace(s string, from int) (open, end int) {
	for i := from; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			if i = classEnd(s, i); i < 0 {
				return -1, -1
			}
		case '{':
			if end = braceEnd(s, i); end < 0 {
				return -1, -1
			}
			return i, end
		}
	}
	return -1, -1
}

// splitAlternatives splits at the commas that are not within brackets: what
// stands between two braces, or a list of globs.
func splitAlternatives(s string) []string {
	var list []string
	begin := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			if end := classEnd(s, i); end > 0 {
				i = end
			}
		case '{':
			if end := braceEnd(s, i); end > 0 {
				i = end
			}
		case ',':
			list = append(list, s[begin:i])
			begin = i + 1
		}
	}
	return append(list, s[begin:])
}

// alternatives counts the globs without braces that a valid glob stands for,
// up to just above MaxAlternatives.
func alternatives(s string) int {
	product := 1
	for i := 0; product <= MaxAlternatives; {
		open, end := nextBrace(s, i)
		if open < 0 {
			break
		}
		sum := 0
		for _, alternative := range splitAlternatives(s[open+1 : end]) {
			if sum += alternatives(alternative); sum > MaxAlternatives {
				break
			}
		}
		product *= sum
		i = end + 1
	}
	return product
}

// expand writes out the alternatives of a valid glob. It gives up, with false,
// above maxShapes.
func expand(pattern string) ([]string, bool) {
	if strings.IndexByte(pattern, '{') < 0 {
		return []string{pattern}, true
	}
	var list []string
	type unit struct {
		text string
		from int
	}
	for todo := []unit{{pattern, 0}}; len(todo) > 0; {
		u := todo[0]
		todo = todo[1:]
		open, end := nextBrace(u.text, u.from)
		if open < 0 {
			if list = append(list, u.text); len(list) > maxShapes {
				return nil, false
			}
			continue
		}
		for _, alternative := range splitAlternatives(u.text[open+1 : end]) {
			todo = append(todo, unit{u.text[:open] + alternative + u.text[end+1:], open})
		}
		if len(todo) > maxShapes {
			return nil, false
		}
	}
	return list, true
}

// A shape is what the text of a file (see Files) must look like for a glob, or
// one of its alternatives, to match: it begins with the first chunk, ends in the last, and holds those between
// in this order. Neighbours may overlap by one byte, because a/**/b matches
// a/b. The shape finds candidates; doublestar has the last word on them,
// unless the shape is exact, that is, equivalent to the glob.
type shape struct {
	chunks []string
	exact  bool
}

// outline returns the shape that all alternatives of a valid glob share.
func outline(pattern string) shape {
	return shape{chunks: chunks(pattern), exact: exact(pattern)}
}

// outlines returns one shape per alternative, or nil if there are no
// alternatives or too many. None of them is exact: with braces doublestar
// differs from the sum of the alternatives in corner cases, {**,a} is not **.
func outlines(pattern string) []shape {
	list, ok := expand(pattern)
	if !ok || len(list) == 1 {
		return nil
	}
	shapes := make([]shape, len(list))
	for i, alternative := range list {
		shapes[i] = shape{chunks: chunks(alternative)}
	}
	return shapes
}

// begin and end enclose the name in a file's text. No file name holds a zero
// byte or an empty component, so that a chunk that reaches into begin or end
// is anchored, and one with slashes on both sides is a whole component.
const (
	begin = "\x00/"
	end   = "/\x00"
)

func chunks(pattern string) []string {
	// a/**/ also matches a, and x{/**/,} does so too.
	pattern = strings.TrimRight(pattern, "/")
	buf := make([]byte, 0, len(pattern)+len(begin)+len(end))
	var cutArray [16]int
	cuts := cutArray[:0]
	cut := func() {
		if len(cuts) == 0 || cuts[len(cuts)-1] != len(buf) {
			cuts = append(cuts, len(buf))
		}
	}
	buf = append(buf, begin...)
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case '*', '?':
			cut()
			i++
			continue
		case '[':
			cut()
			if i = classEnd(pattern, i) + 1; i == 0 {
				i = len(pattern)
			}
			continue
		case '{':
			cut()
			if i = braceEnd(pattern, i) + 1; i == 0 {
				i = len(pattern)
			}
			continue
		case '\\':
			if i++; i == len(pattern) {
				continue
			}
		}
		if pattern[i] < utf8.RuneSelf {
			buf = append(buf, pattern[i])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(pattern[i:])
		if r == utf8.RuneError {
			// doublestar lets it match every malformed byte.
			cut()
		} else {
			buf = append(buf, pattern[i:i+size]...)
		}
		i += size
	}
	buf = append(buf, end...)
	text := string(buf)
	list := make([]string, 0, len(cuts)+1)
	from := 0
	for _, to := range cuts {
		list = append(list, text[from:to])
		from = to
	}
	return append(list, text[from:])
}

// exact recognises the globs for which holding the chunks is all there is to
// matching: P, P/**, **/P, **/P/**, **/*S, **/**S and **, where P is plain text
// and S is plain text without a slash.
func exact(pattern string) bool {
	if strings.ContainsAny(pattern, `\?[{}`) || strings.ContainsRune(pattern, utf8.RuneError) || strings.HasSuffix(pattern, "/") || !utf8.ValidString(pattern) {
		return false
	}
	if pattern == "**" {
		return true
	}
	rest, anywhere := strings.CutPrefix(pattern, "**/")
	rest, below := strings.CutSuffix(rest, "/**")
	if rest == "" {
		return false
	}
	if strings.IndexByte(rest, '*') < 0 {
		return true
	}
	if !anywhere || below {
		return false
	}
	rest = strings.TrimPrefix(rest[1:], "*")
	return pattern[len("**/")] == '*' && !strings.ContainsAny(rest, "*/")
}

// fits reports whether a file's text has the shape.
func (s *shape) fits(text string) bool {
	first := s.chunks[0]
	if len(s.chunks) == 1 {
		return text == first
	}
	last := s.chunks[len(s.chunks)-1]
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	at := len(first) - 1
	for _, chunk := range s.chunks[1 : len(s.chunks)-1] {
		i := strings.Index(text[at:], chunk)
		if i < 0 {
			return false
		}
		at += i + len(chunk) - 1
	}
	return at <= len(text)-len(last)
}
