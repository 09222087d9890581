package event

import (
	"strings"
	"unicode/utf8"
)

// This file matches a glob as github.com/bmatcuk/doublestar/v4 does, which
// pocketci matches with; a test of pocketci holds the two together. A valid
// glob is assumed, see checkGlob.

// position is how much of a glob and of a name is still to be matched.
type position struct {
	glob, name string
	// start says that the glob stands at the start of a path component.
	start bool
}

// matcher remembers from where no match is possible, so that globs with many
// stars take no longer than the product of both lengths.
type matcher map[position]bool

// matchGlob reports whether the whole name matches.
func matchGlob(glob, name string) bool {
	return matcher{}.match(position{glob, name, true})
}

func (m matcher) match(p position) bool {
	for p.name != "" && p.glob != "" {
		name, size := utf8.DecodeRuneInString(p.name)
		switch p.glob[0] {
		case '*':
			return m.star(p)
		case '{':
			before, after := p.glob[1:braceEnd(p.glob, 0)], p.glob[braceEnd(p.glob, 0)+1:]
			for _, alternative := range splitAlternatives(before) {
				if m.match(position{alternative + after, p.name, p.start}) {
					return true
				}
			}
			return false
		case '?':
			if name == '/' {
				return false
			}
			p = position{p.glob[1:], p.name[size:], false}
		case '[':
			end := classEnd(p.glob, 0)
			if !inClass(p.glob[1:end], name) {
				return false
			}
			p = position{p.glob[end+1:], p.name[size:], false}
		default:
			glob := strings.TrimPrefix(p.glob, `\`)
			want, length := utf8.DecodeRuneInString(glob)
			if want != name {
				return false
			}
			p = position{glob[length:], p.name[size:], want == '/'}
		}
	}
	return p.name == "" && matchesNothing(p.glob)
}

// star matches from one star or two on.
func (m matcher) star(p position) (matched bool) {
	if m[p] {
		return false
	}
	defer func() { m[p] = !matched }()
	rest := p.glob[1:]
	if strings.HasPrefix(rest, "*") {
		rest = rest[1:]
		switch {
		case p.start && rest == "":
			return true
		case p.start && rest[0] == '/':
			// Any number of whole components.
			for name := p.name; ; {
				if m.match(position{rest[1:], name, true}) {
					return true
				}
				slash := strings.IndexByte(name, '/')
				if slash < 0 {
					return false
				}
				name = name[slash+1:]
			}
		}
		// Beside other characters two stars are one.
	}
	for name := p.name; ; {
		if m.match(position{rest, name, false}) {
			return true
		}
		next, size := utf8.DecodeRuneInString(name)
		if size == 0 || next == '/' {
			return false
		}
		name = name[size:]
	}
}

// matchesNothing reports whether the rest of a glob matches once the name has
// come to its end. a/** also matches a.
func matchesNothing(glob string) bool {
	switch glob {
	case "", "*", "**", "/**", "**/", "/**/":
		return true
	}
	if glob[0] != '{' {
		return false
	}
	end := braceEnd(glob, 0)
	for _, alternative := range splitAlternatives(glob[1:end]) {
		if matchesNothing(alternative + glob[end+1:]) {
			return true
		}
	}
	return false
}

// inClass reports whether a character is in what stands between [ and ].
func inClass(class string, r rune) bool {
	rest := strings.TrimLeft(class[:1], "!^") + class[1:]
	negated := len(rest) < len(class)
	for rest != "" {
		var low rune
		low, rest = classRune(rest)
		high := low
		if len(rest) > 1 && rest[0] == '-' {
			high, rest = classRune(rest[1:])
		}
		// A range that is upside down holds its first character.
		if r == low || low <= r && r <= high {
			return !negated
		}
	}
	return negated
}

// classRune takes one character, which may have a backslash before it.
func classRune(s string) (rune, string) {
	if len(s) > 1 && s[0] == '\\' {
		s = s[1:]
	}
	r, size := utf8.DecodeRuneInString(s)
	return r, s[size:]
}
