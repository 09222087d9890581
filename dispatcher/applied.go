package dispatcher

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/franela/pocketci/modules"
)

// Applied is what of a module's list is applied, in the order in which it was. Its
// methods return another one and leave it as it is.
type Applied []AppliedID

// AppliedID is one id of which something is applied, or may be.
type AppliedID struct {
	ID string `json:"id"`
	// Commit is the one at which it was applied last, empty if it never was.
	Commit string `json:"commit,omitempty"`
	// Tried is the commit of a change that has begun and was not seen to succeed,
	// empty if there is none since Commit was applied.
	Tried string `json:"tried,omitempty"`
}

// From is the commit that the id is removed by: what was applied last, else tried.
func (e *AppliedID) From() string { return cmp.Or(e.Commit, e.Tried) }

// ReadApplied reads what [Applied.Encode] wrote. Nothing, and null, are nothing
// applied.
func ReadApplied(data []byte) (Applied, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	var a Applied
	if err := json.Unmarshal(data, &a); err != nil {
		return nil, fmt.Errorf("read what is applied: %w", err)
	}
	return a, nil
}

// Encode writes it as JSON, a list also of nothing.
func (a Applied) Encode() json.RawMessage {
	data, err := json.Marshal(append(Applied{}, a...))
	if err != nil {
		panic(fmt.Sprintf("encode strings: %v", err)) // cannot happen: strings always encode
	}
	return data
}

// find returns the entry of an id, or nil.
func (a Applied) find(id string) *AppliedID {
	at := slices.IndexFunc(a, func(e AppliedID) bool { return modules.SameName(e.ID, id) })
	if at < 0 {
		return nil
	}
	return &a[at]
}

// Fits reports whether a call of a plan is still what is to be done, which was made
// when something else was applied: what it removes is there, applied at the same
// commit, and nothing is there that the plan would have to remove.
func (a Applied) Fits(c *Converging) bool {
	if c.Does == DoesRemove {
		e := a.find(c.ID)
		return e != nil && e.From() == c.Applied
	}
	return !slices.ContainsFunc(a, func(e AppliedID) bool {
		return !slices.ContainsFunc(c.Stays, func(id string) bool { return modules.SameName(id, e.ID) })
	})
}

// Trying is what may be applied once a change at a commit has begun.
func (a Applied) Trying(id, commit string) Applied {
	next := slices.Clone(a)
	if e := next.find(id); e != nil {
		e.Tried = commit
		return next
	}
	return append(next, AppliedID{ID: id, Tried: commit})
}

// Done is what is applied once a call at a commit has succeeded. A check has if it
// holds.
func (a Applied) Done(c *Converging, commit string) Applied {
	next := slices.DeleteFunc(slices.Clone(a), func(e AppliedID) bool {
		return modules.SameName(e.ID, c.ID) || slices.ContainsFunc(c.Forgets, func(id string) bool { return modules.SameName(id, e.ID) })
	})
	if c.Does != DoesRemove {
		next = append(next, AppliedID{ID: c.ID, Commit: commit})
	}
	return next
}
