package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
)

// startWith starts an agent with webhooks, whose lines in agent.yaml call the forge's
// repository where they say CALLS.
func startWith(t *testing.T, f *forge, lines string, env ...string) *agent {
	t.Helper()
	config := filepath.Join(t.TempDir(), "agent.yaml")
	f.webhooks(t, config, lines)
	return start(t, f, settings{args: []string{"--config", config, "--allow-secret-env", "SHOP_TOKEN"}, env: append(env, "SHOP_TOKEN=token-of-the-shop")})
}

// webhooks writes an agent.yaml with those lines.
func (f *forge) webhooks(t *testing.T, config, lines string) {
	t.Helper()
	calls := "calls: {repository: " + fullName + ", clone-url: " + f.CloneURL(fullName) + "}"
	if err := os.WriteFile(config, []byte("webhooks:\n"+strings.ReplaceAll(lines, "CALLS", calls)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hooked sends JSON to a webhook.
func (a *agent) hooked(name, body string, header map[string]string) (int, string, http.Header) {
	a.t.Helper()
	all := map[string]string{"Content-Type": "application/json"}
	for key, value := range header {
		all[key] = value
	}
	response, answer, err := a.hook("/webhooks/"+name, []byte(body), all)
	if err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, answer, response.Header
}

// A signed webhook calls the functions that are named for it, with what was sent as
// data; one that anybody may send gives no secrets away.
func TestAnyWebhook(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub showOnWebhookDeployProduction(src: Directory!, eventTrigger: File!): String! {
    shell(src, "true").withFile("/event.json", eventTrigger).withExec(["/bin/cat", "/event.json"]).stdout
  }
  pub secretOnWebhookDeploy(token: Secret!): String! { JSON.encode(["token", token.plaintext]) }
  pub bigOnWebhookDeploy: String! { "never" }
  pub onWebhook(token: Secret, vendor: String!, event: String!, filter: String!): String! {
    let seen = if (token == null) { "no token" } else { "token" }
    vendor + " " + event + " " + filter + ": " + seen
  }
  pub onPush: String! { "never" }
`), yaml("module-path: ./ci",
		"secrets: [{name: token, from-env: SHOP_TOKEN}]",
		"functions:",
		"  bigOnWebhookDeploy: {filters: [{path: /replicas, is-equal-to: 100}]}"))...)
	const secret = "secret-of-the-webhook"
	a := startWith(t, f, `
- name: deploy
  verify: {hmac: {header: X-Sig, prefix: "sha256=", secrets: [{from-env: HOOK_SECRET}]}}
  filter: /env
  dedup: /id
  filters: [{path: /env, does-not-match: "^test"}]
  CALLS
- name: open
  verify: {none: true}
  CALLS
`, "HOOK_SECRET="+secret)
	watch(t, secret)

	// What would be a command, an expression and an option if it were not data.
	const attack = "$(touch /tmp/x); `id` ${{ x }} --help\n\"'"
	body, err := json.Marshal(map[string]any{"env": "production", "id": "d-1", "replicas": 3, "text": attack})
	if err != nil {
		t.Fatal(err)
	}
	status, answer, _ := a.hooked("deploy", string(body), map[string]string{"X-Sig": sign(secret, body)})
	if status != 202 {
		t.Fatalf("%d %s", status, answer)
	}
	id := a.remember([]byte(answer)).ID
	r := a.finish(id)
	var file struct {
		Vendor, Event, Filter, Delivery string
		Trusted                         bool
		Payload                         struct{ Text string }
	}
	if err := json.Unmarshal([]byte(r.succeeded("showOnWebhookDeployProduction")), &file); err != nil {
		t.Fatal(err)
	}
	if file.Vendor != "webhook" || file.Event != "deploy" || file.Filter != "production" || file.Delivery != "d-1" || !file.Trusted || file.Payload.Text != attack {
		t.Errorf("the event file says %+v", file)
	}
	if got := r.succeeded("secretOnWebhookDeploy"); got != `["token","***"]` {
		t.Errorf("the function got %s", got)
	}
	skipped := map[string]string{}
	for _, s := range r.plan.Skipped {
		skipped[s.Function] = s.Reason
	}
	if got := skipped["bigOnWebhookDeploy"]; got != "the filter /replicas is-equal-to 100 does not hold: the value is 3" {
		t.Errorf("the plan says %q", got)
	}
	if got := skipped["onPush"]; got == "" {
		t.Error("a function of forges' pushes is not listed as skipped")
	}

	// The same again, something else with its key, and what nobody signed.
	if status, again, _ := a.hooked("deploy", string(body), map[string]string{"X-Sig": sign(secret, body)}); status != 200 || a.remember([]byte(again)).ID != id {
		t.Errorf("again: %d %s", status, again)
	}
	for name, signature := range map[string]string{"": "is missing", sign("other", body): "does not fit", sign(secret, body)[7:]: "does not start with"} {
		if status, refusal, _ := a.hooked("deploy", string(body), map[string]string{"X-Sig": name}); status != 401 || !strings.Contains(refusal, signature) {
			t.Errorf("signed as %q: %d %s", name, status, refusal)
		}
	}
	filtered := `{"env":"testing","id":"d-2"}`
	status, answer, _ = a.hooked("deploy", filtered, map[string]string{"X-Sig": sign(secret, []byte(filtered))})
	if status != 202 || !strings.Contains(answer, `the filter /env does-not-match \"^test\" does not hold: the value is \"testing\"`) {
		t.Errorf("filtered: %d %s", status, answer)
	}
	if status, _ := a.get("/webhooks/deploy"); status != 405 {
		t.Errorf("GET: %d", status)
	}

	status, answer, _ = a.hooked("open", `{}`, nil)
	if status != 202 {
		t.Fatalf("%d %s", status, answer)
	}
	if got := a.finish(a.remember([]byte(answer)).ID).succeeded("onWebhook"); got != "webhook open : no token" {
		t.Errorf("a webhook of anybody: %q", got)
	}
}

// A webhook with a wait is answered with what its functions return.
func TestWebhookThatWaits(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub bOnWebhookAsk(src: Directory!): String! { shell(src, "printf '{\"answer\":42}'").stdout }
  pub cOnWebhookAsk: String! { "not the first" }
  pub aOnWebhookAsk: Void { null }
  pub onWebhookPlain: String! { "<b>plain</b>" }
  pub onWebhookBroken: String! { "no JSON" }
  pub onWebhookFails(src: Directory!): String! { shell(src, "echo of-no-concern; exit 3").stdout }
  pub onWebhookSlow(src: Directory!): String! { shell(src, "sleep 4; echo at last").stdout }
`), []gittest.Edit{gittest.Write("README.md", "hello\n")})...)
	a := startWith(t, f, `
- {name: ask, verify: {bearer: {tokens: [{from-env: HOOK_TOKEN}]}}, wait: {timeout: 2m, content-type: application/json}, CALLS}
- {name: plain, verify: {none: true}, wait: {timeout: 2m}, CALLS}
- {name: broken, verify: {none: true}, wait: {timeout: 2m, content-type: application/json}, CALLS}
- {name: fails, verify: {none: true}, wait: {timeout: 2m}, CALLS}
- {name: nothing, verify: {none: true}, wait: {timeout: 2m}, CALLS}
- {name: slow, verify: {none: true}, wait: {timeout: 1s}, CALLS}
`, "HOOK_TOKEN=token-of-the-webhook")
	bearer := map[string]string{"Authorization": "Bearer token-of-the-webhook"}
	for name, c := range map[string]struct {
		header      map[string]string
		status      int
		contentType string
		answer      string
	}{
		"ask":     {bearer, 200, "application/json", `{"answer":42}`},
		"plain":   {nil, 200, "text/plain; charset=utf-8", "<b>plain</b>"},
		"broken":  {nil, 502, "application/json", "returned no JSON"},
		"fails":   {nil, 502, "application/json", "did not succeed"},
		"nothing": {nil, 404, "application/json", "no function is called"},
		"slow":    {nil, 202, "application/json", "the run has not ended within 1s"},
	} {
		status, answer, header := a.hooked(name, "{}", c.header)
		if status != c.status || !strings.Contains(answer, c.answer) || strings.Contains(answer, "of-no-concern") || status == 200 && answer != c.answer {
			t.Errorf("%s: %d %s, want %d %s", name, status, answer, c.status, c.answer)
		}
		if header.Get("Content-Type") != c.contentType || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", name, header)
		}
		if name == "slow" {
			if got := a.finish(a.remember([]byte(answer)).ID).succeeded("onWebhookSlow"); got != "at last\n" {
				t.Errorf("the slow one returned %q", got)
			}
		}
	}
	if status, answer, header := a.hooked("ask", "{}", nil); status != 401 || header.Get("WWW-Authenticate") != `Bearer realm="pocketci"` {
		t.Errorf("without a token: %d %s", status, answer)
	}
}

// Webhooks come and go with the file. One that cannot be read keeps those that are
// there, and so does one whose secret is missing.
func TestWebhooksFollowTheFile(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.repo.Commit("main", "1", dang(`
  pub onWebhook(event: String!): String! { event }
`)...)
	config := filepath.Join(t.TempDir(), "agent.yaml")
	f.webhooks(t, config, "- {name: one, verify: {none: true}, CALLS}\n")
	a := start(t, f, settings{args: []string{"--config", config}})
	statuses := func(want map[string]int) bool {
		for name, status := range want {
			if got, _, _ := a.hooked(name, "{}", nil); got != status {
				return false
			}
		}
		return true
	}
	if !statuses(map[string]int{"one": 202, "two": 404}) {
		t.Error("the first file is not in force")
	}
	f.webhooks(t, config, "- {name: two, verify: {none: true}, CALLS}\n")
	until(t, "the second file is in force", patience, func() bool { return statuses(map[string]int{"one": 404, "two": 202}) })
	for lines, says := range map[string]string{
		"- {name: three, verify: {none: true}, CALLS, colour: red}\n":                   `unknown key \"colour\" in a webhook`,
		"- {name: three, verify: {bearer: {tokens: [{from-env: NOT_THERE}]}}, CALLS}\n": "webhook three: the secret in",
	} {
		f.webhooks(t, config, lines)
		a.log("the new file is refused: "+says, func(l logLine) bool { return strings.Contains(l.text, says) && l.Level == "ERROR" })
		if !statuses(map[string]int{"one": 404, "two": 202, "three": 404}) {
			t.Errorf("the old file is not in force after %s", lines)
		}
	}
}

// Who was asked need not make the call: here one agent has no engine.
func TestWebhookThatWaitsForAnotherAgent(t *testing.T) {
	t.Parallel()
	dsn, _ := shared(t)
	f := newForge(t)
	f.repo.Commit("main", "1", dang(`
  pub onWebhookAsk: String! { "made elsewhere" }
`)...)
	config := filepath.Join(t.TempDir(), "agent.yaml")
	f.webhooks(t, config, "- {name: ask, verify: {none: true}, dedup: /id, wait: {timeout: 2m}, CALLS}\n")
	with := func(host string) *agent {
		return start(t, f, settings{args: []string{"--config", config}, env: []string{"POCKETCI_DATABASE=" + dsn}, host: host})
	}
	asked := with("unix:///nonexistent/engine.sock")
	busy := with("")
	for range 2 { // the second is a duplicate, which is answered alike
		status, answer, header := asked.hooked("ask", `{"id": 1}`, nil)
		if status != 200 || answer != "made elsewhere" || header.Get("Pocketci-Run") != "1" {
			t.Errorf("%d %s, run %s", status, answer, header.Get("Pocketci-Run"))
		}
	}
	if n := busy.says("1", "started"); n != 1 {
		t.Errorf("the other agent made %d calls", n)
	}
}
