package event

import (
	"strings"
	"unicode/utf8"
)

// This file matches a glob as github.com/bmatcuk/doublestar/v4 does, which
// pocketci matches with; a test of pocketci holds the two together. A valid
// glob is assumed, see checkGlob.

// position is how much of a glob and of a name is still to be matched, and where
// to go on after a mismatch: only the last star and the last **/ can help, as an
// earlier one would come by the same places again.
type position struct {
	glob, name string
	// start says that the glob stands at the start of a path component.
	start bool
	// star and components are the rest after the last star and the last **/,
	// with the name that this rest was tried on last.
	star, components *retry
}

type retry struct{ glob, name string }

// matchGlob reports whether the whole name matches.
func matchGlob(glob, name string) bool {
	return position{glob: glob, name: name, start: true}.match()
}

func (p position) match() bool {
	for p.name != "" {
		if strings.HasPrefix(p.glob, "{") {
			return p.alternatives()
		}
		if p.start && p.glob == "**" {
			return true
		}
		if !p.step() && !p.back() {
			return false
		}
	}
	return matchesNothing(p.glob)
}

// step matches the glob's next element. It reports false, and leaves the
// position as it is, if the name does not have it.
func (p *position) step() bool {
	if p.glob == "" {
		return false
	}
	name, size := utf8.DecodeRuneInString(p.name)
	switch p.glob[0] {
	case '*':
		if rest, ok := strings.CutPrefix(p.glob, "**/"); ok && p.start {
			p.glob, p.components, p.star = rest, &retry{rest, p.name}, nil
			return true
		}
		// Beside other characters two stars are one.
		p.glob, p.start = strings.TrimPrefix(p.glob[1:], "*"), false
		p.star = &retry{p.glob, p.name}
		return true
	case '?':
		if name == '/' {
			return false
		}
		p.glob, p.name, p.start = p.glob[1:], p.name[size:], false
		return true
	case '[':
		end := classEnd(p.glob, 0)
		if !inClass(p.glob[1:end], name) {
			return false
		}
		p.glob, p.name, p.start = p.glob[end+1:], p.name[size:], false
		return true
	}
	glob := strings.TrimPrefix(p.glob, `\`)
	want, length := utf8.DecodeRuneInString(glob)
	if want != name {
		return false
	}
	p.glob, p.name, p.start = glob[length:], p.name[size:], want == '/'
	return true
}

// back goes back to the last star that can take one character more, or to the
// last **/ that can take one component more.
func (p *position) back() bool {
	if p.star != nil {
		if next, size := utf8.DecodeRuneInString(p.star.name); next != '/' {
			p.star = &retry{p.star.glob, p.star.name[size:]}
			p.glob, p.name, p.start = p.star.glob, p.star.name, false
			return true
		}
	}
	if p.components == nil {
		return false
	}
	_, name, found := strings.Cut(p.components.name, "/")
	p.components = &retry{p.components.glob, name}
	p.glob, p.name, p.start = p.components.glob, name, true
	return found
}

// alternatives tries what stands between the braces that the glob starts with,
// one after the other. Going back then leads to the same alternative.
func (p position) alternatives() bool {
	end := braceEnd(p.glob, 0)
	for _, alternative := range splitAlternatives(p.glob[1:end]) {
		with := func(r *retry) *retry {
			if r == nil {
				return nil
			}
			return &retry{r.glob[:len(r.glob)-len(p.glob)] + alternative + p.glob[end+1:], r.name}
		}
		one := position{alternative + p.glob[end+1:], p.name, p.start, with(p.star), with(p.components)}
		if one.match() {
			return true
		}
	}
	return false
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
