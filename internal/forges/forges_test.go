package forges_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/settings"
)

const token = "s3cret-token-of-tests"

func parse(t *testing.T, text string) settings.Forge {
	t.Helper()
	s, err := settings.Parse("agent.yaml", []byte("forges: ["+text+"]"))
	if err != nil {
		t.Fatal(err)
	}
	return s.Forges[0]
}

// secret gives every secret the same value, and has none in the variable NONE.
func secret(s settings.Secret) (string, error) {
	if s.Env == "NONE" {
		return "", errors.New("the variable NONE is not set")
	}
	return token, nil
}

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		yaml                 string
		vendor, host, origin string
		receives, talks      bool
		username             string
		accepts, refuses     string
	}{
		"GitHub":               {yaml: "{name: github, webhook-secrets: [{from-env: A}], token: {from-env: B}}", vendor: "github", host: "github.com", origin: "github.com", receives: true, talks: true, username: "x-access-token", accepts: "a/b"},
		"GitHub with a name":   {yaml: "{name: github, webhook-secrets: [{from-env: A}], username: {from-env: U}, token: {from-env: B}, repositories: [acme/*]}", vendor: "github", host: "github.com", origin: "github.com", receives: true, talks: true, username: token, accepts: "acme/shop", refuses: "other/shop"},
		"an Enterprise Server": {yaml: "{name: work, vendor: github, url: 'https://git.example.com', token: {from-env: B}}", vendor: "github", host: "git.example.com", origin: "git.example.com", talks: true, username: "x-access-token", accepts: "a/b"},
		"GitLab":               {yaml: "{name: gitlab, webhook-secrets: [{from-env: A}], token: {from-env: B}}", vendor: "gitlab", host: "gitlab.com", origin: "gitlab.com", receives: true, talks: true, username: "oauth2", accepts: "a/b/c"},
		"a Gitea in the open":  {yaml: "{name: gitea, url: 'http://git.lan:3000', webhook-secrets: [{from-env: A}], token: {from-env: B}}", vendor: "gitea", host: "git.lan:3000", origin: "http://git.lan:3000", receives: true, talks: true, username: "pocketci", accepts: "a/b"},
		"Bitbucket":            {yaml: "{name: bitbucket, webhook-secrets: [{from-env: A}], token: {from-env: B}}", vendor: "bitbucket", host: "bitbucket.org", origin: "bitbucket.org", receives: true, talks: true, username: "x-token-auth", accepts: "a/b"},
		"Bitbucket by e-mail":  {yaml: "{name: bitbucket, username: {from-env: U}, token: {from-env: B}}", vendor: "bitbucket", host: "bitbucket.org", origin: "bitbucket.org", talks: true, username: "x-bitbucket-api-token-auth", accepts: "a/b"},
		"nothing but webhooks": {yaml: "{name: github, webhook-secrets: [{from-env: A}, {from-env: B}]}", vendor: "github", host: "github.com", origin: "github.com", receives: true, accepts: "a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := forges.Open("agent.yaml", parse(t, c.yaml), secret, "")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f.URL, "://"+c.host) || len(f.Filters) != 0 {
				t.Errorf("url %q, filters %v", f.URL, f.Filters)
			}
			if f.Host != c.host || f.Origin != c.origin || !f.Statuses {
				t.Errorf("host %q, origin %q, statuses %v", f.Host, f.Origin, f.Statuses)
			}
			if (f.Source != nil) != c.receives || c.receives && f.Source.Vendor() != c.vendor {
				t.Errorf("receives with %v", f.Source)
			}
			if (f.Forge != nil) != c.talks || c.talks && f.Forge.Vendor() != c.vendor || (f.Login != nil) != c.talks {
				t.Errorf("talks with %v", f.Forge)
			}
			if !f.Accepts(c.accepts) || c.refuses != "" && f.Accepts(c.refuses) {
				t.Error("takes other repositories' deliveries")
			}
			if c.talks {
				if username, value, err := f.Login(t.Context(), "a/b"); err != nil || username != c.username || value != token {
					t.Errorf("clones as %q, %v", username, err)
				}
			}
			set := forges.Set([]forges.Forge{f})
			event := events.Event{Repository: &events.Repository{CloneURL: "https://" + c.host + "/a/b.git"}}
			if known := set.Of(&event); (known != nil) != c.talks {
				t.Errorf("known: %v", known)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no webhook secret":  "{name: github, webhook-secrets: [{from-env: NONE}]}",
		"no token":           "{name: gitlab, token: {from-env: NONE}}",
		"a key that is none": "{name: github, app: {id: 1, private-key: {from-env: A}}}",
		"no key":             "{name: github, app: {id: 1, private-key: {from-env: NONE}}}",
	} {
		_, err := forges.Open("agent.yaml", parse(t, text), secret, "")
		if err == nil || !strings.Contains(err.Error(), "agent.yaml:1: forge git") || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, vendor := range forges.Vendors() {
		if _, err := forges.Parse(vendor, "push", []byte("{}")); err == nil || strings.Contains(err.Error(), "no vendor") {
			t.Errorf("%s: %v", vendor, err)
		}
	}
	_, err := forges.Parse("svn", "push", []byte("{}"))
	if malformed, ok := errors.AsType[*events.MalformedError](err); !ok || !strings.Contains(malformed.Reason, `no vendor "svn"`) {
		t.Errorf("svn: %v", err)
	}
}

func TestFilters(t *testing.T) {
	f, err := forges.Open("agent.yaml", parse(t, "{name: github, filters: [{path: /ref, exists: true}]}"), secret, "")
	if err != nil || len(f.Filters) != 1 || f.Filters[0].String() != "/ref exists true" {
		t.Errorf("filters %v (%v)", f.Filters, err)
	}
}
