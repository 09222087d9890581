package dispatcher_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

const byHandConfig = `modules:
- path: api
  paths: ["api/**"]
  git: true
  secrets: [{name: token, from-env: API_TOKEN}, {name: other, from-env: FORBIDDEN}]
  functions:
    deployOnPush: {filter: never, after: testOnPush, timeout: 5m, concurrency: deploy, args: {environment: staging}}
    gpu: {runs-on: gpu}
    filtered: {filters: [{path: /x, is-equal-to: 1}]}
- path: web
`

func TestByHandRuns(t *testing.T) {
	api := func() (*modules.Module, error) {
		return &modules.Module{Path: "api", Functions: []modules.Function{
			fn("deployOnPush", arg("src", directoryType), arg("eventTrigger", fileType), arg("environment", stringType), arg("token", secretType), optional("replicas", intType), optional("filter", stringType)),
			fn("testOnPush"), fn("gpu"), fn("filtered"), fn("secretive", arg("other", secretType)), fn("same"), fn("demanding", arg("level", intType)),
		}}, nil
	}
	both := loader{"api": api, "web": has("web", "same", "build")}
	constant := func(v any) modules.Value { return modules.Value{Kind: modules.ValueConst, Const: v} }
	for name, c := range map[string]struct {
		asked    events.ByHand
		loader   loader
		disabled []dispatcher.Disabled
		call     string
		args     map[string]modules.Value
		invalid  []dispatcher.Invalid // errors are parts of what they have to be
		reason   string               // of some skipped function
	}{
		"without event, condition or order": {
			asked: events.ByHand{Module: "./api", Function: "deploy-on-push", Args: map[string]string{"replicas": "3", "token": "env://OTHER"}},
			call:  "api:deployOnPush",
			args: map[string]modules.Value{
				"src": {Kind: modules.ValueSource, Git: true}, "eventTrigger": {Kind: modules.ValueEvent},
				"environment": constant("staging"), "token": {Kind: modules.ValueSecret, Secret: "env://OTHER"}, "replicas": constant(int64(3)),
			},
			reason: "a person asked for the function api:deployOnPush and no other",
		},
		"what is typed wins, what is mapped is filled in": {
			asked: events.ByHand{Module: "api", Function: "deployOnPush", Args: map[string]string{"environment": "production"}},
			call:  "api:deployOnPush",
			args: map[string]modules.Value{
				"src": {Kind: modules.ValueSource, Git: true}, "eventTrigger": {Kind: modules.ValueEvent},
				"environment": constant("production"), "token": {Kind: modules.ValueSecret, Secret: "env://API_TOKEN"},
			},
		},
		"the only module that has it":     {asked: events.ByHand{Function: "build"}, call: "web:build"},
		"two modules have it":             {asked: events.ByHand{Function: "same"}, invalid: []dispatcher.Invalid{{Function: "same", Error: "modules api, web have a function same; say which is meant"}}},
		"the one that is named":           {asked: events.ByHand{Module: "web", Function: "same"}, call: "web:same", reason: "a person asked for the module web and no other"},
		"no such function":                {asked: events.ByHand{Module: "web", Function: "ship"}, invalid: []dispatcher.Invalid{{Module: "web", Function: "ship", Error: "there is no function web:ship"}}},
		"no such function anywhere":       {asked: events.ByHand{Function: "ship"}, invalid: []dispatcher.Invalid{{Function: "ship", Error: "there is no function ship; pocketci functions lists those that there are"}}},
		"no such module":                  {asked: events.ByHand{Module: "db", Function: "ship"}, invalid: []dispatcher.Invalid{{Module: "db", Function: "ship", Error: "the repository has no module db; its modules are api, web"}}},
		"an argument that is missing":     {asked: events.ByHand{Function: "demanding"}, invalid: []dispatcher.Invalid{{Module: "api", Function: "demanding", Argument: "level", Error: "it is required (Int!); give it by name"}}},
		"an argument of another type":     {asked: events.ByHand{Function: "demanding", Args: map[string]string{"level": "high"}}, invalid: []dispatcher.Invalid{{Module: "api", Function: "demanding", Argument: "level", Error: `"high" is not a whole number`}}},
		"an argument that is not there":   {asked: events.ByHand{Function: "demanding", Args: map[string]string{"level": "1", "x": ""}}, invalid: []dispatcher.Invalid{{Module: "api", Function: "demanding", Argument: "x", Error: "the function does not declare it; it has level"}}},
		"a secret that is no reference":   {asked: events.ByHand{Module: "api", Function: "deployOnPush", Args: map[string]string{"token": "hunter2"}}, invalid: []dispatcher.Invalid{{Module: "api", Function: "deployOnPush", Argument: "token", Error: "a secret is given by reference, as env://NAME, agent://NAME or the URI of a secret provider"}}},
		"a file as a secret":              {asked: events.ByHand{Module: "api", Function: "deployOnPush", Args: map[string]string{"token": "file:///etc/passwd"}}, invalid: []dispatcher.Invalid{{Module: "api", Function: "deployOnPush", Argument: "token", Error: "a secret is given by reference"}}},
		"a secret that is refused":        {asked: events.ByHand{Module: "api", Function: "deployOnPush", Args: map[string]string{"token": "env://FORBIDDEN"}}, invalid: []dispatcher.Invalid{{Module: "api", Function: "deployOnPush", Argument: "token", Error: "not allowed"}}},
		"a mapped secret that is refused": {asked: events.ByHand{Function: "secretive"}, invalid: []dispatcher.Invalid{{Module: "api", Function: "secretive", Argument: "other", Error: "pocketci.yaml:5: secret other: not allowed"}}},
		"a label that no runner has":      {asked: events.ByHand{Function: "gpu"}, invalid: []dispatcher.Invalid{{Module: "api", Function: "gpu", Error: `no runner has the label "gpu"`}}},
		"without filters":                 {asked: events.ByHand{Function: "filtered"}, call: "api:filtered"},
		"disabled":                        {asked: events.ByHand{Module: "web", Function: "build"}, disabled: []dispatcher.Disabled{{Module: "web", Function: "build", By: "jane"}}, reason: "disabled by jane"},
		"in a disabled module":            {asked: events.ByHand{Module: "web", Function: "build"}, disabled: []dispatcher.Disabled{{Module: "web", By: "jane"}}, reason: "disabled by jane"},
		"in a disabled repository":        {asked: events.ByHand{Module: "web", Function: "build"}, disabled: []dispatcher.Disabled{{By: "jane"}}, reason: "disabled by jane"},
		"the module does not load":        {asked: events.ByHand{Module: "web", Function: "build"}, loader: loader{"web": failsWith(modules.ErrModule)}, invalid: []dispatcher.Invalid{{Module: "web", Error: "cannot be loaded"}}},
		"a module that may have it does not load": {
			asked: events.ByHand{Function: "same"}, loader: loader{"api": api, "web": failsWith(modules.ErrModule)},
			invalid: []dispatcher.Invalid{{Module: "web", Error: "cannot be loaded"}, {Function: "same", Error: "module web cannot be asked for its functions; say which module is meant"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.loader == nil {
				c.loader = both
			}
			p := dispatcher.Planner{
				Loader:  c.loader,
				Timeout: time.Hour,
				Secrets: func(event *events.Event) func(string) error {
					return func(ref string) error {
						if ref == "env://FORBIDDEN" || event.Ref != "refs/heads/main" {
							return errors.New("not allowed")
						}
						return nil
					}
				},
			}
			ev := events.ManualCall(nil, "refs/heads/main", "", "jane", c.asked)
			plan, err := p.Plan(t.Context(), dispatcher.Request{
				Event: &ev, Disabled: c.disabled,
				Tree: tree(map[string]string{"pocketci.yaml": byHandConfig, "api/dagger.json": "{}", "web/dagger.json": "{}"}),
			})
			if err != nil {
				t.Fatal(err)
			}
			var calls []string
			for _, call := range plan.Calls {
				calls = append(calls, call.Module+":"+call.Function)
				args := map[string]modules.Value{}
				for _, b := range call.Args {
					args[b.Name] = b.Value
				}
				if diff := cmp.Diff(c.args, args); c.args != nil && diff != "" {
					t.Errorf("arguments (-want +got):\n%s", diff)
				}
				timeout, group := time.Hour, ""
				if call.Function == "deployOnPush" {
					timeout, group = 5*time.Minute, "deploy"
				}
				if call.Timeout != timeout || call.Concurrency.Group != group || call.After != nil || call.Why != "called by hand" {
					t.Errorf("the call is %+v", call)
				}
			}
			if got := strings.Join(calls, " "); got != c.call {
				t.Errorf("called %q, want %q; %+v", got, c.call, plan.Invalid)
			}
			if len(plan.Invalid) != len(c.invalid) {
				t.Fatalf("invalid %+v, want %+v", plan.Invalid, c.invalid)
			}
			for i, want := range c.invalid {
				got := plan.Invalid[i]
				if !strings.Contains(got.Error, want.Error) {
					t.Errorf("error %q, want one with %q", got.Error, want.Error)
				}
				if got.Error = want.Error; got != want {
					t.Errorf("invalid %+v, want %+v", got, want)
				}
			}
			found := c.reason == ""
			for _, s := range plan.Skipped {
				found = found || s.Reason == c.reason
			}
			if !found {
				t.Errorf("skipped %+v, want the reason %q", plan.Skipped, c.reason)
			}
		})
	}
}

// A manual event that asks for no function is matched as any other.
func TestManualEventsThatNameNoFunction(t *testing.T) {
	for name, c := range map[string]struct {
		payload string
		calls   int
		invalid string
	}{
		"no payload":        {"", 1, ""},
		"another payload":   {`{"inputs": {}}`, 1, ""},
		"a list":            {`[1]`, 1, ""},
		"a wrong type":      {`{"function": "onManual", "args": {"a": 1}}`, 0, "read what is asked for from the payload"},
		"a function's name": {`{"function": "helper"}`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ev := events.Manual(nil, "", "", "jane")
			ev.Payload = json.RawMessage(c.payload)
			p := dispatcher.Planner{Loader: loader{"ci": has("ci", "onManual", "helper")}}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(map[string]string{"ci/dagger.json": "{}"})})
			if err != nil {
				t.Fatal(err)
			}
			if len(plan.Calls) != c.calls {
				t.Errorf("%d calls, want %d: %+v", len(plan.Calls), c.calls, plan)
			}
			if c.invalid != "" && (len(plan.Invalid) != 1 || !strings.Contains(plan.Invalid[0].Error, c.invalid)) {
				t.Errorf("invalid %+v, want %q", plan.Invalid, c.invalid)
			}
		})
	}
}
