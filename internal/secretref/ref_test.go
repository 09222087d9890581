package secretref_test

import (
	"path"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/secretref"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		ref            string
		secret, prefix string // a part of the error, empty for none
	}{
		"1Password":                     {"op://infra/db/password", "", ""},
		"a name with spaces":            {"op://My Vault/some item/one time password?attribute=otp", "", "no query"},
		"Vault":                         {"vault://team/db.password", "", ""},
		"Vault for a while":             {"vault://team/db.password?ttl=5m", "", "no query"},
		"AWS":                           {"aws+sm://prod/db?region=eu-west-1&field=password", "", "no query"},
		"AWS parameter":                 {"aws+ps://prod/db", "", ""},
		"Google":                        {"gcp://projects/p/secrets/s/versions/1", "", ""},
		"the desktop's":                 {"libsecret://login/token", "", ""},
		"a whole provider":              {"vault://", "not followed", ""},
		"a folder":                      {"op://infra/", "empty parts", ""},
		"a variable":                    {"env://GITHUB_TOKEN", "env:// is not for repositories", "env://"},
		"a file":                        {"file:///etc/passwd", "file:// is not for repositories", "file://"},
		"a command":                     {"cmd://id", "cmd:// is not for repositories", "cmd://"},
		"an unknown provider":           {"aws-sm://prod/db", "aws+sm://", "aws+sm://"},
		"case matters":                  {"VAULT://team/db.x", "no such secret provider", "no such"},
		"the value itself":              {"ghp_0123456789", "not a reference", "not a reference"},
		"nothing":                       {"", "not a reference", "not a reference"},
		"a way up":                      {"vault://team/../other/db.x", "..", ".."},
		"a way up at the end":           {"vault://team/..", "..", ".."},
		"a way up at the beginning":     {"vault://../db.x", "..", ".."},
		"here":                          {"vault://team/./db.x", "empty parts", "empty parts"},
		"two slashes":                   {"vault://team//db.x", "empty parts", "empty parts"},
		"a host":                        {"vault:////host/db.x", "empty parts", "empty parts"},
		"a way up in disguise":          {"vault://team/%2e%2e/db.x", "%", "%"},
		"a way up with backslashes":     {`vault://team\..\db.x`, `\`, `\`},
		"a fragment":                    {"vault://team/db.x#y", "#", "#"},
		"a fragment in the query":       {"vault://team/db.x?ttl=1m#y", "#", "no query"},
		"a line break":                  {"vault://team/db\n.x", "control character", "control character"},
		"a zero byte in the query":      {"vault://team/db.x?\x00", "control character", "no query"},
		"more than one scheme":          {"vault://op://x/y", "empty parts", "empty parts"},
		"bytes that are no text at all": {"vault://team/\xff", "control character", "control character"},
	} {
		t.Run(name, func(t *testing.T) {
			for what, c := range map[string]struct {
				err  error
				want string
			}{
				"secret": {secretref.CheckProvider(c.ref), c.secret},
				"prefix": {secretref.CheckPrefix(c.ref), c.prefix},
			} {
				if (c.err != nil) != (c.want != "") || c.err != nil && !strings.Contains(c.err.Error(), c.want) {
					t.Errorf("as a %s: got %v, want %q", what, c.err, c.want)
				}
			}
			if err := secretref.CheckProvider(c.ref); err != nil && len(c.ref) > 8 && strings.Contains(err.Error(), c.ref) {
				t.Errorf("%v repeats the reference", err)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		ref, prefix string
		want        bool
	}{
		{"op://infra/db/password", "op://infra/", true},
		{"op://infra/db/password", "op://infra", true},
		{"op://infra/db/password", "op://", true},
		{"op://infra/db/password", "op://infra/db/password", true},
		{"op://infra/db/password?attribute=otp", "op://infra/db/password", true},
		{"op://infrastructure/db/password", "op://infra", false},
		{"op://infrastructure/db/password", "op://infra/", false},
		{"op://infra/db.old/password", "op://infra/db", false},
		{"vault://team/db.password", "vault://team/db", true},
		{"vault://team/dbx.password", "vault://team/db", false},
		{"vault://team/db.password", "vault://team/db.pass", false},
		{"vault://other/db.password", "vault://team/", false},
		{"vault://TEAM/db.password", "vault://team/", false},
		{"op://infra", "op://infra/", false},
	} {
		if got := secretref.Within(c.ref, c.prefix); got != c.want {
			t.Errorf("%s within %s: %t", c.ref, c.prefix, got)
		}
	}
}

func TestNames(t *testing.T) {
	for ref, want := range map[string][2]string{
		"env://API_TOKEN":        {"API_TOKEN", ""},
		"env://":                 {},
		"env://A=B":              {},
		"agent://deploy-key":     {"", "deploy-key"},
		"agent://Deploy.key_2":   {"", "Deploy.key_2"},
		"agent://":               {},
		"agent://-x":             {},
		"agent://../etc":         {},
		"agent://a/b":            {},
		"vault://team/db.secret": {},
		"API_TOKEN":              {},
	} {
		for i, read := range []func(string) (string, bool){secretref.Env, secretref.Agent} {
			if name, ok := read(ref); ok != (want[i] != "") || ok && name != want[i] {
				t.Errorf("%s: got %q, %t, want %q", ref, name, ok, want[i])
			}
		}
	}
}

// However a provider cleans the path of a reference that is taken, it stays where
// it is, and so does what is within a prefix.
func FuzzCheckProvider(f *testing.F) {
	f.Add("vault://team/db.password?ttl=5m", "vault://team")
	f.Add("vault://team/../db.password", "vault://team/")
	f.Add("op://My Vault/item/field", "op://My Vault/")
	f.Add("aws+sm://a//b", "aws+sm://a/")
	f.Fuzz(func(t *testing.T, ref, prefix string) {
		if secretref.CheckProvider(ref) != nil {
			return
		}
		scheme, rest, _ := strings.Cut(ref, "://")
		name, _, _ := strings.Cut(rest, "?")
		if scheme == "env" || scheme == "file" || scheme == "cmd" {
			t.Fatalf("%q is taken", ref)
		}
		if path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, "..") && (name == ".." || name[2] == '/') {
			t.Fatalf("%q can be read as another one", ref)
		}
		if !secretref.Valid(ref) {
			t.Fatalf("%q is taken and not valid", ref)
		}
		if secretref.CheckPrefix(prefix) == nil && secretref.Within(ref, prefix) && !strings.HasPrefix(ref, prefix) {
			t.Fatalf("%q is not within %q", ref, prefix)
		}
	})
}
