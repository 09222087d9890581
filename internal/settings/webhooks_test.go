package settings_test

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/settings"
)

// pointer is the JSON Pointer of a text.
func pointer(text string) *predicate.Pointer {
	p, err := predicate.ParsePointer(text)
	if err != nil {
		panic(err)
	}
	return &p
}

// hook is the file of one webhook that says this beside its name and whom it calls.
func hook(more string) string {
	return "webhooks: [{name: deploy, calls: acme/shop, " + more + "}]"
}

// usual is a webhook with what it is without keys, changed.
func usual(change func(*settings.Webhook)) settings.Settings {
	w := settings.Webhook{
		Name: "deploy", Methods: []string{"POST"}, ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"}, MaxSize: 1 << 20,
		Calls: settings.Target{Repository: "acme/shop", Line: 1}, Trusted: true, Line: 1,
	}
	change(&w)
	return settings.Settings{Webhooks: []settings.Webhook{w}}
}

func init() {
	none := func(w *settings.Webhook) { w.Verify.None, w.Trusted = true, false }
	maps.Copy(valid, map[string]struct {
		yaml string
		want settings.Settings
	}{
		"a webhook of nobody":         {hook("verify: {none: true}"), usual(none)},
		"a trusted webhook of nobody": {hook("verify: {none: true}, trusted: true"), usual(func(w *settings.Webhook) { w.Verify.None = true })},
		"a webhook not to be trusted": {hook("verify: {bearer: {tokens: [{from-env: T}]}}, trusted: false"), usual(func(w *settings.Webhook) {
			w.Verify.Bearer, w.Trusted = &settings.Bearer{Tokens: []settings.Secret{{Env: "T", Line: 1}}}, false
		})},
		"a webhook with a token": {hook("verify: {bearer: {header: X-Token, tokens: [{from-env: T}, {from-env: OLD}]}}"), usual(func(w *settings.Webhook) {
			w.Verify.Bearer = &settings.Bearer{Header: "X-Token", Tokens: []settings.Secret{{Env: "T", Line: 1}, {Env: "OLD", Line: 1}}}
		})},
		"a webhook with a password": {hook("verify: {basic: {username: ci, passwords: [{from-file: /p}]}}"), usual(func(w *settings.Webhook) {
			w.Verify.Basic = &settings.Basic{Username: "ci", Passwords: []settings.Secret{{File: "/p", Line: 1}}}
		})},
		"a signed webhook": {hook("verify: {hmac: {header: X-Sig, secrets: [{from-env: S}]}}"), usual(func(w *settings.Webhook) {
			w.Verify.HMAC = &settings.HMAC{Header: "X-Sig", Algorithm: "sha256", Encoding: "hex", Secrets: []settings.Secret{{Env: "S", Line: 1}}}
		})},
		"a webhook that is known by a header": {hook("verify: {none: true}, dedup: {header: X-Id}"), usual(func(w *settings.Webhook) {
			none(w)
			w.Dedup.Header = "X-Id"
		})},
		"a webhook that waits": {hook("verify: {none: true}, dedup: {pointer: /id}, wait: {}"), usual(func(w *settings.Webhook) {
			none(w)
			w.Dedup.Pointer, w.Wait = pointer("/id"), &settings.Wait{Timeout: 30 * time.Second, ContentType: "text/plain; charset=utf-8"}
		})},
		"a webhook with everything": {`webhooks:
  - name: slack
    verify:
      hmac:
        header: X-Slack-Signature
        prefix: v0=
        algorithm: sha512
        encoding: base64
        secrets: [{from-env: SLACK}, {from-file: /etc/slack}]
        timestamp: {header: X-Slack-Request-Timestamp, tolerance: 10m, before: "v0:", after: ":"}
    methods: [POST, PUT]
    content-types: text/*, application/xml
    max-size: 512KiB
    filter: /body/text
    dedup: /body/id
    headers: [X-Slack-Retry-Num]
    query: env
    filters: [{path: /body/type, is-equal-to: message}]
    calls: {repository: acme/bots, ref: main}
    wait: {timeout: 2s, content-type: application/json}
    trusted: true
`, settings.Settings{Webhooks: []settings.Webhook{{
			Name: "slack", Verify: settings.Verify{HMAC: &settings.HMAC{
				Header: "X-Slack-Signature", Prefix: "v0=", Algorithm: "sha512", Encoding: "base64",
				Secrets:   []settings.Secret{{Env: "SLACK", Line: 9}, {File: "/etc/slack", Line: 9}},
				Timestamp: &settings.Timestamp{Header: "X-Slack-Request-Timestamp", Tolerance: 10 * time.Minute, Before: "v0:", After: ":"},
			}},
			Methods: []string{"POST", "PUT"}, ContentTypes: []string{"text/*", "application/xml"}, MaxSize: 512 << 10, Filter: pointer("/body/text"),
			Dedup: settings.Dedup{Pointer: pointer("/body/id")}, Headers: []string{"X-Slack-Retry-Num"}, Query: []string{"env"},
			Filters: filters(`[{"path":"/body/type","is-equal-to":"message"}]`), Calls: settings.Target{Repository: "acme/bots", Ref: "refs/heads/main", Line: 19},
			Wait: &settings.Wait{Timeout: 2 * time.Second, ContentType: "application/json"}, Trusted: true, Line: 2,
		}}}},
		"sizes of webhooks": {"webhooks: [{name: a, calls: {module: site}, verify: {none: true}, max-size: 1000}]", settings.Settings{Webhooks: []settings.Webhook{{
			Name: "a", Verify: settings.Verify{None: true}, Methods: []string{"POST"}, ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"},
			MaxSize: 1000, Calls: settings.Target{Module: "site", Line: 1}, Line: 1,
		}}}},
	})
	nobody := "verify: {none: true}, "
	maps.Copy(invalid, map[string]struct {
		yaml   string
		want   []string
		schema bool
	}{
		"a webhook of nothing":              {"webhooks: [{}]", []string{"1:12: a webhook needs a name", "1:12: a webhook needs verify", "1:12: a webhook needs calls"}, true},
		"a webhook's unknown key":           {hook(nobody + "token: x"), []string{`unknown key "token" in a webhook`}, true},
		"a webhook that is a push":          {"webhooks: [{name: push, calls: a/b, verify: {none: true}}]", []string{"1:19: forges call their events push"}, true},
		"a webhook there twice":             {"webhooks:\n- {name: a, calls: a/b, verify: {none: true}}\n- {name: a, calls: a/b, verify: {none: true}}\n", []string{"3:3: the webhook a is there twice"}, false},
		"a webhook like a forge":            {"forges: [{name: work, vendor: github}]\nwebhooks: [{name: work, calls: a/b, verify: {none: true}}]\n", []string{"2:1: the webhook work receives at /webhooks/work, and so does the forge work in line 1"}, false},
		"a webhook like the GitHub there":   {"webhooks: [{name: github, calls: a/b, verify: {none: true}}]", []string{"and so does GitHub, where there are no forges"}, false},
		"a webhook like a registry":         {"registries: [{name: hub, host: docker.io, watch: [], webhook-secret: {from-env: S}}]\nwebhooks: [{name: hub, calls: a/b, verify: {none: true}}]\n", []string{"and so does the registry hub in line 1"}, false},
		"a webhook that proves nothing":     {hook("verify: {}"), []string{"verify needs exactly one of hmac, bearer, basic, none"}, true},
		"a webhook that proves twice":       {hook("verify: {none: true, bearer: {tokens: [{from-env: T}]}}"), []string{"verify needs exactly one"}, true},
		"a webhook that is not none":        {hook("verify: {none: false}"), []string{"none: true takes deliveries from anybody"}, true},
		"a signature without a header":      {hook("verify: {hmac: {secrets: [{from-env: S}]}}"), []string{"hmac needs header"}, true},
		"a signature without a secret":      {hook("verify: {hmac: {header: X}}"), []string{"hmac needs secrets"}, true},
		"a signature with three secrets":    {hook("verify: {hmac: {header: X, secrets: [{from-env: A}, {from-env: B}, {from-env: C}]}}"), []string{"secrets has one secret, or the new one and the old one"}, true},
		"a signature with a secret":         {hook("verify: {hmac: {header: X, secrets: [hunter2]}}"), []string{"an entry of secrets must be {from-env: NAME} or {from-file: PATH}, not a string"}, true},
		"a weak signature":                  {hook("verify: {hmac: {header: X, algorithm: md5, secrets: [{from-env: S}]}}"), []string{"algorithm must be one of sha256, sha512, sha1"}, true},
		"a signature in octal":              {hook("verify: {hmac: {header: X, encoding: oct, secrets: [{from-env: S}]}}"), []string{"encoding must be one of hex, base64"}, true},
		"a header with a space":             {hook("verify: {hmac: {header: X Y, secrets: [{from-env: S}]}}"), []string{"header must be the name of a header"}, true},
		"a timestamp without a header":      {hook("verify: {hmac: {header: X, secrets: [{from-env: S}], timestamp: {}}}"), []string{"timestamp needs header"}, true},
		"a timestamp that is any":           {hook("verify: {hmac: {header: X, secrets: [{from-env: S}], timestamp: {header: T, tolerance: 48h}}}"), []string{"tolerance must be a duration from 1s to 24h0m0s"}, false},
		"no tokens":                         {hook("verify: {bearer: {}}"), []string{"bearer needs tokens"}, true},
		"no password":                       {hook("verify: {basic: {username: ci}}"), []string{"basic needs passwords"}, true},
		"a name with a colon":               {hook("verify: {basic: {username: 'a:b', passwords: [{from-env: S}]}}"), []string{"username has no colon"}, true},
		"a method that is none":             {hook(nobody + "methods: [post]"), []string{"methods: an entry must be one of POST, PUT, PATCH, DELETE, GET"}, true},
		"no methods":                        {hook(nobody + "methods: []"), []string{"methods is an empty list"}, true},
		"a content type that is none":       {hook(nobody + "content-types: [json]"), []string{"content-types: an entry must be a media type"}, true},
		"a size that is none":               {hook(nobody + "max-size: 1GB"), []string{"max-size must be a size such as 512KiB"}, true},
		"a size that is too large":          {hook(nobody + "max-size: 26MiB"), []string{"max-size is 25MiB at most"}, false},
		"a filter that is none":             {hook(nobody + "filter: action"), []string{"filter: a JSON Pointer begins with a slash"}, true},
		"two keys of a delivery":            {hook(nobody + "dedup: {pointer: /a, header: X}"), []string{"dedup needs exactly one of pointer and header"}, true},
		"a key that is none":                {hook(nobody + "dedup: id"), []string{"dedup: a JSON Pointer begins with a slash"}, true},
		"credentials are kept":              {hook(nobody + "headers: [Authorization]"), []string{"headers: the header Authorization holds credentials"}, false},
		"the proof is kept":                 {hook("verify: {bearer: {header: X-Token, tokens: [{from-env: T}]}}, headers: [x-token]"), []string{"headers: x-token proves deliveries"}, false},
		"a filter of a webhook is empty":    {hook(nobody + "filters: [{path: /a}]"), []string{"a filter says nothing"}, true},
		"a wait that is a duration":         {hook(nobody + "wait: 30s"), []string{"wait must be a mapping"}, true},
		"a wait that is long":               {hook(nobody + "wait: {timeout: 1h}"), []string{"timeout must be a duration from 1s to 10m0s"}, false},
		"a wait for another thing":          {hook(nobody + "wait: {content-type: json}"), []string{"content-type must be one such as application/json"}, true},
		"a wait with a key that is none":    {hook(nobody + "wait: {deadline: 1s}"), []string{`unknown key "deadline" in wait`}, true},
		"a webhook that is trusted in word": {hook(nobody + "trusted: maybe"), []string{"trusted must be true or false"}, true},
	})
}

// Everything that proves a delivery is a secret to be masked.
func TestSecretsOfWebhooks(t *testing.T) {
	t.Parallel()
	s, err := settings.Parse("a", []byte(`webhooks:
- {name: a, calls: a/b, verify: {hmac: {header: X, secrets: [{from-env: A}, {from-env: B}]}}}
- {name: b, calls: a/b, verify: {bearer: {tokens: [{from-env: C}]}}}
- {name: c, calls: a/b, verify: {basic: {username: ci, passwords: [{from-env: D}]}}}
- {name: d, calls: a/b, verify: {none: true}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for key, secret := range s.Secrets() {
		got = append(got, key+" "+secret.Env)
	}
	if diff := cmp.Diff([]string{"secrets A", "secrets B", "tokens C", "passwords D"}, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

func TestHasSources(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "forges: [{name: github}]": false, hook("verify: {none: true}"): true, "schedules: [{name: a, cron: '@daily', calls: a/b}]": true,
	} {
		s, err := settings.Parse("a", []byte(text))
		if err != nil || s.HasSources() != want {
			t.Errorf("%s: %v (%v), want %v", text, !want, err, want)
		}
	}
}
