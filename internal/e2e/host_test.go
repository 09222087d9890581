package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A host is kept by a token that was signed for it, and what came of that calls
// functions of the agent that it reports to.
func TestHostReports(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub seenOnConvergeChangedListen(src: Directory!, eventTrigger: File!): String! {
    shell(src, "true").withFile("/event.json", eventTrigger).withExec(["/bin/cat", "/event.json"]).stdout
  }
  pub onConvergeFailed(vendor: String!, event: String!, filter: String!): String! { vendor + " " + event + " " + filter }
  pub onPush: String! { "never" }
`), yaml("module-path: ./ci"))...)
	const secret = "secret-of-the-reports"
	config := filepath.Join(t.TempDir(), "agent.yaml")
	text := "converge:\n- {name: hosts, secrets: [{from-env: REPORTS}], calls: {repository: " + fullName + ", clone-url: " + f.CloneURL(fullName) + "}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, f, settings{args: []string{"--config", config}, env: []string{"REPORTS=" + secret}})
	watch(t, secret)

	dir := t.TempDir()
	pocketci := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), pocketciBinary(), args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "REPORTS="+secret)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Log(stderr.String())
		}
		return string(out), err
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := pocketci("keygen", "--out", "deploy.key", "--id", "deploy")
	if err != nil {
		t.Fatal(err)
	}
	write("converge.yaml", `
state-dir: `+dir+`/state
keys: ["`+strings.TrimSpace(key)+`"]
dir: `+dir+`
report: {url: "`+a.url+`/webhooks/hosts", secret: {from-env: REPORTS}}
sources: [{name: listen, pull: ["`+dir+`/listen.jwt"]}]
`)
	converge := func(pattern, payload string) error {
		write("pattern.yaml", pattern)
		write("payload.json", payload)
		token, err := pocketci("sign", "--key", "deploy.key", "--source", "listen", "--pattern", "pattern.yaml", "--payload", "payload.json")
		if err != nil {
			t.Fatal(err)
		}
		write("listen.jwt", token)
		_, err = pocketci("converge", "--config", "converge.yaml", "--once")
		return err
	}
	ended := func(name string) *run {
		l := a.log("the run of "+name, func(l logLine) bool {
			return l.Msg == "run ended" && strings.Contains(l.text, `"name":"`+name+`","filter":"listen"`)
		})
		// Nobody but the host was answered with the run's number.
		var ended struct{ Run int64 }
		if err := json.Unmarshal([]byte(l.text), &ended); err != nil {
			t.Fatal(err)
		}
		a.remember(fmt.Appendf(nil, `{"id":%q,"run":%d}`, l.Event.ID, ended.Run))
		return a.over(l.Event.ID)
	}
	if err := converge(`commands: [{id: write a file, check: test -e file, change: touch file, remove: rm file}]`, `{"cause": "an-event", "depth": 1}`); err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vendor, Event, Filter, Cause string
		Depth                        int
		Payload                      struct {
			Changed []string
			Host    string
			Token   struct{ Key string }
		}
	}
	if err := json.Unmarshal([]byte(ended("changed").succeeded("seenOnConvergeChangedListen")), &file); err != nil {
		t.Fatal(err)
	}
	if file.Vendor != "converge" || file.Event != "changed" || file.Filter != "listen" || file.Cause != "an-event" || file.Depth != 2 ||
		len(file.Payload.Changed) != 1 || file.Payload.Host == "" || file.Payload.Token.Key != "deploy" {
		t.Errorf("the event file says %+v", file)
	}
	if err := converge(`commands: [{id: fail, always: true, change: exit 3}]`, `{}`); err == nil {
		t.Error("a run that failed is none")
	}
	if got := ended("failed").succeeded("onConvergeFailed"); got != "converge failed listen" {
		t.Errorf("the function got %q", got)
	}
}
