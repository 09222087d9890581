package dispatcher_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// Types and arguments that the tables spell functions with.
var (
	stringType    = modules.Type{Kind: modules.KindString}
	intType       = modules.Type{Kind: modules.KindInteger}
	boolType      = modules.Type{Kind: modules.KindBoolean}
	listType      = modules.Type{Kind: modules.KindList, Elem: &stringType}
	directoryType = modules.Type{Kind: modules.KindObject, Name: "Directory"}
	fileType      = modules.Type{Kind: modules.KindObject, Name: "File"}
	secretType    = modules.Type{Kind: modules.KindObject, Name: "Secret"}
	containerType = modules.Type{Kind: modules.KindObject, Name: "Container"}
)

func arg(name string, t modules.Type) modules.Arg { return modules.Arg{Name: name, Type: t} }

func optional(name string, t modules.Type) modules.Arg {
	t.Optional = true
	return arg(name, t)
}

// def is a string argument with a default value.
func def(name, value string) modules.Arg {
	text, _ := json.Marshal(value)
	return modules.Arg{Name: name, Type: stringType, Default: text}
}

func fn(name string, args ...modules.Arg) modules.Function {
	return modules.Function{Name: name, Args: args}
}

func fns(names ...string) []modules.Function {
	var list []modules.Function
	for _, name := range names {
		list = append(list, fn(name))
	}
	return list
}

func push(branch string) events.Event {
	return events.Event{ID: "1", Vendor: "github", Name: "push", Kind: "push", Filter: branch, Branch: branch, Ref: "refs/heads/" + branch}
}

func tag(name string) events.Event {
	return events.Event{ID: "1", Vendor: "github", Name: "tag", Kind: "push", Filter: name, Tag: name, Ref: "refs/tags/" + name}
}

func pull(action string) events.Event {
	return events.Event{ID: "1", Vendor: "github", Name: "pull_request", Kind: "pull_request", Filter: action, BaseRef: "main", PullRequest: 7}
}

func tick(schedule string) events.Event {
	return events.Event{ID: "1", Vendor: "time", Name: "tick", Filter: schedule}
}

// tickOf is a tick as a clock makes it.
func tickOf(name string, of schedule.Owner, expression string) events.Event {
	s, err := schedule.Parse(expression, nil)
	if err != nil {
		panic(err)
	}
	return s.Event(name, time.Unix(1_790_000_000, 0), of, 0)
}

func event(vendor, name, filter string) events.Event {
	return events.Event{ID: "1", Vendor: vendor, Name: name, Filter: filter}
}

// match plans one module and fails the test if any function is not in exactly
// one list of the plan.
func match(t *testing.T, in dispatcher.Input) dispatcher.Plan {
	t.Helper()
	plan := dispatcher.Match(in)
	seen := map[string]int{}
	for _, c := range plan.Calls {
		seen[c.Function]++
	}
	for _, c := range plan.Invalid {
		seen[c.Function]++
	}
	for _, c := range plan.Skipped {
		seen[c.Function]++
		if c.Reason == "" {
			t.Errorf("%s is skipped without a reason", c.Function)
		}
	}
	for _, f := range in.Module.Functions {
		if seen[f.Name] != 1 {
			t.Errorf("%s is in the plan %d times, want once", f.Name, seen[f.Name])
		}
	}
	return plan
}

func called(plan dispatcher.Plan) []string {
	var list []string
	for _, c := range plan.Calls {
		list = append(list, c.Function)
	}
	return list
}

func module(functions []modules.Function) *modules.Module {
	return &modules.Module{Path: "ci", Name: "ci", Functions: functions}
}

func TestNamesMatchEvents(t *testing.T) {
	for name, c := range map[string]struct {
		event     events.Event
		functions []string
		want      []string
	}{
		"vendor, event and filter":                     {push("main"), []string{"onGithubPushMain"}, []string{"onGithubPushMain"}},
		"event and filter":                             {push("main"), []string{"onPushMain"}, []string{"onPushMain"}},
		"vendor and event":                             {push("main"), []string{"onGithubPush"}, []string{"onGithubPush"}},
		"event":                                        {push("main"), []string{"onPush"}, []string{"onPush"}},
		"vendor":                                       {push("main"), []string{"onGithub"}, []string{"onGithub"}},
		"dispatch":                                     {push("main"), []string{"dispatch"}, []string{"dispatch"}},
		"dispatch is exact":                            {event("github", "repository_dispatch", "deploy"), []string{"onGithubRepositoryDispatch", "testDispatch"}, []string{"onGithubRepositoryDispatch"}},
		"dispatch takes no prefix":                     {push("main"), []string{"buildDispatch"}, nil},
		"another branch":                               {push("dev"), []string{"onGithubPushMain"}, nil},
		"another event":                                {push("main"), []string{"onGithubRelease"}, nil},
		"another vendor":                               {push("main"), []string{"onGitlabPush"}, nil},
		"a branch with a slash and a dash":             {push("feature/login-v2"), []string{"onGithubPushFeatureLoginV2"}, []string{"onGithubPushFeatureLoginV2"}},
		"ma-in is not Main":                            {push("ma-in"), []string{"onGithubPushMain"}, nil},
		"ma-in is MaIn":                                {push("ma-in"), []string{"onGithubPushMaIn"}, []string{"onGithubPushMaIn"}},
		"case of the branch does not count":            {push("MAIN"), []string{"onGithubPushMain"}, []string{"onGithubPushMain"}},
		"case changes split a branch":                  {push("featureLogin"), []string{"onGithubPushFeatureLogin"}, []string{"onGithubPushFeatureLogin"}},
		"no split before digits":                       {push("v-2"), []string{"onGithubPushV2"}, nil},
		"split after digits at a capital":              {push("v2-beta"), []string{"onGithubPushV2Beta"}, []string{"onGithubPushV2Beta"}},
		"capitals are one word":                        {push("http-server"), []string{"onGithubPushHTTPServer"}, []string{"onGithubPushHTTPServer"}},
		"a filter that is a prefix of the name's":      {push("release"), []string{"onGithubPushReleaseCandidate"}, nil},
		"a name that is a prefix of the filter":        {push("release-candidate"), []string{"onGithubPushRelease"}, nil},
		"no word in the filter, no filter level":       {push("---"), []string{"onGithubPush"}, []string{"onGithubPush"}},
		"no ASCII in the filter, no filter level":      {push("ветка"), []string{"onGithubPushВетка", "onGithubPush"}, []string{"onGithubPush"}},
		"letters beyond ASCII are letters":             {push("feature/ветка"), []string{"onGithubPushFeature"}, nil},
		"underscores in event names":                   {pull("opened"), []string{"onGithubPullRequestOpened"}, []string{"onGithubPullRequestOpened"}},
		"underscores in actions":                       {pull("review_requested"), []string{"onGithubPullRequestReviewRequested"}, []string{"onGithubPullRequestReviewRequested"}},
		"tags are not pushes":                          {tag("v1"), []string{"onGithubPush", "onGithubTag"}, []string{"onGithubTag"}},
		"a tag by name":                                {tag("nightly"), []string{"onTagNightly"}, []string{"onTagNightly"}},
		"without vendor only for forges":               {event("registry", "release", "app:v1"), []string{"onRelease", "onReleaseAppV1"}, nil},
		"registry with vendor":                         {event("registry", "release", "app:v1"), []string{"onRegistryReleaseAppV1"}, []string{"onRegistryReleaseAppV1"}},
		"without vendor on gitlab":                     {event("gitlab", "push", "main"), []string{"onPushMain"}, []string{"onPushMain"}},
		"without vendor on bitbucket":                  {event("bitbucket", "pull_request", "opened"), []string{"onPullRequest"}, []string{"onPullRequest"}},
		"manual runs":                                  {event("manual", "run", ""), []string{"onManualRun", "onRun", "onManual"}, []string{"onManualRun"}},
		"a prefix":                                     {push("main"), []string{"testOnGithubPush"}, []string{"testOnGithubPush"}},
		"a prefix of several words":                    {push("main"), []string{"buildTheDocsOnGithubPush"}, []string{"buildTheDocsOnGithubPush"}},
		"words after the trigger are a filter":         {push("main"), []string{"onGithubPushMainNow"}, nil},
		"a prefix that swallowed On":                   {push("main"), []string{"httponPush"}, nil},
		"an event whose name continues":                {event("github", "pull_request_review", "submitted"), []string{"onGithubPullRequest", "onGithubPullRequestReview"}, []string{"onGithubPullRequestReview"}},
		"two readings of one name, as event":           {push("main"), []string{"buildOnPushOnGithubPush"}, []string{"buildOnPushOnGithubPush"}},
		"two readings of one name, as branch":          {push("on/github/push"), []string{"buildOnPushOnGithubPush"}, []string{"buildOnPushOnGithubPush"}},
		"a helper function is no trigger":              {push("main"), []string{"build", "version", "on"}, nil},
		"an empty filter is not the vendor event name": {event("github", "create", ""), []string{"onGithubCreate", "onGithubCreateBranch"}, []string{"onGithubCreate"}},
	} {
		t.Run(name, func(t *testing.T) {
			ev := c.event
			plan := match(t, dispatcher.Input{Event: &ev, Module: module(fns(c.functions...))})
			if diff := cmp.Diff(c.want, called(plan)); diff != "" {
				t.Errorf("called (-want +got):\n%s\n%v", diff, plan.Skipped)
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	for name, c := range map[string]struct {
		functions []string
		want      []string
	}{
		"the most specific of all":                     {[]string{"dispatch", "onGithub", "onPush", "onGithubPush", "onPushMain", "onGithubPushMain"}, []string{"onGithubPushMain"}},
		"event and filter before vendor and event":     {[]string{"onPushMain", "onGithubPush"}, []string{"onPushMain"}},
		"vendor and event before event":                {[]string{"onPush", "onGithubPush"}, []string{"onGithubPush"}},
		"event before vendor":                          {[]string{"onPush", "onGithub"}, []string{"onPush"}},
		"vendor before dispatch":                       {[]string{"onGithub", "dispatch"}, []string{"onGithub"}},
		"the same prefix":                              {[]string{"testOnPush", "testOnGithubPushMain"}, []string{"testOnGithubPushMain"}},
		"prefixes do not silence each other":           {[]string{"testOnGithubPush", "deployOnGithubPushMain"}, []string{"testOnGithubPush", "deployOnGithubPushMain"}},
		"no prefix gives way to a more specific one":   {[]string{"onGithubPush", "deployOnGithubPushMain"}, []string{"deployOnGithubPushMain"}},
		"no prefix stays beside the same level":        {[]string{"onGithubPush", "testOnGithubPush"}, []string{"onGithubPush", "testOnGithubPush"}},
		"no prefix stays beside a less specific one":   {[]string{"onGithubPushMain", "testOnGithubPush"}, []string{"onGithubPushMain", "testOnGithubPush"}},
		"dispatch gives way to a prefixed vendor":      {[]string{"dispatch", "testOnGithub"}, []string{"testOnGithub"}},
		"a silenced prefixed one silences nothing":     {[]string{"onPush", "testOnGithub", "testOnPush"}, []string{"onPush", "testOnPush"}},
		"each prefix has its own best":                 {[]string{"aOnPush", "aOnGithub", "bOnGithub", "bOnPushMain"}, []string{"aOnPush", "bOnPushMain"}},
		"the same prefix in another case":              {[]string{"lintAllOnPush", "lintAllOnPushMain"}, []string{"lintAllOnPushMain"}},
		"two readings: prefixed and not, both are met": {[]string{"onPushOnPush", "onPushOnGithubPush"}, []string{"onPushOnGithubPush"}},
	} {
		t.Run(name, func(t *testing.T) {
			ev := push("main")
			plan := match(t, dispatcher.Input{Event: &ev, Module: module(fns(c.functions...))})
			if diff := cmp.Diff(c.want, called(plan)); diff != "" {
				t.Errorf("called (-want +got):\n%s", diff)
			}
		})
	}
}

// A failed condition skips its function; it never opens a lower level.
func TestConditionNeverOpensALowerLevel(t *testing.T) {
	ev := push("main")
	plan := match(t, dispatcher.Input{
		Event:   &ev,
		Changes: dispatcher.Changes{Files: []string{"README.md"}},
		Module: module([]modules.Function{
			fn("onGithubPush", def("onChanges", "**/*.go")),
			fn("onGithub"),
			fn("dispatch"),
		}),
	})
	if got := called(plan); got != nil {
		t.Errorf("called %v, want nothing", got)
	}
	want := []string{
		"no changed file matches **/*.go",
		"ci:onGithubPush has a more specific name, which takes precedence even where it is not called",
		"ci:onGithubPush has a more specific name, which takes precedence even where it is not called",
	}
	var got []string
	for _, s := range plan.Skipped {
		got = append(got, s.Reason)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestConditions(t *testing.T) {
	files := func(names ...string) dispatcher.Changes { return dispatcher.Changes{Files: names} }
	unknown := dispatcher.Changes{Unknown: "a release has no diff"}
	for name, c := range map[string]struct {
		event    events.Event
		changes  dispatcher.Changes
		fn       modules.Function
		settings config.Function
		skip     string // part of the reason; empty if the function is called
	}{
		"filter, one of a list":                     {event: pull("opened"), fn: fn("onGithubPullRequest", def("filter", "synchronize, opened"))},
		"filter, none of a list":                    {event: pull("labeled"), fn: fn("onGithubPullRequest", def("filter", "synchronize,opened")), skip: `filter "labeled" is none of synchronize, opened`},
		"filter is case-sensitive":                  {event: push("Main"), fn: fn("onGithubPush", def("filter", "main")), skip: "filter"},
		"filter as glob":                            {event: push("release/1.2"), fn: fn("onGithubPush", def("filter", "release/*"))},
		"filter as glob stops at a slash":           {event: push("release/1/2"), fn: fn("onGithubPush", def("filter", "release/*")), skip: "filter"},
		"filter that is a glob by accident":         {event: push("[wip]"), fn: fn("onGithubPush", def("filter", "[wip]"))},
		"an empty default is no condition":          {event: push("main"), fn: fn("onGithubPush", def("filter", ""))},
		"vendor":                                    {event: push("main"), fn: fn("onPush", def("vendor", "gitlab,gitea")), skip: `vendor "github"`},
		"event":                                     {event: push("main"), fn: fn("onGithub", def("event", "push,tag"))},
		"another event":                             {event: pull("opened"), fn: fn("onGithub", def("event", "push,tag")), skip: `event "pull_request"`},
		"base":                                      {event: pull("opened"), fn: fn("onGithubPullRequest", def("base", "main,release/*"))},
		"another base":                              {event: pull("opened"), fn: fn("onGithubPullRequest", def("base", "dev")), skip: `base "main"`},
		"base without a pull request":               {event: push("main"), fn: fn("onGithubPush", def("base", "main")), skip: "the event has no base"},
		"settings win over defaults":                {event: push("dev"), fn: fn("onGithubPush", def("filter", "main")), settings: config.Function{Filter: []string{"dev"}}},
		"settings where there is no argument":       {event: push("dev"), fn: fn("onGithubPush"), settings: config.Function{Filter: []string{"main"}}, skip: "filter"},
		"commits changed: opened":                   {event: pull("opened"), fn: fn("onGithubPullRequest")},
		"commits changed: synchronize":              {event: pull("synchronize"), fn: fn("onPullRequest")},
		"commits changed: reopened":                 {event: pull("reopened"), fn: fn("testOnPullRequest")},
		"commits did not change":                    {event: pull("labeled"), fn: fn("onGithubPullRequest"), skip: "its commits did not change"},
		"commits did not change, closed":            {event: pull("closed"), fn: fn("onPullRequest"), skip: "its commits did not change"},
		"declares filter, any action":               {event: pull("labeled"), fn: fn("onGithubPullRequest", arg("filter", stringType))},
		"a setting declares filter":                 {event: pull("labeled"), fn: fn("onGithubPullRequest"), settings: config.Function{Filter: []string{"labeled"}}},
		"the action is in the name":                 {event: pull("labeled"), fn: fn("onGithubPullRequestLabeled")},
		"all of GitHub":                             {event: pull("labeled"), fn: fn("onGithub")},
		"all of GitHub, pull requests only":         {event: pull("labeled"), fn: fn("onGithub", def("event", "pull_request")), skip: "its commits did not change"},
		"everything":                                {event: pull("labeled"), fn: fn("dispatch")},
		"onChanges, a string":                       {event: push("main"), changes: files("a.md", "x/y.go"), fn: fn("onPush", def("onChanges", "**/**.go,go.*"))},
		"onChanges, no match":                       {event: push("main"), changes: files("a.md"), fn: fn("onPush", def("onChanges", "**/**.go,go.*")), skip: "no changed file matches"},
		"onChanges, a JSON list in a string":        {event: push("main"), changes: files("a.md"), fn: fn("onPush", def("onChanges", `["*.md","x"]`))},
		"onChanges, excluded":                       {event: push("main"), changes: files("docs/a.go"), fn: fn("onPush", def("onChanges", "**/*.go,!docs/**")), skip: "no changed file matches"},
		"onChanges, excluded and another":           {event: push("main"), changes: files("docs/a.go", "b.go"), fn: fn("onPush", def("onChanges", "**/*.go,!docs/**"))},
		"onChanges, only excludes":                  {event: push("main"), changes: files("b.go"), fn: fn("onPush", def("onChanges", "!docs/**"))},
		"onChanges, commas in braces":               {event: push("main"), changes: files("a.ts"), fn: fn("onPush", def("onChanges", "*.{ts,js}"))},
		"onChanges, a list":                         {event: push("main"), changes: files("a.md"), fn: fn("onPush", modules.Arg{Name: "onChanges", Type: listType, Default: json.RawMessage(`["*.md"]`)})},
		"onChanges, a list without match":           {event: push("main"), changes: files("a.md"), fn: fn("onPush", modules.Arg{Name: "onChanges", Type: listType, Default: json.RawMessage(`["*.go"]`)}), skip: "no changed file"},
		"onChanges without default":                 {event: push("main"), changes: files("a.md"), fn: fn("onPush", arg("onChanges", stringType))},
		"onChanges of a setting":                    {event: push("main"), changes: files("a.md"), fn: fn("onPush"), settings: config.Function{OnChanges: []string{"*.go"}}, skip: "no changed file"},
		"onChanges holds where changes are unknown": {event: event("github", "release", "published"), changes: unknown, fn: fn("onRelease", def("onChanges", "*.go"))},
		"onChanges with an empty list of changes":   {event: push("main"), changes: files(), fn: fn("onPush", def("onChanges", "*.go")), skip: "no changed file"},
		"schedule: its own tick":                    {event: tick("Nightly"), fn: fn("onTimeTickNightly", def("schedule", "0 3 * * *"))},
		"schedule: named after the function":        {event: tick("cleanUpOnTimeTick"), fn: fn("cleanUpOnTimeTick", def("schedule", "0 3 * * *"))},
		"schedule: another tick":                    {event: tick("Hourly"), fn: fn("onTimeTick", def("schedule", "0 3 * * *")), skip: "only ticks of its schedule"},
		"schedule: not a tick":                      {event: push("main"), fn: fn("onPush", def("schedule", "0 3 * * *")), skip: "only ticks of its schedule"},
		"schedule: of nobody in particular":         {event: tickOf("Nightly", "", "0 3 * * *"), fn: fn("onTimeTickNightly", def("schedule", "0 3 * * *"))},
		"schedule: its own, spelt otherwise":        {event: tickOf("nightly", schedule.OfFunctions, "0 3 * * *"), fn: fn("onTimeTickNightly", def("schedule", " 0  3 * * * "))},
		"schedule: of another expression":           {event: tickOf("Nightly", schedule.OfFunctions, "0 4 * * *"), fn: fn("onTimeTickNightly", def("schedule", "0 3 * * *")), skip: "another of that name (0 4 * * * in UTC)"},
		"schedule: in another zone":                 {event: tickOf("Nightly", schedule.OfFunctions, "0 3 * * *"), fn: fn("onTimeTickNightly", def("schedule", "TZ=Asia/Tokyo 0 3 * * *")), skip: "another of that name"},
		"schedule: of the agent":                    {event: tickOf("Nightly", schedule.OfAgent, "0 3 * * *"), fn: fn("onTimeTickNightly", def("schedule", "0 3 * * *")), skip: "this one is of the agent's schedule of that name"},
		"no schedule: of the agent":                 {event: tickOf("nightly", schedule.OfAgent, "0 3 * * *"), fn: fn("onTimeTickNightly")},
		"no schedule: of the agent, any":            {event: tickOf("nightly", schedule.OfAgent, "0 3 * * *"), fn: fn("dispatch")},
		"no schedule: of other functions":           {event: tickOf("Nightly", schedule.OfFunctions, "0 3 * * *"), fn: fn("onTimeTickNightly"), skip: "other functions have themselves"},
		"no schedule: of nobody in particular":      {event: tick("nightly"), fn: fn("onTimeTickNightly")},
		"schedule of a setting":                     {event: push("main"), fn: fn("onPush"), settings: config.Function{Schedule: "@daily"}, skip: "only ticks of its schedule"},
	} {
		t.Run(name, func(t *testing.T) {
			plan := match(t, dispatcher.Input{
				Event:   &c.event,
				Changes: c.changes,
				Module:  module([]modules.Function{c.fn}),
				Config:  config.Module{Path: "ci", Functions: map[string]config.Function{c.fn.Name: c.settings}},
			})
			switch {
			case c.skip == "" && len(plan.Calls) != 1:
				t.Errorf("not called: skipped %v, invalid %v", plan.Skipped, plan.Invalid)
			case c.skip != "" && (len(plan.Skipped) != 1 || !strings.Contains(plan.Skipped[0].Reason, c.skip)):
				t.Errorf("skipped %v, invalid %v, want a reason with %q", plan.Skipped, plan.Invalid, c.skip)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	ev := pull("opened")
	changes := dispatcher.Changes{Files: []string{"a.go", "b c.md"}}
	secrets := []config.Secret{
		{Name: "token", FromEnv: "GITHUB_TOKEN", Line: 4}, {Name: "deployKey", FromEnv: "DEPLOY_KEY", Line: 6},
		{Name: "signingKey", FromAgent: "signing-key", Line: 7}, {Name: "password", FromProvider: "op://infra/db/password", Line: 8},
	}
	allow := func(ref string) error {
		if ref == "env://DEPLOY_KEY" {
			return fmt.Errorf("%s may not be used", ref)
		}
		return nil
	}
	for name, c := range map[string]struct {
		args     []modules.Arg
		settings config.Function
		git      bool
		changes  *dispatcher.Changes
		want     map[string]modules.Value
		argument string // of an invalid call
		err      string
	}{
		"none": {want: map[string]modules.Value{}},
		"all of the event": {
			args: []modules.Arg{arg("src", directoryType), arg("eventTrigger", fileType), arg("vendor", stringType), arg("event", stringType), arg("filter", stringType), arg("base", stringType), arg("runUrl", stringType)},
			want: map[string]modules.Value{
				"src":          {Kind: modules.ValueSource},
				"eventTrigger": {Kind: modules.ValueEvent},
				"vendor":       {Kind: modules.ValueConst, Const: "github"},
				"event":        {Kind: modules.ValueConst, Const: "pull_request"},
				"filter":       {Kind: modules.ValueConst, Const: "opened"},
				"base":         {Kind: modules.ValueConst, Const: "main"},
				"runUrl":       {Kind: modules.ValueConst, Const: "https://ci.test/runs/1"},
			},
		},
		"src with git":                       {args: []modules.Arg{arg("src", directoryType)}, git: true, want: map[string]modules.Value{"src": {Kind: modules.ValueSource, Git: true}}},
		"the value, not the default":         {args: []modules.Arg{def("filter", "opened,closed")}, want: map[string]modules.Value{"filter": {Kind: modules.ValueConst, Const: "opened"}}},
		"onChanges, a string":                {args: []modules.Arg{def("onChanges", "*.go")}, want: map[string]modules.Value{"onChanges": {Kind: modules.ValueConst, Const: "a.go,b c.md"}}},
		"onChanges, a list":                  {args: []modules.Arg{arg("onChanges", listType)}, want: map[string]modules.Value{"onChanges": {Kind: modules.ValueConst, Const: []any{"a.go", "b c.md"}}}},
		"onChanges with a comma in a name":   {args: []modules.Arg{arg("onChanges", stringType)}, changes: &dispatcher.Changes{Files: []string{"a,b", "<c>"}}, want: map[string]modules.Value{"onChanges": {Kind: modules.ValueConst, Const: `["a,b","<c>"]`}}},
		"onChanges with a newline in a name": {args: []modules.Arg{arg("onChanges", stringType)}, changes: &dispatcher.Changes{Files: []string{"a\nb"}}, want: map[string]modules.Value{"onChanges": {Kind: modules.ValueConst, Const: `["a\nb"]`}}},
		"onChanges, unknown":                 {args: []modules.Arg{arg("onChanges", stringType)}, changes: &dispatcher.Changes{Unknown: "no diff"}, want: map[string]modules.Value{"onChanges": {Kind: modules.ValueConst, Const: ""}}},
		"a mapped secret":                    {args: []modules.Arg{arg("token", secretType)}, want: map[string]modules.Value{"token": {Kind: modules.ValueSecret, Secret: "env://GITHUB_TOKEN"}}},
		"an optional secret":                 {args: []modules.Arg{optional("token", secretType)}, want: map[string]modules.Value{"token": {Kind: modules.ValueSecret, Secret: "env://GITHUB_TOKEN"}}},
		"a secret of the agent":              {args: []modules.Arg{arg("signingKey", secretType)}, want: map[string]modules.Value{"signingKey": {Kind: modules.ValueSecret, Secret: "agent://signing-key"}}},
		"a secret of a provider":             {args: []modules.Arg{arg("password", secretType)}, want: map[string]modules.Value{"password": {Kind: modules.ValueSecret, Secret: "op://infra/db/password"}}},
		"a refused secret":                   {args: []modules.Arg{arg("deployKey", secretType)}, argument: "deployKey", err: "pocketci.yaml:6: secret deployKey: env://DEPLOY_KEY may not be used"},
		"an unmapped secret":                 {args: []modules.Arg{arg("npmToken", secretType)}, argument: "npmToken", err: "required secret npmToken is not mapped; add it under secrets in pocketci.yaml"},
		"an unmapped optional secret":        {args: []modules.Arg{optional("npmToken", secretType)}, want: map[string]modules.Value{}},
		"a secret as a string":               {args: []modules.Arg{arg("token", stringType)}, argument: "token", err: "only a Secret can take it"},
		"anything else optional":             {args: []modules.Arg{optional("image", containerType), optional("level", intType), def("tag", "latest")}, want: map[string]modules.Value{}},
		"anything else required":             {args: []modules.Arg{arg("level", intType)}, argument: "level", err: "required argument level (Int!) has no value"},
		"an object nothing can fill":         {args: []modules.Arg{arg("image", containerType)}, argument: "image", err: "nothing that an event can fill"},
		"base is a container":                {args: []modules.Arg{arg("base", containerType)}, argument: "base", err: "required argument base is Container!"},
		"base is an optional container":      {args: []modules.Arg{optional("base", containerType)}, want: map[string]modules.Value{}},
		"src is a string":                    {args: []modules.Arg{arg("src", stringType)}, argument: "src", err: "required argument src is String!"},
		"constants": {
			args:     []modules.Arg{arg("strict", boolType), arg("level", intType), arg("names", listType), arg("mode", modules.Type{Kind: modules.KindEnum, Name: "Mode", Values: []string{"FAST", "SLOW"}})},
			settings: config.Function{Args: map[string]any{"strict": true, "level": int64(3), "names": []any{"a", "b"}, "mode": "FAST"}},
			want: map[string]modules.Value{
				"strict": {Kind: modules.ValueConst, Const: true},
				"level":  {Kind: modules.ValueConst, Const: int64(3)},
				"names":  {Kind: modules.ValueConst, Const: []any{"a", "b"}},
				"mode":   {Kind: modules.ValueConst, Const: "FAST"},
			},
		},
		"a constant of another type":         {args: []modules.Arg{arg("strict", boolType)}, settings: config.Function{Args: map[string]any{"strict": "yes"}}, argument: "strict", err: "strict is Boolean!: yes cannot be passed"},
		"a number for a string":              {args: []modules.Arg{arg("version", stringType)}, settings: config.Function{Args: map[string]any{"version": 1.10}}, argument: "version", err: "put it in quotes"},
		"a list with a wrong item":           {args: []modules.Arg{arg("names", listType)}, settings: config.Function{Args: map[string]any{"names": []any{"a", int64(1)}}}, argument: "names", err: "item 2"},
		"an enum without the member":         {args: []modules.Arg{arg("mode", modules.Type{Kind: modules.KindEnum, Name: "Mode", Values: []string{"FAST"}})}, settings: config.Function{Args: map[string]any{"mode": "QUICK"}}, argument: "mode", err: `"QUICK" is none of FAST`},
		"a constant nobody declares":         {settings: config.Function{Line: 9, Args: map[string]any{"strct": true}}, argument: "strct", err: "pocketci.yaml:9: args sets strct, which the function does not declare"},
		"a constant for the event's own":     {args: []modules.Arg{arg("filter", stringType)}, settings: config.Function{Args: map[string]any{"filter": "x"}}, argument: "filter", err: "pocketci passes it"},
		"a label no runner has":              {settings: config.Function{RunsOn: "gpu"}, err: `no runner has the label "gpu" (runners have arm)`},
		"a label that a runner has":          {settings: config.Function{RunsOn: "arm"}, want: map[string]modules.Value{}},
		"a list constant for a list default": {args: []modules.Arg{{Name: "names", Type: listType, Default: json.RawMessage(`["x"]`)}}, settings: config.Function{Args: map[string]any{"names": []any{}}}, want: map[string]modules.Value{"names": {Kind: modules.ValueConst, Const: []any{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			in := dispatcher.Input{
				Event:   &ev,
				Changes: changes,
				Module:  module([]modules.Function{fn("onGithubPullRequestOpened", c.args...)}),
				Config:  config.Module{Path: "ci", Git: c.git, Secrets: secrets, Functions: map[string]config.Function{"OnGithubPullRequestOpened": c.settings}},
				Labels:  []string{"arm"},
				Secret:  allow,
				RunURL:  "https://ci.test/runs/1",
			}
			if c.changes != nil {
				in.Changes = *c.changes
			}
			plan := match(t, in)
			if c.err != "" {
				if len(plan.Invalid) != 1 || plan.Invalid[0].Argument != c.argument || !strings.Contains(plan.Invalid[0].Error, c.err) {
					t.Fatalf("invalid %+v, calls %v, want argument %q and an error with %q", plan.Invalid, plan.Calls, c.argument, c.err)
				}
				return
			}
			if len(plan.Calls) != 1 {
				t.Fatalf("not called: %+v %+v", plan.Invalid, plan.Skipped)
			}
			got := map[string]modules.Value{}
			for _, b := range plan.Calls[0].Args {
				got[b.Name] = b.Value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

type withheldError struct{}

func (withheldError) Error() string  { return "such runs get no secrets" }
func (withheldError) Withheld() bool { return true }

// A run that gets no secrets calls what can do without them.
func TestSecretsAreWithheld(t *testing.T) {
	ev := push("main")
	in := dispatcher.Input{
		Event: &ev, Module: module([]modules.Function{fn("lintOnPush", optional("token", secretType)), fn("testOnPush", arg("token", secretType))}),
		Config: config.Module{Path: "ci", Secrets: []config.Secret{{Name: "token", FromEnv: "GITHUB_TOKEN", Line: 3}}},
		Secret: func(string) error { return fmt.Errorf("checked: %w", withheldError{}) },
	}
	plan := match(t, in)
	if len(plan.Calls) != 1 || plan.Calls[0].Function != "lintOnPush" || len(plan.Calls[0].Args) != 0 {
		t.Errorf("calls %+v", plan.Calls)
	}
	if len(plan.Invalid) != 1 || plan.Invalid[0].Function != "testOnPush" || !strings.Contains(plan.Invalid[0].Error, "such runs get no secrets") {
		t.Errorf("invalid %+v", plan.Invalid)
	}
	// One that is refused for another reason is a mistake in pocketci.yaml.
	in.Secret = func(string) error { return errDenied }
	if plan = match(t, in); len(plan.Calls) != 0 || len(plan.Invalid) != 2 {
		t.Errorf("calls %+v, invalid %+v", plan.Calls, plan.Invalid)
	}
}

func TestRequiredConstructorArgument(t *testing.T) {
	ev := push("main")
	m := module(fns("onPush"))
	m.Constructor = []modules.Arg{optional("mirror", stringType), arg("image", stringType)}
	plan := match(t, dispatcher.Input{Event: &ev, Module: m})
	want := []dispatcher.Invalid{{Module: "ci", Function: "onPush", Argument: "image", Error: "the module's constructor requires image (String!); give it a default or make it optional"}}
	if diff := cmp.Diff(want, plan.Invalid); diff != "" {
		t.Errorf("invalid (-want +got):\n%s", diff)
	}
}

func TestNoSecretWithoutAPolicy(t *testing.T) {
	ev := push("main")
	plan := match(t, dispatcher.Input{
		Event:  &ev,
		Module: module([]modules.Function{fn("onPush", arg("token", secretType))}),
		Config: config.Module{Secrets: []config.Secret{{Name: "token", FromEnv: "GITHUB_TOKEN"}}},
	})
	if len(plan.Calls) != 0 || len(plan.Invalid) != 1 {
		t.Errorf("calls %v, invalid %v, want one invalid call", plan.Calls, plan.Invalid)
	}
}

func TestWarnings(t *testing.T) {
	refs := dispatcher.Refs{Branches: []string{"feature/login", "feature-login", "main"}, Tags: []string{"v1"}}
	for name, c := range map[string]struct {
		function string
		want     string // part of the warning; empty for none
	}{
		"no boundary before the trigger":           {"httponPush", "ends in the trigger OnPush without a word boundary"},
		"no boundary, with vendor and filter":      {"cionGithubPushMain", "OnGithubPushMain"},
		"no boundary, without vendor, with filter": {"httponPushMain", "OnPushMain"},
		"no boundary within the trigger":           {"onGithubpush", "not as OnGithubPush"},
		"json is no lost boundary":                 {"jsonParse", ""},
		"two readings":                             {"buildOnPushOnGithubPush", "can be read as OnPushOnGithubPush and as OnGithubPush"},
		"an On that starts no trigger":             {"turnOnLightsOnPush", ""},
		"more than one branch":                     {"onGithubPushFeatureLogin", "called for more than one branch: feature-login, feature/login"},
		"one branch":                               {"onPushMain", ""},
		"more than one branch, without vendor":     {"testOnPushFeatureLogin", "more than one branch"},
		"a branch that is called like a vendor":    {"onGitHubPush", "not as OnGithubPush"},
		"a plain name":                             {"onGithubPush", ""},
	} {
		// The warnings are in every plan, whatever the event.
		for _, ev := range []events.Event{push("main"), tick("nightly")} {
			t.Run(name+" on "+ev.Name, func(t *testing.T) {
				plan := match(t, dispatcher.Input{Event: &ev, Refs: refs, Module: module(fns(c.function))})
				switch {
				case c.want == "" && len(plan.Warnings) > 0:
					t.Errorf("unexpected warnings %q", plan.Warnings)
				case c.want != "" && (len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], c.want)):
					t.Errorf("warnings %q, want one with %q", plan.Warnings, c.want)
				}
			})
		}
	}
}

func TestSettingsForAFunctionThatDoesNotExist(t *testing.T) {
	ev := push("main")
	plan := match(t, dispatcher.Input{
		Event:  &ev,
		Module: module(fns("onPush")),
		Config: config.Module{Functions: map[string]config.Function{"on-psh": {Line: 3}, "OnPush": {Line: 5}}},
	})
	want := []string{"pocketci.yaml:3: functions.on-psh names no function of module ci"}
	if diff := cmp.Diff(want, plan.Warnings, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// Twice the same input is the same plan, with the order of the module.
func TestMatchIsDeterministic(t *testing.T) {
	ev := push("main")
	functions := fns("cOnPush", "aOnPush", "bOnPush", "onPush")
	in := dispatcher.Input{Event: &ev, Module: module(functions), Config: config.Module{Functions: map[string]config.Function{"x": {}, "y": {}, "z": {}}}}
	first := match(t, in)
	if diff := cmp.Diff([]string{"cOnPush", "aOnPush", "bOnPush", "onPush"}, called(first)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for range 20 {
		if diff := cmp.Diff(first, match(t, in)); diff != "" {
			t.Fatalf("another plan (-first +next):\n%s", diff)
		}
	}
}

var errDenied = errors.New("denied")

func FuzzNames(f *testing.F) {
	for _, seed := range [][3]string{
		{"onGithubPushMain", "push", "main"}, {"httponPush", "push", "on/push"}, {"dispatch", "tag", "v1.2.3"},
		{"OnOnOn", "on", "on"}, {"onGithubPushВетка", "push", "ветка"}, {"", "", ""}, {"on", "\x00", "\xff\xfe"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, name, kind, filter string) {
		ev := events.Event{Vendor: "github", Name: kind, Filter: filter}
		in := dispatcher.Input{Event: &ev, Module: module(fns(name)), Secret: func(string) error { return errDenied }}
		first := match(t, in)
		if diff := cmp.Diff(first, match(t, in)); diff != "" {
			t.Fatalf("not deterministic:\n%s", diff)
		}
		// Case never decides.
		ev.Filter = strings.ToUpper(filter)
		if isLower(filter) && kind == "push" {
			if got := match(t, in); len(got.Calls) != len(first.Calls) {
				t.Errorf("%q is called for %q and not for %q, or the other way round", name, filter, ev.Filter)
			}
		}
	})
}

// isLower reports whether text is lower-case ASCII without digits, which
// upper-casing splits into the same words.
func isLower(text string) bool {
	return strings.Trim(text, "abcdefghijklmnopqrstuvwxyz/-") == ""
}
