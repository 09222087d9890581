package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/internal/vaulttest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

const (
	vaultToken    = "hvs.the-token-of-the-vault"
	vaultPassword = "the password in the vault"
)

func TestResolveSecret(t *testing.T) {
	vault := vaulttest.Start(t, vaultToken)
	vault.Put("team/db", map[string]string{"password": vaultPassword})
	e := enginetest.Start(t)
	env := []string{"VAULT_ADDR=" + vault.URL, "VAULT_TOKEN=" + vaultToken}
	for name, c := range map[string]struct {
		uri  string
		env  []string
		want string
		err  string
	}{
		"a secret":            {uri: "vault://team/db.password", env: env, want: vaultPassword},
		"for a while":         {uri: "vault://team/db.password?ttl=1s", env: env, want: vaultPassword},
		"an unknown field":    {uri: "vault://team/db.user", env: env, err: "not found"},
		"an unknown secret":   {uri: "vault://team/other.password", env: env, err: "secret not found"},
		"a wrong token":       {uri: "vault://team/db.password", env: []string{"VAULT_ADDR=" + vault.URL, "VAULT_TOKEN=wrong-token-of-the-vault"}, err: "permission denied"},
		"no environment":      {uri: "vault://team/db.password", err: "VAULT_ADDR must be set"},
		"another provider":    {uri: "aws+sm://prod/db", env: env, err: "AWS_REGION"},
		"a file":              {uri: "file:///etc/hostname", env: env, err: "file:// is not for repositories"},
		"a variable":          {uri: "env://VAULT_TOKEN", env: env, err: "env:// is not for repositories"},
		"a command":           {uri: "cmd://echo x", env: env, err: "cmd:// is not for repositories"},
		"a way around a path": {uri: "vault://x/../team/db.password", env: env, err: "cannot be in the path"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := e.ResolveSecret(t.Context(), c.uri, c.env)
			if got != c.want {
				t.Errorf("got %q", got)
			}
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			if err != nil && (strings.Contains(err.Error(), "of-the-vault") || errors.Is(err, modules.ErrUnavailable)) {
				t.Errorf("%v holds a token, or is not the provider's", err)
			}
		})
	}
	asked := len(vault.Asked())
	vault.Put("team/db", map[string]string{"password": "another one"})
	if got, err := e.ResolveSecret(t.Context(), "vault://team/db.password", env); got != "another one" || err != nil {
		t.Errorf("after it was changed: %q, %v", got, err)
	}
	if len(vault.Asked()) != asked+1 {
		t.Error("the vault was not asked again")
	}
}

func TestResolveSecretWithoutEngine(t *testing.T) {
	cfg := enginetest.Config(t)
	cfg.Host = "unix://" + filepath.Join(t.TempDir(), "engine.sock")
	_, err := enginetest.With(t, cfg).ResolveSecret(t.Context(), "vault://team/db.password", nil)
	if !errors.Is(err, modules.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

// The session that resolves stands in an empty directory and leaves nothing.
func TestResolveSecretLeavesNothing(t *testing.T) {
	vault := vaulttest.Start(t, vaultToken)
	vault.Put("team/db", map[string]string{"password": vaultPassword})
	cfg := enginetest.Config(t)
	e := enginetest.With(t, cfg)
	if _, err := e.ResolveSecret(t.Context(), "vault://team/db.password", []string{"VAULT_ADDR=" + vault.URL, "VAULT_TOKEN=" + vaultToken}); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(cfg.Dir, "sessions"))
	if err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	err = filepath.WalkDir(cfg.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), vaultPassword) || strings.Contains(string(data), vaultToken) {
			t.Errorf("%s holds a secret", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// A module asks its own session for the agent's references and variables, on an
// engine that has just resolved one of them for the agent.
func TestModulesResolveNothingOfTheAgents(t *testing.T) {
	vault := vaulttest.Start(t, vaultToken)
	vault.Put("team/db", map[string]string{"password": vaultPassword})
	hostFile := filepath.Join(t.TempDir(), "file")
	write(t, hostFile, "content-of-a-host-file")
	t.Setenv("VAULT_ADDR", vault.URL)
	t.Setenv("VAULT_TOKEN", vaultToken)
	e := enginetest.Start(t)
	dir := repository(t, nil, map[string]string{
		"ci/dagger.json": `{"name": "ci", "engineVersion": "v0.21.8", "sdk": "dang"}`,
		"ci/main.dang": `type Ci {
  pub fromVault: String! { Dagger.secret("vault://team/db.password").plaintext }
  pub fromEnv: String! { Dagger.secret("env://VAULT_TOKEN").plaintext }
  pub fromFile: String! { Dagger.secret("file://` + hostFile + `").plaintext }
  pub fromCommand: String! { Dagger.secret("cmd://echo $VAULT_TOKEN").plaintext }
  pub given(secret: Secret!): String! { secret.plaintext }
}
`,
	})
	s := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "ci", Secret: secrets(map[string]string{"vault://team/db.password": vaultPassword})})
	if _, err := e.ResolveSecret(t.Context(), "vault://team/db.password", []string{"VAULT_ADDR=" + vault.URL, "VAULT_TOKEN=" + vaultToken}); err != nil {
		t.Fatal(err)
	}
	if got := call(t, s, "given", map[string]modules.Value{"secret": secret("vault://team/db.password")}); got != vaultPassword {
		t.Errorf("what it is given arrives as %q", got)
	}
	asked := len(vault.Asked())
	for _, function := range []string{"fromVault", "fromEnv", "fromFile", "fromCommand"} {
		result, err := s.Call(t.Context(), bind(t, s, function, nil), nil)
		if !errors.Is(err, modules.ErrFunction) {
			t.Errorf("%s: %q, %v; want the function to fail", function, result.Output, err)
		}
		for _, value := range []string{vaultPassword, vaultToken, "content-of-a-host-file"} {
			if strings.Contains(result.Output, value) || err != nil && strings.Contains(err.Error(), value) {
				t.Errorf("%s shows %q", function, value)
			}
		}
	}
	if len(vault.Asked()) != asked {
		t.Error("a module's session asked the vault")
	}
}
