package dispatcher_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// happens is one thing of each kind that can happen, by a name for it. Those of other
// branches and files are where conditions tell them apart.
func happens() map[string]events.Event {
	all := map[string]events.Event{
		"own tick":   tickOf("Nightly", schedule.OfFunctions, "0 2 * * *"),
		"agent tick": tickOf("nightly", schedule.OfAgent, "0 2 * * *"),
		"other tick": tickOf("weekly", schedule.OfAgent, "0 2 * * 1"),
	}
	for _, vendor := range []string{"github", "gitlab"} {
		for _, e := range []events.Event{
			push("main"), push("docs"), push("feature/login"), tag("v1"), pull("opened"), pull("synchronize"), pull("closed"),
			{Name: "release", Filter: "published"}, {Name: "create", Filter: "tag"}, {Name: "issue_comment", Filter: "created"},
			{Name: "star", Filter: "created"},
		} {
			e.Vendor = vendor
			all[strings.Join([]string{vendor, e.Name, e.Filter}, " ")] = e
		}
	}
	for _, e := range []events.Event{
		{Vendor: "registry", Name: "tag", Filter: "acme/web:v1"}, {Vendor: "registry", Name: "release", Filter: "acme/api:v2"},
		{Vendor: "webhook", Name: "deploys", Filter: "staging"}, {Vendor: "signed", Name: "push", Filter: "till"}, {Vendor: "signed", Name: "pull", Filter: "till"},
		{Vendor: "mirror", Name: "updated", Filter: "site"}, {Vendor: "mirror", Name: "failed", Filter: "site"},
		{Vendor: "converge", Name: "changed", Filter: "nginx"}, {Vendor: "manual", Name: "run"},
	} {
		all[strings.TrimSpace(strings.Join([]string{e.Vendor, e.Name, e.Filter}, " "))] = e
	}
	return all
}

// calling lists what of all that happens calls a function by Match.
func calling(m *modules.Module, settings config.Module, function string) []string {
	called := []string{}
	for what, ev := range happens() {
		changes := dispatcher.Changes{Files: []string{"main.go"}}
		if ev.Branch == "docs" {
			changes.Files = []string{"docs/index.md"}
		}
		plan := dispatcher.Match(dispatcher.Input{Event: &ev, Changes: changes, Config: settings, Module: m})
		if slices.ContainsFunc(plan.Calls, func(c dispatcher.Call) bool { return modules.SameName(c.Function, function) }) {
			called = append(called, what)
		}
	}
	slices.Sort(called)
	return called
}

func TestTriggerWords(t *testing.T) {
	t.Parallel()
	settings := func(name string, f config.Function) config.Module {
		return config.Module{Path: "ci", Functions: map[string]config.Function{name: f}}
	}
	both := func(what ...string) []string {
		var list []string
		for _, vendor := range []string{"github ", "gitlab "} {
			for _, w := range what {
				list = append(list, vendor+w)
			}
		}
		slices.Sort(list)
		return list
	}
	never := []string{}
	for name, c := range map[string]struct {
		fn       modules.Function
		beside   []modules.Function
		settings config.Module
		check    bool
		words    string
		called   []string
	}{
		"push of a branch, with files": {
			fn: fn("testOnGithubPushMain", def("onChanges", "**/*.go")), words: "on every push to main at GitHub when **/*.go changed", called: []string{"github push main"}},
		"every push": {fn: fn("onPush"), words: "on every push to a branch", called: both("push main", "push docs", "push feature/login")},
		"files": {
			fn: fn("onPush", def("onChanges", "**/*.go,go.mod,!vendor/**")), words: "on every push to a branch when **/*.go or go.mod (but not vendor/**) changed",
			called: both("push main", "push feature/login")},
		"files without those": {
			fn: fn("onPush", def("onChanges", "!docs/**")), words: "on every push to a branch when something (but not docs/**) changed", called: both("push main", "push feature/login")},
		"a module's paths": {
			fn: fn("onGithubPush"), settings: config.Module{Path: "ci", Paths: []string{"**"}},
			words: "on every push to a branch at GitHub when ** changed", called: []string{"github push docs", "github push feature/login", "github push main"}},
		"a branch of several words": {
			fn: fn("onGithubPushFeatureLogin"), words: "on every push to “feature login” (whatever separates the words) at GitHub", called: []string{"github push feature/login"}},
		"branches by a default": {
			fn: fn("onGithubPush", def("filter", "main,feature/*")), words: "on every push to main or feature/* at GitHub", called: []string{"github push feature/login", "github push main"}},
		"a branch by name and by a default": {
			fn: fn("onGithubPushMain", def("filter", "docs")), words: "on every push to main at GitHub, if the filter is docs", called: never},
		"tag":     {fn: fn("onGithubTag"), words: "on every push of a tag at GitHub", called: []string{"github tag v1"}},
		"one tag": {fn: fn("onTagV1"), words: "on every push of the tag v1", called: both("tag v1")},
		"pull request": {
			fn: fn("lintOnGithubPullRequest"), words: "on every pull request at GitHub that is opened, reopened or gets new commits",
			called: []string{"github pull_request opened", "github pull_request synchronize"}},
		"pull request of an action": {fn: fn("onPullRequestClosed"), words: "on every pull request whose action is closed", called: both("pull_request closed")},
		"pull request of actions": {
			fn: fn("onPullRequest", def("filter", "opened,closed")), words: "on every pull request whose action is opened or closed", called: both("pull_request closed", "pull_request opened")},
		"pull request of any action": {
			fn: fn("onPullRequest", optional("filter", stringType)), words: "on everything that happens to a pull request",
			called: both("pull_request closed", "pull_request opened", "pull_request synchronize")},
		"pull request against a branch": {
			fn: fn("onPullRequest", def("base", "main,release/*")), words: "on every pull request against main or release/* that is opened, reopened or gets new commits",
			called: both("pull_request opened", "pull_request synchronize")},
		"a base that pushes have not": {fn: fn("onPush", def("base", "main")), words: "on every push to a branch, if the base is main", called: never},
		"release":                     {fn: fn("onReleasePublished"), words: "on every release whose action is published", called: both("release published")},
		"every release":               {fn: fn("onGitlabRelease"), words: "on everything that happens to a release at GitLab", called: []string{"gitlab release published"}},
		"create":                      {fn: fn("onCreate"), words: "whenever a branch or tag is created", called: both("create tag")},
		"create a tag":                {fn: fn("onGithubCreateTag"), words: "whenever a tag is created at GitHub", called: []string{"github create tag"}},
		"another event":               {fn: fn("onGithubIssueCommentCreated"), words: "on every event issue_comment of GitHub whose filter is created", called: []string{"github issue_comment created"}},
		"an event that is not known":  {fn: fn("thankOnGithubStarCreated"), words: "on events of GitHub whose name and filter read “star created”", called: []string{"github star created"}},
		"no vendor, no known event":   {fn: fn("thankOnStar"), words: "on events of a forge whose name and filter read “star”", called: both("star created")},
		"a vendor": {
			fn: fn("onGitlab", def("event", "push,pull_request")), words: "on every event of GitLab that is push or pull_request (pull requests once they are opened, reopened or get new commits)",
			called: []string{"gitlab pull_request opened", "gitlab pull_request synchronize", "gitlab push docs", "gitlab push feature/login", "gitlab push main"}},
		"vendors by a default": {fn: fn("onTag", def("vendor", "gitlab")), words: "on every push of a tag, if the vendor is gitlab", called: []string{"gitlab tag v1"}},
		"settings": {
			fn: fn("onGithubPush", def("filter", "docs")), settings: settings("on-github-push", config.Function{Filter: []string{"main"}, OnChanges: []string{"*.go"}}),
			words: "on every push to main at GitHub when *.go changed", called: []string{"github push main"}},
		"two readings": {
			fn: fn("onGithubPushOnTag"), words: "on every push to “on tag” (whatever separates the words) at GitHub; and on every push of a tag", called: both("tag v1")},
		"a more specific name": {
			fn: fn("onGithubPush"), beside: fns("onPushMain", "deployOnTag", "testOnGithubPushDocs"),
			words: "on every push to a branch at GitHub, but not where the more specific name of onPushMain or testOnGithubPushDocs is meant", called: []string{"github push feature/login"}},
		"another prefix": {
			fn: fn("lintOnGithubPush"), beside: fns("testOnGithubPushMain"), words: "on every push to a branch at GitHub",
			called: []string{"github push docs", "github push feature/login", "github push main"}},
		"dispatch": {
			fn: fn("dispatch", def("event", "run,tag")), beside: fns("onGithubTag"), words: "on every event that no other function of the module is named for, if the event is run or tag",
			called: []string{"gitlab tag v1", "manual run", "registry tag acme/web:v1"}},

		"own schedule":             {fn: fn("cleanOnTimeTickNightly", def("schedule", "0 2 * * *")), words: "at each tick of the schedule Nightly (each day at 02:00 UTC)", called: []string{"own tick"}},
		"own schedule, not daily":  {fn: fn("onTimeTickWeekly", def("schedule", "CRON_TZ=Europe/Berlin 0 2 * * 1")), words: "at each tick of the schedule Weekly (on Mondays at 02:00 Europe/Berlin)", called: never},
		"own schedule, other name": {fn: fn("onPush", def("schedule", "0 2 * * *")), words: "by hand only: it has a schedule, and its name does not wait for ticks; end it in OnTimeTick and a name", called: never},
		"own schedule, bad": {
			fn: fn("onTimeTickNightly", def("schedule", "soon")), words: "by hand only: ", called: never},
		"the agent's schedule": {fn: fn("onTimeTickNightly"), words: "at each tick of the agent's schedule nightly", called: []string{"agent tick"}},
		"every schedule":       {fn: fn("onTime"), words: "at each tick of every schedule of the agent", called: []string{"agent tick", "other tick"}},
		"schedules by default": {fn: fn("onTimeTick", def("filter", "week*")), words: "at each tick of the agent's schedule week*", called: []string{"other tick"}},
		"time without ticks":   {fn: fn("onTimeNightly"), words: "by hand only: its name waits for OnTimeNightly, and no such event is known", called: never},

		"registry": {fn: fn("onRegistry"), words: "on every event of a watched image", called: []string{"registry release acme/api:v2", "registry tag acme/web:v1"}},
		"registry by repository": {
			fn: fn("onRegistryTagAcmeWeb"), words: "on every event tag of the watched image, repository or tag “acme web” (whatever separates the words)", called: []string{"registry tag acme/web:v1"}},
		"registry by a default": {fn: fn("onRegistryRelease", def("filter", "v*")), words: "on every event release of the watched image, repository or tag v*", called: []string{"registry release acme/api:v2"}},
		"webhook":               {fn: fn("onWebhook"), words: "on every delivery of a webhook of agent.yaml", called: []string{"webhook deploys staging"}},
		"webhook by name":       {fn: fn("onWebhookDeploys"), words: "on every delivery of the webhook deploys", called: []string{"webhook deploys staging"}},
		"webhook by filter":     {fn: fn("onWebhookDeploysStaging"), words: "on every delivery of webhooks whose name and filter read “deploys staging”", called: []string{"webhook deploys staging"}},
		"signed push":           {fn: fn("onSignedPushTill"), words: "whenever something signed is pushed to the signed source till", called: []string{"signed push till"}},
		"signed pull":           {fn: fn("onSignedPull"), words: "whenever something signed is pulled from a signed source", called: []string{"signed pull till"}},
		"signed":                {fn: fn("onSigned"), words: "whenever something signed comes from a signed source", called: []string{"signed pull till", "signed push till"}},
		"mirror updated":        {fn: fn("onMirrorUpdatedSite"), words: "whenever the mirror site was updated", called: []string{"mirror updated site"}},
		"mirror":                {fn: fn("onMirror"), words: "whenever a mirror was updated or failed", called: []string{"mirror failed site", "mirror updated site"}},
		"converge":              {fn: fn("tellOnConvergeChanged"), words: "on events of the vendor converge whose name and filter read “changed”", called: []string{"converge changed nginx"}},
		"manual":                {fn: fn("onManualRun"), words: "when a person asks for a run of the repository", called: []string{"manual run"}},
		"manual with a filter":  {fn: fn("onManualRunFast"), words: "by hand only: its name waits for OnManualRunFast, and no such event is known", called: never},

		"no trigger":          {fn: fn("build"), words: "by hand only: its name is not a trigger: it has no On<Vendor><Event><Filter>", called: never},
		"on at the end":       {fn: fn("turnLightOn"), words: "by hand only: its name is not a trigger: it has no On<Vendor><Event><Filter>", called: never},
		"no boundary":         {fn: fn("httponPush"), words: "by hand only: it ends in OnPush without a word boundary before it; put a lower-case letter before On", called: never},
		"a boundary too many": {fn: fn("onGitHubPush"), words: "by hand only: it is read word by word and so not as OnGithubPush; write it as one word to make it a trigger", called: never},
		"check": {
			fn: fn("lint"), check: true, words: "as a check, on every push to a branch and on every pull request that is opened, reopened or gets new commits",
			called: both("pull_request opened", "pull_request synchronize", "push docs", "push feature/login", "push main")},
		"check with settings": {
			fn: fn("lint"), check: true, settings: config.Module{Path: "ci", Checks: config.Checks{ByName: map[string]config.Check{"lint": {Events: []string{"tag", "push"}, OnChanges: []string{"**/*.go"}}}}},
			words: "as a check, on every push of a tag and on every push to a branch when **/*.go changed", called: both("push feature/login", "push main", "tag v1")},
		"checks that are off":           {fn: fn("lint"), check: true, settings: config.Module{Path: "ci", Checks: config.Checks{Off: true}}, words: "by hand only: pocketci.yaml says checks: false", called: never},
		"check that requires something": {fn: fn("lint", arg("name", stringType)), check: true, words: "by hand only: it is marked as a check and requires the argument name, and checks are called without arguments", called: never},
		"check named for an event":      {fn: fn("lintOnTag"), check: true, words: "on every push of a tag", called: both("tag v1")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &modules.Module{Path: "ci", Functions: append([]modules.Function{c.fn}, c.beside...)}
			if c.check {
				m.Checks = []modules.Check{{Name: c.fn.Name, Path: []string{c.fn.Name}, Requires: c.fn.Args}}
			}
			got := dispatcher.TriggerOf(m, &m.Functions[0], c.settings)
			if c.words == "by hand only: " {
				if !strings.HasPrefix(got.Words, c.words) {
					t.Errorf("it says %q", got.Words)
				}
			} else if got.Words != c.words {
				t.Errorf("it says\n%s, want\n%s", got.Words, c.words)
			}
			called := calling(m, c.settings, c.fn.Name)
			if diff := cmp.Diff(c.called, called); diff != "" {
				t.Errorf("%s is called by (-want +got):\n%s", c.fn.Name, diff)
			}
			if got.ByHand && len(called) > 0 {
				t.Errorf("it says %q and is called by %v", got.Words, called)
			}
		})
	}
}

func TestTriggerOfConverging(t *testing.T) {
	t.Parallel()
	settings := config.Module{Path: "ci", Converge: &config.Converge{IDs: []config.ConvergeID{{ID: "web-server"}}}}
	m := &modules.Module{Path: "ci", Functions: fns("changeWebServer", "removeWebServer", "build")}
	for name, want := range map[string]string{
		"changeWebServer": "when the module converges, which it does on a push to the default branch: it keeps web-server as it should be",
		"removeWebServer": "when the module converges, once web-server is not in its list any more",
		"build":           "by hand only: its name is not a trigger: it has no On<Vendor><Event><Filter>",
	} {
		if got := dispatcher.TriggerOf(m, m.Function(name), settings).Words; got != want {
			t.Errorf("%s is called %q, want %q", name, got, want)
		}
	}
}
