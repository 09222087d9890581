package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

const pinnedCommit = "0123456789abcdef0123456789abcdef01234567"

// elsewhere is a stand-in for the repositories of modules: what each reference is
// answered with, a commit or an error. It notes what it is asked for.
type elsewhere struct {
	answers map[string]any

	mu    sync.Mutex
	asked []string
}

func (e *elsewhere) Tree(_ context.Context, ref, commit string) (modules.Tree, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, ref+" "+commit)
	switch answer := e.answers[ref].(type) {
	case string:
		return modules.Tree{GitDir: "elsewhere", Commit: answer}, nil
	case error:
		return modules.Tree{}, answer
	}
	return modules.Tree{}, fmt.Errorf("%w: %s is not there", modules.ErrModule, ref)
}

// placed is a loader that knows modules by the commit of their tree and their path.
type placed map[string]func() (*modules.Module, error)

func (l placed) Load(_ context.Context, tree modules.Tree, path string) (*modules.Module, error) {
	return l[tree.Commit+" "+path]()
}

const remoteYAML = `modules:
- path: ci
- path: github.com/acme/ci/go@v1
  paths: ["**/*.go"]
  secrets: [{name: token, from-env: API_TOKEN}]
  functions:
    testOnPush: {after: "ci:onPush"}
- path: https://git.test/acme/team/ci.git@main
`

func TestRemoteModules(t *testing.T) {
	const golang, team = "github.com/acme/ci/go@v1", "https://git.test/acme/team/ci.git@main"
	const other = "89abcdef0123456789abcdef0123456789abcdef"
	files := map[string]string{"pocketci.yaml": remoteYAML, "ci/dagger.json": "{}"}
	local := placed{
		" ci":                func() (*modules.Module, error) { return has("ci", "onPush")() },
		pinnedCommit + " go": has("go", "testOnPush", "onPush"),
		other + " .":         has(".", "lintOnPush"),
	}
	without := func(key string, err error) placed {
		l := placed{key: failsWith(err)}
		for k, v := range local {
			if k != key {
				l[k] = v
			}
		}
		return l
	}
	var none *elsewhere
	for name, c := range map[string]struct {
		elsewhere *elsewhere
		loader    placed
		changes   dispatcher.Changes
		calls     []string
		invalid   []dispatcher.Invalid
		pinned    map[string]string
		asked     int
		err       error
	}{
		"by the path as it is written, at a commit": {
			elsewhere: &elsewhere{answers: map[string]any{golang: pinnedCommit, team: other}}, loader: local,
			changes: dispatcher.Changes{Files: []string{"main.go"}},
			calls:   []string{"ci:onPush ", golang + ":testOnPush " + pinnedCommit, golang + ":onPush " + pinnedCommit, team + ":lintOnPush " + other},
			pinned:  map[string]string{golang: pinnedCommit, team: other}, asked: 2,
		},
		"one whose paths do not match is not even fetched": {
			elsewhere: &elsewhere{answers: map[string]any{golang: errors.New("asked"), team: other}}, loader: local,
			changes: dispatcher.Changes{Files: []string{"README.md"}},
			calls:   []string{"ci:onPush ", team + ":lintOnPush " + other},
			pinned:  map[string]string{team: other}, asked: 1,
		},
		"one that is refused or not there is invalid alone": {
			elsewhere: &elsewhere{answers: map[string]any{team: other}}, loader: local,
			changes: dispatcher.Changes{Unknown: "no diff"},
			calls:   []string{"ci:onPush ", team + ":lintOnPush " + other},
			invalid: []dispatcher.Invalid{{Module: golang, Error: "module cannot be loaded: " + golang + " is not there"}},
			pinned:  map[string]string{team: other}, asked: 2,
		},
		"one that does not load is invalid alone, with its commit": {
			elsewhere: &elsewhere{answers: map[string]any{golang: pinnedCommit, team: other}},
			loader:    without(pinnedCommit+" go", fmt.Errorf("main.go:3:1: syntax error: %w", modules.ErrModule)),
			changes:   dispatcher.Changes{Unknown: "no diff"},
			calls:     []string{"ci:onPush ", team + ":lintOnPush " + other},
			invalid:   []dispatcher.Invalid{{Module: golang, Error: "github.com/acme/ci/go@" + pinnedCommit + ": main.go:3:1: syntax error: module cannot be loaded"}},
			pinned:    map[string]string{golang: pinnedCommit, team: other}, asked: 2,
		},
		"refused where there is nothing to get one with": {
			elsewhere: none, loader: local,
			changes: dispatcher.Changes{Unknown: "no diff"},
			calls:   []string{"ci:onPush "},
			invalid: []dispatcher.Invalid{
				{Module: golang, Error: "module cannot be loaded: modules of other repositories are not available here"},
				{Module: team, Error: "module cannot be loaded: modules of other repositories are not available here"},
			},
		},
		"what is no fault of the module's ends the plan": {
			elsewhere: &elsewhere{answers: map[string]any{golang: context.DeadlineExceeded, team: other}}, loader: local,
			changes: dispatcher.Changes{Unknown: "no diff"}, err: context.DeadlineExceeded,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := dispatcher.Planner{Loader: c.loader, Secrets: func(*events.Event) func(string) error { return func(string) error { return nil } }}
			if c.elsewhere != nil {
				p.Modules = c.elsewhere
			}
			ev := push("main")
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(files), Changes: c.changes})
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			var calls []string
			for _, call := range plan.Calls {
				calls = append(calls, call.Module+":"+call.Function+" "+call.Commit)
				if call.Function == "testOnPush" && len(call.After) != 1 {
					t.Errorf("testOnPush comes after %v", call.After)
				}
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.invalid, plan.Invalid); diff != "" {
				t.Errorf("invalid (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.pinned, plan.Pinned); diff != "" {
				t.Errorf("commits (-want +got):\n%s", diff)
			}
			if c.elsewhere != nil && len(c.elsewhere.asked) != c.asked {
				t.Errorf("asked for %q", c.elsewhere.asked)
			}
			view := plan.View(dispatcher.Place{Source: "."})
			if len(view.Pinned) != len(c.pinned) {
				t.Errorf("the plan for programs has the commits %v", view.Pinned)
			}
			for _, v := range view.Calls {
				if commit := c.pinned[v.Module]; commit != "" && !strings.Contains(v.Command, "@"+commit+" ") {
					t.Errorf("the command does not name the commit: %s", v.Command)
				}
			}
		})
	}
}

// A person's call by hand finds a function of another repository's module.
func TestRemoteModulesByHand(t *testing.T) {
	const ref = "github.com/acme/ci/go@v1"
	ev := events.ManualCall(push("main").Repository, "refs/heads/main", strings.Repeat("1", 40), "mona", events.ByHand{Module: ref, Function: "test-on-push"})
	p := dispatcher.Planner{
		Loader:  placed{pinnedCommit + " go": has("go", "testOnPush", "helper")},
		Modules: &elsewhere{answers: map[string]any{ref: pinnedCommit}},
	}
	plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(map[string]string{"pocketci.yaml": "module-path: " + ref})})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Calls) != 1 || plan.Calls[0].Module != ref || plan.Calls[0].Commit != pinnedCommit || plan.Pinned[ref] != pinnedCommit {
		t.Errorf("calls %+v, commits %v, invalid %v", plan.Calls, plan.Pinned, plan.Invalid)
	}
	if len(plan.Skipped) != 1 || !strings.Contains(plan.Skipped[0].Reason, ref+":testOnPush and no other") {
		t.Errorf("skipped %v", plan.Skipped)
	}
}
