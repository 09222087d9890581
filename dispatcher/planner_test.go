package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// loader is a stand-in for an engine: it knows modules by path.
type loader map[string]func() (*modules.Module, error)

func (l loader) Load(_ context.Context, _ modules.Tree, path string) (*modules.Module, error) {
	return l[path]()
}

func has(path string, names ...string) func() (*modules.Module, error) {
	return func() (*modules.Module, error) {
		return &modules.Module{Path: path, Functions: fns(names...)}, nil
	}
}

func failsWith(err error) func() (*modules.Module, error) {
	return func() (*modules.Module, error) { return nil, err }
}

func tree(files map[string]string) modules.Tree {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return modules.Tree{FS: fsys}
}

const monorepo = `modules:
  - path: ./api/ci
    paths: ["api/**"]
  - path: ./web/ci
    paths: ["web/**"]
    functions:
      on-push: {timeout: 3m}
`

func TestPlanner(t *testing.T) {
	ev := push("main")
	mono := map[string]string{"pocketci.yaml": monorepo, "api/ci/dagger.json": "{}", "web/ci/dagger.json": "{}"}
	for name, c := range map[string]struct {
		files   map[string]string
		changes dispatcher.Changes
		loader  loader
		calls   []string
		invalid []dispatcher.Invalid
		skipped []dispatcher.Skipped
	}{
		"no file, module at the root": {
			files:  map[string]string{"dagger.json": "{}", "ci/dagger.json": "{}"},
			loader: loader{".": has(".", "onPush")},
			calls:  []string{".:onPush"},
		},
		"no file, module in ci": {
			files:  map[string]string{"ci/dagger.json": "{}"},
			loader: loader{"ci": has("ci", "onPush")},
			calls:  []string{"ci:onPush"},
		},
		"a module whose paths do not match is not loaded": {
			files:   mono,
			changes: dispatcher.Changes{Files: []string{"web/index.html"}},
			loader:  loader{"web/ci": has("web/ci", "onPush")},
			calls:   []string{"web/ci:onPush"},
			skipped: []dispatcher.Skipped{{Module: "api/ci", Function: "*", Reason: "no changed file matches the module's paths api/**", Filtered: true}},
		},
		"paths hold where changes are unknown": {
			files:   mono,
			changes: dispatcher.Changes{Unknown: "no diff"},
			loader:  loader{"api/ci": has("api/ci", "onPush"), "web/ci": has("web/ci", "onPush")},
			calls:   []string{"api/ci:onPush", "web/ci:onPush"},
		},
		"a module that does not load is invalid alone": {
			files:   mono,
			changes: dispatcher.Changes{Unknown: "no diff"},
			loader: loader{
				"api/ci": failsWith(fmt.Errorf("main.go:3:1: syntax error: %w", modules.ErrModule)),
				"web/ci": has("web/ci", "onPush"),
			},
			calls:   []string{"web/ci:onPush"},
			invalid: []dispatcher.Invalid{{Module: "api/ci", Error: "main.go:3:1: syntax error: module cannot be loaded"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := dispatcher.Planner{Loader: c.loader, Timeout: time.Hour}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(c.files), Changes: c.changes})
			if err != nil {
				t.Fatal(err)
			}
			var calls []string
			for _, call := range plan.Calls {
				calls = append(calls, call.Module+":"+call.Function)
				want := time.Hour
				if call.Module == "web/ci" {
					want = 3 * time.Minute
				}
				if call.Timeout != want {
					t.Errorf("timeout of %s is %s, want %s", call.Module, call.Timeout, want)
				}
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.invalid, plan.Invalid); diff != "" {
				t.Errorf("invalid (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.skipped, plan.Skipped); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlannerWithoutAModule(t *testing.T) {
	ev := push("main")
	p := dispatcher.Planner{}
	plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(map[string]string{"README.md": ""})})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Skipped) != 1 || !strings.Contains(plan.Skipped[0].Reason, "no Dagger module") {
		t.Errorf("skipped %v, want the reason", plan.Skipped)
	}
}

func TestPlannerErrors(t *testing.T) {
	ev := push("main")
	module := map[string]string{"ci/dagger.json": "{}"}
	t.Run("configuration", func(t *testing.T) {
		p := dispatcher.Planner{}
		_, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(map[string]string{"pocketci.yaml": "module-pth: ci\n"})})
		if _, ok := errors.AsType[config.Errors](err); !ok || !strings.Contains(err.Error(), "pocketci.yaml:1:1") {
			t.Errorf("got %v, want configuration errors with their place", err)
		}
	})
	t.Run("engine", func(t *testing.T) {
		p := dispatcher.Planner{Loader: loader{"ci": failsWith(modules.ErrUnavailable)}}
		_, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(module)})
		if !errors.Is(err, modules.ErrUnavailable) {
			t.Errorf("got %v, want an error that says that the engine is away", err)
		}
	})
}

// Refs cost a request to the forge: they are asked for only if a name holds
// one, and stop no call if they cannot be had.
func TestPlannerAsksForRefs(t *testing.T) {
	ev := push("main")
	for name, c := range map[string]struct {
		function string
		err      error
		asked    bool
		warning  string
	}{
		"no name of a ref":  {function: "onGithubPush"},
		"a branch":          {function: "onGithubPushMain", asked: true, warning: "more than one branch: Main, main"},
		"refs are not told": {function: "onGithubPushMain", err: errors.New("forbidden"), asked: true, warning: "could not be checked: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			p := dispatcher.Planner{Loader: loader{"ci": has("ci", c.function)}}
			plan, err := p.Plan(t.Context(), dispatcher.Request{
				Event: &ev,
				Tree:  tree(map[string]string{"ci/dagger.json": "{}"}),
				Refs: func(context.Context) (dispatcher.Refs, error) {
					asked = true
					return dispatcher.Refs{Branches: []string{"main", "Main"}}, c.err
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Calls) != 1 || asked != c.asked {
				t.Errorf("%d calls, asked for refs: %t, want 1 and %t", len(plan.Calls), asked, c.asked)
			}
			if got := strings.Join(plan.Warnings, "\n"); !strings.Contains(got, c.warning) || c.warning == "" && got != "" {
				t.Errorf("warnings %q, want %q", got, c.warning)
			}
		})
	}
}
