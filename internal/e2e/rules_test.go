package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/vaulttest"
)

// A repository with a rule of its own: secrets of the environment everywhere, a
// key from a file and a password from Vault on pushes to main alone.
func TestRulesForSecrets(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	const (
		key      = "-----BEGIN KEY-----\nfirst-line-of-the-key\nsecond-line/with+signs==\n-----END KEY-----\n"
		password = "pass&word/of \"the\" vault"
		token    = "hvs.token-of-the-vault"
	)
	vault := vaulttest.Start(t, token)
	vault.Put("team/db", map[string]string{"password": password})
	dir := t.TempDir()
	keyFile, config := filepath.Join(dir, "deploy.key"), filepath.Join(dir, "agent.yaml")
	for path, content := range map[string]string{
		keyFile: key,
		config: `secrets:
- repositories: ["**"]
  env: [FOR_OTHERS]
- repositories: [` + fullName + `]
  env: [GITHUB_TOKEN]
- repositories: [` + fullName + `]
  named: {deploy-key: {from-file: ` + keyFile + `}}
  providers: ["vault://team"]
  events: [push]
  refs: [main]
providers: {env: [VAULT_ADDR, VAULT_TOKEN]}
`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	base := f.repo.Commit("main", "1", join(rootfs(t),
		yaml("module-path: ci",
			"secrets:",
			"  - {name: token, from-env: GITHUB_TOKEN}",
			"  - {name: username, from-env: GITHUB_USERNAME}",
			"  - {name: forOthers, from-env: FOR_OTHERS}",
			"  - {name: deployKey, from-agent: deploy-key}",
			"  - {name: password, from-provider: \"vault://team/db.password\"}",
			"  - {name: nothing, from-provider: \"vault://team/none.password\"}",
			"  - {name: elsewhere, from-provider: \"vault://other/db.password\"}"),
		dang(`
  pub sumOnGithubPush(src: Directory!, deployKey: Secret!, password: Secret!): String! {
    shell(src, "true").withSecretVariable("KEY", deployKey).withSecretVariable("PASSWORD", password)
      .withExec(["/bin/sh", "-c", "printf '%s' \"$KEY\" | sha256sum; printf '%s' \"$PASSWORD\" | sha256sum"]).stdout
  }
  pub printOnGithubPush(src: Directory!, deployKey: Secret!, password: Secret!): String! {
    shell(src, "true").withSecretVariable("KEY", deployKey).withSecretVariable("PASSWORD", password)
      .withExec(["/bin/sh", "-c", "echo printed; echo \"$KEY\"; echo \"$PASSWORD\" >&2; printf '%s' \"x$KEY\" | base64; for i in 1 2 3 4; do printf 'pass&wo'; sleep 0.2; echo 'rd/of \"the\" vault'; done"]).stdout
  }
  pub returnOnGithubPush(password: Secret!): String! { JSON.encode(["returned", password.plaintext]) }
  pub returnKeyOnGithubPush(deployKey: Secret!): String! { JSON.encode(["returned", deployKey.plaintext]) }
  pub tokenOnGithubPush(token: Secret!): String! { "token " + token.plaintext }
  pub usernameOnGithubPush(username: Secret!): String! { username.plaintext }
  pub forOthersOnGithubPush(forOthers: Secret!): String! { forOthers.plaintext }
  pub nothingOnGithubPush(nothing: Secret!): String! { nothing.plaintext }
  pub elsewhereOnGithubPush(elsewhere: Secret!): String! { elsewhere.plaintext }
  pub itselfOnGithubPush: String! { Dagger.secret("vault://team/db.password").plaintext }
  pub variableOnGithubPush: String! { Dagger.secret("env://VAULT_TOKEN").plaintext }
  pub tokenOnGithubPullRequest(token: Secret!): String! { "token " + token.plaintext }
  pub keyOnGithubPullRequest(deployKey: Secret!): String! { deployKey.plaintext }
  pub passwordOnGithubPullRequest(password: Secret!): String! { password.plaintext }
`))...)
	watch(t, f.token, token, "first-line-of-the-key", "word/of")
	a := start(t, f, settings{
		args: []string{"--config", config, "--allow-secret-env", "FOR_OTHERS"},
		env:  []string{"VAULT_ADDR=" + vault.URL, "VAULT_TOKEN=" + token, "FOR_OTHERS=for-other-repositories"},
	})
	a.log("the agent says what it has read", func(l logLine) bool { return l.Msg == "configuration is read" })
	if said := a.everything(); !strings.Contains(said, keyFile+" can be read by others than its owner") {
		t.Errorf("no warning about the key's file: %s", said)
	}
	checkEnviron(t, a.cmd.Process.Pid, token, f.token)

	r := a.finish(a.deliver("push", push(t, f, "", base)))
	if got, want := r.succeeded("sumOnGithubPush"), sha256sum(key)+"  -\n"+sha256sum(password)+"  -\n"; got != want {
		t.Errorf("the function saw other secrets: %q, want %q", got, want)
	}
	for function, want := range map[string]string{
		"printOnGithubPush": "printed\n***", "returnOnGithubPush": `["returned","***"]`, "returnKeyOnGithubPush": `["returned","***`, "tokenOnGithubPush": "token ***",
	} {
		if got := r.succeeded(function); !strings.HasPrefix(got, want) {
			t.Errorf("%s returned %q, want %q", function, got, want)
		}
	}
	states := func(r *run, state string, want map[string][]string) {
		t.Helper()
		for function, words := range want {
			got := r.result(function)
			if got.State != state {
				t.Errorf("%s is %s, want %s", function, got.State, state)
			}
			for _, word := range words {
				if !strings.Contains(got.Error, word) {
					t.Errorf("%s: %q does not say %q", function, got.Error, word)
				}
			}
		}
	}
	states(r, "invalid", map[string][]string{
		"usernameOnGithubPush":  {"pocketci.yaml:4", "agent.yaml:4: the rule for " + fullName + " allows the variables GITHUB_TOKEN, and not GITHUB_USERNAME; add it to its env"},
		"forOthersOnGithubPush": {"pocketci.yaml:5", "and not FOR_OTHERS"},
		"nothingOnGithubPush":   {"vault://team/none.password", "not found"},
		"elsewhereOnGithubPush": {"pocketci.yaml:9", "allows the references to providers vault://team, and not vault://other/db.password"},
	})
	states(r, "failed", map[string][]string{
		"itselfOnGithubPush":   {},
		"variableOnGithubPush": {},
	})

	refused := "agent.yaml:6: the rule for " + fullName + " allows the secret deploy-key on refs/heads/main alone, and this is refs/heads/next"
	r = a.finish(a.deliver("push", payload(t, "push", f, edits{"ref": "refs/heads/next", "before": zeroSHA, "after": base})))
	states(r, "invalid", map[string][]string{"returnKeyOnGithubPush": {refused}, "returnOnGithubPush": {"refs/heads/next"}})
	if got := r.succeeded("tokenOnGithubPush"); got != "token ***" {
		t.Errorf("tokenOnGithubPush returned %q", got)
	}

	// From a branch that is called like the one that may, in the same
	// repository.
	body := payload(t, "pull_request_opened", f, edits{"pull_request.head.sha": base, "pull_request.base.sha": base, "pull_request.head.ref": "main"})
	r = a.finish(a.deliver("pull_request", body))
	states(r, "invalid", map[string][]string{
		"keyOnGithubPullRequest":      {"agent.yaml:6", "for the events push alone, and this is pull_request"},
		"passwordOnGithubPullRequest": {"agent.yaml:6", "for the events push alone"},
	})
	if got := r.succeeded("tokenOnGithubPullRequest"); got != "token ***" {
		t.Errorf("tokenOnGithubPullRequest returned %q", got)
	}

	quoted, err := json.Marshal(password)
	if err != nil {
		t.Fatal(err)
	}
	forms := []string{
		f.token, token, password, "first-line-of-the-key", "second-line/with+signs==", "for-other-repositories", url.QueryEscape(password),
		strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(key))[:60],
	}
	said := a.everything()
	for _, form := range forms {
		if strings.Contains(said, form) {
			t.Errorf("the agent said %s", form)
		}
	}
	for i, line := range strings.Split(said, "\n") {
		if decoded := inBase64(line, f.token, "first-line-of-the-key", "second-line/with", "word/of"); decoded != "" {
			t.Errorf("line %d says %s in base64: %s", i+1, decoded, line)
		}
	}
	checkFiles(t, a.dataDir, forms)
	for _, pid := range append(children(a.cmd.Process.Pid), processes("dagger", "session", "--silent")...) {
		checkEnviron(t, pid, f.token, token, "first-line")
	}
}
