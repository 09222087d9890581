package event

import (
	"fmt"
	"strings"
)

// Limits on one glob, those of pocketci.yaml.
const (
	maxGlob         = 2048 // bytes
	maxAlternatives = 256  // globs without braces that one may stand for
)

// checkGlob returns an error unless the glob is one that pocketci takes for
// changed files.
func checkGlob(glob string) error {
	fault := func(reason string) error { return fmt.Errorf("bad glob %.80q: %s", glob, reason) }
	switch {
	case glob == "":
		return fault("it is empty")
	case len(glob) > maxGlob:
		return fault(fmt.Sprintf("it is longer than %d bytes", maxGlob))
	case strings.IndexByte(glob, 0) >= 0:
		return fault("it holds a zero byte")
	}
	if reason := malformed(glob); reason != "" {
		return fault(reason)
	}
	switch {
	case alternatives(glob) > maxAlternatives:
		return fault(fmt.Sprintf("its braces stand for more than %d globs; write fewer alternatives or several globs", maxAlternatives))
	case glob[0] == '/':
		return fault("files are relative to the repository's root; remove the leading slash")
	case strings.HasSuffix(glob, "/"):
		return fault(fmt.Sprintf("it matches no file; write %q for everything below", strings.TrimRight(glob, "/")+"/**"))
	case strings.Contains("/"+glob+"/", "/../"):
		return fault(`it leaves the repository; remove the ".."`)
	}
	return nil
}

// malformed says what is wrong with the brackets of a glob, if anything is.
func malformed(glob string) string {
	depth := 0
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '\\':
			if i++; i == len(glob) {
				return `it ends in a backslash; write "\\\\" for a backslash itself`
			}
		case '[':
			end := classEnd(glob, i)
			if end < 0 {
				return `a "[" is not closed, or empty; write "\\[" for a bracket itself`
			}
			i = end
		case '{':
			depth++
		case '}':
			if depth--; depth < 0 {
				return `a "}" is not opened; write "\\}" for a brace itself`
			}
		}
	}
	if depth > 0 {
		return `a "{" is not closed; write "\\{" for a brace itself`
	}
	return ""
}

// classEnd returns the index of the "]" that closes the class opened at i, or
// -1. A class has at least one character, and a first "]" is none.
func classEnd(s string, i int) int {
	if i++; i < len(s) && (s[i] == '!' || s[i] == '^') {
		i++
	}
	for first := i; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ']':
			if i == first {
				return -1
			}
			return i
		}
	}
	return -1
}

// braceEnd returns the index of the "}" that closes the brace opened at i of a
// valid glob.
func braceEnd(s string, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i = classEnd(s, i)
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s) - 1
}

// splitAlternatives splits at the commas that are not within brackets.
func splitAlternatives(s string) []string {
	var list []string
	begin := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i = classEnd(s, i)
		case '{':
			i = braceEnd(s, i)
		case ',':
			list = append(list, s[begin:i])
			begin = i + 1
		}
	}
	return append(list, s[begin:])
}

// alternatives counts the globs without braces that a valid glob stands for,
// up to just above maxAlternatives.
func alternatives(s string) int {
	product := 1
	for i := 0; i < len(s) && product <= maxAlternatives; i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i = classEnd(s, i)
		case '{':
			end := braceEnd(s, i)
			sum := 0
			for _, alternative := range splitAlternatives(s[i+1 : end]) {
				if sum += alternatives(alternative); sum > maxAlternatives {
					break
				}
			}
			product *= sum
			i = end
		}
	}
	return product
}
