package dispatcher

import (
	"slices"
	"strings"
	"unicode"
)

// words splits text into the lower-case words that names are compared by. It
// splits at every character that is neither a letter nor a digit and at case
// changes, but never before a digit: "feature/login-v2" and "FeatureLoginV2"
// are both [feature login v2]. A run of capitals is one word up to the last
// one, which starts the next word: "HTTPServer" is [http server].
func words(text string) []string {
	var (
		list  []string
		start = -1
		runes = []rune(text)
	)
	flush := func(end int) {
		if start >= 0 {
			list = append(list, strings.ToLower(string(runes[start:end])))
			start = -1
		}
	}
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			flush(i)
			continue
		}
		if start >= 0 && unicode.IsUpper(r) {
			afterLower := !unicode.IsUpper(runes[i-1])
			beforeLower := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterLower || beforeLower {
				flush(i)
			}
		}
		if start < 0 {
			start = i
		}
	}
	flush(len(runes))
	return list
}

// hasASCIIWord reports whether one of the words has an ASCII letter or digit.
// Function names are ASCII, so no name can spell a filter without one.
func hasASCIIWord(list []string) bool {
	for _, w := range list {
		for _, r := range w {
			if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				return true
			}
		}
	}
	return false
}

// hasSuffix reports whether the list ends with all the words of suffix.
func hasSuffix(list, suffix []string) bool {
	return len(list) >= len(suffix) && slices.Equal(list[len(list)-len(suffix):], suffix)
}

// hasPrefix reports whether the list begins with all the words of prefix.
func hasPrefix(list, prefix []string) bool {
	return len(list) >= len(prefix) && slices.Equal(list[:len(prefix)], prefix)
}
