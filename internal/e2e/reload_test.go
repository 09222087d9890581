package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A change of agent.yaml holds without a restart, for webhooks as for secrets, and a
// mistake in it changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	config := filepath.Join(t.TempDir(), "agent.yaml")
	write := func(lines ...string) {
		t.Helper()
		if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commit := f.repo.Commit("main", "1", join(rootfs(t),
		yaml("module-path: ci", "secrets:", "  - {name: token, from-env: SHOP_TOKEN}"),
		dang(`
  pub tokenOnGithubPush(token: Secret!): String! { "token " + token.plaintext }
`))...)
	write("secrets:", "- {repositories: ["+fullName+"], env: [OTHER_TOKEN]}")
	watch(t, f.token, "value-of-the-shop's-token")
	a := start(t, f, settings{args: []string{"--config", config}, env: []string{"SHOP_TOKEN=value-of-the-shop's-token", "OTHER_TOKEN=another-value"}})

	r := a.finish(a.deliver("push", push(t, f, "", commit)))
	if got := r.result("tokenOnGithubPush"); got.State != "invalid" || !strings.Contains(got.Error, "and not SHOP_TOKEN") {
		t.Errorf("before: %s, %s", got.State, got.Error)
	}

	write("secrets:", "- {repository: ["+fullName+"], env: [SHOP_TOKEN]}")
	a.log("the mistake is told", func(l logLine) bool {
		return l.Msg == "the new configuration is not in force, the old one is"
	})
	if said := a.everything(); !strings.Contains(said, `agent.yaml:2:4: unknown key \"repository\"`) {
		t.Errorf("the log does not say what is wrong:\n%s", said)
	}
	next := f.repo.Commit("main", "2")
	r = a.finish(a.deliver("push", push(t, f, commit, next)))
	if got := r.result("tokenOnGithubPush"); got.State != "invalid" {
		t.Errorf("after a mistake: %s", got.State)
	}

	write("secrets:", "- {repositories: ["+fullName+"], env: [SHOP_TOKEN]}")
	a.log("the new version is in force", func(l logLine) bool { return l.Msg == "configuration is in force" })
	last := f.repo.Commit("main", "3")
	r = a.finish(a.deliver("push", push(t, f, next, last)))
	if got := r.succeeded("tokenOnGithubPush"); got != "token ***" {
		t.Errorf("after the change it returned %q", got)
	}

	if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	a.log("it is read on demand", func(l logLine) bool { return l.Msg == "configuration is read again on demand" })
}
