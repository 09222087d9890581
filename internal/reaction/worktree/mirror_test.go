package worktree_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/reaction/worktree"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/store"
)

func TestWants(t *testing.T) {
	shop := &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git"}
	push := events.Event{Vendor: events.VendorGitea, Name: events.NamePush, Ref: "refs/heads/main", Repository: shop}
	with := func(change func(*events.Event)) events.Event {
		e := push
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		lines string
		event events.Event
		hook  string
		want  bool
	}{
		"a push":                      {"branch: main", push, "gitea", true},
		"a push of another branch":    {"branch: main", with(func(e *events.Event) { e.Ref = "refs/heads/main2" }), "gitea", false},
		"a push of a tag of the name": {"branch: main", with(func(e *events.Event) { e.Ref, e.Name = "refs/tags/main", events.NameTag }), "gitea", false},
		"a tag":                       {"tag: v1", with(func(e *events.Event) { e.Ref, e.Name = "refs/tags/v1", events.NameTag }), "gitea", true},
		"a branch of the tag's name":  {"tag: v1", with(func(e *events.Event) { e.Ref = "refs/heads/v1" }), "gitea", false},
		"another repository": {"branch: main", with(func(e *events.Event) {
			e.Repository = &events.Repository{CloneURL: "https://git.example.com/acme/site.git"}
		}), "gitea", false},
		"another host": {"branch: main", with(func(e *events.Event) {
			e.Repository = &events.Repository{CloneURL: "https://evil.example/acme/shop.git"}
		}), "gitea", false},
		"another host at its own hook": {"branch: main", with(func(e *events.Event) {
			e.Repository = &events.Repository{CloneURL: "https://evil.example/acme/shop.git"}
		}), "mirror:shop", true},
		"another branch at its own":     {"branch: main", with(func(e *events.Event) { e.Ref = "refs/heads/x" }), "mirror:shop", false},
		"no repository":                 {"branch: main", with(func(e *events.Event) { e.Repository = nil }), "gitea", false},
		"a push that is no forge's":     {"branch: main", with(func(e *events.Event) { e.Vendor = events.VendorSigned }), "x", false},
		"a pull request":                {"branch: main", with(func(e *events.Event) { e.Name = events.NamePullRequest }), "gitea", false},
		"a release that is asked for":   {"branch: main, on: [release]", with(func(e *events.Event) { e.Name, e.Ref = "release", "refs/tags/v1" }), "gitea", true},
		"a push that is not":            {"branch: main, on: [release]", push, "gitea", false},
		"a push that is":                {"branch: main, on: [release, gitea push]", push, "gitea", true},
		"a push of another forge":       {"branch: main, on: [github push]", push, "gitea", false},
		"a push of what it is not at":   {"branch: main, on: [push]", with(func(e *events.Event) { e.Ref = "refs/heads/x" }), "gitea", false},
		"a tick":                        {"branch: main, on: [time tick night*]", events.Event{Vendor: events.VendorTime, Name: "tick", Filter: "nightly"}, "", true},
		"another tick":                  {"branch: main, on: [time tick night*]", events.Event{Vendor: events.VendorTime, Name: "tick", Filter: "hourly"}, "", false},
		"another mirror":                {"branch: main, on: [mirror updated docs]", events.Event{Vendor: events.VendorMirror, Name: "updated", Filter: "docs"}, "", true},
		"a mirror of no one's choosing": {"branch: main, on: [updated]", events.Event{Vendor: events.VendorMirror, Name: "updated", Filter: "docs"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			conf, err := settings.Parse("agent.yaml", []byte("mirrors: [{name: shop, url: 'git@git.example.com:acme/shop.git', directory: /srv/shop, "+c.lines+"}]"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := worktree.NewMirror("agent.yaml", conf.Mirrors[0], worktree.Environment{})
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Wants(&store.Event{Event: c.event, Hook: c.hook}); got != c.want {
				t.Errorf("it wants the event: %v", got)
			}
			if reason, e := m.Failed(&worktree.Error{Kind: worktree.ErrBusy, Detail: "x"}); reason != worktree.ErrBusy.Error() || e.Filter != "shop" || !strings.Contains(string(e.Payload), `"error":"another git works in the directory: x"`) {
				t.Errorf("a failure is %s, %s", reason, e.Payload)
			}
		})
	}
}
