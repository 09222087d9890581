package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/predicate"
)

// valid are files with what they mean.
var valid = []struct {
	name, yaml string
	want       []config.Module
}{
	{"empty", "", []config.Module{{Line: 1}}},
	{"comments", "# later\n", []config.Module{{Line: 1}}},
	{"document start alone", "---\n", []config.Module{{Line: 1}}},
	{"empty mapping", "{}", []config.Module{{Line: 1}}},
	{"the design's short form", `module-path: ./ci            # the short form: one module
paths: ["**/**.go"]          # nothing of this module is called unless a changed file matches
secrets:
  - name: ghUsername
    from-env: GITHUB_USERNAME
`, []config.Module{{Path: "ci", Paths: []string{"**/**.go"}, Secrets: []config.Secret{{Name: "ghUsername", FromEnv: "GITHUB_USERNAME", Line: 4}}, Line: 1}}},
	{"a remote module in the short form", "module-path: github.com/org/ci@v1\ngit: true\n", []config.Module{{Path: "github.com/org/ci@v1", Git: true, Line: 1}}},
	{"remote modules beside a local one", `modules:
  - path: github.com/org/repo/sub/dir@release/1.x
    paths: ["apps/**"]
    secrets: [{name: token, from-env: API_TOKEN}]
  - path: https://git.example.com:8443/org/team/repo.git/sub@0123456789abcdef0123456789abcdef01234567
  - path: ./github.com/org/ci
    functions:
      testOnPush: {after: "github.com/org/repo/sub/dir@release/1.x:lintOnPush"}
`, []config.Module{
		{Path: "github.com/org/repo/sub/dir@release/1.x", Paths: []string{"apps/**"}, Secrets: []config.Secret{{Name: "token", FromEnv: "API_TOKEN", Line: 4}}, Line: 2},
		{Path: "https://git.example.com:8443/org/team/repo.git/sub@0123456789abcdef0123456789abcdef01234567", Line: 5},
		{Path: "github.com/org/ci", Line: 6, Functions: map[string]config.Function{
			"testOnPush": {After: []config.After{{Module: "github.com/org/repo/sub/dir@release/1.x", Function: "lintOnPush", Line: 8}}, Line: 8},
		}},
	}},
	{"the design's long form", `modules:                     # the long form: a monorepo
  - path: ./apps/api/ci
    paths: ["apps/api/**"]
    secrets: [{name: token, from-env: API_TOKEN}]   # seen by this module alone
    git: false
    functions:
      lintOnGithubPullRequest: {on-changes: ["**/*.go"], timeout: 10m, args: {strict: true}}
`, []config.Module{{
		Path: "apps/api/ci", Paths: []string{"apps/api/**"}, Secrets: []config.Secret{{Name: "token", FromEnv: "API_TOKEN", Line: 4}}, Line: 2,
		Functions: map[string]config.Function{"lintOnGithubPullRequest": {
			OnChanges: []string{"**/*.go"}, Timeout: 10 * time.Minute, Args: map[string]any{"strict": true}, Line: 7,
		}},
	}}},
	{"the original's file", `module-path: ./ci
paths:
  - "**/**.go"
secrets:
  - name: ghUsername
    from-env: GITHUB_USERNAME
  - name: ghPassword
    from-env: GITHUB_TOKEN
`, []config.Module{{Path: "ci", Paths: []string{"**/**.go"}, Secrets: []config.Secret{
		{Name: "ghUsername", FromEnv: "GITHUB_USERNAME", Line: 5}, {Name: "ghPassword", FromEnv: "GITHUB_TOKEN", Line: 7},
	}, Line: 1}}},
	{"secrets of every source", `secrets:
- {name: a, from-env: API_TOKEN}
- {name: b, from-agent: deploy-key}
- {name: c, from-provider: "op://infra/db/password"}
- {name: d, from-provider: "vault://team/db.password?ttl=5m"}
`, []config.Module{{Secrets: []config.Secret{
		{Name: "a", FromEnv: "API_TOKEN", Line: 2}, {Name: "b", FromAgent: "deploy-key", Line: 3},
		{Name: "c", FromProvider: "op://infra/db/password", Line: 4}, {Name: "d", FromProvider: "vault://team/db.password?ttl=5m", Line: 5},
	}, Line: 1}}},
	{"byte order mark and windows lines", "\ufeffmodule-path: ci\r\ngit: true\r\n", []config.Module{{Path: "ci", Git: true, Line: 1}}},
	{"a list that converges", "converge: [database, app]\n", []config.Module{{
		Converge: &config.Converge{IDs: []config.ConvergeID{{ID: "database", Line: 1, Column: 12}, {ID: "app", Line: 1, Column: 22}}, Line: 1}, Line: 1,
	}}},
	{"a list in text", "converge: database, app\n", []config.Module{{
		Converge: &config.Converge{IDs: []config.ConvergeID{{ID: "database", Line: 1, Column: 11}, {ID: "app", Line: 1, Column: 11}}, Line: 1}, Line: 1,
	}}},
	{"nothing is left to converge", "converge: []\n", []config.Module{{Converge: &config.Converge{IDs: []config.ConvergeID{}, Line: 1}, Line: 1}}},
	{"what has a module converge", `modules:
- path: deploy
  converge:
    ids:
    - dns
    on: [push release/*, time tick nightly, signed push, "* push main", "webhook *"]
- path: edge
  converge: {ids: [], on: push main}
`, []config.Module{
		{Path: "deploy", Converge: &config.Converge{IDs: []config.ConvergeID{{ID: "dns", Line: 5, Column: 7}}, On: []config.EventPattern{
			{Event: "push", Filter: "release/*"}, {Vendor: "time", Event: "tick", Filter: "nightly"}, {Vendor: "signed", Event: "push"},
			{Vendor: "*", Event: "push", Filter: "main"}, {Vendor: "webhook", Event: "*"},
		}, Line: 3}, Line: 2},
		{Path: "edge", Converge: &config.Converge{IDs: []config.ConvergeID{}, On: []config.EventPattern{{Event: "push", Filter: "main"}}, Line: 8}, Line: 7},
	}},
	{"no checks", "checks: false", []config.Module{{Checks: config.Checks{Off: true}, Line: 1}}},
	{"all checks", "checks: true", []config.Module{{Line: 1}}},
	{"settings of checks", `modules:
- path: ci
  checks:
    lint: {on-changes: ["**/*.go"], events: [push, pull_request, tag], timeout: 10m, runs-on: big}
    web:lint-js: {events: "push, release"}
`, []config.Module{{Path: "ci", Line: 2, Checks: config.Checks{ByName: map[string]config.Check{
		"lint":        {OnChanges: []string{"**/*.go"}, Events: []string{"push", "pull_request", "tag"}, Timeout: 10 * time.Minute, RunsOn: "big", Line: 4},
		"web:lint-js": {Events: []string{"push", "release"}, Line: 5},
	}}}}},
	{"module at the root", "module-path: .", []config.Module{{Path: ".", Line: 1}}},
	{"path is cleaned", "module-path: ./a/../ci/", []config.Module{{Path: "ci", Line: 1}}},
	{"hidden folder", "module-path: .dagger", []config.Module{{Path: ".dagger", Line: 1}}},
	{"folder that looks like a host", "module-path: ./github.com/x", []config.Module{{Path: "github.com/x", Line: 1}}},
	{"folder that looks like a file", "module-path: v1.2", []config.Module{{Path: "v1.2", Line: 1}}},
	{"short form without a module", "paths: ['*.go', '!x_*']", []config.Module{{Paths: []string{"*.go", "!x_*"}, Line: 1}}},
	{"paths with commas", "paths: '**/*.{go,mod}, docs/**'", []config.Module{{Paths: []string{"**/*.{go,mod}", "docs/**"}, Line: 1}}},
	{"paths, none", "paths: []", []config.Module{{Paths: []string{}, Line: 1}}},
	{"several modules", "modules:\n- path: a\n- path: b\n  git: true\n", []config.Module{{Path: "a", Line: 2}, {Path: "b", Git: true, Line: 3}}},
	{"a function with everything", `functions:
  deploy-on-push:
    vendor: github
    event: [push, tag]
    filter: main, release/*
    base: '["a,b", "c"]'
    on-changes: "**/*.go,!vendor/**"
    schedule: 30 2 * * 1-5
    timeout: 1h30m
    runs-on: arm64
    after: [test]
    filters: [{path: /pull_request/draft, is-equal-to: false}, {path: /ref, matches: "^refs/", does-not-match: wip}]
    concurrency: deploy
`, []config.Module{{Line: 1, Functions: map[string]config.Function{"deploy-on-push": {
		Vendor: []string{"github"}, Event: []string{"push", "tag"}, Filter: []string{"main", "release/*"}, Base: []string{"a,b", "c"},
		OnChanges: []string{"**/*.go", "!vendor/**"}, Schedule: "30 2 * * 1-5", Timeout: 90 * time.Minute, RunsOn: "arm64",
		After: []config.After{{Function: "test", Line: 11}}, Concurrency: &config.Concurrency{Group: "deploy"},
		Filters: filters(`[{"path":"/pull_request/draft","is-equal-to":false},{"path":"/ref","matches":"^refs/","does-not-match":"wip"}]`), Line: 2,
	}}}}},
	{"functions that come after others", "functions:\n  a: {after: \"test_on_push, ./ci:lint\"}\n  b:\n    after:\n    - ./ci:TestOnPush\n    - apps/api:lint-on-push\n", []config.Module{{Line: 1, Functions: map[string]config.Function{
		"a": {After: []config.After{{Function: "test_on_push", Line: 2}, {Module: "ci", Function: "lint", Line: 2}}, Line: 2},
		"b": {After: []config.After{{Module: "ci", Function: "TestOnPush", Line: 5}, {Module: "apps/api", Function: "lint-on-push", Line: 6}}, Line: 3},
	}}}},
	{"groups", "functions:\n  a: {concurrency: ' deploy to eu '}\n  b: {concurrency: {group: pull requests, cancel: true}}\n  c: {concurrency: {cancel: false, group: deploy}}\n", []config.Module{{Line: 1, Functions: map[string]config.Function{
		"a": {Concurrency: &config.Concurrency{Group: "deploy to eu"}, Line: 2},
		"b": {Concurrency: &config.Concurrency{Group: "pull requests", Cancel: true}, Line: 3},
		"c": {Concurrency: &config.Concurrency{Group: "deploy"}, Line: 4},
	}}}},
	{"schedules by word and zone", "functions:\n  a: {schedule: '@daily'}\n  b: {schedule: 'TZ=Europe/Berlin 0 4 * * *'}\n", []config.Module{{Line: 1, Functions: map[string]config.Function{
		"a": {Schedule: "@daily", Line: 2}, "b": {Schedule: "TZ=Europe/Berlin 0 4 * * *", Line: 3},
	}}}},
	{"schedules with more to say", `functions:
  a: {schedule: {cron: 0 3 * * *, time-zone: Europe/Berlin, catch-up: none, jitter: 10m}}
  b: {schedule: {every: 30s, max-age: 1h}}
  c: {schedule: {daily: {hour: 3, second: 5}}}
  d: {schedule: '2026-03-01T12:00:00Z'}
`, []config.Module{{Line: 1, Functions: map[string]config.Function{
		"a": {Schedule: "CRON_TZ=Europe/Berlin 0 3 * * *", Policy: schedule.Policy{CatchUp: schedule.CatchUpNone, Jitter: 10 * time.Minute}, Line: 2},
		"b": {Schedule: "@every 30s", Policy: schedule.Policy{MaxAge: time.Hour}, Line: 3},
		"c": {Schedule: "@daily 03:00:05", Line: 4},
		"d": {Schedule: "2026-03-01T12:00:00Z", Line: 5},
	}}}},
	{"arguments of every type", `functions:
  test:
    args:
      s: text
      empty: ""
      quoted: "12"
      i: 12
      negative: -3
      f: 1.50
      exponent: 1e3
      b: true
      yes: yes
      off: "off"
      date: 2026-11-22
      version: 1.2.3
      tagged: !!str 5
      list: [a, 1, 2.5, false]
      none: []
      lines: |
        one
        two
`, []config.Module{{Line: 1, Functions: map[string]config.Function{"test": {Line: 2, Args: map[string]any{
		"s": "text", "empty": "", "quoted": "12", "i": int64(12), "negative": int64(-3), "f": 1.5, "exponent": 1000.0, "b": true,
		"yes": "yes", "off": "off", "date": "2026-11-22", "version": "1.2.3", "tagged": "5",
		"list": []any{"a", int64(1), 2.5, false}, "none": []any{}, "lines": "one\ntwo\n",
	}}}}}},
	{"functions in every spelling", "functions: {lintOnPush: {}, TestOnPush: {}, build-on-push: {}, deploy_on_push: {}}", []config.Module{{Line: 1, Functions: map[string]config.Function{
		"lintOnPush": {Line: 1}, "TestOnPush": {Line: 1}, "build-on-push": {Line: 1}, "deploy_on_push": {Line: 1},
	}}}},
	{"anchors", `functions:
  a: &go
    on-changes: &files ["**/*.go"]
    timeout: 5m
  b: *go
  c: {<<: *go, timeout: 1m}
  d: {on-changes: *files}
`, []config.Module{{Line: 1, Functions: map[string]config.Function{
		"a": {OnChanges: []string{"**/*.go"}, Timeout: 5 * time.Minute, Line: 2},
		"b": {OnChanges: []string{"**/*.go"}, Timeout: 5 * time.Minute, Line: 5},
		"c": {OnChanges: []string{"**/*.go"}, Timeout: time.Minute, Line: 6},
		"d": {OnChanges: []string{"**/*.go"}, Line: 7},
	}}}},
}

// invalid are files with the errors they give: position and a part of the
// message. schema says that the JSON Schema finds them too.
var invalid = []struct {
	name, yaml string
	want       []string
	schema     bool
}{
	{"not YAML", "module-path: ci\n  paths: [a]\n", []string{"2:3: not valid YAML"}, false},
	{"tab", "functions:\n\ta: {}\n", []string{"2:2: not valid YAML: found character that cannot start any token; indent with spaces"}, false},
	{"unclosed", "paths: [a, b\n", []string{"1:1: not valid YAML"}, false},
	{"unknown anchor", "git: true\npaths: *x\n", []string{"2:8: no anchor &x"}, false},
	{"not UTF-8", "git: true\n# \xff\n", []string{"2:3: the file is not UTF-8"}, false},
	{"control character", "# a\x01\n", []string{"1:4: control character U+0001"}, false},
	{"converge is not a list", "converge: true\n", []string{"1:11: converge must be a string, not true or false"}, true},
	{"no id", "converge: [database, \"a b\", 3, \"\"]\n", []string{`1:22: converge: "a b" is not an id`, "1:29: an entry of converge must be a string", "1:32: an entry of converge is empty"}, true},
	{"an id twice", "converge:\n- dataBase\n- app\n- data-base\n", []string{"4:3: converge: data-base and dataBase in line 2 have the same functions; remove one of them"}, false},
	{"an id twice in text", "converge: a, A\n", []string{"1:11: converge: A and a in line 1 have the same functions"}, false},
	{"converge without ids", "converge:\n  on: push\n", []string{"2:3: converge needs ids"}, true},
	{"an unknown key of converge", "converge: {ids: [a], when: push}\n", []string{`1:22: unknown key "when" in converge`}, true},
	{"ids that are a mapping", "converge: {ids: {a: b}}\n", []string{"1:17: ids must be a list of strings or a string with commas, not a mapping"}, true},
	{"nothing has it converge", "converge: {ids: [a], on: []}\n", []string{"1:26: on is an empty list, which nothing matches"}, true},
	{"no event", "converge:\n  ids: [a]\n  on:\n  - time\n  - push main now then\n  - 3\n  - \"push [\"\n", []string{"4:5: on: write an event as VENDOR EVENT FILTER", "5:5: on: write an event as", "6:5: an entry of on must be a string", "7:5: on: "}, true},
	{"on is a mapping", "converge: {ids: [a], on: {push: main}}\n", []string{"1:26: an entry of on must be a string, not a mapping"}, true},
	{"a circle of convergence", "converge: {ids: [a], on: converge apply}\n", []string{"1:26: on: what has a module converge cannot be that it converges"}, false},
	{"a module of another repository converges", "module-path: github.com/org/ci@v1\nconverge: [a]\n", []string{"2:1: a module of another repository cannot converge here"}, false},
	{"converge beside modules", "converge: [a]\nmodules: [{path: ci}]\n", []string{`1:1: "converge" describes the only module of a file`}, true},
	{"two documents", "module-path: ci\n---\nmodules: [{path: a}]\n", []string{"2:1: a second YAML document"}, false},
	{"too large", "# " + strings.Repeat("x", config.MaxSize), []string{"1:1: the file is larger than 1 MiB"}, false},
	{"a list", "- path: ci\n", []string{"1:1: the file must be a mapping of names to values, not a list"}, true},
	{"a string", "ci", []string{"1:1: the file must be a mapping of names to values, not a string"}, true},
	{"both forms", "module-path: ci\nmodules:\n- path: a\ngit: true\n", []string{`1:1: "module-path" describes the only module`, `4:1: "git" describes the only module`}, true},
	{"no modules", "modules: []", []string{"1:10: modules is an empty list"}, true},
	{"modules of the wrong type", "modules: {path: ci}", []string{"1:10: modules must be a list, not a mapping"}, true},
	{"a module of the wrong type", "modules: [ci]", []string{"1:11: a module must be a mapping of names to values, not a string"}, true},
	{"module without path", "modules:\n- git: true\n", []string{"2:3: a module needs a path"}, true},
	{"checks of the wrong type", "checks: [lint]", []string{"1:9: checks must be false, or a mapping of checks to their settings, not a list"}, true},
	{"checks without a value", "checks:\n", []string{"1:8: checks must be false, or a mapping of checks to their settings, not nothing"}, true},
	{"checks in words", "checks: off", []string{"1:9: checks must be false, or a mapping of checks to their settings, not a string"}, true},
	{"check's name", "checks: {'lint all': {}, 'ci/lint': {}, 'web::lint': {}}", []string{`1:10: "lint all" is not the name of a check`, `1:26: "ci/lint" is not the name of a check`, `1:41: "web::lint" is not the name of a check`}, true},
	{"one check in two spellings", "checks:\n  lint-all: {}\n  lintAll: {}\n", []string{"3:3: lintAll and lint-all in line 2 are the same check"}, false},
	{"check without settings", "checks:\n  lint:\n", []string{"2:8: the check lint must be a mapping of names to values, not nothing"}, true},
	{"check's key misspelt", "checks:\n  lint:\n    event: push\n", []string{`3:5: unknown key "event" in the check lint; did you mean "events"?`}, true},
	{"function's key in a check", "checks:\n  lint:\n    args: {a: 1}\n", []string{`3:5: unknown key "args" in the check lint; the keys are on-changes, events, timeout, runs-on`}, true},
	{"check for no event", "checks: {lint: {events: []}}", []string{"1:25: events is an empty list"}, true},
	{"check for no name of an event", "checks: {lint: {events: [Push, 'pull-request']}}", []string{`1:25: events: "Push" is not the name of an event`, `1:25: events: "pull-request" is not the name of an event`}, true},
	{"check with a bad glob", "checks: {lint: {on-changes: ['a[']}}", []string{`1:30: on-changes: bad glob "a["`}, false},
	{"check with a number for a timeout", "checks: {lint: {timeout: 600}}", []string{"1:26: timeout needs a unit"}, true},
	{"check with several labels", "checks: {lint: {runs-on: [a, b]}}", []string{"1:26: runs-on is a single label"}, true},
	{"checks beside modules", "modules: [{path: ci}]\nchecks: false\n", []string{`2:1: "checks" describes the only module of a file`}, true},
	{"same module twice", "modules:\n- path: ./ci\n- path: a/../ci/\n", []string{"3:9: the module ci is there twice, first in line 2"}, false},
	{"duplicate key", "git: true\nmodule-path: ci\ngit: false\n", []string{`3:1: "git" is there twice in the file, first in line 1`}, false},
	{"duplicate function", "functions:\n  a: {}\n  a: {}\n", []string{`3:3: "a" is there twice in functions`}, false},
	{"unknown key", "pats: []\n", []string{`1:1: unknown key "pats" in the file; did you mean "paths"?`}, true},
	{"unknown key, nothing like it", "image: alpine\n", []string{`1:1: unknown key "image" in the file; the keys are modules, module-path, paths`}, true},
	{"unknown key, other case", "modulePath: ci\n", []string{`did you mean "module-path"?`}, true},
	{"path in the short form", "path: ci\n", []string{`did you mean "module-path"?`}, true},
	{"module-path in the long form", "modules:\n- path: ci\n  module-path: ci\n", []string{`3:3: unknown key "module-path" in a module; did you mean "path"?`}, true},
	{"function's key in the file", "timeout: 10m\n", []string{`1:1: "timeout" is a setting of a function`}, true},
	{"unknown function key", "functions:\n  a:\n    onChanges: x\n    time-out: 1m\n", []string{
		`3:5: unknown key "onChanges" in the function a; did you mean "on-changes"?`, `4:5: unknown key "time-out" in the function a; did you mean "timeout"?`,
	}, true},
	{"key that is no name", "1: 2\n", []string{"1:1: a key of the file must be a name, not a number"}, true},
	{"key that is a list", "? [a]\n: b\n", []string{"1:3: a key of the file must be a name, not a list"}, false},
	{"path leaves", "module-path: ../ci", []string{"1:14: module-path: the path leaves the repository"}, true},
	{"path leaves later", "module-path: a/../../ci", []string{"1:14: module-path: the path leaves the repository"}, false},
	{"absolute path", "modules:\n- path: /ci\n", []string{"2:9: path: write a path relative to the repository's root"}, true},
	{"drive", "module-path: 'C:/ci'", []string{"1:14: module-path: write a path relative"}, true},
	{"backslashes", `module-path: 'apps\ci'`, []string{"1:14: module-path: separate folders with a slash"}, true},
	{"empty path", "module-path: ''", []string{"1:14: module-path is empty"}, true},
	{"path without a value", "module-path:\n", []string{"1:13: module-path must be a string, not nothing"}, true},
	{"remote module without a version", "module-path: github.com/org/ci", []string{"1:14: module-path: say which version of the module: add @ and a tag"}, true},
	{"remote module by address without a version", "modules:\n- path: https://example.com/org/ci.git\n", []string{"2:9: path: say which version"}, true},
	{"remote module over SSH", "module-path: git@example.com:org/ci@v1", []string{"1:14: module-path: a module of another repository is not named by its ssh address"}, true},
	{"remote module by ssh's address", "modules:\n- git: true\n  path: ssh://git@example.com/org/ci@v1\n", []string{"3:9: path: a module of another repository is named by HOST/OWNER/NAME@VERSION or by its https address"}, true},
	{"remote module with a password", "module-path: https://bot:secret@example.com/org/ci.git@v1", []string{"1:14: module-path: the address of a module holds no user and no password"}, true},
	{"remote module of no repository", "module-path: github.com/org@v1", []string{"1:14: module-path: the repository is missing"}, false},
	{"remote module, unclear where the repository ends", "module-path: git.example.com/a/b/c@v1", []string{"1:14: module-path: say where the name of the repository ends with .git"}, false},
	{"remote module upwards", "module-path: github.com/org/ci/../x@v1", []string{"1:14: module-path: not the name of a repository"}, false},
	{"remote module with an option for a version", "module-path: github.com/org/ci@-x", []string{"1:14: module-path: what stands after @ is not a version"}, true},
	{"remote module twice", "modules:\n- path: github.com/org/ci@v1\n- path: github.com/org/ci@v2\n- path: github.com/org/ci@v1\n", []string{"4:9: the module github.com/org/ci@v1 is there twice, first in line 2"}, false},
	{"folder called as a remote module", "module-path: ./github.com/org/ci@v1", []string{"1:14: module-path: the folder's name reads as a module of another repository; rename the folder"}, false},
	{"after a remote module without a function", "functions:\n  a:\n    after: https://example.com/org/ci.git@v1\n", []string{"3:12: after: \"//example.com/org/ci.git@v1\" is not the name of a function"}, false},
	{"path with a line break", `module-path: "a\nb"`, []string{"1:14: module-path: not a path"}, false},
	{"paths of the wrong type", "paths: {a: b}", []string{"1:8: paths must be a list of strings or a string with commas, not a mapping"}, true},
	{"paths without a value", "paths:\n", []string{"1:7: paths must be a list of strings or a string with commas, not nothing"}, true},
	{"path of the wrong type", "paths: [1, [a], '']", []string{"1:9: an entry of paths must be a string, not a number; put it in quotes", "1:12: an entry of paths must be a string, not a list", "1:17: an entry of paths is empty"}, true},
	{"bad glob", "paths: [\"**\", \"a[\"]", []string{`1:15: paths: bad glob "a[": a "[" is not closed`}, false},
	{"bad glob among commas", "paths: 'a, {b'", []string{`1:8: paths: bad glob "{b": a "{" is not closed`}, false},
	{"glob from the root", "paths: [/src/**]", []string{`remove the leading slash`}, true},
	{"glob of a folder", "paths: [src/]", []string{`write "src/**" for everything below`}, true},
	{"glob that leaves", "paths: [../x]", []string{`it leaves the repository`}, false},
	{"paths of commas", "paths: ' , '", []string{"1:8: paths has no entry"}, true},
	{"malformed JSON list", `paths: '["a"'`, []string{"1:8: paths: read"}, false},
	{"git of the wrong type", "git: 'true'", []string{"1:6: git must be true or false, not a string"}, true},
	{"git in words", "git: yes", []string{"1:6: git must be true or false, not a string"}, true},
	{"git by force", "git: !!bool maybe", []string{"1:6: git must be true or false"}, false},
	{"secrets of the wrong type", "secrets: {token: TOKEN}", []string{"1:10: secrets must be a list, not a mapping"}, true},
	{"secret without name and source", "secrets:\n- {}\n", []string{"2:3: a secret needs a name", "2:3: a secret needs from-env"}, true},
	{"secret's name in kebab case", "secrets: [{name: gh-username, from-env: A}]", []string{"1:18: the name of a secret must be an argument's name as Dagger has it, in camel case; write ghUsername"}, true},
	{"secret's name in upper case", "secrets: [{name: Token, from-env: A}]", []string{"write token"}, true},
	{"secret's name of other letters", "secrets: [{name: '1x', from-env: A}]", []string{"1:18: the name of a secret must be an argument's name in camel case"}, true},
	{"secret's name taken", "secrets: [{name: eventTrigger, from-env: A}]", []string{"pocketci itself gives eventTrigger its value"}, true},
	{"secret twice", "secrets:\n- {name: a, from-env: A}\n- {name: a, from-env: B}\n", []string{"3:3: the secret a is there twice, first in line 2"}, false},
	{"variable's name", "secrets: [{name: a, from-env: $TOKEN}]", []string{"1:31: from-env must be the name of a variable"}, true},
	{"other source", "secrets:\n- name: a\n  from-file: /etc/passwd\n", []string{`3:3: "from-file" is not for a repository to say: files and commands are the agent's`}, true},
	{"command as source", "secrets:\n- name: a\n  from-cmd: id\n", []string{`3:3: "from-cmd" is not for a repository to say`}, true},
	{"two sources", "secrets:\n- name: a\n  from-env: A\n  from-agent: a\n", []string{"2:3: a secret comes from one place"}, true},
	{"agent's secret by path", "secrets: [{name: a, from-agent: ../ghp-0123}]", []string{"1:33: from-agent must be the name of a secret in the agent's configuration"}, true},
	{"agent's secret of the wrong type", "secrets: [{name: a, from-agent: [b]}]", []string{"1:33: from-agent must be a string, not a list"}, true},
	{"variable by provider", "secrets: [{name: a, from-provider: 'env://A'}]", []string{"1:36: from-provider: env:// is not for repositories"}, true},
	{"file by provider", "secrets: [{name: a, from-provider: 'file:///etc/passwd'}]", []string{"1:36: from-provider: file:// is not for repositories"}, true},
	{"command by provider", "secrets: [{name: a, from-provider: 'cmd://id'}]", []string{"1:36: from-provider: cmd:// is not for repositories"}, true},
	{"unknown provider", "secrets: [{name: a, from-provider: 'aws-sm://x'}]", []string{"1:36: from-provider: there is no such secret provider"}, true},
	{"provider's way up", "secrets: [{name: a, from-provider: 'vault://a/../b.c'}]", []string{"1:36: from-provider: empty parts"}, false},
	{"provider without a scheme", "secrets: [{name: a, from-provider: infra/db}]", []string{"1:36: from-provider: not a reference"}, true},
	{"source misspelt", "secrets:\n- name: a\n  from_env: A\n", []string{`2:3: a secret needs from-env`, `3:3: unknown key "from_env" in a secret; did you mean "from-env"?`}, true},
	{"functions of the wrong type", "functions: [a]", []string{"1:12: functions must be a mapping of names to values, not a list"}, true},
	{"function's name", "functions: {'lint on push': {}}", []string{`1:13: "lint on push" is not the name of a function`}, true},
	{"one function in two spellings", "functions:\n  lintOnPush: {}\n  lint-on-push: {}\n", []string{"3:3: lint-on-push and lintOnPush in line 2 are the same function"}, false},
	{"function without settings", "functions:\n  a:\n", []string{"2:5: the function a must be a mapping of names to values, not nothing"}, true},
	{"condition of the wrong type", "functions: {a: {filter: 1.10}}", []string{"1:25: filter must be a string, not a number; put it in quotes"}, true},
	{"empty condition", "functions: {a: {filter: [], base: ' , '}}", []string{"1:25: filter is an empty list", "1:35: base has no entry"}, true},
	{"bad condition", "functions: {a: {filter: ['release/[']}}", []string{`1:26: filter: bad glob "release/["`}, false},
	{"bad schedule", "functions: {a: {schedule: '1 2 3'}}", []string{"1:27: schedule must be a cron expression"}, true},
	{"a schedule's minute", "functions: {a: {schedule: 60 * * * *}}", []string{`1:27: schedule has the minute "60": minutes are 0 to 59`}, false},
	{"a schedule that never comes", "functions: {a: {schedule: 0 0 31 2 *}}", []string{"1:27: schedule is never due: no month of 2 has a day 31"}, false},
	{"a schedule's zone", "functions: {a: {schedule: TZ=Mars/Olympus 0 0 * * *}}", []string{`1:27: schedule has the time zone "Mars/Olympus", which is none`}, false},
	{"a schedule's mapping", "functions: {a: {schedule: {crn: 0 0 * * *}}}", []string{"1:27: schedule does not say when it is due", `1:28: unknown key "crn" in schedule; did you mean "cron"?`}, true},
	{"a schedule's hour in a mapping", "functions: {a: {schedule: {cron: 0 24 * * *}}}", []string{`1:34: cron has the hour "24"`}, false},
	{"a schedule of a list", "functions: {a: {schedule: [a]}}", []string{"1:27: schedule must be a string, not a list"}, true},
	{"timeout without unit", "functions: {a: {timeout: 600}}", []string{"1:26: timeout needs a unit; write 600s, 600m or 600h"}, true},
	{"bad timeout", "functions: {a: {timeout: 5 minutes}}", []string{"1:26: timeout must be a duration"}, true},
	{"zero timeout", "functions: {a: {timeout: 0s}}", []string{"1:26: timeout must be more than nothing"}, true},
	{"negative timeout", "functions: {a: {timeout: -5m}}", []string{"1:26: timeout must be more than nothing"}, true},
	{"several labels", "functions: {a: {runs-on: [x, y]}}", []string{"1:26: runs-on is a single label, not a list"}, true},
	{"label with a space", "functions: {a: {runs-on: x y}}", []string{"1:26: runs-on is a single label without spaces"}, true},
	{"filters that are none", "functions: {a: {filters: }}", []string{"1:26: filters must be a list, not nothing"}, true},
	{"an empty list of filters", "functions: {a: {filters: []}}", []string{"1:26: filters is an empty list"}, true},
	{"a filter without a path", "functions: {a: {filters: [{is-equal-to: x}]}}", []string{"1:27: a filter needs a path"}, true},
	{"a filter without a predicate", "functions: {a: {filters: [{path: /x}]}}", []string{"1:27: a filter says nothing about the value"}, true},
	{"a filter with a bad path", "functions: {a: {filters: [{path: x, exists: true}]}}", []string{"1:34: path: a JSON Pointer begins with a slash"}, true},
	{"a filter with a bad expression", "functions: {a: {filters: [{path: /x, matches: '('}]}}", []string{"1:47: matches: not a regular expression"}, false},
	{"a filter of a list", "functions: {a: {filters: [{path: /x, is-equal-to: [a]}]}}", []string{"1:51: is-equal-to must be a string, a number"}, true},
	{"after nothing", "functions: {a: {after: }}", []string{"1:24: after must be a list of strings or a string with commas, not nothing"}, true},
	{"after an empty name", "functions: {a: {after: ''}}", []string{"1:24: after is empty"}, true},
	{"after an empty list", "functions: {a: {after: []}}", []string{"1:24: after is an empty list; add a function"}, true},
	{"after a number", "functions: {a: {after: [b, 1]}}", []string{"1:28: an entry of after must be a string, not a number"}, true},
	{"after a mapping", "functions: {a: {after: {b: c}}}", []string{"1:24: after must be the name of a function or a list of names, not a mapping"}, true},
	{"after a list of lists", "functions: {a: {after: [[b]]}}", []string{"1:25: an entry of after must be a string, not a list"}, true},
	{"after several, one of them wrong", "functions: {a: {after: 'b, c d'}}", []string{`1:24: after: "c d" is not the name of a function`}, false},
	{"after a module", "functions: {a: {after: 'ci:'}}", []string{`1:24: after: "" is not the name of a function`}, false},
	{"after a module without a path", "functions: {a: {after: ':b'}}", []string{`1:24: after: "" is not the path of a module`}, false},
	{"after a module outside", "functions: {a: {after: '../ci:b'}}", []string{`1:24: after: "../ci" is not the path of a module`}, false},
	{"group of nothing", "functions: {a: {concurrency: }}", []string{"1:30: concurrency must be a string, not nothing"}, true},
	{"empty group", "functions: {a: {concurrency: ' '}}", []string{"1:30: concurrency is empty"}, true},
	{"empty group in a mapping", "functions: {a: {concurrency: {group: ''}}}", []string{"1:38: group is empty"}, true},
	{"group that is a number", "functions: {a: {concurrency: {group: 1, cancel: yes please}}}", []string{"1:38: group must be a string, not a number", "1:49: cancel must be true or false, not a string"}, true},
	{"no group", "functions: {a: {concurrency: {cancel: true}}}", []string{"1:30: concurrency needs a group"}, true},
	{"groups in a list", "functions: {a: {concurrency: [a]}}", []string{"1:30: concurrency must be the name of a group or a mapping with group and cancel, not a list"}, true},
	{"unknown key of a group", "functions: {a: {concurrency: {group: x, cancle: true}}}", []string{`1:41: unknown key "cancle" in concurrency; did you mean "cancel"?`}, true},
	{"group of pocketci's own", "functions: {a: {concurrency: 'pull request 7 ci:lint'}, b: {concurrency: {group: ' pull request 1'}}}", []string{"1:30: concurrency: names that begin with", "1:82: group: names that begin with"}, true},
	{"args of the wrong type", "functions: {a: {args: [x]}}", []string{"1:23: args must be a mapping of names to values, not a list"}, true},
	{"null argument", "functions: {a: {args: {x: null}}}", []string{"1:27: x is null; leave the argument out"}, true},
	{"nested argument", "functions: {a: {args: {x: {y: 1}}}}", []string{"1:27: x must be a string, a number, true or false, or a list of these, not a mapping"}, true},
	{"list of lists", "functions: {a: {args: {x: [[1]]}}}", []string{"1:28: an entry of x must be"}, true},
	{"big number", "functions: {a: {args: {x: 9223372036854775808}}}", []string{"1:27: x: the number does not fit into 64 bits"}, false},
	{"very big number", "functions: {a: {args: {x: 99999999999999999999999}}}", []string{"does not fit into 64 bits"}, false},
	{"octal number", "functions: {a: {args: {mode: 0644}}}", []string{"1:30: mode: write the number in plain decimal digits"}, false},
	{"number with zeros", "functions: {a: {args: {x: 089}}}", []string{"write the number in plain decimal digits"}, false},
	{"hexadecimal number", "functions: {a: {args: {x: 0x1f}}}", []string{"write the number in plain decimal digits"}, false},
	{"number with underscores", "functions: {a: {args: {x: 1_000}}}", []string{"write the number in plain decimal digits"}, false},
	{"infinity", "functions: {a: {args: {x: .inf}}}", []string{"not a number that arguments can have"}, false},
	{"not a number", "functions: {a: {args: {x: !!float abc}}}", []string{"1:27: x: "}, false},
	{"argument's name in kebab case", "functions: {a: {args: {dry-run: true}}}", []string{"1:24: a name in args must be an argument's name as Dagger has it, in camel case; write dryRun"}, true},
	{"argument taken", "functions: {a: {args: {src: x}}}", []string{"pocketci itself gives src its value"}, true},
	{"argument that is a secret", "secrets: [{name: token, from-env: A}]\nfunctions: {a: {args: {token: x}}}", []string{"2:24: token is a secret already, in line 1"}, false},
	{"tag", "functions: {a: {args: {x: !custom y}}}", []string{"1:27: the tag !custom is not supported"}, false},
	{"binary", "functions: {a: {args: {x: !!binary aGk=}}}", []string{"1:27: the tag !!binary is not supported"}, false},
	{"merge of nothing", "functions: {a: {<<: x}}", []string{"1:21: a merge key (<<) of the function a needs an alias of a mapping"}, false},
	{"merge of itself", "functions: {a: &a {<<: *a}}", []string{"merge keys (<<) are nested too deeply"}, false},
	{"alias of itself", "functions: &f {a: *f}", []string{"unknown key \"a\" in the function a"}, false},
	{"everything at once", "giit: true\npaths: [/a]\nfunctions:\n  a: {timeout: 1}\n", []string{`1:1: unknown key "giit"`, "2:9: paths: bad glob", "4:16: timeout needs a unit"}, true},
}

func TestParse(t *testing.T) {
	for _, tc := range valid {
		t.Run(tc.name, func(t *testing.T) {
			got, err := config.Parse("pocketci.yaml", []byte(tc.yaml))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&config.Config{Modules: tc.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for _, tc := range invalid {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Parse("pocketci.yaml", []byte(tc.yaml))
			var errs config.Errors
			if !errors.As(err, &errs) {
				t.Fatalf("got %v", err)
			}
			if len(errs) != len(tc.want) {
				t.Fatalf("want %d errors, got %d:\n%v", len(tc.want), len(errs), err)
			}
			for i, want := range tc.want {
				if text := errs[i].Error(); !strings.Contains(text, want) || !strings.HasPrefix(text, "pocketci.yaml:") {
					t.Errorf("got  %s\nwant %s", text, want)
				}
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	t.Run("aliases of aliases", func(t *testing.T) {
		var b strings.Builder
		b.WriteString("functions:\n  f0: &f0 {args: {x: [" + strings.Repeat("1,", 999) + "1]}}\n")
		for i := range 999 {
			b.WriteString("  g" + strings.Repeat("x", i) + ": *f0\n")
		}
		_, err := config.Parse("x", []byte(b.String()))
		if err == nil || !strings.Contains(err.Error(), "write fewer aliases") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("billion laughs", func(t *testing.T) {
		text := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
		for c := 'b'; c < 'k'; c++ {
			text += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+",", 9) + "*" + string(c-1) + "]\n"
		}
		_, err := config.Parse("x", []byte(text+"paths: *j\n"))
		if err == nil {
			t.Error("accepted")
		}
	})
	t.Run("merge bomb", func(t *testing.T) {
		text := "functions:\n  a: &a {timeout: 1m}\n"
		for c := 'b'; c < 'k'; c++ {
			text += "  " + string(c) + ": &" + string(c) + " {<<: [" + strings.Repeat("*"+string(c-1)+",", 99) + "*" + string(c-1) + "]}\n"
		}
		_, err := config.Parse("x", []byte(text))
		if err == nil || !strings.Contains(err.Error(), "write fewer aliases") && !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("deep nesting", func(t *testing.T) {
		if _, err := config.Parse("x", []byte("paths: "+strings.Repeat("[", 500_000))); err == nil {
			t.Error("accepted")
		}
	})
	t.Run("many errors", func(t *testing.T) {
		_, err := config.Parse("x", []byte("paths: ["+strings.Repeat("1, ", 500)+"1]"))
		var errs config.Errors
		if !errors.As(err, &errs) || len(errs) != 100 || !strings.Contains(errs[99].Message, "and 401 more errors") {
			t.Errorf("got %d errors, the last %v", len(errs), errs[len(errs)-1])
		}
	})
}

// A value in the wrong place may be a secret.
func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "ghp-0123456789"
	for _, text := range []string{
		"secrets: [{name: a, from-env: " + secret + "}]",
		"secrets: [{name: a, value: " + secret + "}]",
		"secrets: [{name: a, from-agent: ' " + secret + "'}]",
		"secrets: [{name: a, from-provider: " + secret + "}]",
		"secrets: [{name: a, from-provider: '" + secret + "://x'}]",
		"secrets: [{name: a, from-env: [" + secret + "]}]",
		"secrets: " + secret,
		"secrets: [" + secret + "]",
		"git: " + secret,
	} {
		_, err := config.Parse("x", []byte(text))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Parse never panics, its errors have a position inside the file and come
// sorted, and the same file always means the same.
func FuzzParse(f *testing.F) {
	for _, tc := range valid {
		f.Add([]byte(tc.yaml))
	}
	for _, tc := range invalid {
		if len(tc.yaml) < 1000 {
			f.Add([]byte(tc.yaml))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("f", data)
		again, errAgain := config.Parse("f", data)
		if diff := cmp.Diff(c, again); diff != "" {
			t.Fatal(diff)
		}
		if err == nil {
			if len(c.Modules) == 0 {
				t.Fatal("no module")
			}
			return
		}
		if errAgain == nil || err.Error() != errAgain.Error() {
			t.Fatalf("%v, then %v", err, errAgain)
		}
		var errs config.Errors
		if !errors.As(err, &errs) || len(errs) == 0 {
			t.Fatalf("not an Errors: %v", err)
		}
		lines := strings.Count(strings.ReplaceAll(string(data), "\r", "\n"), "\n") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029") + strings.Count(string(data), "\u0085") + 1
		for i, e := range errs {
			if e.Line < 1 || e.Column < 1 || e.Line > lines || e.Message == "" {
				t.Fatalf("no position in %d lines: %v", lines, e)
			}
			if i > 0 && errs[i-1].Line > e.Line {
				t.Fatalf("not sorted: %v", err)
			}
		}
	})
}

func TestFunctionByAnySpelling(t *testing.T) {
	m := config.Module{Functions: map[string]config.Function{"lint-on-push": {RunsOn: "x"}}}
	if f, ok := m.Function("lintOnPush"); !ok || f.RunsOn != "x" {
		t.Errorf("got %v, %v", f, ok)
	}
	if _, ok := m.Function("lint"); ok {
		t.Error("found a function that is not there")
	}
}

// filters are those that the text has as JSON.
func filters(text string) (list []predicate.Filter) {
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		panic(err)
	}
	return list
}
