package modules

import (
	"strings"
	"unicode"
)

// SameName reports whether two spellings name one function or argument:
// lintOnPush, LintOnPush and lint-on-push are the same. Dagger changes the
// case of names on the way from the source to the API and again on the way to
// the command line.
func SameName(a, b string) bool { return squeeze(a) == squeeze(b) }

// squeeze drops everything but letters and digits, in lower case.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}
