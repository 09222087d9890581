package settings_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/web"
)

// mirror is one with the values that hold where the file is silent.
func mirror(change func(*settings.Mirror)) settings.Settings {
	m := settings.Mirror{
		Name: "shop", URL: "https://github.com/acme/shop.git", Directory: "/srv/shop", Branch: "main", Remote: "origin",
		RetryCount: 3, RetryDelay: 10 * time.Second, Keep: time.Hour, Line: 1,
	}
	change(&m)
	return settings.Settings{Mirrors: []settings.Mirror{m}}
}

func init() {
	const least = "mirrors: [{name: shop, url: 'https://github.com/acme/shop.git', directory: /srv/shop, branch: main"
	maps.Copy(valid, map[string]struct {
		yaml string
		want settings.Settings
	}{
		"a mirror": {least + "}]", mirror(func(*settings.Mirror) {})},
		"a mirror of a tag": {"mirrors: [{name: shop, url: 'https://github.com/acme/shop.git', directory: /srv/../srv/shop/, tag: refs/tags/v1}]", mirror(func(m *settings.Mirror) {
			m.Branch, m.Tag = "", "v1"
		})},
		"workers of mirrors": {"mirror-workers: 2", settings.Settings{MirrorWorkers: 2}},
		"a mirror with everything": {`mirrors:
  - name: shop
    url: git@github.com:acme/shop.git
    directory: /srv/shop
    branch: release/1.x
    remote: upstream
    ssh-key: {from-file: /etc/pocketci/shop.key}
    passphrase: {from-env: SHOP_PASSPHRASE}
    known-hosts: /etc/pocketci/known_hosts
    trigger: /run/shop/deploy
    retry-count: 10
    retry-delay: 1s
    webhook:
      path: /gwg/shop/
      vendor: gitea
      webhook-secrets: [{from-env: SHOP_WEBHOOK}]
    every: 1h
    on: [push, gitea release, mirror updated docs]
    atomic: true
    keep: 0s
    calls: acme/shop
`, settings.Settings{Mirrors: []settings.Mirror{{
			Name: "shop", URL: "git@github.com:acme/shop.git", Directory: "/srv/shop", Branch: "release/1.x", Remote: "upstream",
			SSHKey: &settings.Secret{File: "/etc/pocketci/shop.key", Line: 7}, Passphrase: &settings.Secret{Env: "SHOP_PASSPHRASE", Line: 8},
			KnownHosts: "/etc/pocketci/known_hosts", Trigger: "/run/shop/deploy", RetryCount: 10, RetryDelay: time.Second,
			Webhook: &settings.MirrorWebhook{Path: "/gwg/shop", Vendor: "gitea", Secrets: []settings.Secret{{Env: "SHOP_WEBHOOK", Line: 16}}, Line: 14},
			Every:   time.Hour, On: []settings.MirrorEvent{{Name: "push"}, {Vendor: "gitea", Name: "release"}, {Vendor: "mirror", Name: "updated", Filter: "docs"}},
			Atomic: true, Calls: settings.Target{Repository: "acme/shop", Line: 21}, Line: 2,
		}}}},
	})
	maps.Copy(invalid, map[string]struct {
		yaml   string
		want   []string
		schema bool
	}{
		"a mirror of nothing":                {"mirrors: [{}]", []string{"1:11: a mirror needs a name", "1:11: a mirror needs a url", "1:11: a mirror needs a directory", "1:11: a mirror needs exactly one of branch and tag"}, true},
		"a mirror's unknown key":             {least + ", label: main}]", []string{`unknown key "label" in a mirror`}, true},
		"a mirror of a branch and a tag":     {least + ", tag: v1}]", []string{"exactly one of branch and tag"}, true},
		"a mirror of no branch":              {"mirrors: [{name: a, url: 'https://x/y', directory: /a, branch: 'a..b'}]", []string{"branch must be the name of a branch, such as main"}, false},
		"a mirror of no tag":                 {"mirrors: [{name: a, url: 'https://x/y', directory: /a, tag: refs/heads/x}]", []string{"tag must be the name of a tag, such as v1.2.3"}, false},
		"a mirror's password":                {"mirrors: [{name: a, url: 'https://me:hunter2@x/y', directory: /a, branch: b}]", []string{"such as git@github.com:acme/shop.git: it holds a user or password"}, false},
		"a mirror of no address":             {"mirrors: [{name: a, url: hunter2, directory: /a, branch: b}]", []string{"url must be the address of a repository"}, true},
		"a mirror anywhere":                  {"mirrors: [{name: a, url: 'https://x/y', directory: srv, branch: b}]", []string{"directory must be the absolute path of a directory, such as /srv/shop"}, true},
		"a mirror everywhere":                {"mirrors: [{name: a, url: 'https://x/y', directory: /, branch: b}]", []string{"directory must not be the whole of the file system"}, false},
		"a mirror's key as it is":            {"mirrors: [{name: a, url: 'git@x:y', directory: /a, branch: b, ssh-key: hunter2}]", []string{"ssh-key must be {from-env: NAME} or {from-file: PATH}"}, true},
		"a mirror's passphrase alone":        {"mirrors: [{name: a, url: 'git@x:y', directory: /a, branch: b, passphrase: {from-env: P}}]", []string{"passphrase opens an ssh-key, and there is none"}, true},
		"a mirror's key for https":           {least + ", ssh-key: {from-env: K}}]", []string{"ssh-key is for a url of ssh"}, false},
		"a mirror's hosts for https":         {least + ", known-hosts: /k}]", []string{"known-hosts is for a url of ssh"}, false},
		"a mirror's hosts for ssh's eyes":    {"mirrors: [{name: a, url: 'git@x:y', directory: /a, branch: b, known-hosts: '/a%h'}]", []string{"ssh takes no path with quotation marks"}, true},
		"a mirror's remote":                  {least + ", remote: a.b}]", []string{"remote must be the name of a remote"}, true},
		"a mirror that never tries":          {least + ", retry-count: 0}]", []string{"retry-count must be a number above zero"}, true},
		"a mirror that waits for ever":       {least + ", retry-delay: 2h}]", []string{"retry-delay must be a duration from 0s to 1h0m0s"}, false},
		"a mirror that keeps nothing":        {least + ", keep: 1h}]", []string{"keep is for old trees of a mirror that is atomic"}, true},
		"a mirror's events":                  {least + ", on: [a b c d, pull-request]}]", []string{"on: write EVENT, VENDOR EVENT or VENDOR EVENT FILTER", `did you mean "pull_request"?`}, false},
		"a mirror's webhook for everybody":   {least + ", webhook: {path: /x}}]", []string{"the webhook of a mirror needs webhook-secrets"}, true},
		"a mirror's webhook of no path":      {least + ", webhook: {path: x, webhook-secrets: [{from-env: S}]}}]", []string{"path must be the path of a URL"}, true},
		"a mirror's webhook of dots":         {least + ", webhook: {path: /a/../b, webhook-secrets: [{from-env: S}]}}]", []string{"path has an empty part, or one of dots"}, false},
		"a mirror's webhook over the API":    {least + ", webhook: {path: /api/x, webhook-secrets: [{from-env: S}]}}]", []string{"path is one that the agent serves itself"}, false},
		"a mirror's webhook of a vendor":     {least + ", webhook: {vendor: githup, webhook-secrets: [{from-env: S}]}}]", []string{`did you mean "github"?`}, true},
		"mirrors of one directory":           {"mirrors:\n- {name: a, url: 'https://x/y', directory: /a, branch: b}\n- {name: b, url: 'https://x/y', directory: /a/, branch: c}\n", []string{"3:3: the directory of this mirror is that of another one, in line 2"}, false},
		"mirrors of one name":                {"mirrors:\n- {name: a, url: 'https://x/y', directory: /a, branch: b}\n- {name: a, url: 'https://x/y', directory: /b, branch: c}\n", []string{"3:3: the mirror a is there twice, first in line 2"}, false},
		"mirrors of one path":                {"mirrors:\n- {name: a, url: 'https://x/y', directory: /a, branch: b, webhook: {path: /x, webhook-secrets: [{from-env: S}]}}\n- {name: b, url: 'https://x/y', directory: /b, branch: c, webhook: {path: /x/, webhook-secrets: [{from-env: S}]}}\n", []string{"3:1: the mirror b receives at /x, and so does the mirror a in line 2; give its webhook another path"}, false},
		"a mirror's webhook that is a forge": {"forges: [{name: github}]\nmirrors: [{name: github, url: 'https://x/y', directory: /a, branch: b, webhook: {webhook-secrets: [{from-env: S}]}}]", []string{"2:1: the mirror github receives at /webhooks/github, and so does the forge github in line 1; give its webhook another path"}, false},
	})
}

func TestSecretsOfMirrors(t *testing.T) {
	s, err := settings.Parse("f", []byte(valid["a mirror with everything"].yaml))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for key, secret := range s.Secrets() {
		got[key] = secret.Env + secret.File
	}
	want := map[string]string{"ssh-key": "/etc/pocketci/shop.key", "passphrase": "SHOP_PASSPHRASE", "webhook-secrets": "SHOP_WEBHOOK"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A webhook cannot be where the pages are.
func TestPathsOfPages(t *testing.T) {
	t.Parallel()
	for _, section := range web.Sections() {
		file := "mirrors: [{name: shop, url: 'https://github.com/acme/shop.git', directory: /srv/shop, branch: main, webhook: {path: /" + section + "/x, webhook-secrets: [{from-env: S}]}}]"
		if _, err := settings.Parse("agent.yaml", []byte(file)); err == nil || !strings.Contains(err.Error(), "the agent serves itself") {
			t.Errorf("/%s/x: %v", section, err)
		}
	}
}
