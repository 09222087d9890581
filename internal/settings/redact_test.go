package settings_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/settings"
)

func TestRedact(t *testing.T) {
	const secret = "hunter2hunter2"
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":            {"", ""},
		"only a comment":     {"# " + secret, ""},
		"comments":           {"# " + secret + "\nforks: never # " + secret + "\n# " + secret + "\n", "forks: never\n"},
		"a reference":        {"forges: [{name: github, token: {from-env: GITHUB_TOKEN}}]", "forges: [{name: github, token: {from-env: GITHUB_TOKEN}}]\n"},
		"a user":             {"url: https://mona:" + secret + "@git.example.com/x", "url: https://***@git.example.com/x\n"},
		"a token as a user":  {"url: https://" + secret + "@git.example.com/x", "url: https://***@git.example.com/x\n"},
		"a user of ssh":      {"url: ssh://git@git.example.com/x", "url: ssh://git@git.example.com/x\n"},
		"a password of ssh":  {"url: ssh://git:" + secret + "@git.example.com/x", "url: ssh://***@git.example.com/x\n"},
		"git's own form":     {"url: git@git.example.com:x", "url: git@git.example.com:x\n"},
		"and a password":     {"url: mona:" + secret + "@git.example.com:x", "url: '***@git.example.com:x'\n"},
		"a query":            {"paths: ['https://x/y.jwt?token=" + secret + "&a=b']", "paths: ['https://x/y.jwt?***']\n"},
		"a fragment":         {"paths: ['https://x/y#" + secret + "']", "paths: ['https://x/y?***']\n"},
		"a runner":           {"runners: [{name: a, host: 'tcp://u:" + secret + "@10.0.0.1:1'}]", "runners: [{name: a, host: 'tcp://***@10.0.0.1:1'}]\n"},
		"a compared token":   {"filters:\n- {path: /body/Token, is-equal-to: " + secret + "}\n", "filters:\n  - {path: /body/Token, is-equal-to: '***'}\n"},
		"a compared header":  {"filters: [{is-not-equal-to: " + secret + ", path: /headers/X-Api-Key}]", "filters: [{is-not-equal-to: '***', path: /headers/X-Api-Key}]\n"},
		"a compared list":    {"filters: [{path: /a/secret, matches: [" + secret + "]}]", "filters: [{path: /a/secret, matches: '***'}]\n"},
		"a harmless one":     {"filters: [{path: /sender/type, is-equal-to: Bot}]", "filters: [{path: /sender/type, is-equal-to: Bot}]\n"},
		"a known token":      {"before: ghp_" + secret, "before: '***'\n"},
		"through an anchor":  {"a: &x https://" + secret + "@h/\nb: *x\n", "a: &x https://***@h/\nb: *x\n"},
		"a path by an alias": {"a: {path: &p /token, exists: true}\nb: {path: *p, is-equal-to: " + secret + "}\n", "a: {path: &p /token, exists: true}\nb: {path: *p, is-equal-to: '***'}\n"},
		"a key, in a way":    {"'https://" + secret + "@h/': 1", "'https://***@h/': 1\n"},
		"a key of many rows": {"a: |\n  -----BEGIN PRIVATE KEY-----\n  " + secret + "\n", "a: |-\n  ***\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := settings.Redact([]byte(tc.in))
			if err != nil || strings.Contains(got, secret) {
				t.Fatalf("%q (%v)", got, err)
			}
			// How a scalar is quoted does not matter.
			plain := regexp.MustCompile(`["'|-]`)
			if a, b := plain.ReplaceAllString(got, ""), plain.ReplaceAllString(tc.want, ""); strings.Join(strings.Fields(a), " ") != strings.Join(strings.Fields(b), " ") {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
	if _, err := settings.Redact([]byte("a: [")); err == nil {
		t.Error("what is no YAML gives no error")
	}
}

// What the reference shows is shown with all of its keys, and is still a file.
func TestRedactReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/agent-yaml.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindSubmatch(text)[1]
	got, err := settings.Redact(block)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := settings.Parse("redacted", []byte(got)); err != nil {
		t.Errorf("%v in\n%s", err, got)
	}
	if strings.Contains(got, "***") || strings.Contains(got, "#") {
		t.Errorf("something is hidden that is no secret:\n%s", got)
	}
}

// No address gets its user shown, however odd it is.
func FuzzRedact(f *testing.F) {
	f.Add("https://", "mona:", "@git.example.com/x?y=z")
	f.Add("a: &x [", "*x", "] # c")
	f.Fuzz(func(t *testing.T, before, between, after string) {
		const secret = "swordfish0swordfish"
		got, err := settings.Redact([]byte("url: \"https://" + secret + "@h/" + clean(before) + "\"\n" + between + after))
		if err == nil && strings.Contains(got, secret) {
			t.Errorf("%s", got)
		}
	})
}

// clean leaves out what ends a string of YAML.
func clean(s string) string {
	return strings.NewReplacer(`"`, "", `\`, "", "\n", "", "\r", "").Replace(s)
}
