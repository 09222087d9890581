package dispatcher_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

func TestCommand(t *testing.T) {
	laptop := dispatcher.Place{Source: ".", EventFile: "/tmp/event.json"}
	constant := func(name string, v any) modules.Bound {
		return modules.Bound{Name: name, Value: modules.Value{Kind: modules.ValueConst, Const: v}}
	}
	for name, c := range map[string]struct {
		place  dispatcher.Place
		module string
		fn     string
		args   []modules.Bound
		want   string
	}{
		"plain":  {laptop, "ci", "lintOnGithubPullRequest", []modules.Bound{constant("filter", "opened")}, "dagger call -m ./ci lint-on-github-pull-request --filter opened"},
		"root":   {laptop, ".", "onPush", nil, "dagger call -m . on-push"},
		"source": {laptop, "ci", "onPush", []modules.Bound{{Name: "src", Value: modules.Value{Kind: modules.ValueSource}}, {Name: "eventTrigger", Value: modules.Value{Kind: modules.ValueEvent}}}, "dagger call -m ./ci on-push --src . --event-trigger /tmp/event.json"},
		"secret": {laptop, "ci", "onPush", []modules.Bound{{Name: "ghToken", Value: modules.Value{Kind: modules.ValueSecret, Secret: "env://GITHUB_TOKEN"}}}, "dagger call -m ./ci on-push --gh-token env://GITHUB_TOKEN"},
		"bool":   {laptop, "ci", "onPush", []modules.Bound{constant("strict", false)}, "dagger call -m ./ci on-push --strict=false"},
		"numbers": {laptop, "ci", "onPush", []modules.Bound{constant("level", int64(-3)), constant("ratio", 0.5)},
			"dagger call -m ./ci on-push --level=-3 --ratio 0.5"},
		"list":          {laptop, "ci", "onPush", []modules.Bound{constant("onChanges", []any{"a.go", "b,c", `d"e`})}, `dagger call -m ./ci on-push '--on-changes=a.go,"b,c","d""e"'`},
		"empty list":    {laptop, "ci", "onPush", []modules.Bound{constant("onChanges", []any{})}, "dagger call -m ./ci on-push --on-changes="},
		"an empty item": {laptop, "ci", "onPush", []modules.Bound{constant("onChanges", []any{""})}, `dagger call -m ./ci on-push '--on-changes=""'`},
		"empty text":    {laptop, "ci", "onPush", []modules.Bound{constant("base", "")}, "dagger call -m ./ci on-push --base="},
		"shell words":   {laptop, "ci", "onPush", []modules.Bound{constant("filter", "it's $HOME; `x`")}, `dagger call -m ./ci on-push --filter 'it'\''s $HOME; ` + "`x`'"},
		"control characters": {laptop, "ci", "onPush", []modules.Bound{constant("filter", "it's\x1b[201~\x15\\ \u202ex\xff\n")},
			`dagger call -m ./ci on-push --filter $'it\'s\033[201~\025\\ \342\200\256x\377` + "\n'"},
		"like a flag":                    {laptop, "ci", "onPush", []modules.Bound{constant("filter", "--help")}, "dagger call -m ./ci on-push --filter=--help"},
		"elsewhere":                      {dispatcher.Place{Dir: "/my repo", Source: ".", EventFile: "e"}, "ci", "onPushV2", nil, "cd '/my repo' && dagger call -m ./ci on-push-v-2"},
		"remote":                         {dispatcher.Place{Source: "https://github.com/octo/hello.git#abc", EventFile: "event.json"}, "ci", "onPush", []modules.Bound{{Name: "src", Value: modules.Value{Kind: modules.ValueSource}}}, "dagger call -m github.com/octo/hello/ci@abc on-push --src 'https://github.com/octo/hello.git#abc'"},
		"remote, elsewhere":              {dispatcher.Place{Source: "http://git.test/octo/hello.git#abc"}, "ci", "onPush", nil, "dagger call -m http://git.test/octo/hello.git/ci@abc on-push"},
		"remote, root":                   {dispatcher.Place{Source: "https://github.com/octo/hello.git#abc"}, ".", "onPush", nil, "dagger call -m github.com/octo/hello@abc on-push"},
		"a path":                         {laptop, "ci", "onPush", []modules.Bound{{Name: "notes", Value: modules.Value{Kind: modules.ValuePath, Path: "docs/a.md"}}}, "dagger call -m ./ci on-push --notes ./docs/a.md"},
		"a path of the laptop":           {laptop, "ci", "onPush", []modules.Bound{{Name: "notes", Value: modules.Value{Kind: modules.ValuePath, Path: "/tmp/a b"}}}, "dagger call -m ./ci on-push --notes '/tmp/a b'"},
		"a path elsewhere":               {dispatcher.Place{Source: "https://github.com/octo/hello.git#abc"}, "ci", "onPush", []modules.Bound{{Name: "notes", Value: modules.Value{Kind: modules.ValuePath, Path: "docs"}}}, "dagger call -m github.com/octo/hello/ci@abc on-push --notes 'https://github.com/octo/hello.git#abc:docs'"},
		"a module of another repository": {laptop, "github.com/acme/ci/go@v1", "onPush", []modules.Bound{{Name: "src", Value: modules.Value{Kind: modules.ValueSource}}}, "dagger call -m github.com/acme/ci/go@" + pinnedCommit + " on-push --src ."},
		"one by its address":             {dispatcher.Place{Source: "https://github.com/octo/hello.git#abc"}, "https://git.test/acme/ci.git/go@v1", "onPush", []modules.Bound{{Name: "src", Value: modules.Value{Kind: modules.ValueSource}}}, "dagger call -m https://git.test/acme/ci.git/go@" + pinnedCommit + " on-push --src 'https://github.com/octo/hello.git#abc'"},
	} {
		t.Run(name, func(t *testing.T) {
			call := &dispatcher.Call{Module: c.module, Call: modules.Call{Function: c.fn, Args: c.args}}
			if strings.Contains(c.module, "@") {
				call.Commit = pinnedCommit
			}
			got := c.place.Command(call)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			shell := "sh"
			if strings.Contains(got, " $'") {
				shell = "bash" // which people paste into; not all that are called sh are of POSIX 2024
			}
			if out, err := exec.CommandContext(t.Context(), shell, "-n", "-c", got).CombinedOutput(); err != nil {
				t.Errorf("a shell does not read %s: %s", got, out)
			}
		})
	}
}
