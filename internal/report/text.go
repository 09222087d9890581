package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/franela/pocketci/dispatcher"
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
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.live, "%s %s %s\n", run.ID, Qualified(call), fmt.Sprintf(format, args...))
}

func (t *text) CallStarted(run *dispatcher.Run, call *dispatcher.Call) {
	t.line(run, call, "▶ started: %s", call.Why)
}

func (t *text) CallStep(run *dispatcher.Run, call *dispatcher.Call, step modules.Step) {
	name := visible(step.Name)
	switch step.State {
	case modules.StepStarted:
		t.line(run, call, "· %s", name)
	case modules.StepDone:
		t.line(run, call, "✔ %s (%s)", name, round(step.Duration))
	case modules.StepCached:
		t.line(run, call, "$ %s (cached)", name)
	case modules.StepFailed:
		t.line(run, call, "✘ %s (%s) %s", name, round(step.Duration), visible(step.Text))
	case modules.StepOutput:
		for l := range strings.SplitSeq(step.Text, "\n") {
			t.line(run, call, "│ %s", visible(l))
		}
	}
}

func (t *text) CallEnded(run *dispatcher.Run, call *dispatcher.Call, outcome dispatcher.Outcome) {
	mark := "✘"
	if outcome.State == dispatcher.StateSucceeded {
		mark = "✔"
	}
	t.line(run, call, "%s %s after %s%s", mark, outcome.State, round(outcome.Duration), because(outcome.Err))
}

func (t *text) Planned(run *dispatcher.Run, _ dispatcher.Place) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := run.Plan
	fmt.Fprintf(t.live, "%s %s: %d to call, %d invalid, %d not called\n", run.ID, Describe(p), len(p.Calls), len(p.Invalid), len(p.Skipped))
}

// Finished writes what each call came to: a table, then outputs and errors in
// full, then the commands that replay the calls.
func (t *text) Finished(run *dispatcher.Run, place dispatcher.Place, outcomes []dispatcher.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.final
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CALL\tSTATE\tDURATION")
	for i, o := range outcomes {
		fmt.Fprintf(table, "%s\t%s\t%s\n", Qualified(&run.Plan.Calls[i]), o.State, round(o.Duration))
	}
	for _, v := range run.Plan.Invalid {
		fmt.Fprintf(table, "%s\t%s\t\n", strings.TrimSuffix(v.Module+":"+v.Function, ":"), dispatcher.StateInvalid)
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
		fmt.Fprintf(w, "\n%s %s\n", strings.TrimSuffix(v.Module+":"+v.Function, ":"), dispatcher.StateInvalid)
		indent(w, v.Error)
	}
}

// indent writes text below a heading.
func indent(w io.Writer, s string) {
	for l := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		fmt.Fprintf(w, "  %s\n", visible(l))
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
	return ": " + visible(first)
}

// Describe says in a few words which event a plan is for.
func Describe(p *dispatcher.Plan) string {
	ev := &p.Event
	parts := []string{ev.Vendor, ev.Name}
	if ev.Filter != "" {
		parts = append(parts, ev.Filter)
	}
	if ev.Repository != nil {
		parts = append(parts, "of", ev.Repository.FullName)
	}
	if ev.SHA != "" {
		parts = append(parts, "at", short(ev.SHA))
	}
	return strings.Join(parts, " ")
}

func short(sha string) string { return sha[:min(len(sha), 12)] }

// Plan writes a plan for people: what is called and by which command, then
// what is not called and why.
func Plan(w io.Writer, p *dispatcher.Plan, place dispatcher.Place) {
	fmt.Fprintf(w, "%s\n", Describe(p))
	switch {
	case p.Changes.Unknown != "":
		fmt.Fprintf(w, "changed files: not known, so conditions on them hold: %s\n", p.Changes.Unknown)
	default:
		fmt.Fprintf(w, "changed files: %d\n", len(p.Changes.Files))
	}
	if len(p.Calls) > 0 {
		fmt.Fprintln(w, "\ncalls:")
	}
	for i := range p.Calls {
		call := &p.Calls[i]
		fmt.Fprintf(w, "  %s  (%s)\n    %s\n", Qualified(call), call.Why, place.Command(call))
	}
	if len(p.Invalid) > 0 {
		fmt.Fprintln(w, "\ninvalid:")
	}
	for _, v := range p.Invalid {
		fmt.Fprintf(w, "  %s\n", strings.TrimSuffix(v.Module+":"+v.Function, ":"))
		for l := range strings.SplitSeq(strings.TrimRight(v.Error, "\n"), "\n") {
			fmt.Fprintf(w, "    %s\n", visible(l))
		}
	}
	if len(p.Skipped) > 0 {
		fmt.Fprintln(w, "\nnot called:")
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(w, "  %s  %s\n", strings.TrimPrefix(s.Module+":"+s.Function, ":"), s.Reason)
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "\nwarning: %s\n", warning)
	}
}

var _ Report = (*text)(nil)

// now is when a line is written; a report has no other clock.
func now() time.Time { return time.Now().UTC() }
