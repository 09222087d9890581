package doctest_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/modules/engine"
)

// The example of the page about webhooks, word for word, on the real engine. Only
// where the repository is cloned from is the test's own.
func TestExampleOfWebhooks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs an engine")
	}
	host, cli := enginetest.Env(t)
	var conf, rules, module string
	var scripts []string
	for _, b := range readPage(t, "docs/webhook.md").blocks {
		switch {
		case b.section != "An example":
		case b.language == "sh":
			scripts = append(scripts, b.text)
		case b.language == "dang":
			module = b.text
		case strings.HasPrefix(b.text, "# agent.yaml"):
			conf = b.text
		case b.language == "yaml":
			rules = b.text
		}
	}
	if conf == "" || rules == "" || module == "" || len(scripts) != 2 {
		t.Fatalf("docs/webhook.md has %d scripts, want 2, a module and two files", len(scripts))
	}
	git := gittest.NewServer(t)
	git.Repo("acme/shop").Commit("main", "1",
		gittest.Write("ci/dagger.json", `{"name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": "dang"}}`),
		gittest.Write("ci/main.dang", module), gittest.Write("pocketci.yaml", rules))
	conf = strings.ReplaceAll(conf, "calls: acme/shop", "calls: {repository: acme/shop, clone-url: "+git.CloneURL("acme/shop")+"}")
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "agent.yaml"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	v := &visitor{shell: newShell(t), data: data}
	v.env = append(v.env, "HOOK_SECRET="+rand.Text(), "STATUS_TOKEN="+rand.Text(), "DATA="+data)
	// There is no secret of GitHub's, which such an agent does not need.
	v.agent = startAgent(t, append(v.env, engine.EnvRunnerHost+"="+host, engine.EnvCLI+"="+cli),
		"--listen", "127.0.0.1:0", "--data-dir", data, "--clone-scheme", "http", "--clone-host", strings.TrimPrefix(git.URL, "http://"))
	v.env = append(v.env, "SERVER="+v.agent.url)

	var answer struct {
		ID  string
		Run int
	}
	out := v.must("", scripts[0])
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.ID == "" || answer.Run != 1 {
		t.Errorf("the webhook is answered with %s", out)
	}
	if again := v.must("", scripts[0]); !strings.Contains(again, answer.ID) || !strings.Contains(again, "was here before") {
		t.Errorf("again it is answered with %s", again)
	}
	var status struct {
		Healthy bool
		Event   string
	}
	out = v.must("", scripts[1])
	if err := json.Unmarshal([]byte(out), &status); err != nil || !status.Healthy || !strings.Contains(status.Event, `"cart"`) {
		t.Errorf("the function's answer is %s", out)
	}
	key := strings.TrimSpace(v.must("", `pocketci keys create mona --scope read --data-dir "$DATA"`))
	v.env = append(v.env, "POCKETCI_KEY="+key)
	shown := ""
	for until := time.Now().Add(2 * time.Minute); !strings.Contains(shown, "succeeded"); {
		if shown = v.must("", `pocketci runs show 1 --plan --server "$SERVER"`); time.Now().After(until) {
			break
		}
	}
	for _, want := range []string{"onWebhookDeployProduction", `the filter /replicas matches "^[0-9]{3,}$" does not hold: the value is 3`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the run says no %q:\n%s", want, shown)
		}
	}
	v.agent.stop()
}
