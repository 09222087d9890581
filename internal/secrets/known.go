package secrets

import (
	"net/url"
	"os"
	"slices"

	"github.com/franela/pocketci/internal/settings"
)

// plain are variables that secret providers need and that hold no secret. Masked,
// they would make error messages and logs unreadable: us-east-1 stands in many.
var plain = map[string]bool{
	"VAULT_ADDR": true, "VAULT_NAMESPACE": true, "VAULT_PATH_PREFIX": true, "VAULT_CACERT": true, "VAULT_CAPATH": true,
	"VAULT_SKIP_VERIFY": true, "VAULT_APPROLE_MOUNT_PATH": true, "VAULT_OIDC_MOUNT_PATH": true,
	"AWS_REGION": true, "AWS_DEFAULT_REGION": true, "AWS_PROFILE": true, "AWS_ENDPOINT_URL": true, "AWS_CONFIG_FILE": true,
	"AWS_SHARED_CREDENTIALS_FILE": true, "AWS_ROLE_ARN": true, "AWS_WEB_IDENTITY_TOKEN_FILE": true,
	"GOOGLE_CLOUD_PROJECT": true, "GCLOUD_PROJECT": true, "GCP_PROJECT_ID": true, "GOOGLE_APPLICATION_CREDENTIALS": true,
	"OP_ACCOUNT": true, "DBUS_SESSION_BUS_ADDRESS": true,
}

// AddTo makes the masker mask all values that the agent has, and the passwords of
// the proxies in the environment. The names of users that the agent clones with
// are left out: they are no secrets in themselves, and often the first part of
// the repository's name. They are masked where a repository takes them as a
// secret, because resolved values are added then.
func (v *Vault) AddTo(m *Masker) {
	users := map[string]bool{"GITHUB_USERNAME": true}
	var values []string
	for key, s := range v.policy.settings.Secrets() {
		switch {
		case key == settings.KeyUsername:
			users[s.Env] = true
		case s.File != "":
			if value, _, err := readFile(s.File); err == nil {
				values = append(values, value)
			}
		}
	}
	for name, value := range v.values {
		setting := slices.Contains(v.policy.settings.Providers.Env, name) && (plain[name] || needed(name))
		if !users[name] && !setting {
			values = append(values, value)
		}
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		if proxy, err := url.Parse(os.Getenv(name)); err == nil && proxy.User != nil {
			if password, ok := proxy.User.Password(); ok {
				values = append(values, password)
			}
		}
	}
	if token := os.Getenv("DAGGER_CLOUD_TOKEN"); token != "" {
		values = append(values, token)
	}
	m.Add(values...)
}
