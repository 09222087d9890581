package store

import (
	"fmt"
	"slices"
	"strings"
)

// State is how far a run or a call has come.
type State string

// The states of runs and calls.
const (
	// StateQueued waits: a run to be planned, a call to be made.
	StateQueued State = "queued"
	// StateWaiting is a run that somebody must approve before it is planned.
	StateWaiting State = "waiting-approval"
	// StateRunning is a run from the beginning of its planning to the end of
	// its last call, and a call that an agent makes.
	StateRunning State = "running"

	// StateSucceeded is a call that did, and a run whose calls did.
	StateSucceeded State = "succeeded"
	// StateFailed is a call whose function failed or whose agents were lost
	// too often, and a run with such a call.
	StateFailed State = "failed"
	// StateAborted was ended by somebody, or superseded; the reason says by
	// whom.
	StateAborted State = "aborted"
	// StateTimedOut took longer than it was allowed to.
	StateTimedOut State = "timed-out"
	// StateInvalid could not be called or planned as it is written.
	StateInvalid State = "invalid"
	// StateSkipped is a call whose conditions on others did not hold, and a
	// run without a call; the reason says why.
	StateSkipped State = "skipped"
)

// Final reports whether nothing happens any more in that state, unless
// somebody restarts.
func (s State) Final() bool {
	switch s {
	case StateQueued, StateWaiting, StateRunning:
		return false
	}
	return true
}

// transitions are the allowed changes of state, by the state that is left.
// Every update of a state in the database asks for one of them.
type transitions map[State][]State

// runTransitions:
//
//	queued            an agent begins to plan, somebody aborts
//	waiting-approval  somebody approves (queued) or aborts
//	running           planning ended without a plan, or the calls ended; back to
//	                  queued if the agent was lost while planning or if what was
//	                  planned for has changed, or to
//	                  waiting-approval if planning shows that one is needed
//	final states      somebody restarts: running with the stored plan, queued
//	                  without one
var runTransitions = transitions{
	StateQueued:  {StateRunning, StateAborted},
	StateWaiting: {StateQueued, StateAborted},
	StateRunning: {StateSucceeded, StateFailed, StateAborted, StateTimedOut, StateInvalid, StateSkipped,
		StateQueued, StateWaiting},
	StateSucceeded: {StateQueued, StateRunning},
	StateFailed:    {StateQueued, StateRunning},
	StateAborted:   {StateQueued, StateRunning},
	StateTimedOut:  {StateQueued, StateRunning},
	StateInvalid:   {StateQueued, StateRunning},
	StateSkipped:   {StateQueued, StateRunning},
}

// callTransitions:
//
//	queued        an agent begins (running), somebody aborts, a call that it
//	              waited for did not succeed (skipped)
//	running       it ended; back to queued if its agent was lost or gave it back
//	final states  somebody restarts (queued); a restart that plans anew leaves
//	              calls of the older plan behind as skipped, or finds them to
//	              be invalid or superseded (aborted)
var callTransitions = transitions{
	StateQueued: {StateRunning, StateAborted, StateSkipped},
	StateRunning: {StateSucceeded, StateFailed, StateAborted, StateTimedOut, StateInvalid,
		StateQueued},
	StateSucceeded: {StateQueued, StateSkipped},
	StateFailed:    {StateQueued, StateSkipped},
	StateAborted:   {StateQueued, StateSkipped},
	StateTimedOut:  {StateQueued, StateSkipped},
	StateInvalid:   {StateQueued, StateSkipped},
	StateSkipped:   {StateQueued, StateInvalid, StateAborted},
}

// to is the condition on the column state under which a row may change to s.
// It panics if no state leads there.
func (t transitions) to(s State) string {
	var from []string
	for state, next := range t {
		if slices.Contains(next, s) {
			from = append(from, "'"+string(state)+"'")
		}
	}
	if len(from) == 0 {
		panic("store: nothing leads to state " + string(s))
	}
	slices.Sort(from) // the same text each time, so that databases know it again
	return "state IN (" + strings.Join(from, ", ") + ")"
}

// StateError says that something cannot be done with a run or call in its
// present state.
type StateError struct {
	// Doing is what was asked for, ID what it was asked of.
	Doing, ID string
	// State is the present state.
	State State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("%s %s: it is %s", e.Doing, e.ID, e.State)
}
