package converge_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/signed"
)

// A token that is refused changes nothing and says why, to those who may know.
func TestRefuse(t *testing.T) {
	t.Parallel()
	h := newHost(t, pushed)
	other := signer(t, "other")
	h.configure(`
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
sources:
- {name: listen, push: true}
- {name: other, push: true, keys: ["` + other.Public().String() + `"]}
- {name: fixed, push: true, exec: [bash, -c], exec-fixed: true}
- {name: old, push: true, allow-older: true, allow-no-expiry: true}
- {name: pulls, pull: [/nonexistent]}
`)
	h.start()
	const touch = `commands: [{id: a, always: true, change: touch a}]`
	now := time.Now()
	content := func(source, pattern string) signed.Content {
		return signed.Content{Source: source, Pattern: yamlFiles(t, pattern)}
	}
	for name, c := range map[string]struct {
		source string
		token  string
		status int
		err    string
	}{
		"no token":                    {"listen", "hello", http.StatusBadRequest, "malformed token"},
		"nothing":                     {"listen", "", http.StatusBadRequest, "malformed token"},
		"another key":                 {"listen", h.sign(h.stranger, touch), http.StatusUnauthorized, "not signed by a trusted key"},
		"a key of all sources":        {"other", h.claims(h.key, signed.Claims{Content: content("other", touch)}), http.StatusUnauthorized, "not signed by a trusted key"},
		"a key of another source":     {"listen", h.sign(other, touch), http.StatusUnauthorized, "not signed by a trusted key"},
		"meant for another":           {"listen", h.claims(h.key, signed.Claims{Content: content("other", touch)}), http.StatusForbidden, "meant for another source"},
		"expired":                     {"listen", h.claims(h.key, signed.Claims{IssuedAt: now.Add(-2 * time.Hour), Expires: now.Add(-time.Hour), Content: content("listen", touch)}), http.StatusForbidden, "expired"},
		"not yet valid":               {"listen", h.claims(h.key, signed.Claims{NotBefore: now.Add(30 * time.Minute), Content: content("listen", touch)}), http.StatusForbidden, "not valid yet"},
		"without a pattern":           {"listen", h.claims(h.key, signed.Claims{Content: signed.Content{Source: "listen"}}), http.StatusUnprocessableEntity, "the token has no pattern"},
		"a pattern with a mistake":    {"listen", h.sign(h.key, `commands: [{id: a, chnge: b}]`), http.StatusUnprocessableEntity, `pattern.yaml:1:20: unknown key "chnge" in a command; did you mean "change"?`},
		"a source without pushes":     {"pulls", h.claims(h.key, signed.Claims{Content: content("pulls", touch)}), http.StatusNotFound, "takes no pushes"},
		"a stranger to that":          {"pulls", h.sign(h.stranger, touch), http.StatusUnauthorized, "not signed by a trusted key"},
		"a source that is not there":  {"nobody", h.sign(h.key, touch), http.StatusUnauthorized, "not signed by a trusted key"},
		"no token for none":           {"nobody", "hello", http.StatusBadRequest, "malformed token"},
		"an exec that is not allowed": {"fixed", h.claims(h.key, signed.Claims{Content: content("fixed", `commands: [{id: a, always: true, change: [touch, a]}]`)}), http.StatusUnprocessableEntity, "does not allow"},
		"too large":                   {"listen", strings.Repeat("x", signed.MaxToken+1), http.StatusRequestEntityTooLarge, "read the token"},
	} {
		status, r := h.push(c.source, c.token)
		if status != c.status || !strings.Contains(r.Err, c.err) || r.Exit == 0 || r.Changed == nil || r.Removed == nil {
			t.Errorf("%s: %d %+v", name, status, r)
		}
	}
	if len(h.files()) > 0 {
		t.Errorf("files %v", h.files())
	}
	for _, name := range []string{"listen", "other", "fixed"} {
		if _, err := os.Stat(filepath.Join(h.state, name, "token.json")); !os.IsNotExist(err) {
			t.Errorf("a token of %s was kept: %v", name, err)
		}
	}

	// A source's own key, and tokens that are older than others.
	if status, r := h.push("other", h.claims(other, signed.Claims{Content: content("other", touch)})); status != http.StatusOK || r.Err != "" {
		t.Errorf("its own key: %d %+v", status, r)
	}
	for _, source := range []string{"listen", "old"} {
		newer := h.claims(h.key, signed.Claims{Content: content(source, touch)})
		older := h.claims(h.key, signed.Claims{IssuedAt: now.Add(-time.Minute), Content: content(source, touch)})
		if status, r := h.push(source, newer); status != http.StatusOK {
			t.Errorf("%s: %d %+v", source, status, r)
		}
		want := http.StatusConflict
		if source == "old" {
			want = http.StatusOK
		}
		if status, r := h.push(source, older); status != want {
			t.Errorf("%s, an older token: %d %+v", source, status, r)
		}
	}
	// A token without an end of its time.
	for source, want := range map[string]int{"listen": http.StatusForbidden, "old": http.StatusOK} {
		token, err := signed.Sign(h.key, signed.Claims{Content: content(source, touch)})
		if err != nil {
			t.Fatal(err)
		}
		if status, r := h.push(source, token); status != want {
			t.Errorf("%s, a token for ever: %d %+v", source, status, r)
		}
	}
	h.stop()
}

// A pattern may also stand in a token as it is, in JSON, and as Jsonnet, which is
// rendered on the host with what the host allows it to read.
func TestForms(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
sources:
- {name: listen, push: true, env: {STAGE: blue}, env-from: [SITE, UNSET]}
`)
	h.env = []string{"SITE=berlin", "SECRET=hunter2"}
	h.start()
	_, r := h.push("listen", h.claims(h.key, signed.Claims{Content: signed.Content{Source: "listen", Pattern: json.RawMessage(`{"commands": [{"id": "a", "check": "test -e a", "change": "touch a", "remove": "rm a"}]}`)}}))
	h.check("JSON", r, []string{"a"}, nil, []string{"a"})
	jsonnet := func(text string) string {
		data, err := json.Marshal(signed.Files{Entrypoint: "main.jsonnet", Files: map[string]string{"main.jsonnet": text, "lib/name.libsonnet": `function(n) std.native('getEnv')(n, 'none')`}})
		if err != nil {
			t.Fatal(err)
		}
		return h.claims(h.key, signed.Claims{Content: signed.Content{Source: "listen", Pattern: data}})
	}
	_, r = h.push("listen", jsonnet(`local name = import 'lib/name.libsonnet';
{ commands: [{ id: name(n), always: true, change: 'touch ' + name(n), remove: 'rm ' + name(n) } for n in ['SITE', 'STAGE', 'UNSET']] }`))
	h.check("Jsonnet", r, []string{"berlin", "blue", "none"}, []string{"a"}, []string{"berlin", "blue", "none"})
	for text, want := range map[string]string{
		`{ commands: [{ id: std.native('getEnv')('SECRET', ''), check: 'true' }] }`:    `"SECRET" is not a variable that this source may read`,
		`{ commands: [{ id: importstr '/etc/hostname', check: 'true' }] }`:             "an absolute path",
		`{ commands: [{ id: importstr 'other.txt', check: 'true' }] }`:                 "the pattern was signed without",
		`local f(x) = if x == 0 then 0 else f(x - 1) + f(x - 1); { commands: f(300) }`: "it took longer than 10s",
	} {
		if status, r := h.push("listen", jsonnet(text)); status != http.StatusUnprocessableEntity || !strings.Contains(r.Err, want) {
			t.Errorf("%s: %d %+v", text, status, r)
		}
	}
	h.stop()
}
