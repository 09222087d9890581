package events

import (
	"fmt"
	"strings"
)

// UnauthenticatedError says that a delivery could not be proven to come from
// its vendor. It never holds a signature or a secret.
type UnauthenticatedError struct {
	// Reason is why, in words that may be shown to the sender.
	Reason string
}

func (e *UnauthenticatedError) Error() string { return e.Reason }

// MalformedError says that a delivery or a file cannot be read, where in it,
// and why.
type MalformedError struct {
	// Line and Column count from 1, columns in characters. They are zero if
	// the fault is a value whose position is not known.
	Line, Column int
	// Path is the faulty value, such as repository.full_name. It is empty if
	// the text is not JSON at all.
	Path string
	// Reason is what is wrong there.
	Reason string
}

func (e *MalformedError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

// NothingError says that a delivery is genuine and well-formed, but that there
// is nothing to plan for it.
type NothingError struct {
	// Ping is set for a delivery that only tries out the webhook.
	Ping bool
	// Reason is why nothing is planned.
	Reason string
}

func (e *NothingError) Error() string { return "nothing to plan: " + e.Reason }
