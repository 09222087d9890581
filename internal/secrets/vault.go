package secrets

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/franela/pocketci/internal/settings"
)

// Provide resolves the URI of a secret of one of Dagger's providers. env are the
// variables that providers need, NAME=VALUE each.
type Provide func(ctx context.Context, uri string, env []string) (string, error)

// Vault holds the values of secrets. It never changes and may be used from
// several goroutines.
type Vault struct {
	policy Policy
	values map[string]string // of variables
	// environ is the whole environment that the vault was made of, for other
	// policies.
	environ map[string]string
	provide Provide
}

// Read copies the variables that the policy has a use for, and those in also,
// from the environment. The latter are for the agent itself (Value); repositories
// cannot use them unless the policy allows them by name. Read leaves the
// environment as it is, which is right for the command line: there the
// environment is the user's own.
func Read(policy Policy, also ...string) *Vault {
	environ := map[string]string{}
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok {
			environ[name] = value
		}
	}
	return newVault(environ, policy, also)
}

func newVault(environ map[string]string, policy Policy, also []string) *Vault {
	for _, name := range also {
		if !slices.Contains(always, name) {
			policy.own = append(slices.Clone(policy.own), name)
		}
	}
	v := &Vault{policy: policy, values: map[string]string{}, environ: environ}
	for name, value := range environ {
		if policy.reads(name) {
			v.values[name] = value
		}
	}
	return v
}

// Renew returns a vault of the environment that this one was made of, for another
// policy. References to providers are resolved as before.
func (v *Vault) Renew(policy Policy, also ...string) *Vault {
	renewed := newVault(v.environ, policy, also)
	renewed.provide = v.provide
	return renewed
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

// With returns the vault with something that resolves references to providers.
// Without it none can be resolved.
func (v *Vault) With(provide Provide) *Vault {
	with := *v
	with.provide = provide
	return &with
}

// Value returns a variable that was read, for the agent's own use.
func (v *Vault) Value(name string) (value string, ok bool) {
	value, ok = v.values[name]
	return value, ok
}

// Secret returns the value of a secret of the agent's file, for the agent's own
// use. The errors are those of a named secret, and say where it stands.
func (v *Vault) Secret(s settings.Secret) (string, error) {
	return v.stored(s, "the secret in "+v.policy.place(s.Line))
}

// For returns the secrets that may be had in a scope.
func (v *Vault) For(scope Scope) Grant { return Grant{v, scope} }

// Grant is what may be had in one scope.
type Grant struct {
	vault *Vault
	scope Scope
}

// Check is [Grant.Resolve] without the value, for plans. It does not ask secret
// providers whether they have the secret.
func (g Grant) Check(ref string) error {
	w, err := g.vault.policy.check(g.scope, ref)
	if err != nil {
		return err
	}
	if w.uri != "" {
		return g.vault.provides(w)
	}
	_, err = g.vault.local(w)
	return err
}

// Resolve returns the value that a reference stands for. The errors are
// [*ReferenceError], [*UntrustedError], [*RefusedError], [*MissingError] and
// [*ShortError], or what a provider said; none has the value in it. Whoever hands
// the value on adds it to the [Masker] first.
func (g Grant) Resolve(ctx context.Context, ref string) (string, error) {
	w, err := g.vault.policy.check(g.scope, ref)
	if err != nil {
		return "", err
	}
	if w.uri == "" {
		return g.vault.local(w)
	}
	if err := g.vault.provides(w); err != nil {
		return "", err
	}
	value, err := g.vault.provide(ctx, w.uri, g.vault.providerEnv())
	if err != nil {
		return "", err
	}
	return long(value, w.what)
}

// local returns the value of a variable or of a named secret.
func (v *Vault) local(w wanted) (string, error) {
	if w.named != nil {
		return v.stored(*w.named, w.what+" of "+v.policy.place(w.named.Line))
	}
	value := v.values[w.env]
	if strings.TrimSpace(value) == "" {
		return "", &MissingError{Secret: w.what, Reason: "is not set in the agent's environment, or empty"}
	}
	return long(value, w.what)
}

// stored returns the value of a secret of the agent's file. Where it is kept is
// the agent's business: messages say where it stands in the file.
func (v *Vault) stored(s settings.Secret, what string) (string, error) {
	value, reason := v.values[s.Env], "has no value: its variable is not set in the agent's environment, or empty"
	if s.File != "" {
		var err error
		if value, _, err = readFile(s.File); err != nil {
			return "", &MissingError{Secret: what, Reason: "cannot be read: " + err.Error()}
		}
		reason = "has no value: its file is empty"
	}
	if strings.TrimSpace(value) == "" {
		return "", &MissingError{Secret: what, Reason: reason}
	}
	return long(value, what)
}

func long(value, what string) (string, error) {
	if len(strings.TrimSpace(value)) < MinLength {
		return "", &ShortError{Secret: what}
	}
	return value, nil
}

func (v *Vault) provides(w wanted) error {
	if v.provide == nil {
		return &RefusedError{Secret: w.what, Reason: "references to secret providers cannot be resolved here"}
	}
	return nil
}

// providerEnv are the variables that secret providers need.
func (v *Vault) providerEnv() []string {
	var env []string
	for _, name := range v.policy.settings.Providers.Env {
		if value, ok := v.values[name]; ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// Warnings says what is wrong with the secrets of the agent's file as they are
// now, in the words of the operator: a variable that is not set, a file that
// cannot be read, or that others than its owner can read.
func (v *Vault) Warnings() []string {
	var list []string
	for _, s := range v.policy.settings.Secrets() {
		if s.File != "" {
			_, exposed, err := readFile(s.File)
			switch {
			case err != nil:
				list = append(list, fmt.Sprintf("%s: %s: %v", v.policy.place(s.Line), s.File, err))
			case exposed:
				list = append(list, fmt.Sprintf("%s: %s can be read by others than its owner; chmod it to 600", v.policy.place(s.Line), s.File))
			}
			continue
		}
		if _, ok := v.values[s.Env]; !ok {
			list = append(list, fmt.Sprintf("%s: the variable %s is not set", v.policy.place(s.Line), s.Env))
		}
	}
	return list
}
