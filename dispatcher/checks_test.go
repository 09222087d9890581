package dispatcher_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// checked is a module with functions and checks as the engine describes it: a
// check of the main object is a function as well.
func checked(functions []string, checks ...modules.Check) *modules.Module {
	m := &modules.Module{Path: "ci", Functions: fns(functions...), Checks: checks}
	for _, c := range checks {
		if len(c.Path) == 1 {
			m.Functions = append(m.Functions, fn(c.Path[0], c.Requires...))
		}
	}
	return m
}

var (
	lintAll  = modules.Check{Name: "lint-all", Path: []string{"lintAll"}, Returns: containerType}
	unit     = modules.Check{Name: "unit", Path: []string{"unit"}}
	web      = modules.Check{Name: "web:lint-js", Path: []string{"web", "lintJs"}}
	greet    = modules.Check{Name: "greet", Path: []string{"greet"}, Requires: []modules.Arg{arg("name", stringType)}}
	onPush   = modules.Check{Name: "test-on-github-push", Path: []string{"testOnGithubPush"}}
	dispatch = modules.Check{Name: "dispatch", Path: []string{"dispatch"}}
)

// decided is where each function and check of a plan is, and fails the test if
// one is in two places.
func decided(t *testing.T, plan dispatcher.Plan) map[string]string {
	t.Helper()
	list := map[string]string{}
	add := func(name, where string) {
		if list[name] != "" {
			t.Errorf("%s is %s and %s", name, list[name], where)
		}
		list[name] = where
	}
	for _, c := range plan.Calls {
		where := "called"
		if c.IsCheck() {
			where = "check"
		}
		add(c.Function, where)
	}
	for _, v := range plan.Invalid {
		add(v.Function, "invalid: "+v.Error)
	}
	for _, s := range plan.Skipped {
		where := s.Reason
		if s.Filtered {
			where = "filtered: " + where
		}
		add(s.Function, where)
	}
	return list
}

const (
	notATrigger = "its name is not a trigger: it has no On<Vendor><Event><Filter>"
	commits     = "its commits did not change, which is what checks are called for"
	changed     = "no changed file matches **/*.go"
)

func TestChecks(t *testing.T) {
	settings := func(c map[string]config.Check) config.Module {
		return config.Module{Checks: config.Checks{ByName: c}}
	}
	tests := map[string]struct {
		event    events.Event
		module   *modules.Module
		config   config.Module
		changes  dispatcher.Changes
		disabled []dispatcher.Disabled
		want     map[string]string
	}{
		"a push to a branch": {
			event: push("main"), module: checked(nil, lintAll, unit, web),
			want: map[string]string{"lint-all": "check", "unit": "check", "web:lint-js": "check"},
		},
		"a push on another forge": {
			event: event("gitlab", "push", "main"), module: checked(nil, unit), want: map[string]string{"unit": "check"},
		},
		"a pull request is opened":   {event: pull("opened"), module: checked(nil, unit), want: map[string]string{"unit": "check"}},
		"a pull request is updated":  {event: pull("synchronize"), module: checked(nil, unit), want: map[string]string{"unit": "check"}},
		"a pull request is reopened": {event: pull("reopened"), module: checked(nil, unit), want: map[string]string{"unit": "check"}},
		"a pull request is labeled": {
			event: pull("labeled"), module: checked(nil, unit),
			want: map[string]string{"unit": "the pull request was labeled, " + commits},
		},
		"a tag": {
			event: tag("v1"), module: checked(nil, unit),
			want: map[string]string{"unit": "it is a check, which a forge's push, pull_request calls; the event is github tag"},
		},
		"a tag that is asked for": {
			event: tag("v1"), module: checked(nil, unit, web), config: settings(map[string]config.Check{"unit": {Events: []string{"tag"}}}),
			want: map[string]string{"unit": "check", "web:lint-js": "it is a check, which a forge's push, pull_request calls; the event is github tag"},
		},
		"an event that is asked for, of no forge": {
			event: event("registry", "tag", "app:v1"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {Events: []string{"tag"}}}),
			want: map[string]string{"unit": "it is a check, which a forge's tag calls; the event is registry tag"},
		},
		"a push that is not asked for": {
			event: push("main"), module: checked(nil, unit), config: settings(map[string]config.Check{"UNIT": {Events: []string{"pull_request", "tag"}}}),
			want: map[string]string{"unit": "it is a check, which a forge's pull_request, tag calls; the event is github push"},
		},
		"a pull request that is asked for is still one with new commits": {
			event: pull("closed"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {Events: []string{"pull_request"}}}),
			want: map[string]string{"unit": "the pull request was closed, " + commits},
		},
		"a signed push of no forge": {
			event: event("signed", "push", "src"), module: checked(nil, unit),
			want: map[string]string{"unit": "it is a check, which a forge's push, pull_request calls; the event is signed push"},
		},
		"beside functions": {
			event: push("main"), module: checked([]string{"onPush", "onTag", "helper"}, lintAll),
			want: map[string]string{
				"onPush": "called", "lint-all": "check", "helper": notATrigger,
				"onTag": "its name waits for OnTag, the event is github push main",
			},
		},
		"a check whose name is the event's is called once, as a function": {
			event: push("main"), module: checked([]string{"onPush"}, onPush, unit),
			want: map[string]string{"testOnGithubPush": "called", "onPush": "onPush?", "unit": "check"},
		},
		"a check whose name is another event's is not called": {
			event: pull("opened"), module: checked(nil, onPush),
			want: map[string]string{"testOnGithubPush": "its name waits for OnGithubPush, the event is github pull_request opened"},
		},
		"a check that is called for everything": {
			event: push("main"), module: checked(nil, dispatch), want: map[string]string{"dispatch": "called"},
		},
		"a check with a word that is no event's": {
			event: push("main"), module: checked(nil, modules.Check{Name: "validate-on-demand", Path: []string{"validateOnDemand"}}),
			want: map[string]string{"validate-on-demand": "check"},
		},
		"a check of an object goes by no name": {
			event: push("main"), module: checked(nil, modules.Check{Name: "web:on-push", Path: []string{"web", "onPush"}}),
			want: map[string]string{"web:on-push": "check"},
		},
		"a required argument": {
			event: push("main"), module: checked(nil, greet),
			want: map[string]string{"greet": "it is marked as a check and requires the argument name (String!), and checks are called without arguments; give it a default value or make it optional"},
		},
		"none": {
			event: push("main"), module: checked([]string{"onPush"}, unit, web, onPush), config: config.Module{Checks: config.Checks{Off: true}},
			want: map[string]string{
				"onPush": "onPush?", "testOnGithubPush": "called",
				"unit": "pocketci.yaml says checks: false", "web:lint-js": "pocketci.yaml says checks: false",
			},
		},
		"changes that match": {
			event: push("main"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {OnChanges: []string{"**/*.go"}}}),
			changes: dispatcher.Changes{Files: []string{"a/main.go"}}, want: map[string]string{"unit": "check"},
		},
		"changes that do not match": {
			event: push("main"), module: checked(nil, unit, web), config: settings(map[string]config.Check{"unit": {OnChanges: []string{"**/*.go"}}}),
			changes: dispatcher.Changes{Files: []string{"README.md"}}, want: map[string]string{"unit": "filtered: " + changed, "web:lint-js": "check"},
		},
		"changes that are not known": {
			event: push("main"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {OnChanges: []string{"**/*.go"}}}),
			changes: dispatcher.Changes{Unknown: "no diff"}, want: map[string]string{"unit": "check"},
		},
		"an event that does not call it is no matter of changes": {
			event: tag("v1"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {OnChanges: []string{"**/*.go"}}}),
			changes: dispatcher.Changes{Files: []string{"README.md"}},
			want:    map[string]string{"unit": "it is a check, which a forge's push, pull_request calls; the event is github tag"},
		},
		"a label that no runner has": {
			event: push("main"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {RunsOn: "gpu", Line: 4}}),
			want: map[string]string{"unit": `invalid: runs-on: no runner has the label "gpu" (runners have big)`},
		},
		"too long a timeout": {
			event: push("main"), module: checked(nil, unit), config: settings(map[string]config.Check{"unit": {Timeout: 3 * time.Hour, Line: 4}}),
			want: map[string]string{"unit": "invalid: pocketci.yaml:4: timeout: 3h0m0s is more than the 2h0m0s that the agent allows; write less"},
		},
		"disabled": {
			event: push("main"), module: checked(nil, unit, web),
			disabled: []dispatcher.Disabled{{Module: "ci", Function: "web:lintJs", By: "ann", Reason: "flaky"}},
			want:     map[string]string{"unit": "check", "web:lint-js": "disabled by ann: flaky"},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			plan := dispatcher.Match(dispatcher.Input{
				Event: &c.event, Module: c.module, Config: c.config, Changes: c.changes, Disabled: c.disabled,
				Labels: []string{"big"}, MaxTimeout: 2 * time.Hour,
			})
			got := decided(t, plan)
			for name, where := range c.want {
				// Precedence among functions has tests of its own.
				if where == "onPush?" {
					delete(got, name)
					delete(c.want, name)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(plan.Warnings) > 0 {
				t.Errorf("warnings: %q", plan.Warnings)
			}
		})
	}
}

func TestCallOfACheck(t *testing.T) {
	ev := pull("opened")
	plan := dispatcher.Match(dispatcher.Input{
		Event: &ev, Module: checked(nil, web, lintAll), Timeout: time.Hour, Labels: []string{"big"},
		Changes: dispatcher.Changes{Files: []string{"main.go"}},
		Config: config.Module{Checks: config.Checks{ByName: map[string]config.Check{
			"lintAll": {OnChanges: []string{"*.go"}, Timeout: time.Minute, RunsOn: "big"},
		}}},
	})
	want := []dispatcher.Call{{
		Module: "ci", Call: modules.Call{Function: "web:lint-js", Path: []string{"web", "lintJs"}}, Why: "a check", Timeout: time.Hour,
		Concurrency: dispatcher.Concurrency{Group: "pull request 7 ci:web:lint-js", Cancel: true},
	}, {
		Module: "ci", Call: modules.Call{Function: "lint-all", Path: []string{"lintAll"}, Returns: containerType}, Why: "a check; main.go changed",
		Timeout: time.Minute, RunsOn: "big", Concurrency: dispatcher.Concurrency{Group: "pull request 7 ci:lint-all", Cancel: true},
	}}
	if diff := cmp.Diff(want, plan.Calls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	data, err := json.Marshal(plan.Calls)
	if err != nil {
		t.Fatal(err)
	}
	var stored []dispatcher.Call
	if err := json.Unmarshal(data, &stored); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("what is stored (-want +got):\n%s", diff)
	}
	view := plan.View(dispatcher.Place{Source: ".", EventFile: "event.json"}).Calls[0]
	if !view.Check || view.Command != "dagger check -m ./ci web:lint-js" || len(view.Args) != 0 {
		t.Errorf("it is shown as %+v", view)
	}
	remote := dispatcher.Place{Source: "https://github.com/octo/hello.git#0123", EventFile: "event.json"}
	if got := remote.Command(&plan.Calls[1]); got != "dagger check -m github.com/octo/hello/ci@0123 lint-all" {
		t.Errorf("the command is %s", got)
	}
}

func TestWarningsOfChecks(t *testing.T) {
	for name, c := range map[string]struct {
		config config.Module
		want   string
	}{
		"a name that there is not": {
			config.Module{Checks: config.Checks{ByName: map[string]config.Check{"lnt": {Line: 3}}}},
			"pocketci.yaml:3: checks.lnt names no check of module ci",
		},
		"a function that is no check": {
			config.Module{Checks: config.Checks{ByName: map[string]config.Check{"helper": {Line: 3}}}},
			"pocketci.yaml:3: checks.helper names no check of module ci",
		},
		"a check whose name is a trigger": {
			config.Module{Checks: config.Checks{ByName: map[string]config.Check{"test-on-github-push": {Line: 3}}}},
			"pocketci.yaml:3: checks.test-on-github-push is not used: the name of the function says when it is called; put its settings below functions",
		},
		"a check among the functions": {
			config.Module{Functions: map[string]config.Function{"lint-all": {Line: 5}}},
			"pocketci.yaml:5: functions.lint-all is used for calls by hand alone: events call the function as a check; put its settings below checks",
		},
	} {
		for _, ev := range []events.Event{push("main"), pull("opened"), tag("v1")} {
			t.Run(name+" "+ev.Name, func(t *testing.T) {
				plan := dispatcher.Match(dispatcher.Input{Event: &ev, Module: checked([]string{"helper"}, lintAll, onPush), Config: c.config})
				if diff := cmp.Diff([]string{c.want}, plan.Warnings); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// What a function comes after may be a check of the main object. A check comes
// after nothing.
func TestAfterACheck(t *testing.T) {
	ev := push("main")
	files := map[string]string{"ci/dagger.json": "{}", "pocketci.yaml": `module-path: ci
functions:
  deployOnPush: {after: [lintAll, testOnGithubPush]}
  lintAll: {after: deployOnPush}
checks:
  lint-all: {on-changes: ["*.go"]}
`}
	load := loader{"ci": func() (*modules.Module, error) { return checked([]string{"deployOnPush"}, lintAll, onPush), nil }}
	for name, c := range map[string]struct {
		changes []string
		after   []string
		skipped string
	}{
		"a check that is called":     {changes: []string{"main.go"}, after: []string{"ci:testOnGithubPush", "ci:lint-all"}},
		"a check that is not called": {changes: []string{"README.md"}, skipped: "it comes after ci:lint-all, which is not called: no changed file matches *.go"},
	} {
		t.Run(name, func(t *testing.T) {
			p := dispatcher.Planner{Loader: load}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(files), Changes: dispatcher.Changes{Files: c.changes}})
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Invalid) > 0 {
				t.Fatalf("invalid: %v", plan.Invalid)
			}
			for _, call := range plan.View(dispatcher.Place{Source: "."}).Calls {
				want := c.after
				if call.Function != "deployOnPush" {
					want = nil
				}
				got := slices.Clone(call.After)
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s comes after (-want +got):\n%s", call.Function, diff)
				}
			}
			if where := decided(t, *plan)["deployOnPush"]; c.skipped != "" && where != c.skipped {
				t.Errorf("deployOnPush: %s", where)
			}
		})
	}
}

// An event that no function is named after plans the checks alone, with no
// pocketci.yaml.
func TestChecksWithoutConfiguration(t *testing.T) {
	ev := event("gitea", "push", "main")
	p := dispatcher.Planner{Loader: loader{".": func() (*modules.Module, error) {
		m := checked([]string{"build"}, lintAll, web)
		m.Path = "."
		return m, nil
	}}}
	plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(map[string]string{"dagger.json": "{}"})})
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, c := range plan.View(dispatcher.Place{Source: "."}).Calls {
		calls = append(calls, c.Command)
	}
	if got := strings.Join(calls, "\n"); got != "dagger check -m . lint-all\ndagger check -m . web:lint-js" {
		t.Errorf("calls:\n%s", got)
	}
}
