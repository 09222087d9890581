package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/terminal"
	"github.com/franela/pocketci/modules"
)

// text writes lines for people.
type text struct {
	mu    sync.Mutex
	live  io.Writer
	final io.Writer
}

func newText(live, final io.Writer) *text { return &text{live: live, final: final} }

// line writes one line of progress, prefixed with the run and the function so
// that lines of parallel calls can be told apart and searched for.
func (t *text) line(run *dispatcher.Run, call *dispatcher.Call, format string, args ...any) {
	t.block(run, call, fmt.Sprintf(format, args...))
}

// block writes several lines that stay together.
func (t *text) block(run *dispatcher.Run, call *dispatcher.Call, lines ...string) {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s %s %s\n", run.ID, Qualified(call), l)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	io.WriteString(t.live, b.String())
}

func (t *text) CallStarted(run *dispatcher.Run, call *dispatcher.Call) {
	t.line(run, call, "▶ started: %s", call.Why)
}

func (t *text) CallStep(run *dispatcher.Run, call *dispatcher.Call, step modules.Step) {
	name := terminal.Plain(step.Name)
	switch step.State {
	case modules.StepStarted:
		t.line(run, call, "· %s", name)
	case modules.StepDone:
		t.line(run, call, "✔ %s (%s)", name, round(step.Duration))
	case modules.StepCached:
		t.line(run, call, "$ %s (cached)", name)
	case modules.StepFailed:
		t.line(run, call, "✘ %s (%s) %s", name, round(step.Duration), terminal.Plain(step.Text))
	case modules.StepOutput:
		lines := strings.Split(step.Text, "\n")
		for i, l := range lines {
			lines[i] = "│ " + terminal.Plain(l)
		}
		t.block(run, call, lines...)
	}
}

func (t *text) CallEnded(run *dispatcher.Run, call *dispatcher.Call, outcome dispatcher.Outcome) {
	mark := "✘"
	switch outcome.State {
	case dispatcher.StateSucceeded:
		mark = "✔"
	case dispatcher.StateSkipped:
		// It has not begun, and so took no time.
		t.line(run, call, "– %s%s", outcome.State, because(outcome.Err))
		return
	}
	t.line(run, call, "%s %s after %s%s", mark, outcome.State, round(outcome.Duration), because(outcome.Err))
}

func (t *text) Planned(run *dispatcher.Run, _ dispatcher.Place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := run.Plan
	fmt.Fprintf(t.live, "%s %s: %d to call, %d invalid, %d not called\n", run.ID, Describe(p), len(p.Calls), len(p.Invalid), len(p.Skipped))
	for _, module := range slices.Sorted(maps.Keys(p.Pinned)) {
		fmt.Fprintf(t.live, "%s %s is at commit %s\n", run.ID, module, p.Pinned[module])
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(t.live, "%s %s not called: %s\n", run.ID, qualify(s.Module, s.Function), terminal.Plain(s.Reason))
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(t.live, "%s warning: %s\n", run.ID, terminal.Plain(warning))
	}
}

// Finished writes what each call came to: a table, then outputs and errors in
// full, then the commands that replay the calls.
func (t *text) Finished(run *dispatcher.Run, place dispatcher.Place, outcomes []dispatcher.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(outcomes) == 0 && len(run.Plan.Invalid) == 0 {
		return
	}
	w := t.final
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CALL\tSTATE\tDURATION")
	for i, o := range outcomes {
		fmt.Fprintf(table, "%s\t%s\t%s\n", Qualified(&run.Plan.Calls[i]), o.State, round(o.Duration))
	}
	for _, v := range run.Plan.Invalid {
		fmt.Fprintf(table, "%s\t%s\t\n", qualify(v.Module, v.Function), dispatcher.StateInvalid)
	}
	table.Flush()
	for i, o := range outcomes {
		call := &run.Plan.Calls[i]
		fmt.Fprintf(w, "\n%s %s\n", Qualified(call), o.State)
		if o.Result.Output != "" {
			indent(w, o.Result.Output)
		}
		if o.Err != nil {
			indent(w, o.Err.Error())
		}
		fmt.Fprintf(w, "  replay: %s\n", place.Command(call))
	}
	for _, v := range run.Plan.Invalid {
		fmt.Fprintf(w, "\n%s %s\n", qualify(v.Module, v.Function), dispatcher.StateInvalid)
		indent(w, v.Error)
	}
}

// indent writes text below a heading.
func indent(w io.Writer, s string) {
	for l := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		fmt.Fprintf(w, "  %s\n", terminal.Plain(l))
	}
}

func because(err error) string {
	if err == nil {
		return ""
	}
	first, _, more := strings.Cut(err.Error(), "\n")
	if more {
		first += " …"
	}
	return ": " + terminal.Plain(first)
}

var _ Report = (*text)(nil)
