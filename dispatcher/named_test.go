package dispatcher_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// An event that names a module calls that one, at that commit, and says so of the
// others.
func TestModuleOfAnEvent(t *testing.T) {
	const named = "github.com/acme/ci/go@" + pinnedCommit
	const files = "modules:\n- path: ci\n- path: https://GitHub.com/acme/ci.git/go@v1\n  secrets: [{name: token, from-env: API_TOKEN}]\n" +
		"  functions:\n    deployOnSignedPush: {after: [\"ci:onSignedPush\", checkOnSignedPush], timeout: 7m}\n"
	const reason = "the event names the module " + named + " in its place"
	skipped := dispatcher.Skipped{Module: "ci", Function: dispatcher.AllFunctions, Reason: reason}
	loader := placed{pinnedCommit + " go": has("go", "deployOnSignedPush", "checkOnSignedPush")}
	for name, c := range map[string]struct {
		files   map[string]string
		answers map[string]any
		// settings says that those of pocketci.yaml hold.
		settings bool
		calls    []string
		skipped  []dispatcher.Skipped
		invalid  []dispatcher.Invalid
	}{
		"a repository without a module": {
			answers: map[string]any{named: pinnedCommit},
			calls:   []string{"deployOnSignedPush", "checkOnSignedPush"},
		},
		"in place of the repository's": {
			files: map[string]string{"pocketci.yaml": "module-path: ci", "ci/dagger.json": "{}"}, answers: map[string]any{named: pinnedCommit},
			calls: []string{"deployOnSignedPush", "checkOnSignedPush"}, skipped: []dispatcher.Skipped{skipped},
		},
		"with the settings of pocketci.yaml": {
			files: map[string]string{"pocketci.yaml": files, "ci/dagger.json": "{}"}, answers: map[string]any{named: pinnedCommit},
			settings: true, calls: []string{"deployOnSignedPush", "checkOnSignedPush"}, skipped: []dispatcher.Skipped{skipped},
		},
		"that is not allowed": {
			answers: map[string]any{named: fmt.Errorf("%w: not allowed", modules.ErrModule)},
			invalid: []dispatcher.Invalid{{Module: named, Error: "module cannot be loaded: not allowed"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ev := events.Event{ID: "e", Vendor: events.VendorSigned, Name: "push", Filter: "web", Repository: push("main").Repository, Module: named}
			p := dispatcher.Planner{Loader: loader, Modules: &elsewhere{answers: c.answers}}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(c.files), Changes: dispatcher.Changes{Unknown: "no diff"}})
			if err != nil {
				t.Fatal(err)
			}
			var calls []string
			for _, call := range plan.Calls {
				calls = append(calls, call.Function)
				if call.Module != named || call.Commit != pinnedCommit {
					t.Errorf("%s is called of %s at %s", call.Function, call.Module, call.Commit)
				}
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.skipped, plan.Skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.invalid, plan.Invalid); diff != "" {
				t.Errorf("invalid (-want +got):\n%s", diff)
			}
			if len(plan.Calls) > 0 && (len(plan.Calls[0].After) == 1) != c.settings {
				t.Errorf("it comes after %v", plan.Calls[0].After)
			}
		})
	}
}
