package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/terminal"
)

// errorLimit is how many lines of a call's error a tree shows.
const errorLimit = 10

// qualified names a call's function with its module.
func qualified(c *v1.Call) string { return c.Module + ":" + c.Function }

// tree writes a run and its calls.
func (s *screen) tree(r *v1.Run) {
	s.printf("run %s  %s  %s\n", strconv.FormatInt(r.Number, 10), state(r.State),
		joined("  ", r.Repository, what(r.Vendor, r.Name, r.Filter), shortSHA(r.SHA), by(r.Sender)))
	created := s.when(r.CreatedAt)
	if took := s.took(r.StartedAt, r.EndedAt); took != "" {
		created += ", took " + took
	}
	if r.Attempt > 1 || r.Cause != "event" {
		created += fmt.Sprintf(", attempt %d: %s", r.Attempt, r.Cause)
	}
	s.printf("  %s\n", created)
	s.lines("  ", r.Reason)
	if r.Approval != "" {
		s.printf("  approved: %s\n", r.Approval)
	}
	if r.State == "waiting-approval" {
		s.printf("  look at the commit, then: pocketci approve %s --sha %s\n", strconv.FormatInt(r.Number, 10), cmp.Or(r.SHA, "SHA"))
	}
	if r.URL != "" {
		s.printf("  %s\n", r.URL)
	}
	names := map[string]string{}
	for i := range r.Calls {
		names[r.Calls[i].ID] = qualified(&r.Calls[i])
	}
	var heads bytes.Buffer
	inner := &screen{w: &heads, colours: s.colours, now: s.now}
	t := inner.table()
	for i := range r.Calls {
		c := &r.Calls[i]
		var more []string
		if c.Attempt > 1 {
			more = append(more, fmt.Sprintf("attempt %d", c.Attempt))
		}
		if len(c.After) > 0 {
			var after []string
			for _, id := range c.After {
				after = append(after, cmp.Or(names[id], id))
			}
			more = append(more, "after "+strings.Join(after, ", "))
		}
		t.row(qualified(c), state(c.State), s.took(c.StartedAt, c.EndedAt), strings.Join(more, ", "))
	}
	// A buffer takes everything.
	_ = t.flush()
	for i, head := range strings.Split(strings.TrimSuffix(heads.String(), "\n"), "\n") {
		if i >= len(r.Calls) {
			break
		}
		branch, stem := "├─ ", "│    "
		if i == len(r.Calls)-1 {
			branch, stem = "└─ ", "     "
		}
		fmt.Fprintf(s.w, "%s%s\n", branch, strings.TrimRight(head, " "))
		c := &r.Calls[i]
		s.lines(stem, c.Reason)
		if c.Error != c.Reason {
			s.lines(stem, c.Error)
		}
		if c.Command != "" {
			s.lines(stem, "replay: "+c.Command)
		}
	}
}

// lines writes a text with something in front of each line, not too many.
func (s *screen) lines(front, text string) {
	if text == "" {
		return
	}
	lines := terminal.Lines(text)
	for i, line := range lines {
		if i == errorLimit && len(lines) > errorLimit+1 {
			fmt.Fprintf(s.w, "%s… %d more lines\n", front, len(lines)-i)
			return
		}
		fmt.Fprintf(s.w, "%s%s\n", front, line)
	}
}

// attempts writes the earlier attempts of a run or call.
func (s *screen) attempts(list []v1.Attempt) error {
	if len(list) == 0 {
		return nil
	}
	s.printf("\nearlier attempts:\n")
	t := s.table()
	for _, a := range list {
		t.row("  "+strconv.Itoa(a.Number), state(a.State), s.took(a.StartedAt, a.EndedAt), s.whenPtr(a.EndedAt), joined(", ", a.Cause, a.Agent, a.Reason))
	}
	return t.flush()
}

// notCalled writes what a plan does not call, with the reasons.
func (s *screen) notCalled(plan json.RawMessage) error {
	if len(plan) == 0 {
		s.printf("\nthere is no plan\n")
		return nil
	}
	// The parts of docs/plan.schema.json that are shown.
	var view struct {
		Invalid  []struct{ Module, Function, Error string }
		Skipped  []struct{ Module, Function, Reason string }
		Warnings []string
		Pinned   []struct{ Module, Commit string }
	}
	if err := json.Unmarshal(plan, &view); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	if len(view.Pinned) > 0 {
		s.printf("\nmodules of other repositories:\n")
		t := s.table()
		for _, p := range view.Pinned {
			t.row("  "+p.Module, p.Commit)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(view.Skipped) > 0 {
		s.printf("\nnot called:\n")
		t := s.table()
		for _, f := range view.Skipped {
			t.row("  "+joined(":", f.Module, f.Function), f.Reason)
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(view.Invalid) > 0 {
		s.printf("\ninvalid:\n")
		for _, f := range view.Invalid {
			s.printf("  %s\n", joined(":", f.Module, f.Function))
			s.lines("    ", f.Error)
		}
	}
	if len(view.Warnings) > 0 {
		s.printf("\nwarnings:\n")
		for _, warning := range view.Warnings {
			s.lines("  ", warning)
		}
	}
	return nil
}

func by(person string) string {
	if person == "" {
		return ""
	}
	return "by " + person
}

// joined puts what is not empty together.
func joined(separator string, texts ...string) string {
	var list []string
	for _, text := range texts {
		if text != "" {
			list = append(list, text)
		}
	}
	return strings.Join(list, separator)
}
