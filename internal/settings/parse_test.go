package settings_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/timetable"
)

// timed is the timetable of an expression.
func timed(expression string, policy schedule.Policy) timetable.Timetable {
	s, err := schedule.Parse(expression, nil)
	if err != nil {
		panic(err)
	}
	return timetable.Timetable{Schedule: s, Policy: policy}
}

// valid are files with what they mean.
var valid = map[string]struct {
	yaml string
	want settings.Settings
}{
	"empty":         {"", settings.Settings{}},
	"comments":      {"# later\n", settings.Settings{}},
	"empty mapping": {"{}", settings.Settings{}},
	"forks":         {"forks: never\nforks-share-engine: true\n", settings.Settings{Forks: settings.ForksNever, ForksShareEngine: true}},
	"no secrets":    {"forks: no-secrets", settings.Settings{Forks: settings.ForksNoSecrets}},
	"the default":   {"forks: approve", settings.Settings{}},
	"runners": {"runners:\n- {name: untrusted, host: 'unix:///run/u.sock', labels: [untrusted], untrusted: true}\n- name: arm\n  host: tcp://10.0.0.7:1234\n  labels: arm64, big\n", settings.Settings{Runners: []settings.Runner{
		{Name: "untrusted", Host: "unix:///run/u.sock", Labels: []string{"untrusted"}, Untrusted: true, Line: 2},
		{Name: "arm", Host: "tcp://10.0.0.7:1234", Labels: []string{"arm64", "big"}, Line: 3},
	}}},
	"remote modules":        {`modules: {remote: ["github.com/acme/ci@*", "git.example.com:8443/x/y/z@v1.2.3"]}`, settings.Settings{Modules: settings.Modules{Remote: []string{"github.com/acme/ci@*", "git.example.com:8443/x/y/z@v1.2.3"}}}},
	"a forge by its vendor": {"forges: [{name: github}]", settings.Settings{Forges: []settings.Forge{{Name: "github", Vendor: "github", Statuses: true, Line: 1}}}},
	"a forge with everything": {`forges:
  - name: work
    vendor: github
    url: https://github.example.com/
    webhook-secrets: [{from-env: NEW}, {from-file: /etc/hook/../hook/old}]
    username: {from-env: GITHUB_USERNAME}
    token:
      from-env: GITHUB_TOKEN
    repositories: [acme/*, other/one]
    statuses: false
`, settings.Settings{Forges: []settings.Forge{{
		Name: "work", Vendor: "github", URL: "https://github.example.com",
		WebhookSecrets: []settings.Secret{{Env: "NEW", Line: 5}, {File: "/etc/hook/old", Line: 5}},
		Username:       &settings.Secret{Env: "GITHUB_USERNAME", Line: 6}, Token: &settings.Secret{Env: "GITHUB_TOKEN", Line: 8},
		Repositories: settings.Patterns{"acme/*", "other/one"}, Line: 2,
	}}}},
	"filters of a forge": {"forges:\n- name: github\n  filters:\n  - {path: /sender/type, is-not-equal-to: Bot}\n", settings.Settings{Forges: []settings.Forge{{
		Name: "github", Vendor: "github", Filters: filters(`[{"path":"/sender/type","is-not-equal-to":"Bot"}]`), Statuses: true, Line: 2,
	}}}},
	"an app": {"forges:\n- name: github\n  app: {id: 123, private-key: {from-file: /etc/app.pem}}\n", settings.Settings{Forges: []settings.Forge{{
		Name: "github", Vendor: "github", App: &settings.App{ID: 123, PrivateKey: settings.Secret{File: "/etc/app.pem", Line: 3}}, Statuses: true, Line: 2,
	}}}},
	"a Gitea": {"forges: [{name: gitea, url: 'http://git.lan:3000/git'}, {name: two, vendor: gitea, url: 'https://x'}]", settings.Settings{Forges: []settings.Forge{
		{Name: "gitea", Vendor: "gitea", URL: "http://git.lan:3000/git", Statuses: true, Line: 1}, {Name: "two", Vendor: "gitea", URL: "https://x", Statuses: true, Line: 1},
	}}},
	"registries": {`registries:
  - name: local
    host: registry.example.com:5000
    insecure: true
    username: {from-env: REGISTRY_USER}
    token: {from-env: REGISTRY_TOKEN}
    webhook-secret: {from-file: /etc/pocketci/hook}
    watch:
      - repository: acme/my_shop.web
        interval: 1m30s
        versions: {match: 'b(\d+)'}
        ignore-tags: '^sha-'
        pinned-tag: main
        auto-deploy: false
        deploy-attempts: 2
        calls: acme/shop
      - {repository: acme/api, name: api, versions: semver}
  - {name: hub, host: docker.io, docker-config: /etc/pocketci/docker.json, watch: [{repository: nginx, versions: {prereleases: true}, calls: {module: site}}]}
  - {name: none, host: localhost, token: {from-env: T}, watch: []}
`, settings.Settings{Registries: []settings.Registry{
		{
			Name: "local", Host: "registry.example.com:5000", Insecure: true,
			Username: &settings.Secret{Env: "REGISTRY_USER", Line: 5}, Token: &settings.Secret{Env: "REGISTRY_TOKEN", Line: 6},
			WebhookSecret: &settings.Secret{File: "/etc/pocketci/hook", Line: 7}, Line: 2,
			Watch: []settings.Watch{
				{
					Name: "acme-my-shop-web", Repository: "acme/my_shop.web", Interval: 90 * time.Second, Versions: settings.Versions{Match: `b(\d+)`}, IgnoreTags: "^sha-",
					PinnedTag: "main", DeployAttempts: 2, Calls: settings.Target{Repository: "acme/shop", Line: 16}, Line: 9,
				},
				{Name: "api", Repository: "acme/api", Interval: time.Minute, AutoDeploy: true, DeployAttempts: 5, Line: 17},
			},
		},
		{Name: "hub", Host: "docker.io", DockerConfig: "/etc/pocketci/docker.json", Line: 18, Watch: []settings.Watch{
			{Name: "nginx", Repository: "nginx", Interval: time.Minute, Versions: settings.Versions{Prereleases: true}, AutoDeploy: true, DeployAttempts: 5, Calls: settings.Target{Module: "site", Line: 18}, Line: 18},
		}},
		{Name: "none", Host: "localhost", Token: &settings.Secret{Env: "T", Line: 19}, Line: 19},
	}}},
	"reports of hosts": {"converge:\n- {name: hosts, secrets: [{from-env: NEW}, {from-file: /etc/old}], calls: acme/shop}\n", settings.Settings{Converge: []settings.ConvergeSource{{
		Name: "hosts", Secrets: []settings.Secret{{Env: "NEW", Line: 2}, {File: "/etc/old", Line: 2}}, Calls: settings.Target{Repository: "acme/shop", Line: 2}, Line: 2,
	}}}},
	"signed tokens": {`signed:
  keys: ["ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:build"]
  sources:
    - name: web
      push: true
      calls: acme/shop
    - name: hosts
      keys:
        - ed25519public:MCowBQYDK2VwAyEAFCxwIxFECr/ZiAgWTKLGgmTwbbzIzDbU+5S+0AAj6x0=:x0
        - |
          -----BEGIN PUBLIC KEY-----
          MCowBQYDK2VwAyEAbDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=
          -----END PUBLIC KEY-----
      pull:
        paths: [/srv/../srv/hosts.jwt, "https://files.example.com/hosts.jwt?v=1"]
        every: 30s
        headers: {Authorization: {from-env: FILES_AUTHORIZATION}}
      allow-older: true
      allow-no-expiry: true
      filters: [{path: /claims/sub, is-equal-to: web}]
      calls: {repository: acme/shop, ref: main}
`, settings.Settings{Signed: []settings.SignedSource{
		{Name: "web", Keys: publicKeys("ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:build"), Push: true, Calls: settings.Target{Repository: "acme/shop", Line: 6}, Line: 4},
		{
			Name: "hosts", Keys: publicKeys("ed25519:FCxwIxFECr/ZiAgWTKLGgmTwbbzIzDbU+5S+0AAj6x0=:x0", "ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k="),
			Pull: &settings.SignedPull{
				Paths: []string{"/srv/hosts.jwt", "https://files.example.com/hosts.jwt?v=1"}, Every: 30 * time.Second,
				Headers: map[string]settings.Secret{"Authorization": {Env: "FILES_AUTHORIZATION", Line: 17}},
			},
			AllowOlder: true, AllowNoExpiry: true, Filters: filters(`[{"path": "/claims/sub", "is-equal-to": "web"}]`),
			Calls: settings.Target{Repository: "acme/shop", Ref: "refs/heads/main", Line: 21}, Line: 7,
		},
	}}},
	"rules": {`secrets:
  - repositories: ["acme/shop", "acme/*"]
    env: [API_TOKEN, "DEPLOY_*"]
    named:
      deploy-key: {from-file: /etc/pocketci/deploy.key}
      other: {from-env: OTHER}
    providers: ["op://infra/", "vault://"]
    events: [push]
    refs: [refs/heads/main, "release/*", refs/tags/v1]
  - repositories: "**"
`, settings.Settings{Rules: []settings.Rule{
		{
			Repositories: settings.Patterns{"acme/shop", "acme/*"}, Env: []string{"API_TOKEN", "DEPLOY_*"},
			Named:     map[string]settings.Secret{"deploy-key": {File: "/etc/pocketci/deploy.key", Line: 5}, "other": {Env: "OTHER", Line: 6}},
			Providers: []string{"op://infra/", "vault://"}, Events: []string{"push"},
			Refs: []string{"refs/heads/main", "refs/heads/release/*", "refs/tags/v1"}, Line: 2,
		},
		{Repositories: settings.Patterns{"**"}, Line: 10},
	}}},
	"public repositories": {"web: {public: [acme/shop, 'acme/open-*']}", settings.Settings{Web: settings.Web{Public: settings.Patterns{"acme/shop", "acme/open-*"}}}},
	"providers":           {"providers: {env: [VAULT_ADDR, VAULT_TOKEN]}", settings.Settings{Providers: settings.Providers{Env: []string{"VAULT_ADDR", "VAULT_TOKEN"}}}},
	"a schedule": {"schedules: [{name: nightly, cron: 0 3 * * *, calls: acme/shop}]", settings.Settings{Schedules: []settings.Schedule{
		{Name: "nightly", Timetable: timed("0 3 * * *", schedule.Policy{}), Target: settings.Target{Repository: "acme/shop", Line: 1}, Line: 1},
	}}},
	"a schedule with everything": {`schedules:
  - name: nightly
    cron: 0 3 * * mon-fri
    time-zone: Europe/Berlin
    catch-up: all
    max-age: 48h
    jitter: 10m
    calls: {repository: acme/shop, ref: stable, clone-url: 'https://git.example.com/acme/shop.git'}
`, settings.Settings{Schedules: []settings.Schedule{{
		Name: "nightly", Timetable: timed("TZ=Europe/Berlin 0 3 * * mon-fri", schedule.Policy{CatchUp: schedule.CatchUpAll, MaxAge: 48 * time.Hour, Jitter: 10 * time.Minute}),
		Target: settings.Target{Repository: "acme/shop", Ref: "refs/heads/stable", CloneURL: "https://git.example.com/acme/shop.git", Line: 8}, Line: 2,
	}}}},
	"schedules of every kind": {`schedules:
- {name: a, every: 90s, calls: a/b}
- {name: b, at: '2026-03-01T12:00:00+01:00', calls: a/b}
- {name: c, hourly: {minute: 5}, calls: a/b, catch-up: none}
- {name: d, daily: {hour: 3, minute: 30, second: 15}, time-zone: Europe/Berlin, calls: a/b}
- {name: e, weekly: {day: Monday}, calls: {module: site}}
- {name: f, cron: '@every 1h', calls: a/b}
- {name: g, daily: {}, calls: a/b}
`, settings.Settings{Schedules: []settings.Schedule{
		{Name: "a", Timetable: timed("@every 90s", schedule.Policy{}), Target: settings.Target{Repository: "a/b", Line: 2}, Line: 2},
		{Name: "b", Timetable: timed("2026-03-01T12:00:00+01:00", schedule.Policy{}), Target: settings.Target{Repository: "a/b", Line: 3}, Line: 3},
		{Name: "c", Timetable: timed("5 * * * *", schedule.Policy{CatchUp: schedule.CatchUpNone}), Target: settings.Target{Repository: "a/b", Line: 4}, Line: 4},
		{Name: "d", Timetable: timed("TZ=Europe/Berlin @daily 03:30:15", schedule.Policy{}), Target: settings.Target{Repository: "a/b", Line: 5}, Line: 5},
		{Name: "e", Timetable: timed("0 0 * * 1", schedule.Policy{}), Target: settings.Target{Module: "site", Line: 6}, Line: 6},
		{Name: "f", Timetable: timed("@every 1h", schedule.Policy{}), Target: settings.Target{Repository: "a/b", Line: 7}, Line: 7},
		{Name: "g", Timetable: timed("0 0 * * *", schedule.Policy{}), Target: settings.Target{Repository: "a/b", Line: 8}, Line: 8},
	}}},
	"anchors": {"secrets:\n- repositories: [a/b]\n  named: {x: &key {from-env: KEY}}\n- repositories: [c/d]\n  named: {y: *key}\n", settings.Settings{Rules: []settings.Rule{
		{Repositories: settings.Patterns{"a/b"}, Named: map[string]settings.Secret{"x": {Env: "KEY", Line: 3}}, Line: 2},
		{Repositories: settings.Patterns{"c/d"}, Named: map[string]settings.Secret{"y": {Env: "KEY", Line: 5}}, Line: 4},
	}}},
}

// invalid are files with the errors they give: position and a part of the
// message. schema says that the JSON Schema finds them too.
var invalid = map[string]struct {
	yaml   string
	want   []string
	schema bool
}{
	"not YAML":                       {"forks: [", []string{"1:1: not valid YAML"}, false},
	"a list":                         {"- forks", []string{"1:1: the file must be a mapping of names to values, not a list"}, true},
	"two documents":                  {"forks: never\n---\nforks: never\n", []string{"2:1: a second YAML document"}, false},
	"unknown key":                    {"fork: never", []string{`1:1: unknown key "fork" in the file; did you mean "forks"?`}, true},
	"unknown key, nothing like it":   {"weather: []", []string{`1:1: unknown key "weather" in the file; the keys are forks, forks-share-engine, runners`}, true},
	"unknown word for forks":         {"forks: nosecrets", []string{`1:8: forks must be one of approve, never, no-secrets; did you mean "no-secrets"?`}, true},
	"forks that are true":            {"forks: true", []string{"1:8: forks must be a string, not true or false"}, true},
	"sharing in words":               {"forks-share-engine: yes", []string{"1:21: forks-share-engine must be true or false, not a string"}, true},
	"runners of the wrong type":      {"runners: {a: b}", []string{"1:10: runners must be a list, not a mapping"}, true},
	"a runner of nothing":            {"runners: [{}]", []string{"1:11: a runner needs a name", "1:11: a runner needs a host"}, true},
	"a runner without a scheme":      {"runners: [{name: a, host: /run/x.sock}]", []string{"1:27: host must be a runner host"}, true},
	"a runner's name":                {"runners: [{name: A b, host: 'tcp://x'}]", []string{"1:18: the name of a runner must be small letters and digits"}, true},
	"a runner twice":                 {"runners:\n- {name: a, host: 'tcp://x'}\n- {name: a, host: 'tcp://y'}\n", []string{"3:3: the runner a is there twice, first in line 2"}, false},
	"labels":                         {"runners: [{name: a, host: 'tcp://x', labels: [b c]}]", []string{"1:46: labels: a label has no spaces"}, true},
	"no labels":                      {"runners: [{name: a, host: 'tcp://x', labels: []}]", []string{"1:46: labels is an empty list"}, true},
	"a runner's unknown key":         {"runners: [{name: a, host: 'tcp://x', label: [b]}]", []string{`1:38: unknown key "label" in a runner; did you mean "labels"?`}, true},
	"a remote module's scheme":       {"modules: {remote: ['https://github.com/a/b@*']}", []string{"1:20: remote: write the module without a scheme"}, true},
	"a remote module's version":      {"modules: {remote: ['github.com/a/b']}", []string{"1:20: remote: say which versions"}, true},
	"a remote module's host":         {"modules: {remote: ['acme/ci@*']}", []string{"1:20: remote: not a module of another repository"}, true},
	"a forge of nothing":             {"forges: [{}]", []string{"1:10: a forge needs a name"}, true},
	"a forge without a vendor":       {"forges: [{name: work}]", []string{"1:10: the forge work needs a vendor, one of github, gitea, gitlab, bitbucket"}, true},
	"an unknown vendor":              {"forges: [{name: a, vendor: githab}]", []string{`1:28: vendor must be one of github, gitea, gitlab, bitbucket; did you mean "github"?`}, true},
	"a forge twice":                  {"forges:\n- {name: github}\n- {name: github}\n", []string{"3:3: the forge github is there twice"}, false},
	"a Gitea without an address":     {"forges: [{name: gitea}]", []string{"1:10: a Gitea or Forgejo needs its url"}, true},
	"an app of GitLab":               {"forges: [{name: gitlab, app: {id: 1, private-key: {from-env: A}}}]", []string{"1:25: only GitHub has Apps"}, true},
	"an app and a token":             {"forges: [{name: github, token: {from-env: B}, app: {id: 1, private-key: {from-env: A}}}]", []string{"1:47: a forge has a token or an app"}, true},
	"an app without a key":           {"forges: [{name: github, app: {id: 1}}]", []string{"1:30: an app needs its id and a private-key"}, true},
	"an app's number":                {"forges: [{name: github, app: {id: '1', private-key: {from-env: A}}}]", []string{"1:35: id must be a number above zero"}, true},
	"an app's negative number":       {"forges: [{name: github, app: {id: -1, private-key: {from-env: A}}}]", []string{"1:35: id must be a number above zero"}, true},
	"three webhook secrets":          {"forges: [{name: github, webhook-secrets: [{from-env: A}, {from-env: B}, {from-env: C}]}]", []string{"1:42: webhook-secrets has one secret"}, true},
	"no webhook secret":              {"forges: [{name: github, webhook-secrets: []}]", []string{"1:42: webhook-secrets has one secret"}, true},
	"one webhook secret without []":  {"forges: [{name: github, webhook-secrets: {from-env: A}}]", []string{"1:42: webhook-secrets must be a list, not a mapping"}, true},
	"an address without a scheme":    {"forges: [{name: github, url: github.com}]", []string{"1:30: url must be an address of http or https, such as"}, true},
	"an address with a user":         {"forges: [{name: github, url: 'https://me:hunter2@github.com'}]", []string{"1:30: url holds a user"}, true},
	"a literal token":                {"forges: [{name: github, token: hunter2}]", []string{"1:32: token must be {from-env: NAME} or {from-file: PATH}, not a string: this file holds no secret itself"}, true},
	"a literal number":               {"forges: [{name: github, token: 123456}]", []string{"1:32: token must be {from-env: NAME} or {from-file: PATH}, not a number"}, true},
	"a literal key":                  {"forges:\n- name: github\n  app:\n    id: 1\n    private-key: |\n      hunter2\n", []string{"5:18: private-key must be {from-env: NAME}"}, true},
	"a token that looks like a tag":  {"forges: [{name: github, token: !hunter2 x}]", []string{"1:32: a tag is not supported; put the value in quotes"}, false},
	"a token like an alias":          {"forges: [{name: github, token: *hunter2 }]", []string{"1:32: no anchor stands above this alias"}, false},
	"a literal in braces":            {"forges: [{name: github, token: {hunter2}}]", []string{"1:33: unknown key in token; write {from-env: NAME}"}, true},
	"a source misspelt":              {"forges: [{name: github, token: {from_env: A}}]", []string{`1:33: unknown key in token; did you mean "from-env"?`}, true},
	"a command":                      {"forges: [{name: github, token: {from-cmd: cat x}}]", []string{"1:33: unknown key in token; write"}, true},
	"no source":                      {"forges: [{name: github, token: {}}]", []string{"1:32: token needs exactly one of from-env and from-file"}, true},
	"two sources":                    {"forges: [{name: github, token: {from-env: A, from-file: /a}}]", []string{"1:32: token needs exactly one"}, true},
	"a literal as a variable":        {"forges: [{name: github, token: {from-env: hunter-2}}]", []string{"1:43: from-env must be the name of a variable"}, true},
	"a relative file":                {"forges: [{name: github, token: {from-file: hunter2}}]", []string{"1:44: from-file must be the absolute path of a file"}, true},
	"an empty file name":             {"forges: [{name: github, token: {from-file: ''}}]", []string{"1:44: from-file is empty"}, true},
	"a forge's repositories":         {"forges: [{name: github, repositories: [acme]}]", []string{"1:40: repositories: a repository's full name has an owner"}, true},
	"a schedule of nothing":          {"schedules: [{}]", []string{"1:13: a schedule needs a name", "1:13: a schedule needs calls", "1:13: a schedule does not say when it is due; add one of cron, every, at, hourly, daily, weekly"}, true},
	"a schedule due twice":           {"schedules: [{name: a, cron: '@daily', every: 5s, calls: a/b}]", []string{"1:39: the schedule a says twice when it is due"}, true},
	"a schedule there twice":         {"schedules:\n- {name: a, cron: '@daily', calls: a/b}\n- {name: a, cron: '@daily', calls: a/b}\n", []string{"3:3: the schedule a is there twice"}, false},
	"a schedule's hour":              {"schedules: [{name: a, cron: 0 24 * * *, calls: a/b}]", []string{`1:29: cron has the hour "24": hours are 0 to 23`}, false},
	"a schedule's unknown key":       {"schedules: [{name: a, crom: '@daily', calls: a/b}]", []string{"1:13: the schedule a does not say when", `1:23: unknown key "crom" in a schedule; did you mean "cron"?`}, true},
	"a schedule's zone":              {"schedules: [{name: a, cron: '@daily', time-zone: Berlin, calls: a/b}]", []string{`1:50: time-zone has the time zone "Berlin", which is none`}, false},
	"a period with a zone":           {"schedules: [{name: a, every: 5s, time-zone: UTC, calls: a/b}]", []string{"1:23: every counts real time"}, false},
	"a period without a unit":        {"schedules: [{name: a, every: 30, calls: a/b}]", []string{"1:30: every needs a unit; write 30s, 30m or 30h"}, true},
	"a time without an offset":       {"schedules: [{name: a, at: '2026-03-01T12:00:00', calls: a/b}]", []string{"1:27: at has no offset from UTC"}, true},
	"a time that is none":            {"schedules: [{name: a, at: [], calls: a/b}]", []string{"1:27: at must be a time as RFC 3339 has it"}, true},
	"an hour of the day":             {"schedules: [{name: a, daily: {hour: 24}, calls: a/b}]", []string{"1:37: hour must be a number from 0 to 23"}, true},
	"a minute in words":              {"schedules: [{name: a, hourly: {minute: five}, calls: a/b}]", []string{"1:40: minute must be a number from 0 to 59"}, true},
	"an hour of the hour":            {"schedules: [{name: a, hourly: {hour: 5}, calls: a/b}]", []string{`1:32: unknown key "hour" in hourly`}, true},
	"a week without a day":           {"schedules: [{name: a, weekly: {hour: 5}, calls: a/b}]", []string{"1:31: weekly needs a day"}, true},
	"a day of no week":               {"schedules: [{name: a, weekly: {day: 1st}, calls: a/b}]", []string{"1:37: day must be a day of the week"}, true},
	"catching up in other words":     {"schedules: [{name: a, cron: '@daily', catch-up: lst, calls: a/b}]", []string{`1:49: catch-up must be one of last, all, none; did you mean "last"?`}, true},
	"an age of nothing to catch up":  {"schedules: [{name: a, cron: '@daily', catch-up: none, max-age: 1h, calls: a/b}]", []string{"1:55: catch-up: none catches up with no tick"}, false},
	"an age of years":                {"schedules: [{name: a, cron: '@daily', max-age: 10000h, calls: a/b}]", []string{"1:48: max-age must be from a second to 8784h"}, false},
	"a jitter beyond the next tick":  {"schedules: [{name: a, cron: '*/5 * * * *', jitter: 5m, calls: a/b}]", []string{"1:52: jitter must be shorter than the time between two ticks, which is 5m0s"}, false},
	"a jitter of no time":            {"schedules: [{name: a, cron: '@daily', jitter: soon, calls: a/b}]", []string{"1:47: jitter must be a duration"}, true},
	"a schedule for nobody":          {"schedules: [{name: a, cron: '@daily', calls: shop}]", []string{"1:46: calls must be the full name of a repository"}, true},
	"registries of the wrong type":   {"registries: {a: b}", []string{"1:13: registries must be a list, not a mapping"}, true},
	"a registry of nothing":          {"registries: [{}]", []string{"1:14: a registry needs a name", "1:14: a registry needs a host", "1:14: a registry needs a watch"}, true},
	"a registry twice":               {"registries:\n- {name: a, host: x, watch: []}\n- {name: a, host: y, watch: []}\n", []string{"3:3: the registry a is there twice, first in line 2"}, false},
	"a registry's address":           {"registries: [{name: a, host: 'https://x', watch: []}]", []string{"1:30: host must be the host of a registry"}, true},
	"a registry's unknown key":       {"registries: [{name: a, host: x, watch: [], url: y}]", []string{`1:44: unknown key "url" in a registry`}, true},
	"a registry's literal token":     {"registries: [{name: a, host: x, watch: [], token: hunter2}]", []string{"1:51: token must be {from-env: NAME}"}, true},
	"a user without a token":         {"registries: [{name: a, host: x, watch: [], username: {from-env: U}}]", []string{"1:44: username needs a token"}, true},
	"two logins":                     {"registries: [{name: a, host: x, watch: [], token: {from-env: T}, docker-config: /x}]", []string{"1:66: a registry has docker-config or a token"}, true},
	"a relative docker-config":       {"registries: [{name: a, host: x, watch: [], docker-config: config.json}]", []string{"1:59: docker-config must be the absolute path"}, true},
	"a registry where a forge is":    {"registries:\n- {name: github, host: x, watch: [], webhook-secret: {from-env: A}}\nforges: [{name: github}]\n", []string{"2:1: the registry github receives at /webhooks/github, and so does the forge github in line 3"}, false},
	"a watch of nothing":             {"registries: [{name: a, host: x, watch: [{}]}]", []string{"1:41: a watched repository needs a repository"}, true},
	"a watch twice":                  {"registries:\n- {name: a, host: x, watch: [{repository: b/c}]}\n- {name: d, host: y, watch: [{repository: b-c}]}\n", []string{"3:30: the watched repository b-c is there twice, first in line 2"}, false},
	"a watch with a tag":             {"registries: [{name: a, host: x, watch: [{repository: 'b/c:v1'}]}]", []string{"1:54: repository must be the path of a repository"}, true},
	"a watch's unknown key":          {"registries: [{name: a, host: x, watch: [{repository: b, pinned: v1}]}]", []string{`1:57: unknown key "pinned" in a watched repository`}, true},
	"an interval without a unit":     {"registries: [{name: a, host: x, watch: [{repository: b, interval: 60}]}]", []string{"1:67: interval must be a string, not a number"}, true},
	"an interval too short":          {"registries: [{name: a, host: x, watch: [{repository: b, interval: 1ms}]}]", []string{"1:67: interval must be a duration from 1s to 168h"}, false},
	"another rule for versions":      {"registries: [{name: a, host: x, watch: [{repository: b, versions: calver}]}]", []string{"1:67: versions must be semver, {prereleases: true} or {match: REGEXP}"}, true},
	"two rules for versions":         {"registries: [{name: a, host: x, watch: [{repository: b, versions: {match: a, prereleases: true}}]}]", []string{"1:67: versions needs exactly one"}, true},
	"an unknown key for versions":    {"registries: [{name: a, host: x, watch: [{repository: b, versions: {regexp: a}}]}]", []string{`1:68: unknown key "regexp" in versions`}, true},
	"a bad expression":               {"registries: [{name: a, host: x, watch: [{repository: b, ignore-tags: '('}]}]", []string{"1:70: ignore-tags must be a regular expression as RE2 has them: missing closing )"}, false},
	"a pinned tag that is none":      {"registries: [{name: a, host: x, watch: [{repository: b, pinned-tag: 'a b'}]}]", []string{"1:69: pinned-tag must be a tag"}, true},
	"no attempts":                    {"registries: [{name: a, host: x, watch: [{repository: b, deploy-attempts: 0}]}]", []string{"1:74: deploy-attempts must be a number above zero"}, true},
	"too many attempts":              {"registries: [{name: a, host: x, watch: [{repository: b, deploy-attempts: 101}]}]", []string{"1:74: deploy-attempts is 100 at most"}, true},
	"a watch that calls nobody":      {"registries: [{name: a, host: x, watch: [{repository: b, calls: {ref: main}}]}]", []string{"1:64: calls needs exactly one"}, true},
	"a rule for nobody":              {"secrets: [{env: [A]}]", []string{"1:11: a rule for secrets needs repositories"}, true},
	"a rule for an empty list":       {"secrets: [{repositories: [], env: [A]}]", []string{"1:26: repositories is an empty list"}, true},
	"a pattern with alternatives":    {"secrets: [{repositories: ['{a,b}/c']}]", []string{"1:27: repositories: not a pattern"}, true},
	"a star alone":                   {"secrets: [{repositories: ['*']}]", []string{`1:27: repositories: a repository's full name has an owner; write OWNER/*`}, true},
	"all variables":                  {"secrets: [{repositories: [a/b], env: ['*']}]", []string{"1:39: env: a pattern for all variables"}, true},
	"a variable's name":              {"secrets: [{repositories: [a/b], env: [hunter-2]}]", []string{"1:39: env: write names of variables"}, true},
	"a literal secret by name":       {"secrets: [{repositories: [a/b], named: {key: hunter2}}]", []string{"1:46: the secret key must be {from-env: NAME}"}, true},
	"a secret's name":                {"secrets: [{repositories: [a/b], named: {'a b': {from-env: A}}}]", []string{"1:41: the name of a secret must be"}, true},
	"named secrets in a list":        {"secrets: [{repositories: [a/b], named: [{from-env: A}]}]", []string{"1:40: named must be a mapping of names to values, not a list"}, true},
	"files as a provider":            {"secrets: [{repositories: [a/b], providers: ['file:///etc']}]", []string{"1:45: providers: file:// is not for repositories"}, true},
	"commands as a provider":         {"secrets: [{repositories: [a/b], providers: ['cmd://']}]", []string{"1:45: providers: cmd:// is not for repositories"}, true},
	"an unknown provider":            {"secrets: [{repositories: [a/b], providers: ['aws-sm://prod']}]", []string{"1:45: providers: there is no such secret provider; the reference begins with one of op://, vault://, libsecret://, gcp://, aws+sm://, aws+ps://"}, true},
	"a provider without a scheme":    {"secrets: [{repositories: [a/b], providers: [infra]}]", []string{"1:45: providers: not a reference"}, true},
	"a provider's way up":            {"secrets: [{repositories: [a/b], providers: ['vault://a/../b']}]", []string{"1:45: providers: empty parts, . and .."}, false},
	"an event misspelt":              {"secrets: [{repositories: [a/b], events: [pull-request]}]", []string{`1:42: events: did you mean "pull_request"?`}, false},
	"an event's name":                {"secrets: [{repositories: [a/b], events: ['push *']}]", []string{"1:42: events: not the name of an event"}, true},
	"reports without anything":       {"converge: [{}]", []string{"1:12: a source of reports needs a name", "1:12: a source of reports needs secrets", "1:12: a source of reports needs calls"}, true},
	"reports without a secret":       {"converge: [{name: a, secrets: [], calls: a/b}]", []string{"1:31: secrets has one secret, or"}, true},
	"reports twice":                  {"converge:\n- {name: a, secrets: [{from-env: A}], calls: a/b}\n- {name: a, secrets: [{from-env: A}], calls: a/b}\n", []string{"3:3: the source of reports a is there twice, first in line 2"}, false},
	"reports where a webhook is":     {"webhooks: [{name: a, calls: a/b, verify: {none: true}}]\nconverge: [{name: a, secrets: [{from-env: A}], calls: a/b}]\n", []string{"2:1: the source of reports a receives at /webhooks/a, and so does the webhook a in line 1"}, false},
	"reports at a forge's path":      {"forges: [{name: github}]\nconverge: [{name: github, secrets: [{from-env: A}], calls: a/b}]\n", []string{"2:1: the source of reports github receives at /webhooks/github, and so does the forge github in line 1"}, false},
	"an unknown key of reports":      {"converge: [{name: a, secret: [{from-env: A}], calls: a/b}]", []string{"1:12: a source of reports needs secrets", `1:22: unknown key "secret" in a source of reports; did you mean "secrets"?`}, true},
	"a source that trusts no key":    {"signed:\n  sources: [{name: a, push: true, calls: a/b}]\n", []string{"2:1: the source a trusts no key"}, true},
	"a source of nothing":            {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{}]}", []string{"1:84: a source of signed tokens needs a name", "1:84: a source of signed tokens needs push: true", "1:84: a source of signed tokens needs calls"}, true},
	"a source of tokens twice":       {"signed:\n  keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=']\n  sources:\n  - {name: a, push: true, calls: a/b}\n  - {name: a, push: true, calls: a/b}\n", []string{"5:5: the source of signed tokens a is there twice, first in line 4"}, false},
	"a source's unknown key":         {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, push: true, calls: a/b, allow-odler: true}]}", []string{`1:118: unknown key "allow-odler" in a source of signed tokens; did you mean "allow-older"?`}, true},
	"unknown in signed":              {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], source: []}", []string{`1:74: unknown key "source" in signed; did you mean "sources"?`}, true},
	"a private key":                  {"signed: {keys: ['ed25519-private:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=']}", []string{"1:17: keys: this is a private key"}, true},
	"no key at all":                  {"signed: {keys: []}", []string{"1:16: keys has at least one public key"}, true},
	"a key twice":                    {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=', 'ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:id']}", []string{"1:73: keys: the key is there twice"}, false},
	"a key that is none":             {"signed: {keys: ['ed25519:AAAA']}", []string{"1:17: keys: a public key has 32 bytes, this one 3"}, false},
	"a source's own empty list":      {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, push: true, calls: a/b, keys: []}]}", []string{"1:124: keys has at least one"}, true},
	"pulled from nowhere":            {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {}, calls: a/b}]}", []string{"1:100: pull needs paths"}, true},
	"pulled from an empty list":      {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: []}, calls: a/b}]}", []string{"1:108: paths has at least one"}, true},
	"pulled in clear text":           {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: ['http://a/b']}, calls: a/b}]}", []string{"1:109: a path must be the absolute path of a file, or an address such as https://"}, true},
	"pulled from a relative path":    {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: [hunter2]}, calls: a/b}]}", []string{"1:109: a path must be the absolute path"}, true},
	"pulled with a user":             {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: ['https://me:hunter2@a/b']}, calls: a/b}]}", []string{"1:109: a path holds a user"}, false},
	"pulled all the time":            {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: [/a], every: 1ms}, calls: a/b}]}", []string{"1:121: every must be a duration"}, false},
	"a literal header":               {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: [/a], headers: {Authorization: hunter2}}, calls: a/b}]}", []string{"1:139: the header must be {from-env: NAME}"}, true},
	"a header with a space":          {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: [/a], headers: {'hunter2: x': {from-env: A}}}, calls: a/b}]}", []string{"1:124: the name of a header has no spaces"}, true},
	"a header of the agent's own":    {"signed: {keys: ['ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k='], sources: [{name: a, pull: {paths: [/a], headers: {host: {from-env: A}}}, calls: a/b}]}", []string{"1:124: the agent sets this header itself"}, false},
	"no event":                       {"secrets: [{repositories: [a/b], events: []}]", []string{"1:41: events is an empty list"}, true},
	"a ref that is none":             {"secrets: [{repositories: [a/b], refs: ['a b']}]", []string{"1:40: refs: not a ref"}, true},
	"a ref with alternatives":        {"secrets: [{repositories: [a/b], refs: ['{main,next}']}]", []string{"1:40: refs: not a ref"}, true},
	"a short tag":                    {"secrets: [{repositories: [a/b], refs: [tags/v1]}]", []string{"1:40: refs: it could be a branch or another ref"}, false},
	"a ref with an empty part":       {"secrets: [{repositories: [a/b], refs: [main/]}]", []string{"1:40: refs: an empty part"}, false},
	"a rule's unknown key":           {"secrets: [{repositories: [a/b], branches: [main]}]", []string{`1:33: unknown key "branches" in a rule for secrets; the keys are repositories, env, named, providers, events, refs`}, true},
	"public without an owner":        {"web: {public: [shop]}", []string{"1:16: public: a repository's full name has an owner"}, true},
	"public and nothing":             {"web: {public: []}", []string{"1:15: public is an empty list"}, true},
	"an unknown key of the page":     {"web: {publik: [a/b]}", []string{`1:7: unknown key "publik" in web; did you mean "public"?`}, true},
	"a provider's variable":          {"providers: {env: [VAULT-TOKEN]}", []string{"1:19: env: write names of variables"}, true},
	"a provider's variables by glob": {"providers: {env: ['VAULT_*']}", []string{"1:19: env: write names of variables"}, true},
	"everything at once":             {"forks: maybe\nsecrets:\n- {env: [A-]}\nproviders: []\n", []string{"1:8: forks must be one of", "3:3: a rule for secrets needs repositories", "3:10: env: write names", "4:12: providers must be a mapping"}, true},
}

func TestParse(t *testing.T) {
	for name, c := range valid {
		t.Run(name, func(t *testing.T) {
			got, err := settings.Parse("agent.yaml", []byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			c.want.File = "agent.yaml"
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range invalid {
		t.Run(name, func(t *testing.T) {
			_, err := settings.Parse("agent.yaml", []byte(c.yaml))
			errs, ok := errors.AsType[settings.Errors](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if len(errs) != len(c.want) {
				t.Fatalf("want %d errors, got %d:\n%v", len(c.want), len(errs), err)
			}
			for i, want := range c.want {
				if text := errs[i].Error(); !strings.Contains(text, want) || !strings.HasPrefix(text, "agent.yaml:") {
					t.Errorf("got  %s\nwant %s", text, want)
				}
			}
			// What stands for a value in these files.
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("%v repeats a value", err)
			}
		})
	}
}

func TestSecrets(t *testing.T) {
	s, err := settings.Parse("x", []byte(`forges:
- name: github
  webhook-secrets: [{from-env: A}, {from-env: B}]
  username: {from-env: C}
  token: {from-env: D}
- {name: two, vendor: github, app: {id: 1, private-key: {from-file: /e}}}
registries:
- {name: r, host: x, username: {from-env: H}, token: {from-env: I}, webhook-secret: {from-env: J}, watch: []}
secrets:
- repositories: [a/b]
  named: {z: {from-env: G}, f: {from-env: F}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for key, secret := range s.Secrets() {
		got = append(got, key+" "+secret.Env+secret.File)
	}
	want := []string{"webhook-secrets A", "webhook-secrets B", "username C", "token D", "private-key /e", "username H", "token I", "webhook-secret J", "named F", "named G"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for n := range want {
		for range s.Secrets() {
			if n--; n < 0 {
				break // the sequence has to end here
			}
		}
	}
}

// Parse never panics, its errors have a position and come sorted, and the same
// file always means the same.
func FuzzParse(f *testing.F) {
	for _, c := range valid {
		f.Add([]byte(c.yaml))
	}
	for _, c := range invalid {
		f.Add([]byte(c.yaml))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := settings.Parse("f", data)
		again, errAgain := settings.Parse("f", data)
		if diff := cmp.Diff(s, again); diff != "" {
			t.Fatal(diff)
		}
		if err == nil {
			for key, secret := range s.Secrets() {
				if (secret.Env == "") == (secret.File == "") {
					t.Fatalf("%s has not one source: %+v", key, secret)
				}
			}
			for _, rule := range s.Rules {
				if len(rule.Repositories) == 0 {
					t.Fatal("a rule for no repository")
				}
			}
			return
		}
		if errAgain == nil || err.Error() != errAgain.Error() {
			t.Fatalf("%v, then %v", err, errAgain)
		}
		errs, ok := errors.AsType[settings.Errors](err)
		if !ok || len(errs) == 0 {
			t.Fatalf("not an Errors: %v", err)
		}
		for i, e := range errs {
			if e.Line < 1 || e.Column < 1 || e.Message == "" || i > 0 && errs[i-1].Line > e.Line {
				t.Fatalf("no position, or not sorted: %v", err)
			}
		}
	})
}

// filters are those that the text has as JSON.
func filters(text string) (list []predicate.Filter) {
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		panic(err)
	}
	return list
}

// publicKeys are those that the texts are of.
func publicKeys(texts ...string) (keys []signed.Key) {
	for _, text := range texts {
		key, err := signed.ParseKey(text)
		if err != nil {
			panic(err)
		}
		keys = append(keys, key)
	}
	return keys
}
