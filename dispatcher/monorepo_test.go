package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// three is a repository of three modules that all have a function of the same
// name, each with settings of its own.
const three = `modules:
- path: ./api/ci
  paths: ["api/**", "libs/**"]
  secrets: [{name: token, from-env: API_TOKEN}]
  functions:
    testOnPush: {timeout: 3m, args: {level: api}}
- path: ./web/ci
  paths: ["web/**", "libs/**", "!**/*.md"]
  git: true
  secrets: [{name: token, from-env: WEB_TOKEN}]
  functions:
    testOnPush: {on-changes: ["**/*.ts"], runs-on: arm, args: {level: web}}
- path: ./ops
  functions:
    testOnPush: {after: "web/ci:testOnPush", args: {level: ops}}
`

// tester is a module whose function takes what the settings give.
func tester(path string) *modules.Module {
	return &modules.Module{Path: path, Functions: []modules.Function{{Name: "testOnPush", Args: []modules.Arg{
		arg("src", directoryType), optional("token", secretType), arg("level", stringType),
	}}}}
}

func TestMonorepo(t *testing.T) {
	files := map[string]string{"pocketci.yaml": three, "api/ci/dagger.json": "{}", "web/ci/dagger.json": "{}", "ops/dagger.json": "{}"}
	// summary is a call with all that is its module's own.
	summary := func(plan *dispatcher.Plan, c *dispatcher.Call) string {
		text := fmt.Sprintf("%s:%s %s %q", c.Module, c.Function, c.Timeout, c.RunsOn)
		for _, a := range c.Args {
			switch a.Value.Kind {
			case modules.ValueSource:
				text += fmt.Sprintf(" git=%t", a.Value.Git)
			case modules.ValueSecret:
				text += " " + a.Value.Secret
			default:
				text += fmt.Sprintf(" %v", a.Value.Const)
			}
		}
		for _, i := range c.After {
			text += " after " + plan.Calls[i].Module
		}
		return text
	}
	const (
		api = `api/ci:testOnPush 3m0s "" git=false env://API_TOKEN api`
		web = `web/ci:testOnPush 1h0m0s "arm" git=true env://WEB_TOKEN web`
		ops = `ops:testOnPush 1h0m0s "" git=false ops after web/ci`
	)
	for name, c := range map[string]struct {
		changed []string
		broken  string
		calls   []string
		loaded  []string
		not     map[string]string
	}{
		"all":           {changed: []string{"api/a.go", "web/a.ts"}, calls: []string{api, web, ops}, loaded: []string{"api/ci", "ops", "web/ci"}},
		"a shared file": {changed: []string{"libs/a.ts"}, calls: []string{api, web, ops}, loaded: []string{"api/ci", "ops", "web/ci"}},
		"one's own": {changed: []string{"api/a.go"}, calls: []string{api}, loaded: []string{"api/ci", "ops"}, not: map[string]string{
			"web/ci:*":       "no changed file matches the module's paths web/**, libs/**, !**/*.md",
			"ops:testOnPush": "it comes after web/ci:testOnPush, which is not called: no changed file matches the module's paths web/**, libs/**, !**/*.md",
		}},
		"one's paths, but not a function's": {changed: []string{"web/a.css"}, loaded: []string{"ops", "web/ci"}, not: map[string]string{
			"api/ci:*":          "no changed file matches the module's paths api/**, libs/**",
			"web/ci:testOnPush": "no changed file matches **/*.ts",
			"ops:testOnPush":    "it comes after web/ci:testOnPush, which is not called: no changed file matches **/*.ts",
		}},
		"an excluded file": {changed: []string{"web/README.md"}, loaded: []string{"ops"}, not: map[string]string{
			"api/ci:*":       "no changed file matches the module's paths api/**, libs/**",
			"web/ci:*":       "no changed file matches the module's paths web/**, libs/**, !**/*.md",
			"ops:testOnPush": "it comes after web/ci:testOnPush, which is not called: no changed file matches the module's paths web/**, libs/**, !**/*.md",
		}},
		"one that does not load": {changed: []string{"libs/a.ts"}, broken: "web/ci", calls: []string{api}, loaded: []string{"api/ci", "ops", "web/ci"}, not: map[string]string{
			"web/ci:":        "module cannot be loaded",
			"ops:testOnPush": "it comes after web/ci:testOnPush, which is invalid",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var loaded []string
			l := loader{}
			for _, path := range []string{"api/ci", "web/ci", "ops"} {
				l[path] = func() (*modules.Module, error) {
					mu.Lock()
					defer mu.Unlock()
					loaded = append(loaded, path)
					if path == c.broken {
						return nil, modules.ErrModule
					}
					return tester(path), nil
				}
			}
			allow := func(*events.Event) func(string) error { return func(string) error { return nil } }
			p := dispatcher.Planner{Loader: l, Labels: []string{"arm"}, Timeout: time.Hour, Secrets: allow}
			ev := push("main")
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(files), Changes: dispatcher.Changes{Files: c.changed}})
			if err != nil {
				t.Fatal(err)
			}
			var calls []string
			for i := range plan.Calls {
				calls = append(calls, summary(plan, &plan.Calls[i]))
			}
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			slices.Sort(loaded)
			if diff := cmp.Diff(c.loaded, loaded); diff != "" {
				t.Errorf("loaded (-want +got):\n%s", diff)
			}
			not := map[string]string{}
			for _, s := range plan.Skipped {
				not[s.Module+":"+s.Function] = s.Reason
			}
			for _, v := range plan.Invalid {
				not[v.Module+":"+v.Function] = v.Error
			}
			if len(not) != len(c.not) {
				t.Errorf("not called: %v", not)
			}
			for function, reason := range c.not {
				if !strings.HasPrefix(not[function], reason) {
					t.Errorf("%s: %q, want %q", function, not[function], reason)
				}
			}
		})
	}
}

// meeting is a loader that answers only once all modules are being loaded.
type meeting struct {
	wait sync.WaitGroup
	all  chan struct{}
	once sync.Once
}

func (m *meeting) Load(ctx context.Context, _ modules.Tree, path string) (*modules.Module, error) {
	m.wait.Done()
	m.once.Do(func() {
		go func() {
			m.wait.Wait()
			close(m.all)
		}()
	})
	select {
	case <-m.all:
		return tester(path), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestModulesAreLoadedInParallel(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 30*time.Second, errors.New("the modules are loaded one after the other"))
	defer cancel()
	m := &meeting{all: make(chan struct{})}
	m.wait.Add(3)
	ev := push("main")
	files := map[string]string{"pocketci.yaml": "modules: [{path: a}, {path: b}, {path: c}]", "a/dagger.json": "{}", "b/dagger.json": "{}", "c/dagger.json": "{}"}
	p := dispatcher.Planner{Loader: m}
	plan, err := p.Plan(ctx, dispatcher.Request{Event: &ev, Tree: tree(files), Changes: dispatcher.Changes{Unknown: "no diff"}})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, v := range plan.Invalid { // level is not given
		order = append(order, v.Module)
	}
	if !slices.Equal(order, []string{"a", "b", "c"}) {
		t.Errorf("the plan's order is %v, want the file's", order)
	}
}
