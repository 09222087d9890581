package dispatcher

import (
	"maps"
	"slices"
)

// View is a plan as `pocketci plan --json` prints it. Its form is a contract:
// docs/plan.schema.json describes it, and fields are only ever added.
type View struct {
	Event    EventView  `json:"event"`
	Calls    []CallView `json:"calls"`
	Invalid  []Invalid  `json:"invalid"`
	Skipped  []Skipped  `json:"skipped"`
	Warnings []string   `json:"warnings"`
	// Pinned is left out of plans without a module of another repository.
	Pinned []PinnedView `json:"pinned,omitempty"`
	// Following is left out of plans of events that have no module converge.
	Following []FollowingView `json:"following,omitempty"`
}

// FollowingView is a module that the event has converge, in a run of its own.
type FollowingView struct {
	Module string `json:"module"`
	Why    string `json:"why"`
	// Plan is that of the run that follows, if it were made now. It is left out of
	// plans of runs.
	Plan *View `json:"plan,omitempty"`
}

// PinnedView is a module of another repository at the commit that its version
// stood for when the plan was made.
type PinnedView struct {
	Module string `json:"module"`
	Commit string `json:"commit"`
}

// EventView is the part of an event that planning used.
type EventView struct {
	ID         string `json:"id"`
	Vendor     string `json:"vendor"`
	Event      string `json:"event"`
	Filter     string `json:"filter"`
	Repository string `json:"repository"`
	Ref        string `json:"ref"`
	SHA        string `json:"sha"`
	BaseRef    string `json:"base_ref"`
	// Changes is null when ChangesUnknown says why there is no list.
	Changes        []string `json:"changes"`
	ChangesUnknown string   `json:"changes_unknown,omitempty"`
}

// CallView is one call of a plan.
type CallView struct {
	Module   string `json:"module"`
	Function string `json:"function"`
	// Check says that Function is the name of a check.
	Check bool `json:"check,omitempty"`
	// Args has every argument that is passed; directories, files and secrets
	// are references.
	Args map[string]any `json:"args"`
	// Command replays the call with the plain dagger command line.
	Command string `json:"command"`
	Why     string `json:"why"`
	// Timeout is a Go duration, empty if there is no limit.
	Timeout string `json:"timeout,omitempty"`
	RunsOn  string `json:"runs_on,omitempty"`
	// After names the calls (MODULE:FUNCTION) that must succeed before.
	After []string `json:"after,omitempty"`
	// AfterSkipped names the calls that must succeed before, or be skipped.
	AfterSkipped []string `json:"after_skipped,omitempty"`
	// Concurrency is left out of calls that are in no group.
	Concurrency *ConcurrencyView `json:"concurrency,omitempty"`
	// Converge is left out of calls that have nothing to do with a list.
	Converge *ConvergingView `json:"converge,omitempty"`
}

// ConvergingView says what a call does for an id that its module converges.
type ConvergingView struct {
	ID   string `json:"id"`
	Does Does   `json:"does"`
	// Commit is the one that the call is made on, if it is not the event's own.
	Commit string `json:"commit,omitempty"`
	// Needs is the call whose answer says whether a change is needed.
	Needs string `json:"needs,omitempty"`
}

// ConcurrencyView is the group that a call is in.
type ConcurrencyView struct {
	Group  string `json:"group"`
	Cancel bool   `json:"cancel"`
	// Newest says that runs wait for the one that has begun, and that of those that
	// wait the newest is the one that begins.
	Newest bool `json:"newest,omitempty"`
}

// View renders the plan for somebody who replays it at the given place. No
// list in it is null but unknown changes.
func (p *Plan) View(place Place) View {
	v := View{
		Event: EventView{
			ID:             p.Event.ID,
			Vendor:         p.Event.Vendor,
			Event:          p.Event.Name,
			Filter:         p.Event.Filter,
			Ref:            p.Event.Ref,
			SHA:            p.Event.SHA,
			BaseRef:        p.Event.BaseRef,
			ChangesUnknown: p.Changes.Unknown,
		},
		Calls:    make([]CallView, 0, len(p.Calls)),
		Invalid:  append([]Invalid{}, p.Invalid...),
		Skipped:  append([]Skipped{}, p.Skipped...),
		Warnings: append([]string{}, p.Warnings...),
	}
	if p.Changes.Unknown == "" {
		v.Event.Changes = append([]string{}, p.Changes.Files...)
	}
	for _, module := range slices.Sorted(maps.Keys(p.Pinned)) {
		v.Pinned = append(v.Pinned, PinnedView{module, p.Pinned[module]})
	}
	for _, f := range p.Following {
		following := FollowingView{Module: f.Module, Why: f.Why}
		if f.Preview != nil {
			plan := f.Preview.View(place)
			following.Plan = &plan
		}
		v.Following = append(v.Following, following)
	}
	if p.Event.Repository != nil {
		v.Event.Repository = p.Event.Repository.FullName
	}
	for i := range p.Calls {
		call := &p.Calls[i]
		args := make(map[string]any, len(call.Args))
		for _, arg := range call.Args {
			args[arg.Name] = place.Of(call).value(arg.Value)
		}
		view := CallView{
			Module:   call.Module,
			Function: call.Function,
			Check:    call.IsCheck(),
			Args:     args,
			Command:  place.Of(call).Command(call),
			Why:      call.Why,
			RunsOn:   call.RunsOn,
		}
		if call.Timeout > 0 {
			view.Timeout = call.Timeout.String()
		}
		for _, before := range call.After {
			view.After = append(view.After, p.Calls[before].qualified())
		}
		for _, before := range call.AfterSkipped {
			view.AfterSkipped = append(view.AfterSkipped, p.Calls[before].qualified())
		}
		view.Converge = p.converging(call)
		if call.Concurrency.Group != "" {
			group := ConcurrencyView(call.Concurrency)
			view.Concurrency = &group
		}
		v.Calls = append(v.Calls, view)
	}
	return v
}

// converging renders what a call does for an id, nil if that is nothing.
func (p *Plan) converging(call *Call) *ConvergingView {
	if call.Converge == nil {
		return nil
	}
	view := &ConvergingView{ID: call.Converge.ID, Does: call.Converge.Does, Commit: call.At}
	for _, before := range call.After {
		if c := p.Calls[before].Converge; c != nil && c.Change == call.Function {
			view.Needs = p.Calls[before].qualified()
		}
	}
	return view
}
