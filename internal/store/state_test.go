package store_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
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

// The tables of docs/states.md are the ones that the store enforces.
func TestDocumentedTransitions(t *testing.T) {
	page, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	word := regexp.MustCompile("`([a-z-]+)`")
	words := func(text string) []store.State {
		var states []store.State
		for _, match := range word.FindAllStringSubmatch(text, -1) {
			states = append(states, store.State(match[1]))
		}
		slices.Sort(states)
		return states
	}
	for name, head := range map[string]string{"runs": "| a run that is |", "calls": "| a call that is |"} {
		_, table, found := strings.Cut(string(page), head)
		if !found {
			t.Fatalf("docs/states.md has no table %q", head)
		}
		table, _, _ = strings.Cut(table, "\n\n")
		said := map[store.State][]store.State{}
		var over []store.State
		for line := range strings.Lines(table) {
			cells := strings.Split(line, "|")
			if len(cells) < 4 {
				continue
			}
			switch from := words(cells[1]); {
			case strings.TrimSpace(cells[1]) == "over":
				over = words(cells[2])
			case len(from) == 1:
				said[from[0]] = words(cells[2])
			}
		}
		for from, next := range store.Transitions[name] {
			want := slices.Sorted(slices.Values(next))
			got := said[from]
			if got == nil && from.Final() {
				got = over
			}
			if !slices.Equal(got, want) {
				t.Errorf("docs/states.md says that %s that are %s may become %v, the store %v", name, from, got, want)
			}
		}
	}
}
