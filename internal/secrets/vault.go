package secrets

import (
	"net/url"
	"os"
	"slices"
	"strings"
)

// Vault holds the values of secrets. It never changes and may be used from
// several goroutines.
type Vault struct {
	policy Policy
	values map[string]string
}

// Read copies the variables that the policy allows, and those in also, from
// the environment. The latter are for the agent itself (Value); repositories
// cannot use them unless the policy allows them too. Read leaves the
// environment as it is, which is right for the command line: there the
// environment is the user's own.
func Read(policy Policy, also ...string) *Vault {
	v := &Vault{policy: policy, values: map[string]string{}}
	for _, name := range slices.Concat(policy.Names(), also) {
		if value, ok := os.LookupEnv(name); ok {
			v.values[name] = value
		}
	}
	return v
}

// Take is [Read], and removes the variables from the environment of the
// process, but for those that sessions need (see [Scrub]). It belongs at the
// agent's start, before any other goroutine reads the environment. With a
// [*WipeError] the vault is complete and the variables are gone.
func Take(policy Policy, also ...string) (*Vault, error) {
	v := Read(policy, also...)
	var gone []string
	for name := range v.values {
		if !needed(name) {
			gone = append(gone, name)
		}
	}
	return v, remove(gone)
}

// Value returns a value that was read, for the agent's own use.
func (v *Vault) Value(name string) (value string, ok bool) {
	value, ok = v.values[name]
	return value, ok
}

// Check is [Vault.Resolve] without the value, for plans.
func (v *Vault) Check(ref string) error {
	_, err := v.Resolve(ref)
	return err
}

// Resolve returns the value that a reference stands for. The errors are
// [*ReferenceError], [*RefusedError], [*MissingError] and [*ShortError]; each
// names the variable, none the value. Whoever hands the value on adds it to the
// [Masker] first.
func (v *Vault) Resolve(ref string) (string, error) {
	name, err := v.policy.Check(ref)
	if err != nil {
		return "", err
	}
	value := v.values[name]
	switch {
	case strings.TrimSpace(value) == "":
		return "", &MissingError{Variable: name}
	case len(strings.TrimSpace(value)) < MinLength:
		return "", &ShortError{Variable: name}
	}
	return value, nil
}

// AddTo makes the masker mask all values, and the passwords of the proxies in
// the environment. GITHUB_USERNAME is left out: it is no secret in itself, and
// often the first part of the repository's name. It is masked where a
// repository takes it as a secret, because resolved values are added then.
func (v *Vault) AddTo(m *Masker) {
	var values []string
	for name, value := range v.values {
		if name != "GITHUB_USERNAME" {
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
