package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong in a configuration file.
type Error struct {
	// File is the name of the file as it was given to [Parse].
	File string
	// Line and Column count from one; columns count characters.
	Line, Column int
	// Message says what is wrong and how to put it right. It never repeats
	// what the file has in place of a secret's source.
	Message string
}

// Error renders the error as compilers do: pocketci.yaml:3:5: message.
func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Errors is everything that is wrong in a configuration file, sorted by
// position. It has at least one entry.
type Errors []*Error

// Error renders one error a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single errors, for errors.As.
func (e Errors) Unwrap() []error {
	list := make([]error, len(e))
	for i, err := range e {
		list[i] = err
	}
	return list
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// suggest returns the known name that an unknown one was probably meant to be,
// or an empty string.
func suggest(unknown string, known []string) string {
	best, bestDistance := "", 3
	for _, name := range known {
		if plain(name) == plain(unknown) {
			return name
		}
		// Two changes turn any short word into any other.
		if d := distance(unknown, name); d < bestDistance && d < min(len(unknown), len(name)) {
			best, bestDistance = name, d
		}
	}
	return best
}

// distance is the number of characters to insert, remove or replace, or of
// neighbours to swap, to turn a into b.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if len(s) > 64 || len(t) > 64 {
		return max(len(s), len(t))
	}
	rows := make([][]int, len(s)+1)
	for i := range rows {
		rows[i] = make([]int, len(t)+1)
		rows[i][0] = i
	}
	for j := range t {
		rows[0][j+1] = j + 1
	}
	for i := range s {
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			d := min(rows[i][j+1]+1, rows[i+1][j]+1, rows[i][j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				d = min(d, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = d
		}
	}
	return rows[len(s)][len(t)]
}
