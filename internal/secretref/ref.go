// Package secretref has the syntax of references to secrets, which stand for a
// value wherever the value itself must not: in pocketci.yaml, in plans, in the
// database. There are three kinds: env://NAME is a variable of the agent's
// environment, agent://NAME what the agent's file names, and everything else the
// URI of one of Dagger's secret providers.
package secretref

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What begins a reference to a variable, and to a secret that the agent names.
const (
	EnvScheme   = "env://"
	AgentScheme = "agent://"
)

// providers are the schemes of the secret providers that Dagger v0.21.8 has
// (engine/client/secretprovider) but env, file and cmd: what these read and run
// on the agent's host is not for repositories to say.
var providers = []string{"op", "vault", "libsecret", "gcp", "aws+sm", "aws+ps"}

var (
	variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	named    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// IsVariable reports whether a variable of an environment can have the name.
func IsVariable(name string) bool { return variable.MatchString(name) }

// IsName reports whether the agent's file can give a secret this name: letters,
// digits, dots, dashes and underscores, beginning with a letter or digit.
func IsName(name string) bool { return named.MatchString(name) }

// Env returns the variable that a reference names.
func Env(ref string) (name string, ok bool) {
	name, ok = strings.CutPrefix(ref, EnvScheme)
	return name, ok && IsVariable(name)
}

// Agent returns the name of the agent's secret that a reference stands for.
func Agent(ref string) (name string, ok bool) {
	name, ok = strings.CutPrefix(ref, AgentScheme)
	return name, ok && IsName(name)
}

// Valid reports whether a text is a reference of one of the three kinds.
func Valid(ref string) bool {
	_, env := Env(ref)
	_, agent := Agent(ref)
	return env || agent || CheckProvider(ref) == nil
}

// CheckProvider says what is wrong with the URI of a secret, of which nothing is
// repeated but the scheme. A path that is not plain is refused: a provider could
// read it as another one, outside of what is allowed.
func CheckProvider(ref string) error { return check(ref, false) }

// CheckPrefix says what is wrong with the beginning of such URIs, which may be
// as short as the scheme (vault://).
func CheckPrefix(prefix string) error { return check(prefix, true) }

func check(ref string, prefix bool) error {
	scheme, rest, ok := strings.Cut(ref, "://")
	switch {
	case !ok:
		return fmt.Errorf("not a reference to a secret provider; it begins with one of %s", schemes())
	case scheme == "env" || scheme == "file" || scheme == "cmd":
		return fmt.Errorf("%s:// is not for repositories: it reads or runs what is on the agent's host", scheme)
	case !slices.Contains(providers, scheme):
		// Not repeated: it may be anything.
		return fmt.Errorf("there is no such secret provider; the reference begins with one of %s", schemes())
	}
	path, _, query := strings.Cut(rest, "?")
	switch {
	case prefix && query:
		return errors.New("a prefix has no query; end it before the question mark")
	case !prefix && path == "":
		return fmt.Errorf("%s:// is not followed by the name of a secret", scheme)
	case strings.ContainsFunc(rest, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\ufffd' }):
		return errors.New("a control character is in it; remove it")
	case strings.ContainsAny(path, `%\#`), strings.Contains(rest, "#"):
		return errors.New(`%, \ and # cannot be in a reference; write the name as the provider has it`)
	}
	for i, part := range strings.Split(path, "/") {
		last := i == strings.Count(path, "/")
		if part == "." || part == ".." || part == "" && !(last && prefix) {
			return errors.New("empty parts, . and .. cannot be in the path of a reference")
		}
	}
	return nil
}

func schemes() string { return strings.Join(providers, "://, ") + "://" }

// Within reports whether a URI is one of those that begin with a prefix: the
// prefix itself, and what goes on after a slash. op://infra does not stand for
// op://infrastructure. In Vault's references the field comes after a dot, so
// that vault://team/db stands for all fields of that secret.
func Within(ref, prefix string) bool {
	rest, ok := strings.CutPrefix(ref, prefix)
	if !ok {
		return false
	}
	return rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/' || rest[0] == '?' ||
		rest[0] == '.' && strings.HasPrefix(prefix, "vault://")
}
