package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/registry/registrytest"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/gittest"
)

// registryPage has the example that is run here, on a real registry and engine.
const registryPage = "../../docs/registry.md"

// example returns the first block of a language in a page.
func example(t *testing.T, page, language string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindSubmatch(text)
	if block == nil {
		t.Fatalf("%s has no example in %s", page, language)
	}
	return string(block[1])
}

// watchStatus is how a watch stands, as the API says.
func (a *agent) watchStatus(key, name string) (w v1.Watch) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.url+"/api/v1/registries/"+name, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&w); err != nil {
		a.t.Fatal(err)
	}
	return w
}

// The example of docs/registry.md, word for word but for the registry's address and how
// often it is asked.
func TestRegistry(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	const user, password = "robot", "correct-horse-battery"
	r := registrytest.Start(t, registrytest.WithLogin(user, password))
	f.Repo("acme/deploy").Commit("main", "1", append(yaml("module-path: ci"),
		gittest.Write("ci/dagger.json", manifest("ci", "dang")),
		gittest.Write("ci/main.dang", example(t, registryPage, "dang")))...)
	config := strings.NewReplacer("host: registry.example.com", "host: "+r.Host+"\n    insecure: true", "interval: 1m", "interval: 1s").
		Replace(example(t, registryPage, "yaml"))
	if strings.Contains(config, "example.com") || !strings.Contains(config, "interval: 1s") {
		t.Fatalf("the example is\n%s", config)
	}
	s := settings{
		config: agentYAML(t, config+fmt.Sprintf(`forges:
  - name: github
    url: %s
    webhook-secrets: [{from-env: HOOK}]
    username: {from-env: FORGE_USER}
    token: {from-env: FORGE_TOKEN}
`, f.URL))[1],
		env: []string{"REGISTRY_USERNAME=" + user, "REGISTRY_TOKEN=" + password, "FORGE_USER=" + f.user, "FORGE_TOKEN=" + f.token, "HOOK=secret-of-the-hook"},
	}
	watch(t, password, f.token)
	a := start(t, f, s)
	key := a.key("run")
	deployed := func(tag string) {
		t.Helper()
		until(t, tag+" is deployed", patience, func() bool {
			w := a.watchStatus(key, "shop")
			return w.Deployment == nil && w.Deployed != nil && w.Deployed.Tag == tag
		})
	}
	first := r.Push("acme/shop", "v1.0.0")
	deployed("v1.0.0")
	if w := a.watchStatus(key, "shop"); w.Deployed.Digest != first || w.Wanted != "v1.0.0" || w.Calls != "acme/deploy" || w.Error != "" {
		t.Errorf("the watch is %+v", w)
	}
	for _, said := range []string{"deployed acme/shop:v1.0.0", "there is a new release: acme/shop:v1.0.0"} {
		until(t, said, patience, func() bool { return strings.Contains(a.everything(), said) })
	}

	r.Push("acme/shop", "main")
	want := map[string]string{"pin": "main", "unpin": "v1.0.0", "reset": "v1.0.0"}
	for line := range strings.Lines(example(t, registryPage, "sh")) {
		words := strings.Fields(line)
		code, out := a.cli(key, words[1:]...)
		if code != 0 {
			t.Errorf("%s gives %d: %s", line, code, out)
		}
		switch command := words[2]; command {
		case "list":
			if !strings.Contains(out, "shop") || !strings.Contains(out, "v1.0.0") {
				t.Errorf("listed is %s", out)
			}
		case "auto-deploy":
			if w := a.watchStatus(key, "shop"); w.AutoDeploy {
				t.Errorf("auto-deploy is on")
			}
		default:
			deployed(want[command])
		}
	}
	if w := a.watchStatus(key, "shop"); !w.AutoDeploy || w.PinnedTag != "" {
		t.Errorf("the watch is %+v", w)
	}

	// registrywatcher's paths are served by the same server.
	if status, body := a.get("/ping/"); status != http.StatusOK || !strings.Contains(body, "pong") {
		t.Errorf("/ping/ gives %d %s", status, body)
	}
	if status, body := a.get("/repos"); status != http.StatusUnauthorized {
		t.Errorf("/repos without a key gives %d %s", status, body)
	}

	// What happens while the agent is away is deployed once it is back.
	a.endNow()
	r.Push("acme/shop", "v1.1.0")
	a = start(t, f, settings{config: s.config, env: s.env, args: []string{"--data-dir", a.dataDir}})
	deployed("v1.1.0")
}
