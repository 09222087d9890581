package webtest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// SHA is the commit of the pushes that are made here.
var SHA = strings.Repeat("a", 40)

// Push is a delivery of a push to the branch main that differs from all others. Tests
// change it before they accept it.
func Push(repository string) store.Delivery {
	id := events.NewID()
	return store.Delivery{
		Hook: "github",
		Event: events.Event{
			ID: id, Delivery: "delivery-" + id, Vendor: events.VendorGithub, Name: "push", Filter: "main", Kind: "push",
			Repository: &events.Repository{FullName: repository, DefaultBranch: "main", WebURL: "https://github.com/" + repository,
				CloneURL: "https://github.com/" + repository + ".git"},
			Ref: "refs/heads/main", Branch: "main", SHA: SHA, Before: strings.Repeat("b", 40),
			Sender: "octocat", Trusted: true, ReceivedAt: time.Now().UTC(),
			Payload: []byte(`{"after":"` + id + `","head_commit":{"message":"Mend the till"}}`),
		},
	}
}

// Fork is a delivery of a fork's pull request, which waits for an approval.
func Fork(repository string) store.Delivery {
	d := Push(repository)
	e := &d.Event
	e.Name, e.Kind, e.Filter, e.Ref, e.Branch = "pull_request", "pull_request", "opened", "refs/pull/7/head", "patch-1"
	e.PullRequest, e.Fork, e.Trusted, e.BaseRef = 7, "stranger/app", false, "main"
	d.Hold = "it comes from a fork"
	return d
}

// Accept stores a delivery.
func (w *World) Accept(d store.Delivery) store.Receipt {
	w.T.Helper()
	r, err := w.Store.Accept(w.T.Context(), d)
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Plan has the agent plan a run. What waits before it is planned as nothing.
func (w *World) Plan(r store.Receipt, view dispatcher.View, calls ...store.NewCall) {
	w.T.Helper()
	for {
		claim, _, err := w.Agent.ClaimRun(w.T.Context(), store.Limits{})
		if err != nil {
			w.T.Fatal(err)
		}
		p := store.Plan{SHA: SHA, Plan: json.RawMessage(`{"view":{}}`), Reason: "nothing matched"}
		if claim.Run == r.Run {
			if p.Plan, err = json.Marshal(map[string]any{"view": view}); err != nil {
				w.T.Fatal(err)
			}
			p.Calls = calls
		}
		if claim.Run == "" {
			w.T.Fatalf("run %s does not wait to be planned", r.Run)
		}
		if _, err := w.Agent.Planned(w.T.Context(), claim, p); err != nil {
			w.T.Fatal(err)
		}
		if claim.Run == r.Run {
			return
		}
	}
}

// Planned accepts a push and plans calls of functions of the module ci.
func (w *World) Planned(repository string, functions ...string) store.Receipt {
	w.T.Helper()
	return w.PlannedOf(Push(repository), functions...)
}

// PlannedOf does so for a delivery.
func (w *World) PlannedOf(d store.Delivery, functions ...string) store.Receipt {
	w.T.Helper()
	r := w.Accept(d)
	view := dispatcher.View{Event: dispatcher.EventView{ID: d.Event.ID, Vendor: d.Event.Vendor, Event: d.Event.Name, Changes: []string{"README.md"}}}
	var calls []store.NewCall
	for _, name := range functions {
		view.Calls = append(view.Calls, dispatcher.CallView{Module: "ci", Function: name, Command: "dagger -m ci call " + name})
		calls = append(calls, store.NewCall{Module: "ci", Function: name, Spec: json.RawMessage(`{}`)})
	}
	w.Plan(r, view, calls...)
	return r
}

// Claim has the agent begin the next call of a run.
func (w *World) Claim(r store.Receipt) store.Claim {
	w.T.Helper()
	for {
		c, _, err := w.Agent.ClaimCall(w.T.Context(), store.Limits{})
		if err != nil {
			w.T.Fatal(err)
		}
		if c.Run == r.Run {
			return c
		}
		if c.Run == "" {
			w.T.Fatalf("run %s has no call that waits", r.Run)
		}
	}
}

// Finish ends a call.
func (w *World) Finish(c store.Claim, state store.State) {
	w.T.Helper()
	e := store.Ending{State: state, Result: json.RawMessage(`{"output":"done ✔"}`)}
	if state != store.StateSucceeded {
		e = store.Ending{State: state, Reason: "exit code 1", Result: json.RawMessage(`{"error":"exit code 1"}`)}
	}
	if _, err := w.Agent.Finish(w.T.Context(), c, e); err != nil {
		w.T.Fatal(err)
	}
}

// Ran is a run of a push whose only call has ended.
func (w *World) Ran(repository, function string, state store.State) store.Receipt {
	w.T.Helper()
	r := w.Planned(repository, function)
	w.Finish(w.Claim(r), state)
	return r
}

// Log adds lines to the log of a call.
func (w *World) Log(c store.Claim, lines ...v1.LogLine) {
	w.T.Helper()
	var b strings.Builder
	for _, l := range lines {
		data, err := json.Marshal(l)
		if err != nil {
			w.T.Fatal(err)
		}
		b.Write(append(data, '\n'))
	}
	if err := w.Agent.AppendLog(w.T.Context(), c, []byte(b.String())); err != nil {
		w.T.Fatal(err)
	}
}
