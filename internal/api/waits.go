package api

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
)

// inWords says why something waits, as half a sentence. It names no agent and nothing of
// other repositories.
func inWords(w *store.Waiting) string {
	what := "run"
	if len(w.Calls) > 0 {
		what = "call"
	}
	switch w.Why {
	case store.WhyApproval:
		return "waits for an approval: " + cmp.Or(w.Run.Reason, "somebody must look at it")
	case store.WhyEnding:
		return "waits for its last attempt to end, which was aborted"
	case store.WhyAfter:
		return "waits for " + namesOf(w, "other calls of its run")
	case store.WhyGroup:
		return "waits for " + namesOf(w, "another call") + ", of the same group"
	case store.WhyNoAgent:
		return "waits for an agent: none is at work"
	case store.WhyRunner:
		return "waits for a runner " + runnerOf(w.RunsOn) + ": no agent at work has one that answers"
	case store.WhyRepository:
		if what == "run" {
			return fmt.Sprintf("waits for other runs of the repository: %d at a time are planned", w.Most)
		}
		return fmt.Sprintf("waits for other calls of the repository: %d at a time are made", w.Most)
	case store.WhyAgents:
		if what == "run" {
			return fmt.Sprintf("waits for room: %d of %d runs are being planned", w.Busy, w.Most)
		}
		return fmt.Sprintf("waits for room: %d of %d calls are being made", w.Busy, w.Most)
	}
	return "waits to be taken by an agent"
}

// namesOf names the calls that something waits for, with their run where that is another
// one.
func namesOf(w *store.Waiting, unknown string) string {
	if len(w.Behind) == 0 {
		return unknown
	}
	names := make([]string, len(w.Behind))
	for i, c := range w.Behind {
		names[i] = c.Function
		if c.RunNumber != w.Run.Number {
			names[i] += fmt.Sprintf(" of run %d", c.RunNumber)
		}
	}
	text := strings.Join(names, ", ")
	if w.MoreBehind > 0 {
		text += fmt.Sprintf(" and %d more", w.MoreBehind)
	}
	return text
}

// runnerOf describes the runner that a place in the queue is for.
func runnerOf(place string) string {
	label, untrusted := runs.PlaceNeeds(place)
	switch {
	case label == "":
		return "for other people's code"
	case untrusted:
		return fmt.Sprintf("with the label %q for other people's code", label)
	}
	return fmt.Sprintf("with the label %q", label)
}
