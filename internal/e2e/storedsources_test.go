package e2e_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/registry/registrytest"
)

// A stored module is called like a repository's, whatever the event comes from.
func TestEverySourceCallsAStoredModule(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	r := registrytest.Start(t)
	private := filepath.Join(t.TempDir(), "build.key")
	public, said, code := pocketci(t, "keygen", "--out", private, "--id", "build")
	if code != 0 {
		t.Fatal(said)
	}
	a := start(t, f, settings{env: []string{"HOOK=secret-of-the-hook"}, args: agentYAML(t,
		"webhooks: [{name: deploy, verify: {bearer: {tokens: [{from-env: HOOK}]}}, calls: {module: tools}}]",
		"registries: [{name: images, host: '"+r.Host+"', insecure: true, watch: [{repository: shop, interval: 1s, calls: {module: tools}}]}]",
		"signed: {keys: ['"+strings.TrimSpace(public)+"'], sources: [{name: web, push: true, calls: {module: tools}}]}",
	)})
	key := a.key("admin")

	// Before there is the module, what comes is told so and is not lost without a word.
	token := map[string]string{"Authorization": "Bearer secret-of-the-hook"}
	status, answer, _ := a.hooked("deploy", `{"n": 1}`, token)
	if status != http.StatusAccepted || !strings.Contains(answer, "there is no module tools stored in the agent") {
		t.Errorf("without the module: %d %s", status, answer)
	}
	a.must(key, "module", "deploy", tool(t, "tools", `  pub onWebhookDeploy(event: String!): String! { "a webhook: " + event }
  pub onRegistryDeployShop(filter: String!): String! { "an image: " + filter }
  pub onSignedPushWeb(filter: String!): String! { "a token for " + filter }`))

	status, answer, _ = a.hooked("deploy", `{"n": 2}`, token)
	if status != http.StatusAccepted {
		t.Fatalf("with the module: %d %s", status, answer)
	}
	if got := a.finish(a.remember([]byte(answer)).ID).succeeded(".:onWebhookDeploy"); got != "a webhook: deploy" {
		t.Errorf("the webhook's function returned %q", got)
	}
	if got := a.finish(a.pushed(private)).succeeded(".:onSignedPushWeb"); got != "a token for web" {
		t.Errorf("the token's function returned %q", got)
	}
	r.Push("shop", "v1.0.0")
	until(t, "the image is deployed", patience, func() bool {
		w := a.watchStatus(key, "shop")
		return w.Deployed != nil && w.Deployed.Tag == "v1.0.0"
	})
	if said := a.everything(); !strings.Contains(said, "an image: shop:v1.0.0") {
		t.Error("the deployment did not call the module's function")
	}
}
