package looktest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// Plans of many shapes can be read as pictures and as lists.
func TestPlans(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(i int) []int{
		"levels": func(i int) []int {
			switch {
			case i < 3:
				return nil
			case i < 12:
				return []int{i % 3}
			case i < 14:
				return []int{3, 5, 8 + i%2}
			case i < 15:
				return []int{0, 12, 13}
			}
			return nil
		},
		"fan": func(i int) []int {
			if i == 0 {
				return nil
			}
			return []int{0}
		},
		"chain": func(i int) []int {
			if i == 0 {
				return nil
			}
			return []int{i - 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := webtest.New(t)
			shaped(w, 20, after)
			b := browsertest.Start(t)
			b.SignIn(t, w.URL, w.Keys[v1.ScopeAdmin])
			look(t, b, "/runs/1", "run-"+name)
		})
	}
}

// shaped plans a run whose calls come after each other, and ends the first of them.
func shaped(w *webtest.World, n int, after func(int) []int) {
	w.T.Helper()
	r := w.Accept(webtest.Push("acme/shop"))
	var (
		view  dispatcher.View
		calls []store.NewCall
	)
	for i := range n {
		c := dispatcher.CallView{Module: []string{"ci", "apps/web/ci"}[i%2], Function: fmt.Sprintf("step%dOnGithubPush", i), Command: fmt.Sprintf("dagger -m ci call step-%d", i), Why: "its name matches github push"}
		for _, b := range after(i) {
			c.After = append(c.After, view.Calls[b].Module+":"+view.Calls[b].Function)
		}
		if i%4 == 3 {
			c.RunsOn = "large"
		}
		view.Calls = append(view.Calls, c)
		calls = append(calls, store.NewCall{Module: c.Module, Function: c.Function, Spec: json.RawMessage(`{}`), After: after(i)})
	}
	for i := range 40 {
		view.Skipped = append(view.Skipped, dispatcher.Skipped{Module: "ci", Function: fmt.Sprintf("release%dOnGithubRelease", i), Reason: []string{"it is for release", "no changed file matches docs/**"}[i%2]})
	}
	w.Plan(r, view, calls...)
	w.Finish(w.Claim(r), store.StateSucceeded)
	w.Claim(r)
}
