package dispatcher_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

func TestConcurrency(t *testing.T) {
	gitea := pull("opened")
	gitea.Vendor = "gitea"
	without := pull("opened")
	without.PullRequest = 0
	for name, c := range map[string]struct {
		event    events.Event
		function string
		settings config.Function
		want     dispatcher.Concurrency
	}{
		"a push is in no group":  {event: push("main"), function: "onPush"},
		"an opened pull request": {event: pull("opened"), function: "onPullRequest", want: dispatcher.Concurrency{Group: "pull request 7 ci:onPullRequest", Cancel: true}},
		"new commits":            {event: pull("synchronize"), function: "lintOnGithubPullRequest", want: dispatcher.Concurrency{Group: "pull request 7 ci:lintOnGithubPullRequest", Cancel: true}},
		"a reopened one":         {event: pull("reopened"), function: "onGithub", want: dispatcher.Concurrency{Group: "pull request 7 ci:onGithub", Cancel: true}},
		"of another forge":       {event: gitea, function: "onPullRequest", want: dispatcher.Concurrency{Group: "pull request 7 ci:onPullRequest", Cancel: true}},
		"a label":                {event: pull("labeled"), function: "onPullRequestLabeled"},
		"a label, for a function that hears of all": {event: pull("labeled"), function: "onGithub"},
		"a closed one":                               {event: pull("closed"), function: "onGithub"},
		"without a number":                           {event: without, function: "onPullRequest"},
		"a group of pocketci.yaml":                   {event: push("main"), function: "onPush", settings: config.Function{Concurrency: &config.Concurrency{Group: "deploy"}}, want: dispatcher.Concurrency{Group: "deploy"}},
		"one that cancels":                           {event: push("main"), function: "onPush", settings: config.Function{Concurrency: &config.Concurrency{Group: "deploy", Cancel: true}}, want: dispatcher.Concurrency{Group: "deploy", Cancel: true}},
		"one in place of the pull request's":         {event: pull("opened"), function: "onPullRequest", settings: config.Function{Concurrency: &config.Concurrency{Group: "preview"}}, want: dispatcher.Concurrency{Group: "preview"}},
		"one for a label, which has none of its own": {event: pull("labeled"), function: "onGithub", settings: config.Function{Concurrency: &config.Concurrency{Group: "preview"}}, want: dispatcher.Concurrency{Group: "preview"}},
	} {
		t.Run(name, func(t *testing.T) {
			plan := match(t, dispatcher.Input{Event: &c.event, Module: module(fns(c.function)), Config: config.Module{Functions: map[string]config.Function{c.function: c.settings}}})
			if len(plan.Calls) != 1 {
				t.Fatalf("not called: %v %v", plan.Invalid, plan.Skipped)
			}
			if diff := cmp.Diff(c.want, plan.Calls[0].Concurrency); diff != "" {
				t.Errorf("concurrency (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDisabled(t *testing.T) {
	mono := map[string]string{"pocketci.yaml": "modules:\n- path: api/ci\n- path: web/ci\n", "api/ci/dagger.json": "{}", "web/ci/dagger.json": "{}"}
	both := loader{"api/ci": has("api/ci", "onPush", "testOnPush"), "web/ci": has("web/ci", "onPush")}
	for name, c := range map[string]struct {
		disabled []dispatcher.Disabled
		files    map[string]string
		loader   loader
		calls    []string
		not      []string
	}{
		"nothing":    {files: mono, loader: both, calls: []string{"api/ci:onPush", "api/ci:testOnPush", "web/ci:onPush"}},
		"a function": {disabled: []dispatcher.Disabled{{Module: "api/ci", Function: "test-on-push", By: "jane", Reason: "flaky"}}, files: mono, loader: both, calls: []string{"api/ci:onPush", "web/ci:onPush"}, not: []string{"api/ci:testOnPush skipped: disabled by jane: flaky"}},
		"the same function of another module": {
			disabled: []dispatcher.Disabled{{Module: "web/ci", Function: "testOnPush", By: "jane"}}, files: mono, loader: both,
			calls: []string{"api/ci:onPush", "api/ci:testOnPush", "web/ci:onPush"},
		},
		"a module, which is not loaded": {
			disabled: []dispatcher.Disabled{{Module: "./api/ci", By: "jane"}}, files: mono, loader: loader{"web/ci": both["web/ci"]},
			calls: []string{"web/ci:onPush"}, not: []string{"api/ci:* skipped: disabled by jane"},
		},
		"the repository, of which nothing is read": {
			disabled: []dispatcher.Disabled{{Module: "api/ci", By: "joe"}, {By: "jane", Reason: "too loud"}}, files: map[string]string{"pocketci.yaml": "no: such key"},
			not: []string{":* skipped: disabled by jane: too loud"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			ev := push("main")
			p := dispatcher.Planner{Loader: c.loader}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(c.files), Disabled: c.disabled})
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

func TestMaxTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		max  time.Duration
		want string
	}{
		"no cap":       {},
		"just allowed": {max: 2 * time.Hour},
		"too long":     {max: time.Hour, want: "pocketci.yaml:2: timeout: 2h0m0s is more than the 1h0m0s that the agent allows"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ev := range []events.Event{push("main"), events.ManualCall(nil, "", "", "jane", events.ByHand{Function: "onPush"})} {
				p := dispatcher.Planner{Loader: loader{"ci": has("ci", "onPush")}, Timeout: time.Minute, MaxTimeout: c.max}
				plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: tree(map[string]string{
					"ci/dagger.json": "{}",
					"pocketci.yaml":  "functions:\n  onPush: {timeout: 2h}\n",
				})})
				if err != nil {
					t.Fatal(err)
				}
				if c.want == "" {
					if len(plan.Calls) != 1 || plan.Calls[0].Timeout != 2*time.Hour {
						t.Errorf("calls %+v, invalid %+v", plan.Calls, plan.Invalid)
					}
					continue
				}
				if len(plan.Invalid) != 1 || !strings.Contains(plan.Invalid[0].Error, c.want) {
					t.Errorf("invalid %+v, calls %+v, want %q", plan.Invalid, plan.Calls, c.want)
				}
			}
		})
	}
}

// The groups and the order of calls are in what pocketci plan --json prints.
func TestViewOfAfterAndConcurrency(t *testing.T) {
	plan := &dispatcher.Plan{Calls: []dispatcher.Call{
		{Module: "ci", Call: modules.Call{Function: "test"}, Concurrency: dispatcher.Concurrency{Group: "g", Cancel: true}},
		{Module: "web", Call: modules.Call{Function: "ship"}, After: []int{0}},
	}}
	view := plan.View(dispatcher.Place{Source: "."})
	if diff := cmp.Diff(&dispatcher.ConcurrencyView{Group: "g", Cancel: true}, view.Calls[0].Concurrency); diff != "" || view.Calls[1].Concurrency != nil {
		t.Errorf("concurrency (-want +got):\n%s, and of the other %v", diff, view.Calls[1].Concurrency)
	}
	if diff := cmp.Diff([]string{"ci:test"}, view.Calls[1].After); diff != "" || view.Calls[0].After != nil {
		t.Errorf("after (-want +got):\n%s, and of the other %v", diff, view.Calls[0].After)
	}
}
