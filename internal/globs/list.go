// Package globs matches values and changed files against lists of globs. It
// holds the one reading of such lists that pocketci.yaml and the default
// values of function arguments share.
//
// A glob is what github.com/bmatcuk/doublestar/v4 takes: * and ? stop at a
// slash, ** spans directories, [a-z] is a class, {a,b} are alternatives and a
// backslash takes the next character literally.
package globs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SplitList splits a comma-separated list. Entries are trimmed and empty ones
// dropped. A comma inside {} or [] or after a backslash does not split, so
// that every glob can be an entry. A bracket that is never closed is an
// ordinary character.
func SplitList(s string) []string {
	var list []string
	for _, entry := range splitAlternatives(s) {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// ParseList reads the text of a default value: a JSON list of strings if it is
// one, otherwise a comma-separated list as [SplitList] reads it. Entries of a
// JSON list are taken as they are. The error is for text that sets out as a
// JSON list of strings and is not one.
func ParseList(s string) ([]string, error) {
	trimmed := strings.TrimSpace(s)
	if !strings.HasPrefix(trimmed, "[") {
		return SplitList(s), nil
	}
	var list []string
	err := json.Unmarshal([]byte(trimmed), &list)
	if err == nil {
		return list, nil
	}
	// [0-9]*.txt and [1] are globs; nothing but a list begins with [" in
	// earnest.
	if strings.HasPrefix(strings.TrimSpace(trimmed[1:]), `"`) {
		return nil, fmt.Errorf("read %q as a JSON list of strings: %w", s, err)
	}
	return SplitList(s), nil
}

// MatchValue reports whether the value equals one of the entries, letter by
// letter, or matches one of them as a glob. An entry that is no valid glob is
// compared only. An empty list matches nothing: a caller for whom it means
// "no condition" has to say so.
func MatchValue(list []string, value string) bool {
	if slices.Contains(list, value) {
		return true
	}
	for _, entry := range list {
		if Check(entry) == nil && doublestar.MatchUnvalidated(entry, value) {
			return true
		}
	}
	return false
}
