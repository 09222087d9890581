package config

import (
	"regexp"
	"strings"
)

var (
	argumentName = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// reserved are the arguments that pocketci itself gives a value to.
var reserved = []string{"src", "eventTrigger", "vendor", "event", "filter", "base", "onChanges", "schedule", "runUrl"}

// plain takes from a name what depends on where it is written: case, dashes
// and underscores.
func plain(name string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
}

// SameFunction reports whether two names mean the same function. A function
// goes by different names in different places: LintOnPush in Go, lint_on_push
// in Python, lintOnPush in Dagger's API, lint-on-push on its command line.
// Dagger moves word boundaries on the way, so that only letters and digits
// count.
func SameFunction(a, b string) bool {
	// The same as comparing plain(a) to plain(b), but cheap enough to ask a
	// thousand functions about a thousand names.
	i, j := 0, 0
	for {
		for i < len(a) && (a[i] == '-' || a[i] == '_') {
			i++
		}
		for j < len(b) && (b[j] == '-' || b[j] == '_') {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if lower(a[i]) != lower(b[j]) {
			return false
		}
		i++
		j++
	}
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// camel turns a name into what Dagger would call an argument.
func camel(name string) string {
	var b strings.Builder
	upper := false
	for _, c := range name {
		switch {
		case c == '-' || c == '_' || c == ' ' || c == '.':
			upper = b.Len() > 0
			continue
		case upper:
			b.WriteString(strings.ToUpper(string(c)))
		case b.Len() == 0:
			b.WriteString(strings.ToLower(string(c)))
		default:
			b.WriteRune(c)
		}
		upper = false
	}
	return b.String()
}
