package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/reload"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/settings"
)

// No secret gets into what is shown of the configuration, wherever it stands.
func TestLoadedHoldsNoSecret(t *testing.T) {
	const secret = "hunter2-hunter2"
	for _, name := range []string{envToken, envDatabase, "SHOP_HOOK", "DEPLOY_KEY", "VAULT_TOKEN"} {
		t.Setenv(name, secret+"-"+name)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, settings.FileName)
	text := `# the old token was ` + secret + `
forges: [{name: github, token: {from-env: GITHUB_TOKEN}, webhook-secrets: [{from-env: SHOP_HOOK}]}]
webhooks:
  - name: deploy
    verify: {none: true}
    calls: acme/shop
    filters: [{path: /body/token, is-equal-to: ` + secret + `}, {path: /body/kind, is-equal-to: ` + secret + `-SHOP_HOOK}]
secrets: [{repositories: ["acme/*"], env: [DEPLOY_KEY, "MORE_*"]}]
providers: {env: [VAULT_TOKEN, VAULT_ADDR]}
web: {public: [acme/open]}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--data-dir", dir, "--clone-host", "http://mona:" + secret + "@git.example.com"},
		func(name string) string { return map[string]string{"POCKETCI_QUEUE": "7"}[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := settings.Load("", dir)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := secrets.Allow()
	if err != nil {
		t.Fatal(err)
	}
	vault := secrets.Read(policy.With(conf), ownVariables...)
	p := &process{o: o, masker: secrets.NewMasker(), log: slog.New(slog.DiscardHandler)}
	vault.AddTo(p.masker)
	p.configured.Store(&configured{settings: conf, vault: vault})
	p.reloads = reload.New(reload.Config{DataDir: dir, Log: p.log}, conf)
	got := p.loaded()
	if strings.Contains(fmt.Sprint(got), secret) {
		t.Errorf("a secret is shown: %+v", got)
	}
	for _, want := range []string{"token: {from-env: GITHUB_TOKEN}", "acme/open", "is-equal-to: '***'"} {
		if !strings.Contains(strings.ReplaceAll(got.Text, `"`, "'"), want) {
			t.Errorf("there is no %s in\n%s", want, got.Text)
		}
	}
	for _, want := range []v1.Variable{
		{Name: envToken, Set: true, For: "agent"}, {Name: envDatabase, Set: true, For: "agent"}, {Name: envSignature, Set: false, For: "agent"},
		{Name: "SHOP_HOOK", Set: true, For: "configuration"}, {Name: "DEPLOY_KEY", Set: true, For: "configuration"}, {Name: "VAULT_ADDR", Set: false, For: "configuration"},
	} {
		if !slices.Contains(got.Variables, want) {
			t.Errorf("the variables have no %+v: %+v", want, got.Variables)
		}
	}
	for _, want := range []v1.Flag{
		{Name: "queue", Variable: "POCKETCI_QUEUE", Value: "7", From: "variable"}, {Name: "listen", Variable: "POCKETCI_LISTEN", Value: ":8080", From: "default"},
		{Name: "clone-host", Variable: "POCKETCI_CLONE_HOST", Value: "http://***@git.example.com", From: "flag"},
	} {
		if !slices.Contains(got.Flags, want) {
			t.Errorf("the flags have no %+v", want)
		}
	}
	if !p.public("Acme/Open") || p.public("acme/shop") {
		t.Error("other repositories are public than those that the file names")
	}
}
