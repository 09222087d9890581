package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/internal/store"
)

// A webhook, a registry and a signed source call one module that is stored in the agent,
// which is called for its version of that time, and has the events' files.
func TestSourcesCallAStoredModule(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	images := registrytest.Start(t)
	dir := t.TempDir()
	signing, pulled := filepath.Join(dir, "build.key"), filepath.Join(dir, "web.jwt")
	public, said, code := pocketci(t, "keygen", "--out", signing, "--id", "build")
	if code != 0 {
		t.Fatal(said)
	}
	a := start(t, f, settings{args: agentYAML(t,
		"webhooks:",
		"- {name: order, verify: {none: true}, filter: /kind, calls: {module: desk}}",
		"registries:",
		"- name: images",
		"  host: "+images.Host,
		"  insecure: true",
		"  watch:",
		"  - {repository: acme/shop, name: shop, interval: 1s, calls: {module: desk}}",
		"signed:",
		"  keys: ["+strings.TrimSpace(public)+"]",
		"  sources:",
		"  - {name: web, push: true, pull: {paths: ["+pulled+"], every: 1s}, calls: {module: desk}}",
	)})
	key := a.key("admin")
	a.must(key, "module", "deploy", tool(t, "desk", `  pub onWebhookOrder(filter: String!, eventTrigger: File!): String! { "ordered " + filter + eventTrigger.contents }
  pub onRegistryDeploy(filter: String!, eventTrigger: File!): String! { "deployed " + filter + eventTrigger.contents }
  pub onSignedPush(filter: String!, eventTrigger: File!): String! { "pushed " + filter + eventTrigger.contents }
  pub onSignedPull(filter: String!, eventTrigger: File!): String! { "pulled " + filter + eventTrigger.contents }
  pub onPush: String! { "never" }`))
	s := beside(t, a)

	status, answer, _ := a.hooked("order", `{"kind": "book", "title": "claim-of-the-webhook"}`, nil)
	if status != 202 {
		t.Fatalf("%d %s", status, answer)
	}
	a.remember([]byte(answer))
	images.Push("acme/shop", "v1.0.0")
	claims := filepath.Join(dir, "claims.json")
	if err := os.WriteFile(claims, []byte(`{"version": "claim-of-the-token"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a.pushed(signing, claims)
	token, said, code := pocketci(t, "sign", "--key", signing, "--source", "web", "--payload", claims)
	if code != 0 {
		t.Fatal(said)
	}
	if err := os.WriteFile(pulled, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}

	repository := events.ModuleOwner + "/desk"
	for function, want := range map[string][]string{
		"onWebhookOrder":   {"ordered book", "claim-of-the-webhook", `"vendor": "webhook"`},
		"onRegistryDeploy": {"deployed acme/shop:v1.0.0", `"vendor": "registry"`},
		"onSignedPush":     {"pushed web", "claim-of-the-token", `"vendor": "signed"`},
		"onSignedPull":     {"pulled web", "claim-of-the-token", `"vendor": "signed"`},
	} {
		var calls []store.Call
		until(t, function+" is called", patience, func() bool {
			var err error
			calls, err = s.ListCalls(t.Context(), store.CallFilter{Repository: repository, Function: function, State: store.StateSucceeded, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(calls) > 0
		})
		for _, text := range want {
			if !strings.Contains(strings.ReplaceAll(string(calls[0].Result), `\"`, `"`), text) {
				t.Errorf("%s returned %s, want %q in it", function, calls[0].Result, text)
			}
		}
		if len(calls) != 1 {
			t.Errorf("%s was called %d times", function, len(calls))
		}
	}
	if out := a.must(key, "calls", "list", "--limit", "100"); strings.Contains(out, "onPush") {
		t.Errorf("called are %s", out)
	}
}
