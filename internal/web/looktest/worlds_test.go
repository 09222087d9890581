package looktest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/history"
	"github.com/franela/pocketci/internal/web/webtest"
)

// Texts as people, and those who wish them ill, may write them.
var (
	longName       = strings.Repeat("very-long-name-", 8) + "end"
	longRepository = "acme-" + longName + "/" + longName
	longBranch     = "feature/" + strings.Repeat("unbroken", 24)
	hostile        = `<img src=x onerror=alert(1)>"'&amp;` + "\u202eevil\u202c \x1b[31mred"
	longFunction   = "on" + strings.Repeat("VeryLongWord", 12) + "GithubPush"
	longText       = strings.Repeat("A sentence of a message that goes on and on. ", 12)
)

// one has a single run that went well.
func one(t *testing.T, w *webtest.World) {
	t.Helper()
	ran(w, webtest.Push("acme/shop"), store.StateSucceeded, "onGithubPush")
}

// many has a thousand runs of forty repositories in all states there are, and one more
// that has forty calls.
func many(t *testing.T, w *webtest.World) {
	t.Helper()
	if err := history.Fill(t.Context(), store.Options{DataDir: w.Dir}, 1000, time.Now().Add(-10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	functions := []string{"testOnGithubPush"}
	for i := range 39 {
		functions = append(functions, fmt.Sprintf("testPart%dOnGithubPush", i))
	}
	r := w.Accept(webtest.Push("acme/shop"))
	plan(w, r, functions...)
	for i := range 20 {
		c := w.Claim(r)
		w.Log(c, lines(20)...)
		switch {
		case i > 15:
		case i%5 == 4:
			w.Finish(c, store.StateFailed)
		default:
			w.Finish(c, store.StateSucceeded)
		}
	}
}

// longest has names and texts that fit nowhere, and that mean harm.
func longest(t *testing.T, w *webtest.World) {
	t.Helper()
	d := webtest.Push(longRepository)
	e := &d.Event
	e.Filter, e.Ref, e.Branch, e.Sender = longBranch, "refs/heads/"+longBranch, longBranch, longName
	e.Payload = fmt.Appendf(nil, `{"head_commit":{"message":%q},%q:%q}`, longText+hostile, longName, hostile)
	r := w.Accept(d)
	functions := []string{longFunction, "shortOnGithubPush"}
	view := viewOf(d, functions...)
	for i := range view.Calls {
		view.Calls[i].Args = map[string]any{longName: strings.Repeat("x", 300), "hostile": hostile}
		view.Calls[i].Command = "dagger -m ci call " + functions[i] + " --text " + strings.Repeat("word ", 100) + strings.Repeat("x", 300)
		view.Calls[i].Why = longText
	}
	view.Skipped = append(view.Skipped, dispatcher.Skipped{Module: "apps/" + longName + "/ci", Function: "deploy" + longName, Reason: longText + strings.Repeat("y", 200)})
	view.Warnings = append(view.Warnings, longText+strings.Repeat("z", 200)+hostile)
	w.Plan(r, view, callsOf(functions...)...)
	first, second := w.Claim(r), w.Claim(r)
	w.Log(first, v1.LogLine{Time: time.Now(), State: "output", Text: hostile}, v1.LogLine{Time: time.Now(), State: "output", Step: longName, Text: strings.Repeat("0123456789", 100)})
	w.Log(first, lines(300)...)
	w.Finish(first, store.StateFailed)
	w.Log(second, lines(3)...)
	if err := w.Store.Abort(t.Context(), r.Run, store.Actor{Person: longName}, longText); err != nil {
		t.Fatal(err)
	}
	fork := webtest.Fork(longName + "/" + longName)
	fork.Event.Fork, fork.Event.Branch, fork.Event.Sender, fork.Hold = "stranger-"+longName+"/app", longBranch, longName, longText
	w.Accept(fork)
	ran(w, webtest.Push("a/b"), store.StateSucceeded, "onGithubPush")
}

// ran is a run of a delivery whose calls have ended in a state.
func ran(w *webtest.World, d store.Delivery, state store.State, functions ...string) {
	w.T.Helper()
	r := w.Accept(d)
	plan(w, r, functions...)
	for range functions {
		c := w.Claim(r)
		w.Log(c, lines(40)...)
		w.Finish(c, state)
	}
}

// lines is a log of steps that print what tools print.
func lines(n int) []v1.LogLine {
	at := time.Now().UTC().Add(-time.Minute)
	var all []v1.LogLine
	for i := range n {
		at = at.Add(time.Second)
		step := fmt.Sprintf("Container.withExec(args: [\"go\", \"test\", \"./part%d\"])", i/10)
		switch i % 10 {
		case 0:
			all = append(all, v1.LogLine{Time: at, State: "started", Step: step})
		case 9:
			all = append(all, v1.LogLine{Time: at, State: "done", Step: step, Seconds: 9})
		default:
			all = append(all, v1.LogLine{Time: at, State: "output", Step: step, Text: fmt.Sprintf("\x1b[32mok\x1b[0m  	example.com/shop/part%d	0.%03ds", i, i)})
		}
	}
	return all
}

func plan(w *webtest.World, r store.Receipt, functions ...string) {
	w.T.Helper()
	w.Plan(r, viewOf(webtest.Push("acme/shop"), functions...), callsOf(functions...)...)
}

func viewOf(d store.Delivery, functions ...string) dispatcher.View {
	e := d.Event
	view := dispatcher.View{Event: dispatcher.EventView{ID: e.ID, Vendor: e.Vendor, Event: e.Name, Filter: e.Filter,
		Repository: e.Repository.FullName, Ref: e.Ref, SHA: e.SHA, Changes: []string{"README.md"}}}
	for _, name := range functions {
		view.Calls = append(view.Calls, dispatcher.CallView{Module: "ci", Function: name, Command: "dagger -m ci call " + name, Why: "its name ends in OnGithubPush"})
	}
	view.Skipped = append(view.Skipped, dispatcher.Skipped{Module: "ci", Function: "deployOnGithubRelease", Reason: "it is for the event release"})
	return view
}

func callsOf(functions ...string) (calls []store.NewCall) {
	for _, name := range functions {
		calls = append(calls, store.NewCall{Module: "ci", Function: name, Spec: []byte(`{}`)})
	}
	return calls
}
