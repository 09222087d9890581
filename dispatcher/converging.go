package dispatcher

import (
	"errors"
	"strings"

	"github.com/franela/pocketci/modules"
)

// Does says what a call does for an id of its module's list.
type Does string

// What calls do.
const (
	// DoesCheck asks whether the id is as it should be.
	DoesCheck Does = "check"
	// DoesChange makes it so.
	DoesChange Does = "change"
	// DoesRemove takes it away.
	DoesRemove Does = "remove"
)

// Converging is what a call does for an id of its module's list.
type Converging struct {
	ID   string `json:"id"`
	Does Does   `json:"does"`
	// Applied is the commit at which the id of a removal was applied last.
	Applied string `json:"applied,omitempty"`
	// Stays are the ids that the plan does not remove: those of the list, and those
	// that it forgets.
	Stays []string `json:"stays,omitempty"`
	// Forgets are ids that were applied, are not in the list, and that no function
	// removes. They count as gone once something of the plan has succeeded.
	Forgets []string `json:"forgets,omitempty"`
	// Change is the function that a check may make needless.
	Change string `json:"change,omitempty"`
}

// WhyNeedless is why a change is not called whose check holds.
const WhyNeedless = "its check says that nothing has to be changed"

// neededBecause begins the output of a check that answers by failing.
const neededBecause = "a change is needed: "

// answer makes an answer of what a check came to. One that returns a Boolean
// answers with it, and fails if it fails: it could not tell. Every other one
// answers by succeeding or failing. What says nothing about the function, such as
// a time limit, is no answer.
func (c *Call) answer(o Outcome) Outcome {
	if c.Converge == nil || c.Converge.Does != DoesCheck {
		return o
	}
	boolean := c.Returns.Kind == modules.KindBoolean
	switch {
	case o.State == StateSucceeded:
		o.Holds = !boolean || strings.TrimSpace(o.Result.Output) == "true"
	case o.State == StateFailed && !boolean && errors.Is(o.Err, modules.ErrFunction):
		o.Result.Output = neededBecause + o.Err.Error()
		o.State, o.Err = StateSucceeded, nil
	}
	return o
}

// chain has calls made one after the other.
type chain struct {
	calls []Call
	// after and skipped are what the next call comes after; see Call.
	after, skipped []int
}

// add appends a call and returns its place.
func (c *chain) add(call Call) int {
	call.After, call.AfterSkipped = c.after, c.skipped
	c.calls = append(c.calls, call)
	at := len(c.calls) - 1
	c.after, c.skipped = []int{at}, nil
	return at
}

// addPair appends a check and the change that depends on its answer. What comes
// next needs the answer, and the change unless it was needless.
func (c *chain) addPair(check, change Call) {
	at := c.add(check)
	changed := c.add(change)
	c.after, c.skipped = []int{at}, []int{changed}
}
