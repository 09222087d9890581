package secrets_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/settings"
)

// rules is the file of these tests. Its lines are in what the policy says.
const rules = `forges:
- {name: github, webhook-secrets: [{from-env: HOOK_SECRET}], token: {from-env: FORGE_TOKEN}}
secrets:
- repositories: ["**"]
  env: [FOR_ALL]
- repositories: ["acme/*"]
  env: [API_TOKEN, "DEPLOY_*"]
- repositories: [acme/shop, other/*]
  env: [SHOP_TOKEN, "*_TOKEN"]
- repositories: [ACME/Shop]
  env: [SHOP_DEPLOY, HOOK_SECRET]
  named: {key: {from-env: PRODUCTION_KEY}}
  providers: ["op://infra/", "vault://shop"]
  events: [push, tag]
  refs: [main, "release/*", "refs/tags/v*"]
- repositories: [acme/shop]
  named: {key: {from-env: TEST_KEY}}
- repositories: [acme/nothing]
providers: {env: [VAULT_TOKEN]}
`

func policyOf(t *testing.T, yaml string, allowed ...string) secrets.Policy {
	t.Helper()
	s, err := settings.Parse("/etc/pocketci/agent.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := secrets.Allow(allowed...)
	if err != nil {
		t.Fatal(err)
	}
	return policy.With(s)
}

// vaultOf has a value for every variable that anybody asks for in these tests:
// value-of-NAME.
func vaultOf(t *testing.T, policy secrets.Policy) *secrets.Vault {
	t.Helper()
	for _, name := range []string{
		"GITHUB_TOKEN", "GITHUB_USERNAME", "FOR_ALL", "API_TOKEN", "DEPLOY_EU", "SHOP_TOKEN", "SHOP_DEPLOY", "PRODUCTION_KEY", "TEST_KEY",
		"HOOK_SECRET", "FORGE_TOKEN", "VAULT_TOKEN", "X_HUB_TOKEN", "FLAG", "SOME_TOKEN", "OTHER",
	} {
		t.Setenv(name, "value-of-"+name)
	}
	vault := secrets.Read(policy, "X_HUB_TOKEN")
	return vault.With(func(_ context.Context, uri string, env []string) (string, error) {
		return uri + " with " + strings.Join(env, " "), nil
	})
}

func TestRules(t *testing.T) {
	vault := vaultOf(t, policyOf(t, rules, "FLAG"))
	at := func(repository, event, ref string) secrets.Scope {
		return secrets.Scope{Repository: repository, Event: event, Ref: ref, Trusted: true}
	}
	fork := at("acme/shop", "pull_request", "refs/pull/7/head")
	fork.Trusted = false
	for name, c := range map[string]struct {
		scope   secrets.Scope
		ref     string
		want    string // of the value, empty if it is refused
		refused string // a part of the error
	}{
		"allowed by name":                         {at("acme/web", "push", "refs/heads/x"), "env://API_TOKEN", "value-of-API_TOKEN", ""},
		"allowed by a glob":                       {at("acme/web", "push", "refs/heads/x"), "env://DEPLOY_EU", "value-of-DEPLOY_EU", ""},
		"not allowed":                             {at("acme/web", "push", "refs/heads/x"), "env://OTHER", "", "agent.yaml:6: the rule for acme/* allows the variables API_TOKEN, DEPLOY_*, and not OTHER; add it to its env"},
		"nothing is inherited from a wider rule":  {at("acme/web", "push", "refs/heads/x"), "env://FOR_ALL", "", "agent.yaml:6: the rule for acme/*"},
		"a rule takes the pair away":              {at("acme/web", "push", "refs/heads/x"), "env://GITHUB_TOKEN", "", "agent.yaml:6: the rule for acme/* allows the variables API_TOKEN, DEPLOY_*, and not GITHUB_TOKEN"},
		"a rule takes away what the flag allows":  {at("acme/web", "push", "refs/heads/x"), "env://FLAG", "", "and not FLAG"},
		"a rule for nothing":                      {at("acme/nothing", "push", "refs/heads/x"), "env://API_TOKEN", "", "agent.yaml:18: the rule for acme/nothing allows no variables, and not API_TOKEN; add it to its env"},
		"named secrets of a rule without any":     {at("acme/web", "push", "refs/heads/main"), "agent://key", "", "agent.yaml:6: the rule for acme/* allows no named secrets, and not key; add it to its named"},
		"everybody's rule":                        {at("x/y", "push", "refs/heads/x"), "env://FOR_ALL", "value-of-FOR_ALL", ""},
		"the longest pattern":                     {at("acme/shop", "issues", ""), "env://SHOP_TOKEN", "value-of-SHOP_TOKEN", ""},
		"case of the repository":                  {at("Acme/SHOP", "issues", ""), "env://SHOP_TOKEN", "value-of-SHOP_TOKEN", ""},
		"a glob does not reach the forge's token": {at("acme/shop", "push", "refs/heads/main"), "env://FORGE_TOKEN", "", "and not FORGE_TOKEN"},
		"a glob does not reach a provider's":      {at("acme/shop", "push", "refs/heads/main"), "env://VAULT_TOKEN", "", "and not VAULT_TOKEN"},
		"a glob does not reach the agent's":       {at("acme/shop", "push", "refs/heads/main"), "env://X_HUB_TOKEN", "", "and not X_HUB_TOKEN"},
		"a glob reaches others":                   {at("acme/shop", "push", "refs/heads/main"), "env://SOME_TOKEN", "value-of-SOME_TOKEN", ""},
		"a glob reaches the pair":                 {at("acme/shop", "push", "refs/heads/main"), "env://GITHUB_TOKEN", "value-of-GITHUB_TOKEN", ""},
		"the agent's by its full name":            {at("acme/shop", "push", "refs/heads/main"), "env://HOOK_SECRET", "value-of-HOOK_SECRET", ""},
		"on main":                                 {at("acme/shop", "push", "refs/heads/main"), "env://SHOP_DEPLOY", "value-of-SHOP_DEPLOY", ""},
		"on a branch by glob":                     {at("acme/shop", "push", "refs/heads/release/1"), "env://SHOP_DEPLOY", "value-of-SHOP_DEPLOY", ""},
		"a star stops at a slash":                 {at("acme/shop", "push", "refs/heads/release/1/x"), "env://SHOP_DEPLOY", "", "this is refs/heads/release/1/x"},
		"on a tag":                                {at("acme/shop", "tag", "refs/tags/v1"), "env://SHOP_DEPLOY", "value-of-SHOP_DEPLOY", ""},
		"on a tag called like the branch":         {at("acme/shop", "tag", "refs/tags/main"), "env://SHOP_DEPLOY", "", "agent.yaml:10: the rule for acme/shop allows the variable SHOP_DEPLOY on refs/heads/main, refs/heads/release/*, refs/tags/v* alone, and this is refs/tags/main"},
		"on another branch":                       {at("acme/shop", "push", "refs/heads/Main"), "env://SHOP_DEPLOY", "", "this is refs/heads/Main"},
		"on a branch that ends alike":             {at("acme/shop", "push", "refs/heads/x/main"), "env://SHOP_DEPLOY", "", "this is refs/heads/x/main"},
		"for a pull request":                      {at("acme/shop", "pull_request", "refs/pull/7/head"), "env://SHOP_DEPLOY", "", "agent.yaml:10: the rule for acme/shop allows the variable SHOP_DEPLOY for the events push, tag alone, and this is pull_request"},
		"an event without a ref":                  {at("acme/shop", "push", ""), "env://SHOP_DEPLOY", "", "alone, and this event has no ref"},
		"a named secret":                          {at("acme/shop", "push", "refs/heads/main"), "agent://key", "value-of-PRODUCTION_KEY", ""},
		"the same name elsewhere":                 {at("acme/shop", "pull_request", "refs/pull/7/head"), "agent://key", "value-of-TEST_KEY", ""},
		"an unknown name":                         {at("acme/shop", "push", "refs/heads/main"), "agent://other", "", "the rule for acme/shop allows the named secrets key, and not other; add it to its named"},
		"a provider":                              {at("acme/shop", "push", "refs/heads/main"), "op://infra/db/password", "op://infra/db/password with VAULT_TOKEN=value-of-VAULT_TOKEN", ""},
		"a field of Vault":                        {at("acme/shop", "push", "refs/heads/main"), "vault://shop.password", "vault://shop.password with VAULT_TOKEN=value-of-VAULT_TOKEN", ""},
		"a provider elsewhere":                    {at("acme/shop", "pull_request", "refs/pull/7/head"), "op://infra/db/password", "", "agent.yaml:10: the rule for acme/shop allows op://infra/db/password for the events push, tag alone"},
		"another prefix":                          {at("acme/shop", "push", "refs/heads/main"), "op://private/db/password", "", "allows the references to providers op://infra/, vault://shop, and not op://private/db/password; add it to its providers"},
		"a prefix with more letters":              {at("acme/shop", "push", "refs/heads/main"), "vault://shopping/x.y", "", "and not vault://shopping/x.y"},
		"a fork, whatever the rules say":          {fork, "env://SHOP_TOKEN", "", "the run is of a fork, or of an event that somebody without write access may have caused; such runs get no secrets"},
		"a fork's named secret":                   {fork, "agent://key", "", "such runs get no secrets"},
		"a fork's reference":                      {fork, "op://infra/db/password", "", "such runs get no secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			grant := vault.For(c.scope)
			got, err := grant.Resolve(t.Context(), c.ref)
			if got != c.want {
				t.Errorf("got %q", got)
			}
			if (err != nil) != (c.refused != "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got  %v\nwant %s", err, c.refused)
			}
			if checked := grant.Check(c.ref); (checked == nil) != (err == nil) || err != nil && checked.Error() != err.Error() {
				t.Errorf("check: %v", checked)
			}
			if err != nil && strings.Contains(err.Error(), "value-of-") {
				t.Errorf("%v repeats a value", err)
			}
		})
	}
}

// Without a rule for a repository everything is as without the file.
func TestRepositoriesWithoutRule(t *testing.T) {
	vault := vaultOf(t, policyOf(t, "secrets: [{repositories: [acme/shop], env: [API_TOKEN]}]", "FLAG"))
	for ref, want := range map[string]bool{
		"env://GITHUB_TOKEN": true, "env://GITHUB_USERNAME": true, "env://FLAG": true,
		"env://API_TOKEN": false, "agent://key": false, "op://infra/x/y": false,
	} {
		for _, repository := range []string{"acme/web", ""} {
			err := vault.For(secrets.Scope{Repository: repository, Event: "push", Trusted: true}).Check(ref)
			if (err == nil) != want {
				t.Errorf("%s of %q: %v", ref, repository, err)
			}
			if refused, ok := errors.AsType[*secrets.RefusedError](err); !want && (!ok || refused.Rule != "" || !strings.Contains(err.Error(), "agent.yaml")) {
				t.Errorf("%s of %q: %v does not say where to allow it", ref, repository, err)
			}
		}
	}
}

func TestScopeOf(t *testing.T) {
	repository := &events.Repository{FullName: "acme/shop"}
	for name, c := range map[string]struct {
		event events.Event
		want  secrets.Scope
	}{
		"a push":                           {events.Event{Name: "push", Ref: "refs/heads/main", Trusted: true, Repository: repository}, secrets.Scope{Repository: "acme/shop", Event: "push", Ref: "refs/heads/main", Trusted: true}},
		"a fork's pull request":            {events.Event{Name: "pull_request", Ref: "refs/pull/7/head", Fork: "x/shop", Repository: repository}, secrets.Scope{Repository: "acme/shop", Event: "pull_request", Ref: "refs/pull/7/head"}},
		"a fork's that says it is trusted": {events.Event{Name: "pull_request", Fork: "x/shop", Trusted: true, Repository: repository}, secrets.Scope{Repository: "acme/shop", Event: "pull_request"}},
		"a comment on a pull request":      {events.Event{Name: "issue_comment", Repository: repository}, secrets.Scope{Repository: "acme/shop", Event: "issue_comment"}},
		"a deployment of any commit":       {events.Event{Name: "deployment", Ref: "refs/heads/main", SHA: "0123456789012345678901234567890123456789", Repository: repository}, secrets.Scope{Repository: "acme/shop", Event: "deployment", Ref: "refs/heads/main"}},
		"no repository":                    {events.Event{Name: "tick", Trusted: true}, secrets.Scope{Event: "tick", Trusted: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := secrets.ScopeOf(&c.event); got != c.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// However rules and names are written, what is not named is not given.
func FuzzPolicy(f *testing.F) {
	f.Add("acme/shop", "env://SHOP_TOKEN", "push", "refs/heads/main")
	f.Add("acme/web", "agent://key", "tag", "refs/tags/v1")
	f.Add("x/y", "op://infra/../private/x", "push", "")
	f.Fuzz(func(t *testing.T, repository, ref, event, at string) {
		s, err := settings.Parse("agent.yaml", []byte(strings.Replace(rules, "- repositories: [\"**\"]\n  env: [FOR_ALL]\n", "", 1)))
		if err != nil {
			t.Fatal(err)
		}
		vault := secrets.Read(secrets.Policy{}.With(s)).With(func(context.Context, string, []string) (string, error) { return "value", nil })
		scope := secrets.Scope{Repository: repository, Event: event, Ref: at}
		if vault.For(scope).Check(ref) == nil {
			t.Fatal("a scope that is not trusted got a secret")
		}
		scope.Trusted = true
		got, err := vault.For(scope).Resolve(t.Context(), ref)
		if err != nil {
			return
		}
		lower := strings.ToLower(repository)
		if ref != "env://GITHUB_TOKEN" && ref != "env://GITHUB_USERNAME" && !strings.HasPrefix(lower, "acme/") && !strings.HasPrefix(lower, "other/") {
			t.Fatalf("%q got %s: %q", repository, ref, got)
		}
		if strings.Contains(ref, "..") || strings.HasPrefix(ref, "file:") || strings.HasPrefix(ref, "cmd:") {
			t.Fatalf("%s was resolved", ref)
		}
	})
}
