package store

import "strings"

// The tables of transitions, for a test that every state is thought of.
var Transitions = map[string]map[State][]State{"runs": runTransitions, "calls": callTransitions}

// Allows reports whether the condition that a table gives for a state lets a
// row change to it that is in another one.
func Allows(table string, from, to State) bool {
	return strings.Contains(transitions(Transitions[table]).to(to), "'"+string(from)+"'")
}
