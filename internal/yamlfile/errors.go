// Package yamlfile reads YAML that people write by hand into plain values, and
// says everything that is wrong with it at once, each with line, column and how
// to put it right. What the keys mean is decided by the packages that use it.
package yamlfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong in a configuration file.
type Error struct {
	// File is the name of the file as it was given to [NewReader].
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
