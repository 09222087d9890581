package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/schematest"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
)

const (
	keyA = "ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:a"
	keyB = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=:b"
)

func keys(t testing.TB, texts ...string) []signed.Key {
	t.Helper()
	var list []signed.Key
	for _, text := range texts {
		key, err := signed.ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, key)
	}
	return list
}

func TestParse(t *testing.T) {
	schema := schematest.Compile(t, config.Schema())
	plain := func(s config.Source) config.Source {
		if s.Env == nil {
			s.Env = map[string]string{}
		}
		if s.Every == 0 {
			s.Every = 5 * time.Minute
		}
		if s.Dir == "" {
			s.Dir = "/"
		}
		if s.Timeout == 0 {
			s.Timeout = 10 * time.Minute
		}
		return s
	}
	for name, c := range map[string]struct {
		yaml string
		want config.Config
	}{
		"a pattern of the host": {
			"sources: [{name: base, pattern: /etc/base.yaml}]",
			config.Config{Sources: []config.Source{plain(config.Source{Name: "base", Pattern: "/etc/base.yaml", Line: 1})}},
		},
		"keys of a source replace those of the file": {
			"keys: ['" + keyA + "']\nsources:\n- {name: one, pull: [/a.jwt]}\n- {name: two, pull: [/b.jwt], keys: ['" + keyB + "']}\n",
			config.Config{Sources: []config.Source{
				plain(config.Source{Name: "one", Keys: keys(t, keyA), Pull: []config.Place{{URL: "/a.jwt"}}, Line: 3}),
				plain(config.Source{Name: "two", Keys: keys(t, keyB), Pull: []config.Place{{URL: "/b.jwt"}}, Line: 4}),
			}},
		},
		"everything": {
			`listen: :4000
tls: {certificate: /etc/tls/host.pem, key: /etc/tls/host.key}
state-dir: /srv/state
keys: ["` + keyA + `"]
parallelism: 2
push-timeout: 1m
spread: 30s
metrics-token: {from-file: /etc/metrics}
report: {url: "https://ci.example.com/webhooks/hosts", secret: {from-env: REPORT}, outcomes: failed}
exec: [sh, -c]
dir: /srv
timeout: 5m
sources:
- name: web
  push: true
  pull: [/srv/web.jwt, "https://example.com/web.jwt", {url: "https://example.com/x.jwt", headers: {Authorization: {from-env: PULL}}}]
  every: 1m
  run-every: 1h
  no-remove: true
  check-only: true
  trigger-only: true
  restore: false
  allow-older: true
  allow-no-expiry: true
  exec: [bash, -c]
  exec-fixed: true
  dir: /srv/web
  timeout: 1m
  env: {STAGE: production, EMPTY: ""}
  env-from: [HOSTNAME]
  webhook: [{from-env: HOOK}]
  sends: [deployed]
  receives: [restart, reload]
`,
			config.Config{
				Listen: ":4000", TLS: &config.TLS{Certificate: "/etc/tls/host.pem", Key: "/etc/tls/host.key"}, StateDir: "/srv/state", Parallelism: 2,
				PushTimeout: time.Minute, Spread: 30 * time.Second, MetricsToken: &settings.Secret{File: "/etc/metrics", Line: 8},
				Report: &config.Report{URL: "https://ci.example.com/webhooks/hosts", Secret: settings.Secret{Env: "REPORT", Line: 9}, Failed: true},
				Sources: []config.Source{{
					Name: "web", Keys: keys(t, keyA), Push: true, Pull: []config.Place{
						{URL: "/srv/web.jwt"}, {URL: "https://example.com/web.jwt"},
						{URL: "https://example.com/x.jwt", Headers: map[string]settings.Secret{"Authorization": {Env: "PULL", Line: 16}}},
					},
					Every: time.Minute, RunEvery: time.Hour, Keep: true, CheckOnly: true, TriggerOnly: true, Forget: true, AllowOlder: true, AllowNoExpiry: true,
					Exec: []string{"bash", "-c"}, Fixed: true, Dir: "/srv/web", Timeout: time.Minute, Env: map[string]string{"STAGE": "production", "EMPTY": ""},
					EnvFrom: []string{"HOSTNAME"}, Webhook: []settings.Secret{{Env: "HOOK", Line: 31}}, Sends: []string{"deployed"}, Receives: []string{"restart", "reload"}, Line: 14,
				}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := config.Parse("converge.yaml", []byte(c.yaml))
			if err != nil {
				t.Fatal(err)
			}
			c.want.File = "converge.yaml"
			if c.want.StateDir == "" {
				c.want.StateDir, c.want.Parallelism, c.want.PushTimeout = "/var/lib/pocketci-converge", 4, 10*time.Minute
			}
			if diff := cmp.Diff(&c.want, got, cmp.Comparer(func(a, b signed.Key) bool { return a.ID == b.ID && a.Equal(b) })); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
			if err := schema.Validate(schematest.Value(t, c.yaml)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	schema := schematest.Compile(t, config.Schema())
	const signedBy = "keys: ['" + keyA + "']\n"
	for name, c := range map[string]struct {
		yaml, err string
		schema    bool
	}{
		"an empty file":              {"", "converge.yaml:1:1: the file is empty", false},
		"no sources":                 {signedBy, "converge.yaml:1:1: the file needs sources", true},
		"an empty list":              {"sources: []", "sources is an empty list", true},
		"an unknown key":             {"source: []\nsources: [{name: a, pattern: /a}]", `unknown key "source" in the file; did you mean "sources"?`, true},
		"an unknown key of a source": {"sources: [{name: a, pattern: /a, noremove: true}]", `unknown key "noremove" in a source; did you mean "no-remove"?`, true},
		"no name":                    {"sources: [{pattern: /a}]", "a source needs a name", true},
		"a name":                     {"sources: [{name: A b, pattern: /a}]", "the name of a source must be small letters", true},
		"a name twice":               {"sources:\n- {name: a, pattern: /a}\n- {name: a, pattern: /b}", "converge.yaml:3:3: the source a is there twice, first in line 2", false},
		"from nowhere":               {signedBy + "sources: [{name: a}]", "a source needs push: true, places to pull from, or a pattern", true},
		"signed and not":             {signedBy + "sources: [{name: a, pull: [/a], pattern: /b}]", "not both", false},
		"no keys":                    {"sources: [{name: a, pull: [/a]}]", "the source has no keys", false},
		"an empty list of keys":      {signedBy + "sources: [{name: a, keys: [], pull: [/a]}]", "keys is an empty list", true},
		"a private key":              {"keys: ['ed25519-private:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=']\nsources: [{name: a, pull: [/a]}]", "an entry of keys: this is a private key", false},
		"pushed without an address":  {signedBy + "sources: [{name: a, push: true}]", "the source a is pushed to or has a webhook, and the file has no listen", false},
		"plain for all":              {"listen: :4000\n" + signedBy + "sources: [{name: a, push: true}]", "converge.yaml:1:9: listen has an address that other machines reach", false},
		"no address":                 {"listen: localhost\nsources: [{name: a, pattern: /a}]", "listen must be an address with a port", true},
		"a key without certificate":  {"tls: {key: /a}\nsources: [{name: a, pattern: /a}]", "tls needs a certificate and its key", true},
		"a relative pattern":         {"sources: [{name: a, pattern: a.yaml}]", "pattern must be an absolute path", true},
		"root without a pattern":     {signedBy + "sources: [{name: a, pull: [/a], root: /b}]", "root belongs to a pattern of this host", false},
		"every of a push":            {"listen: 127.0.0.1:1\n" + signedBy + "sources: [{name: a, push: true, every: 5m}]", "every says how often is pulled", false},
		"pulled in clear":            {signedBy + "sources: [{name: a, pull: ['http://example.com/a']}]", "is an http address of another machine; use https", false},
		"credentials in an address":  {signedBy + "sources: [{name: a, pull: ['https://me:hunter2@example.com/a']}]", "holds credentials", true},
		"a header's value":           {signedBy + "sources: [{name: a, pull: [{url: 'https://example.com', headers: {A: hunter2}}]}]", "a header must be {from-env: NAME}", true},
		"never triggered":            {"listen: 127.0.0.1:1\n" + signedBy + "sources: [{name: a, push: true, trigger-only: true}]", "nothing would run the source", false},
		"fixed to nothing":           {"sources: [{name: a, pattern: /a, exec-fixed: true}]", "exec-fixed needs an exec", false},
		"a variable of pocketci":     {"sources: [{name: a, pattern: /a, env: {POCKETCI_X: a}}]", "a key of env: write names of variables", true},
		"a variable twice":           {"sources: [{name: a, pattern: /a, env: {X: a}, env-from: [X]}]", "X is in env and in env-from", false},
		"a number as a duration":     {"sources: [{name: a, pattern: /a, every: 5}]", "every must be a string", true},
		"no parallelism":             {"parallelism: 0\nsources: [{name: a, pattern: /a}]", "parallelism must be a number from 1", true},
		"an outcome":                 {"report: {url: 'https://a', secret: {from-env: A}, outcomes: [done]}\nsources: [{name: a, pattern: /a}]", "write changed, failed or both", true},
		"a report without a secret":  {"report: {url: 'https://a'}\nsources: [{name: a, pattern: /a}]", "report needs the url of the agent's webhook and its secret", true},
		"an event's name":            {"sources: [{name: a, pattern: /a, sends: [A b]}]", "an event's name must be", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("converge.yaml", []byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats a secret: %v", err)
			}
			if c.schema && schema.Validate(schematest.Value(t, c.yaml)) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("sources: [{name: a, pattern: /a}]"))
	f.Add([]byte("listen: :1\nkeys: ['" + keyA + "']\nsources: [{name: a, pull: [{url: 'https://x', headers: {A: {from-env: B}}}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := config.Parse("converge.yaml", data); err == nil && len(c.Sources) == 0 {
			t.Error("no sources")
		}
	})
}
