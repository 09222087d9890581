package dispatcher_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// former is what an agent knows: what is applied, and earlier commits.
type former struct {
	applied dispatcher.Applied
	commits map[string]func() (modules.Tree, error)
}

func (f former) Applied(_ context.Context, repository *events.Repository, module string) (dispatcher.Applied, error) {
	if repository.FullName != "acme/shop" || module != "deploy" {
		return nil, fmt.Errorf("asked for %s:%s", repository.FullName, module)
	}
	return f.applied, nil
}

func (f former) Commit(_ context.Context, _ *events.Event, commit string) (modules.Tree, error) {
	return f.commits[commit]()
}

// versions loads modules by a file of their trees.
type versions map[string][]modules.Function

func (v versions) Load(_ context.Context, tree modules.Tree, path string) (*modules.Module, error) {
	file, err := tree.FS.Open(path + "/version")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", modules.ErrModule, err)
	}
	defer file.Close()
	text := make([]byte, 20)
	n, _ := file.Read(text)
	functions, ok := v[string(text[:n])]
	if !ok {
		return nil, fmt.Errorf("%w: it does not compile", modules.ErrModule)
	}
	return &modules.Module{Path: path, Functions: functions}, nil
}

func version(yaml, version string) modules.Tree {
	return tree(map[string]string{"pocketci.yaml": yaml, "deploy/dagger.json": "{}", "deploy/version": version, "other/dagger.json": "{}", "other/version": "other"})
}

func shopPush(branch string) events.Event {
	e := push(branch)
	e.Repository = &events.Repository{FullName: "acme/shop", DefaultBranch: "main"}
	return e
}

func TestWhatHasAModuleConverge(t *testing.T) {
	const yaml = "modules:\n- {path: deploy, paths: ['deploy/**'], converge: [app]}\n- path: other\n"
	const on = "modules:\n- {path: deploy, converge: {ids: [app], on: [time tick nightly, push release/*]}}\n- path: other\n"
	loads := versions{"1": fns("checkApp", "changeApp", "removeApp", "onPush"), "other": fns("onPush")}
	ticked := tick("nightly")
	ticked.Repository = shopPush("main").Repository
	noDefault := shopPush("main")
	noDefault.Repository = &events.Repository{FullName: "acme/shop"}
	for name, c := range map[string]struct {
		yaml    string
		event   events.Event
		changes []string
		foreign bool
		version string

		why    string
		reason string // why changeApp is not called
	}{
		"a push to the default branch":     {event: shopPush("main"), why: "a push to the default branch main", reason: "the module converges app, in a run of its own that follows"},
		"a push to another branch":         {event: shopPush("dev"), reason: "the module converges app, in a run of its own: a push to the default branch has it converge"},
		"no default branch is known":       {event: noDefault, reason: "the module converges app, in a run of its own: a push to the default branch has it converge"},
		"another event of a forge":         {event: event("github", "release", "main"), reason: "the module converges app, in a run of its own: a push to the default branch has it converge"},
		"other people's commit":            {event: shopPush("main"), foreign: true, reason: "the module converges app, in a run of its own: whoever made the commit need not be allowed to push, and then nothing converges"},
		"nothing of the module changed":    {event: shopPush("main"), changes: []string{"README.md"}},
		"the list may have changed":        {event: shopPush("main"), changes: []string{"pocketci.yaml"}, why: "a push to the default branch main"},
		"a module that does not load":      {event: shopPush("main"), version: "2"},
		"an event of on":                   {yaml: on, event: ticked, why: "it converges on time tick nightly", reason: "the module converges app, in a run of its own that follows"},
		"another event of on":              {yaml: on, event: shopPush("release/1"), why: "it converges on push release/*", reason: "the module converges app, in a run of its own that follows"},
		"no event of on":                   {yaml: on, event: shopPush("main"), reason: "the module converges app, in a run of its own: time tick nightly, push release/* has it converge"},
		"the convergence of another":       {yaml: on, event: events.Apply(shopPush("main").Repository, "", "", "", "other")},
		"a function that a person asks of": {event: events.ManualCall(shopPush("main").Repository, "", "", "", events.ByHand{Function: "changeApp"})},
	} {
		t.Run(name, func(t *testing.T) {
			yaml, v := yaml, "1"
			if c.yaml != "" {
				yaml = c.yaml
			}
			if c.version != "" {
				v = c.version
			}
			changes := dispatcher.Changes{Files: c.changes}
			if c.changes == nil {
				changes.Unknown = "not told"
			}
			p := dispatcher.Planner{Loader: loads, States: former{applied: dispatcher.Applied{{ID: "app", Commit: "c1"}}}}
			for _, preview := range []bool{false, true} {
				plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &c.event, Tree: version(yaml, v), Changes: changes, Foreign: c.foreign, Preview: preview})
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range plan.Skipped {
					if s.Function == "changeApp" && s.Reason != c.reason {
						t.Errorf("changeApp is not called because %q, want %q", s.Reason, c.reason)
					}
				}
				if c.why == "" {
					if len(plan.Following) > 0 {
						t.Errorf("%+v follows", plan.Following)
					}
					continue
				}
				if len(plan.Following) != 1 || plan.Following[0].Module != "deploy" || plan.Following[0].Why != c.why {
					t.Fatalf("%+v follows, want deploy because of %q", plan.Following, c.why)
				}
				if got := plan.Following[0].Preview; (got != nil) != preview || preview && cmp.Diff([]string{"checkApp", "changeApp after checkApp"}, lines(*got)) != "" {
					t.Errorf("the preview is %+v", got)
				}
			}
		})
	}
}

func TestPlanOfAModuleThatConverges(t *testing.T) {
	const now = "modules:\n- {path: deploy, converge: [app]}\n- path: other\n"
	const then = "modules:\n- {path: deploy, converge: [dns], functions: {removeDns: {timeout: 7m, args: {zone: example.org}}}}\n- path: other\n"
	at := func(tree modules.Tree) func() (modules.Tree, error) {
		return func() (modules.Tree, error) { return tree, nil }
	}
	away := errors.New("the server is away")
	known := func(commits map[string]func() (modules.Tree, error)) former {
		return former{applied: dispatcher.Applied{{ID: "dns", Commit: "c1"}, {ID: "app", Commit: "c2"}}, commits: commits}
	}
	loads := versions{
		"2": fns("checkApp", "changeApp", "onPush"), "other": fns("onPush"),
		"1": {fn("changeDns"), fn("removeDns", arg("zone", stringType), arg("src", directoryType))},
	}
	for name, c := range map[string]struct {
		module   string
		yaml     string
		states   dispatcher.States
		disabled []dispatcher.Disabled
		foreign  bool
		version  string

		calls    []string
		invalid  []string
		skipped  string
		warnings int
		err      error
	}{
		"removed by the commit that was applied": {
			states: known(map[string]func() (modules.Tree, error){"c1": at(version(then, "1"))}),
			calls:  []string{"removeDns@c1", "checkApp after removeDns", "changeApp after checkApp"},
		},
		"the commit is lost": {
			states:  known(map[string]func() (modules.Tree, error){"c1": func() (modules.Tree, error) { return modules.Tree{}, fmt.Errorf("%w: gone", modules.ErrModule) }}),
			invalid: []string{"removeDns: dns is not in the list any more, and the module at commit c1 cannot be had: module cannot be loaded: gone; give this commit's module a function removeDns, or put dns back into the list"},
		},
		"the commit does not load": {
			states:  known(map[string]func() (modules.Tree, error){"c1": at(version(then, "broken"))}),
			invalid: []string{"removeDns: dns is not in the list any more, and the module at commit c1 cannot be had: module cannot be loaded: it does not compile; give this commit's module a function removeDns, or put dns back into the list"},
		},
		"its pocketci.yaml cannot be read": {
			states:  known(map[string]func() (modules.Tree, error){"c1": at(version("modules: 3\n", "1"))}),
			invalid: []string{"removeDns: dns is not in the list any more, and the module at commit c1 cannot be had: pocketci.yaml:1:10: modules must be a list, not a number; give this commit's module a function removeDns, or put dns back into the list"},
		},
		"the server is away":          {states: known(map[string]func() (modules.Tree, error){"c1": func() (modules.Tree, error) { return modules.Tree{}, away }}), err: away},
		"where nothing is known":      {calls: []string{"checkApp", "changeApp after checkApp"}, warnings: 1},
		"a module that is not there":  {module: "nowhere", states: former{}, invalid: []string{": the repository has no module nowhere; its modules are deploy, other"}},
		"a module without a list":     {module: "other", states: former{}, invalid: []string{": pocketci.yaml does not say what module other converges; add the list converge"}},
		"a disabled module":           {states: former{}, disabled: []dispatcher.Disabled{{Module: "deploy", By: "anna"}}, skipped: "disabled by anna"},
		"other people's commit":       {states: former{}, foreign: true, skipped: "whoever made the commit need not be allowed to push, and then nothing converges"},
		"a module that does not load": {states: former{}, version: "3", invalid: []string{": module cannot be loaded: it does not compile"}},
	} {
		t.Run(name, func(t *testing.T) {
			module, v := "deploy", "2"
			if c.module != "" {
				module = c.module
			}
			if c.version != "" {
				v = c.version
			}
			ev := events.Apply(shopPush("main").Repository, "refs/heads/main", "c3", "anna", module)
			p := dispatcher.Planner{Loader: loads, States: c.states}
			plan, err := p.Plan(t.Context(), dispatcher.Request{Event: &ev, Tree: version(now, v), Changes: dispatcher.Changes{Unknown: "no diff"}, Disabled: c.disabled, Foreign: c.foreign})
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(c.calls, lines(*plan)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.invalid, errorsOf(plan.Invalid)); diff != "" {
				t.Errorf("invalid (-want +got):\n%s", diff)
			}
			for _, s := range plan.Skipped {
				if s.Module == "deploy" && c.skipped != "" && s.Reason != c.skipped {
					t.Errorf("skipped because %s", s.Reason)
				}
				if s.Module == "other" && module != "other" && s.Reason != "the event has module "+module+" converge and no other" {
					t.Errorf("the other module is skipped because %s", s.Reason)
				}
			}
			if len(plan.Warnings) != c.warnings {
				t.Errorf("warnings: %q", plan.Warnings)
			}
			if len(plan.Calls) == 3 {
				call := plan.Calls[0]
				if call.Timeout.String() != "7m0s" || len(call.Args) != 2 || call.Args[0].Value.Const != "example.org" {
					t.Errorf("the former settings do not count: %+v", call)
				}
				view := plan.View(dispatcher.Place{Source: "https://git.test/acme/shop.git#c3"})
				if got := view.Calls[0].Converge; got == nil || *got != (dispatcher.ConvergingView{ID: "dns", Does: dispatcher.DoesRemove, Commit: "c1"}) || !strings.Contains(view.Calls[0].Command, "https://git.test/acme/shop.git/deploy@c1 remove-dns") || view.Calls[0].Args["src"] != "https://git.test/acme/shop.git#c1" {
					t.Errorf("it is shown as %+v", view.Calls[0])
				}
				if got := view.Calls[2].Converge; got == nil || *got != (dispatcher.ConvergingView{ID: "app", Does: dispatcher.DoesChange, Needs: "deploy:checkApp"}) {
					t.Errorf("the change is shown as %+v", view.Calls[2])
				}
			}
		})
	}
}
