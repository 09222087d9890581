package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/internal/gittest"
)

// A deployment that fails leaves what is deployed as it was and says when it is tried
// again; one that no function is called for is shown. What is deployed once more is
// planned anew, with what the repository has by then.
func TestDeploymentsThatFail(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	r := registrytest.Start(t)
	repo := f.Repo("acme/deploy")
	functions := func(message, body string) {
		repo.Commit("main", message, join(rootfs(t), yaml("module-path: ci"), dang(body))...)
	}
	functions("1", `  pub onRegistryReleaseAcmeShop: String! { "noted" }`)
	a := start(t, f, settings{
		config: agentYAML(t, fmt.Sprintf(`registries:
  - name: local
    host: %s
    insecure: true
    watch: [{repository: acme/shop, name: shop, interval: 1s, calls: acme/deploy}]
forges:
  - name: github
    url: %s
    username: {from-env: FORGE_USER}
    token: {from-env: FORGE_TOKEN}
`, r.Host, f.URL))[1],
		env: []string{"FORGE_USER=" + f.user, "FORGE_TOKEN=" + f.token},
	})
	key := a.key("run")
	progress := func(want string) {
		t.Helper()
		until(t, "it is "+want, patience, func() bool {
			w := a.watchStatus(key, "shop")
			return w.Deployment != nil && w.Deployment.Progress == want
		})
	}
	redeploy := func() {
		t.Helper()
		if code, out := a.cli(key, "registry", "redeploy", "shop"); code != 0 {
			t.Fatalf("redeploy gives %d: %s", code, out)
		}
	}
	r.Push("acme/shop", "v1.0.0")
	progress("not-called")
	if w := a.watchStatus(key, "shop"); w.Deployed != nil || !strings.Contains(w.Deployment.Reason, "waits for OnRegistryReleaseAcmeShop") {
		t.Errorf("the watch is %+v, %+v", w, w.Deployment)
	}

	functions("2", `  pub onRegistryDeploy(src: Directory!): Container! { shell(src, "echo the cluster is down >&2; exit 3") }`)
	redeploy()
	progress("failing")
	w := a.watchStatus(key, "shop")
	if w.Deployed != nil || w.Deployment.RetryAt == nil || w.Deployment.Cause != "redeploy" || w.Deployment.Run == 0 {
		t.Errorf("the watch is %+v, %+v", w, w.Deployment)
	}
	if _, out := a.cli(key, "registry", "list"); !strings.Contains(out, "failing v1.0.0") {
		t.Errorf("listed is %s", out)
	}

	repo.Commit("main", "3", gittest.Write("ci/main.dang", "type Ci {\n  pub onRegistryDeploy(filter: String!): String! { \"now it is there: \" + filter }\n}\n"))
	redeploy()
	until(t, "it is deployed", patience, func() bool {
		w := a.watchStatus(key, "shop")
		return w.Deployment == nil && w.Deployed != nil && w.Deployed.Tag == "v1.0.0"
	})
}
