package api

import (
	"encoding/json"
	"time"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/origin"
	"github.com/franela/pocketci/internal/store"
)

// moment is nil for a time that has not come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func wireEvent(e *store.Event) v1.Event {
	out := v1.Event{
		ID: e.ID, Delivery: e.Delivery, Hook: e.Hook, Vendor: e.Vendor, Event: e.Name, Filter: e.Filter, Ref: e.Ref, SHA: e.SHA,
		Base: e.BaseRef, PR: e.PullRequest, Fork: e.Fork, Sender: e.Sender, Trusted: e.Trusted, ReceivedAt: e.ReceivedAt.UTC(),
		OccurredAt: moment(e.OccurredAt),
		Original:   e.Original,
		Cause:      e.Cause,
		Depth:      e.Depth,
	}
	if e.Repository != nil {
		out.Repository, out.WebURL = e.Repository.FullName, e.Repository.WebURL
	}
	for _, r := range e.Redeliveries {
		out.Redeliveries = append(out.Redeliveries, v1.Redelivery{At: r.At.UTC(), Attempt: r.Attempt})
	}
	return out
}

func wireOrigin(e *events.Event, sha string) *v1.Origin {
	o := origin.Of(e, sha)
	return &v1.Origin{Title: o.Title, RepositoryURL: o.Repository, CommitURL: o.Commit, PullURL: o.Pull, RefURL: o.Ref, Base: e.BaseRef, Fork: e.Fork}
}

func (s *service) wireRun(r *store.Run) v1.Run {
	return v1.Run{
		ID: r.ID, Number: r.Number, Event: r.Event, Vendor: r.Vendor, Name: r.Name, Filter: r.Filter, Repository: r.Repository,
		Ref: r.Ref, SHA: r.SHA, PR: r.PullRequest, Sender: r.Sender, State: string(r.State), Reason: r.Reason, Attempt: r.Attempt,
		Cause: r.Cause, Approval: r.Approval.String(), URL: s.runURL(r.Number), CreatedAt: r.CreatedAt.UTC(), QueuedAt: moment(r.QueuedAt),
		StartedAt: moment(r.StartedAt), EndedAt: moment(r.EndedAt),
	}
}

func wireAttempts(attempts []store.Attempt) []v1.Attempt {
	var out []v1.Attempt
	for _, a := range attempts {
		out = append(out, v1.Attempt{
			Number: a.Number, State: string(a.State), Reason: a.Reason, Cause: a.Cause, Agent: a.Agent, QueuedAt: moment(a.QueuedAt),
			StartedAt: moment(a.StartedAt), EndedAt: moment(a.EndedAt), LogSize: a.LogSize, LogCut: a.LogCut, LogGone: a.LogGone,
		})
	}
	return out
}

// wireCall shows a call with what its agent gave at the end.
func wireCall(c *store.Call) v1.Call {
	out := v1.Call{
		ID: c.ID, Run: c.Run, RunNumber: c.RunNumber, Repository: c.Repository, Module: c.Module, Function: c.Function,
		State: string(c.State), Reason: c.Reason, Attempt: c.Attempt, After: c.After, RunsOn: c.RunsOn, Agent: c.Agent,
		QueuedAt: moment(c.QueuedAt), StartedAt: moment(c.StartedAt), EndedAt: moment(c.EndedAt),
		LogSize: c.LogSize, LogCut: c.LogCut, LogGone: c.LogGone,
	}
	var result struct{ Output, Error string }
	if json.Unmarshal(c.Result, &result) == nil { // there is none before the end
		out.Output, out.Error = result.Output, result.Error
	}
	return out
}

// plan is the part of a run's stored plan that clients see.
type plan struct {
	view     json.RawMessage
	changes  []string
	commands map[[2]string]string
}

// readPlan reads a stored plan, which may be empty.
func readPlan(stored json.RawMessage) plan {
	var (
		outer struct{ View json.RawMessage }
		view  struct {
			Event struct{ Changes []string }
			Calls []struct{ Module, Function, Command string }
		}
	)
	p := plan{commands: map[[2]string]string{}}
	if json.Unmarshal(stored, &outer) != nil || json.Unmarshal(outer.View, &view) != nil {
		return p
	}
	p.view, p.changes = outer.View, view.Event.Changes
	for _, c := range view.Calls {
		p.commands[[2]string{c.Module, c.Function}] = c.Command
	}
	return p
}

// wireCalls shows calls with the commands of their run's plan.
func wireCalls(calls []store.Call, p plan) []v1.Call {
	out := make([]v1.Call, len(calls))
	for i := range calls {
		out[i] = wireCall(&calls[i])
		out[i].Command = p.commands[[2]string{calls[i].Module, calls[i].Function}]
	}
	return out
}

func wireDisabled(d *store.Disabled) v1.Disabled {
	return v1.Disabled{Repository: d.Repository, Module: d.Module, Function: d.Function, Person: d.Person, Reason: d.Reason, At: d.At.UTC()}
}
