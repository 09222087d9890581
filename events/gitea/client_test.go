package gitea_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/events/gitea"
	"github.com/franela/pocketci/events/gitea/giteatest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

func newClient(t *testing.T) (*gitea.Client, *giteatest.World) {
	t.Helper()
	s := giteatest.New(t)
	s.Below = "/sub"
	s.Serve()
	c, err := gitea.NewClient(gitea.ClientOptions{URL: s.URL + "/sub/", Token: forgetest.TokenOfTests, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestClient(t *testing.T) {
	forgetest.Run(t, forgetest.Options{
		Vendor: "gitea",
		New: func(t *testing.T) (forge.Forge, forgetest.World) {
			c, s := newClient(t)
			return c, s
		},
		CannotRedeliver: true,
	})
}

// Gitea's own client gets along with the stand-in, which is therefore no easier
// than what it stands for.
func TestStandInAgainstSDK(t *testing.T) {
	s := giteatest.New(t)
	s.Below = "/sub"
	s.Serve()
	c, err := sdk.NewClient(s.URL+"/sub", sdk.SetToken(forgetest.TokenOfTests), sdk.SetGiteaVersion("1.24.0"), sdk.SetHTTPClient(&http.Client{Transport: accepting{}}))
	if err != nil {
		t.Fatal(err)
	}
	if p, _, err := c.GetPullRequest("acme", "shop", 7); err != nil || p.Head.Sha != forgetest.Head {
		t.Errorf("pull request: %v", err)
	}
	if _, _, err := c.CreateStatus("acme", "shop", forgetest.Head, sdk.CreateStatusOption{State: sdk.StatusSuccess, Context: "pocketci/x"}); err != nil {
		t.Errorf("status: %v", err)
	}
	if p, _, err := c.CollaboratorPermission("acme", "shop", forgetest.Anna); err != nil || p.Permission != sdk.AccessModeWrite {
		t.Errorf("permission: %v", err)
	}
	id := s.AddComment(forgetest.Anna, "/retest")
	if _, _, err := c.PostIssueCommentReaction("acme", "shop", 1, "eyes"); err != nil || s.Reaction(id) != forge.ReactionSeen {
		t.Errorf("reaction: %v", err)
	}
	h, _, err := c.CreateRepoHook("acme", "shop", sdk.CreateHookOption{
		Type: sdk.HookTypeGitea, Events: []string{"push"}, Active: true,
		Config: map[string]string{"url": "https://ci.example.com", "content_type": "json", "secret": "x"},
	})
	if err != nil || h.ID != 1 || !s.Webhooks()["https://ci.example.com"] {
		t.Errorf("webhook: %v", err)
	}
}

// accepting adds the header that the SDK leaves to the server.
type accepting struct{}

func (accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Accept", "application/json")
	return http.DefaultTransport.RoundTrip(r)
}

// A pull request that is no branch of the repository is a fork's.
func TestPullRequestOfFork(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sdk.PullRequest)
		want   string
	}{
		"fork": {func(p *sdk.PullRequest) { p.Head.Repository = &sdk.Repository{FullName: "reed/shop"} }, "reed/shop"},
		"gone": {func(p *sdk.PullRequest) { p.Head.Repository, p.Head.Ref = nil, "refs/pull/7/head" }, "unknown"},
		"agit": {func(p *sdk.PullRequest) { p.Head.Name, p.Head.Ref = "", "refs/pull/7/head" }, "unknown"},
	} {
		client, s := newClient(t)
		c.change(&s.Pull)
		if p, err := client.PullRequest(t.Context(), forgetest.Repository, 7); err != nil || p.Fork != c.want {
			t.Errorf("%s: fork %q, want %q: %v", name, p.Fork, c.want, err)
		}
	}
	client, s := newClient(t)
	s.Pull.State, s.Pull.HasMerged = sdk.StateClosed, true
	if p, err := client.PullRequest(t.Context(), forgetest.Repository, 7); err != nil || p.Open || !p.Merged {
		t.Errorf("merged: %+v, %v", p, err)
	}
	s.Pull.Head.Sha = "abc"
	if _, err := client.PullRequest(t.Context(), forgetest.Repository, 7); err == nil {
		t.Error("a head that is no commit is taken")
	}
}

func TestWebhooksOfOrganization(t *testing.T) {
	client, s := newClient(t)
	const address = "https://ci.example.com/webhooks/gitea"
	for i, created := range []bool{true, false} {
		h, isNew, err := client.InstallWebhook(t.Context(), "acme", forge.NewWebhook{URL: address, Secret: fmt.Sprint("secret", i)})
		if err != nil || isNew != created || h.URL != address || !slices.Contains(h.Events, "pull_request") {
			t.Errorf("installed: %+v, %t, %v", h, isNew, err)
		}
	}
	if h := s.Hooks["orgs/acme/hooks"]; len(h) != 1 || h[0].Secret != "secret1" {
		t.Errorf("%d webhooks", len(h))
	}
	if found, err := client.Webhooks(t.Context(), "acme", "https://ci.example.com"); err != nil || len(found) != 1 {
		t.Errorf("found %v, %v", found, err)
	}
	for _, name := range []string{"", "..", "a?b", "a/b/c"} {
		if _, err := client.Webhooks(t.Context(), name, "https://ci.example.com"); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Webhooks that post to a chat are nobody's to change, and an inactive one is
// switched on.
func TestInstallWebhookRepairs(t *testing.T) {
	client, s := newClient(t)
	const address, list = "https://ci.example.com/webhooks/gitea", "repos/acme/shop/hooks"
	for i, kind := range []string{"slack", "gitea", "gitea", "gogs"} {
		to := address
		if i == 1 {
			to = "https://elsewhere.example.com/"
		}
		s.Hooks[list] = append(s.Hooks[list], &giteatest.StoredHook{Hook: sdk.Hook{ID: int64(i + 1), Type: kind, Config: map[string]string{"url": to}}})
	}
	h, created, err := client.InstallWebhook(t.Context(), forgetest.Repository, forge.NewWebhook{URL: address, Secret: "x"})
	if err != nil || created || h.ID != "3" || !h.Active || s.Hooks[list][0].Secret != "" || s.Hooks[list][2].Secret != "x" {
		t.Errorf("%+v, %t, %v", h, created, err)
	}
}

func TestClientRefuses(t *testing.T) {
	client, s := newClient(t)
	for name, err := range map[string]error{
		"no commit":   second(client.SetStatus(t.Context(), forgetest.Repository, "main", forge.Status{State: forge.StateFailed}, "")),
		"no state":    second(client.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, forge.Status{State: "odd"}, "")),
		"no id":       client.React(t.Context(), forgetest.Repository, 7, "1/../2", forge.ReactionSeen),
		"no reaction": client.React(t.Context(), forgetest.Repository, 7, "1", "odd"),
	} {
		if err == nil || s.Requests() != 0 {
			t.Errorf("%s: %v after %d requests", name, err, s.Requests())
		}
	}
}

func second(_ string, err error) error { return err }

func TestNewClientRefuses(t *testing.T) {
	const token = "t0ken"
	for name, o := range map[string]gitea.ClientOptions{
		"no token":          {URL: "https://git.example.com"},
		"no address":        {Token: token},
		"no web address":    {URL: "ftp://git.example.com", Token: token},
		"credentials in it": {URL: "https://u:" + token + "@git.example.com", Token: token},
	} {
		if _, err := gitea.NewClient(o); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := gitea.NewClient(gitea.ClientOptions{URL: "https://git.example.com", Token: token})
	if err != nil || strings.Contains(fmt.Sprintf("%v %+v", c, c), token) {
		t.Errorf("%v, %v", c, err)
	}
}
