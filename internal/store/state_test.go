package store_test

import (
	"testing"

	"github.com/franela/pocketci/internal/store"
)

// What the tables promise of every state, whoever changes them.
func TestTransitions(t *testing.T) {
	for name, table := range store.Transitions {
		t.Run(name, func(t *testing.T) {
			for from, next := range table {
				if len(next) == 0 {
					t.Errorf("nothing leads out of %s", from)
				}
				for _, to := range next {
					if from == to {
						t.Errorf("%s leads to itself", from)
					}
					if from.Final() && to.Final() && to != store.StateSkipped && from != store.StateSkipped {
						t.Errorf("%s has ended and becomes %s", from, to)
					}
					if _, known := table[to]; !known {
						t.Errorf("%s leads to %s, which is no state of %s", from, to, name)
					}
					if !store.Allows(name, from, to) {
						t.Errorf("%s is allowed to become %s, and not by the condition for it", from, to)
					}
				}
			}
			for _, state := range []store.State{store.StateQueued, store.StateRunning, store.StateSucceeded, store.StateFailed, store.StateAborted, store.StateTimedOut, store.StateInvalid, store.StateSkipped} {
				if _, known := table[state]; !known {
					t.Errorf("nothing is said of %s", state)
				}
			}
		})
	}
}
