package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/terminal"
)

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
	for _, module := range slices.Sorted(maps.Keys(p.Pinned)) {
		fmt.Fprintf(w, "%s is at commit %s\n", module, p.Pinned[module])
	}
	calls(w, p, place, "\ncalls:")
	for _, f := range p.Following {
		fmt.Fprintf(w, "\n%s converges in a run of its own that follows: %s\n", f.Module, f.Why)
		if f.Preview != nil {
			calls(w, f.Preview, place, "calls of that run:")
			invalid(w, f.Preview)
			warnings(w, f.Preview)
		}
	}
	invalid(w, p)
	if len(p.Skipped) > 0 {
		fmt.Fprintln(w, "\nnot called:")
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(w, "  %s  %s\n", qualify(s.Module, s.Function), s.Reason)
	}
	warnings(w, p)
}

// calls writes the calls of a plan under a title.
func calls(w io.Writer, p *dispatcher.Plan, place dispatcher.Place, title string) {
	if len(p.Calls) > 0 {
		fmt.Fprintln(w, title)
	}
	for i := range p.Calls {
		call := &p.Calls[i]
		fmt.Fprintf(w, "  %s  (%s)\n    %s\n", Qualified(call), call.Why, place.Of(call).Command(call))
		if call.At != "" {
			fmt.Fprintf(w, "    at commit %s\n", call.At)
		}
		for _, before := range call.After {
			fmt.Fprintf(w, "    after %s\n", Qualified(&p.Calls[before]))
		}
		for _, before := range call.AfterSkipped {
			fmt.Fprintf(w, "    after %s, if that is called\n", Qualified(&p.Calls[before]))
		}
	}
}

// invalid writes what cannot be called.
func invalid(w io.Writer, p *dispatcher.Plan) {
	if len(p.Invalid) > 0 {
		fmt.Fprintln(w, "\ninvalid:")
	}
	for _, v := range p.Invalid {
		fmt.Fprintf(w, "  %s\n", qualify(v.Module, v.Function))
		for l := range strings.SplitSeq(strings.TrimRight(v.Error, "\n"), "\n") {
			fmt.Fprintf(w, "    %s\n", terminal.Plain(l))
		}
	}
}

func warnings(w io.Writer, p *dispatcher.Plan) {
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "\nwarning: %s\n", warning)
	}
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

// qualify names a function with its module; a module as a whole has no
// function, and an event without a module has neither.
func qualify(module, function string) string { return strings.Trim(module+":"+function, ":") }
