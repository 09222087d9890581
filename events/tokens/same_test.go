package tokens_test

import (
	"testing"
	"time"

	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/settings"
)

// What is configured as before is told from what is not, wherever it stands in the
// file.
func TestSameConfiguration(t *testing.T) {
	signer, other := newSigner(t), newSigner(t)
	configuration := func(value string, change func(*settings.SignedSource)) string {
		t.Helper()
		c := pulled(signer, "https://example.com/web.jwt")
		c.Pull.Headers = map[string]settings.Secret{"Authorization": {Env: "TOKEN"}}
		change(&c)
		return newSource(t, c, tokens.Options{Secret: func(settings.Secret) (string, error) { return value, nil }}).Configuration()
	}
	as := configuration("a", func(*settings.SignedSource) {})
	for name, c := range map[string]struct {
		value  string
		change func(*settings.SignedSource)
		same   bool
	}{
		"nothing is changed": {"a", func(*settings.SignedSource) {}, true},
		"it stands elsewhere": {"a", func(c *settings.SignedSource) {
			c.Line, c.Calls.Line = 7, 8
			c.Pull.Headers["Authorization"] = settings.Secret{Env: "TOKEN", Line: 9}
		}, true},
		"another password": {"b", func(*settings.SignedSource) {}, false},
		"another header":   {"a", func(c *settings.SignedSource) { c.Pull.Headers["X-Other"] = settings.Secret{Env: "X"} }, false},
		"another path":     {"a", func(c *settings.SignedSource) { c.Pull.Paths[0] += "2" }, false},
		"another interval": {"a", func(c *settings.SignedSource) { c.Pull.Every = time.Hour }, false},
		"another key":      {"a", func(c *settings.SignedSource) { c.Keys = append(c.Keys, other.Public()) }, false},
		"older ones":       {"a", func(c *settings.SignedSource) { c.AllowOlder = true }, false},
		"another target":   {"a", func(c *settings.SignedSource) { c.Calls.Repository = "acme/other" }, false},
	} {
		if got := configuration(c.value, c.change); got == "" || (got == as) != c.same {
			t.Errorf("%s: the same is %t, want %t", name, got == as, c.same)
		}
	}
}
