package dispatcher_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

// outline is a plan in short: calls with what they come after, and why not.
func outline(plan *dispatcher.Plan) (calls, not []string) {
	for _, c := range plan.Calls {
		line := c.Module + ":" + c.Function
		for _, before := range c.After {
			line += " after " + plan.Calls[before].Module + ":" + plan.Calls[before].Function
		}
		calls = append(calls, line)
	}
	for _, v := range plan.Invalid {
		not = append(not, fmt.Sprintf("%s:%s invalid: %s", v.Module, v.Function, v.Error))
	}
	for _, s := range plan.Skipped {
		not = append(not, fmt.Sprintf("%s:%s skipped: %s", s.Module, s.Function, s.Reason))
	}
	return calls, not
}

func TestAfter(t *testing.T) {
	one := loader{"ci": has("ci", "testOnPush", "lintOnPush", "shipOnPush", "helper")}
	helper := "ci:helper skipped: its name is not a trigger: it has no On<Vendor><Event><Filter>"
	two := loader{"api": has("api", "testOnPush"), "web": has("web", "testOnPush", "shipOnPush")}
	for name, c := range map[string]struct {
		functions string // below the module ci
		yaml      string // the whole file in its place
		loader    loader
		changes   dispatcher.Changes
		disabled  []dispatcher.Disabled
		calls     []string
		not       []string
	}{
		"one name":            {functions: "{shipOnPush: {after: testOnPush}}", calls: []string{"ci:testOnPush", "ci:lintOnPush", "ci:shipOnPush after ci:testOnPush"}, not: []string{helper}},
		"a list":              {functions: "{shipOnPush: {after: [lint-on-push, TestOnPush]}}", calls: []string{"ci:testOnPush", "ci:lintOnPush", "ci:shipOnPush after ci:testOnPush after ci:lintOnPush"}, not: []string{helper}},
		"the same name twice": {functions: "{shipOnPush: {after: [testOnPush, test_on_push]}}", calls: []string{"ci:testOnPush", "ci:lintOnPush", "ci:shipOnPush after ci:testOnPush"}, not: []string{helper}},
		"a chain":             {functions: "{testOnPush: {after: lintOnPush}, lintOnPush: {after: shipOnPush}}", calls: []string{"ci:testOnPush after ci:lintOnPush", "ci:lintOnPush after ci:shipOnPush", "ci:shipOnPush"}, not: []string{helper}},
		"its own module":      {functions: "{shipOnPush: {after: './ci:testOnPush'}}", calls: []string{"ci:testOnPush", "ci:lintOnPush", "ci:shipOnPush after ci:testOnPush"}, not: []string{helper}},
		"a name that no module has": {
			functions: "\n    shipOnPush:\n      after: [testOnPush, buildOnPush]",
			calls:     []string{"ci:testOnPush", "ci:lintOnPush"},
			not:       []string{"ci:shipOnPush invalid: pocketci.yaml:5: after: module ci has no function buildOnPush; correct the name or remove it", helper},
		},
		"a module that is not there": {
			functions: "{shipOnPush: {after: 'web:testOnPush'}}",
			calls:     []string{"ci:testOnPush", "ci:lintOnPush"},
			not:       []string{"ci:shipOnPush invalid: pocketci.yaml:3: after: there is no module web; name one that pocketci.yaml lists", helper},
		},
		"itself": {
			functions: "{shipOnPush: {after: shipOnPush}}",
			calls:     []string{"ci:testOnPush", "ci:lintOnPush"},
			not:       []string{"ci:shipOnPush invalid: pocketci.yaml:3: after: ci:shipOnPush cannot come after itself; remove the name", helper},
		},
		"a circle, and one behind it": {
			functions: "{testOnPush: {after: lintOnPush}, lintOnPush: {after: testOnPush}, shipOnPush: {after: lintOnPush}}",
			not: []string{
				"ci:testOnPush invalid: pocketci.yaml:3: after: ci:lintOnPush comes after ci:testOnPush in turn, so neither can begin; remove one of the two names",
				"ci:lintOnPush invalid: pocketci.yaml:3: after: ci:testOnPush comes after ci:lintOnPush in turn, so neither can begin; remove one of the two names",
				helper,
				"ci:shipOnPush skipped: it comes after ci:lintOnPush, which is invalid",
			},
		},
		"a circle through a function that is not called": {
			functions: "{testOnPush: {after: helper}, helper: {after: testOnPush}}",
			calls:     []string{"ci:lintOnPush", "ci:shipOnPush"},
			not:       []string{"ci:testOnPush invalid: pocketci.yaml:3: after: ci:helper comes after ci:testOnPush in turn, so neither can begin; remove one of the two names", helper},
		},
		"a function that the event does not call": {
			functions: "{shipOnPush: {after: helper}}",
			calls:     []string{"ci:testOnPush", "ci:lintOnPush"},
			not:       []string{helper, "ci:shipOnPush skipped: it comes after ci:helper, which is not called: its name is not a trigger: it has no On<Vendor><Event><Filter>"},
		},
		"a condition that does not hold, and on": {
			functions: "{testOnPush: {filter: dev}, lintOnPush: {after: testOnPush}, shipOnPush: {after: lintOnPush}}",
			not: []string{
				`ci:testOnPush skipped: filter "main" is none of dev`, helper,
				`ci:lintOnPush skipped: it comes after ci:testOnPush, which is not called: filter "main" is none of dev`,
				`ci:shipOnPush skipped: it comes after ci:lintOnPush, which is not called: it comes after ci:testOnPush, which is not called: filter "main" is none of dev`,
			},
		},
		"an invalid one": {
			functions: "{testOnPush: {runs-on: gpu}, shipOnPush: {after: testOnPush}}",
			calls:     []string{"ci:lintOnPush"},
			not:       []string{`ci:testOnPush invalid: runs-on: no runner has the label "gpu" (no runner has a label)`, helper, "ci:shipOnPush skipped: it comes after ci:testOnPush, which is invalid"},
		},
		"a disabled one": {
			functions: "{shipOnPush: {after: testOnPush}}", disabled: []dispatcher.Disabled{{Module: "ci", Function: "testOnPush", By: "jane"}},
			calls: []string{"ci:lintOnPush"},
			not:   []string{"ci:testOnPush skipped: disabled by jane", helper, "ci:shipOnPush skipped: it comes after ci:testOnPush, which is not called: disabled by jane"},
		},
		"what is not called itself waits for nothing": {
			functions: "{shipOnPush: {filter: dev, after: nobody}}",
			calls:     []string{"ci:testOnPush", "ci:lintOnPush"},
			not:       []string{`ci:shipOnPush skipped: filter "main" is none of dev`, helper},
		},
		"a function of another module": {
			yaml: "modules:\n- {path: web, functions: {ship-on-push: {after: [testOnPush, 'api:TestOnPush']}}}\n- path: api\n", loader: two,
			calls: []string{"web:testOnPush", "web:shipOnPush after web:testOnPush after api:testOnPush", "api:testOnPush"},
		},
		"a module whose paths do not match": {
			yaml: "modules:\n- {path: web, functions: {ship-on-push: {after: 'api:anything'}}}\n- {path: api, paths: [api/**]}\n", loader: two,
			changes: dispatcher.Changes{Files: []string{"web/a"}},
			calls:   []string{"web:testOnPush"},
			not: []string{
				"api:* skipped: no changed file matches the module's paths api/**",
				"web:shipOnPush skipped: it comes after api:anything, which is not called: no changed file matches the module's paths api/**",
			},
		},
		"a module that does not load": {
			yaml:   "modules:\n- {path: web, functions: {ship-on-push: {after: 'api:anything'}}}\n- {path: api}\n",
			loader: loader{"web": two["web"], "api": failsWith(modules.ErrModule)},
			calls:  []string{"web:testOnPush"},
			not: []string{
				"api: invalid: module cannot be loaded",
				"web:shipOnPush skipped: it comes after api:anything, which is invalid",
			},
		},
		"a circle of two modules": {
			yaml: "modules:\n- {path: web, functions: {ship-on-push: {after: 'api:testOnPush'}}}\n- {path: api, functions: {testOnPush: {after: 'web:shipOnPush'}}}\n", loader: two,
			calls: []string{"web:testOnPush"},
			not: []string{
				"web:shipOnPush invalid: pocketci.yaml:2: after: api:testOnPush comes after web:shipOnPush in turn, so neither can begin; remove one of the two names",
				"api:testOnPush invalid: pocketci.yaml:3: after: web:shipOnPush comes after api:testOnPush in turn, so neither can begin; remove one of the two names",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.yaml == "" {
				c.yaml, c.loader = "modules:\n- path: ci\n  functions: "+c.functions+"\n", one
			}
			ev := push("main")
			p := dispatcher.Planner{Loader: c.loader}
			files := map[string]string{"pocketci.yaml": c.yaml}
			for path := range c.loader {
				files[path+"/dagger.json"] = "{}"
			}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(files), Changes: c.changes, Disabled: c.disabled})
			if err != nil {
				t.Fatal(err)
			}
			calls, not := outline(plan)
			if diff := cmp.Diff(c.calls, calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.not, not); diff != "" {
				t.Errorf("not called (-want +got):\n%s", diff)
			}
		})
	}
}

// Along a long chain every reason names the next function; they do not grow
// with the chain.
func TestReasonsOfAChainStayShort(t *testing.T) {
	var names []string
	var settings strings.Builder
	for i := range 300 {
		names = append(names, fmt.Sprintf("step%dOnPush", i))
		if i > 0 {
			fmt.Fprintf(&settings, "  step%dOnPush: {after: step%dOnPush}\n", i, i-1)
		}
	}
	ev := push("main")
	p := dispatcher.Planner{Loader: loader{"ci": has("ci", names...)}}
	files := map[string]string{"ci/dagger.json": "{}", "pocketci.yaml": "functions:\n  step0OnPush: {filter: dev}\n" + settings.String()}
	plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(files)})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Skipped) != 300 {
		t.Fatalf("%d skipped, %d called, want all skipped", len(plan.Skipped), len(plan.Calls))
	}
	for _, s := range plan.Skipped {
		if len(s.Reason) > 600 {
			t.Fatalf("a reason of %d bytes: %s", len(s.Reason), s.Reason)
		}
	}
}
