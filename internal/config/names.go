package config

import (
	"regexp"
	"strings"
)

var (
	argumentName = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*$`)
)

// reserved are the arguments that pocketci itself gives a value to.
var reserved = []string{"src", "eventTrigger", "vendor", "event", "filter", "base", "onChanges", "schedule", "runUrl"}

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
