package bitbucket_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
	"github.com/franela/pocketci/events/bitbucket/bitbuckettest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

func newClient(t *testing.T) (*bitbucket.Client, *bitbuckettest.World) {
	t.Helper()
	s := bitbuckettest.New(t).Serve()
	c, err := bitbucket.NewClient(bitbucket.ClientOptions{API: s.URL + "/2.0", Token: forgetest.TokenOfTests, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestClient(t *testing.T) {
	forgetest.Run(t, forgetest.Options{
		Vendor: "bitbucket",
		New: func(t *testing.T) (forge.Forge, forgetest.World) {
			c, s := newClient(t)
			return c, s
		},
		CannotRedeliver: true,
		CannotReact:     true,
	})
}

// An API token goes with its owner's address.
func TestClientOfAPIToken(t *testing.T) {
	s := bitbuckettest.New(t).Serve()
	s.Username = "mona@example.com"
	c, err := bitbucket.NewClient(bitbucket.ClientOptions{API: s.URL + "/2.0", Username: s.Username, Token: forgetest.TokenOfTests})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); err != nil {
		t.Error(err)
	}
}

// People are also found by their UUIDs, and never by a nickname.
func TestPeopleByUUID(t *testing.T) {
	c, s := newClient(t)
	for login, want := range map[string]bool{bitbuckettest.UserOf(forgetest.Anna).UUID: true, bitbuckettest.UserOf(forgetest.Reed).UUID: false, `x" OR "a"="a`: false} {
		if may, err := c.CanWrite(t.Context(), forgetest.Repository, login); err != nil || may != want {
			t.Errorf("%s may write: %t, %v", login, may, err)
		}
		if merged, err := c.HasMerged(t.Context(), forgetest.Repository, login); err != nil || merged != want {
			t.Errorf("%s has merged: %t, %v", login, merged, err)
		}
	}
	before := s.Requests()
	if may, err := c.CanWrite(t.Context(), forgetest.Repository, "a b"); may || err != nil || s.Requests() != before {
		t.Errorf("nobody may write: %t, %v", may, err)
	}
}

func TestPullRequestOfFork(t *testing.T) {
	for name, c := range map[string]struct {
		repository any
		want       string
		known      string
	}{
		"fork": {map[string]any{"full_name": "reed/shop"}, "reed/shop", "reed/shop"},
		"gone": {nil, "unknown", forgetest.Repository},
	} {
		client, s := newClient(t)
		s.Pull["source"].(map[string]any)["repository"] = c.repository
		delete(s.Commits, forgetest.Repository+" "+forgetest.Head[:12])
		if _, err := client.PullRequest(t.Context(), forgetest.Repository, 7); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%s, whose head is nowhere: %v", name, err)
		}
		s.Commits[c.known+" "+forgetest.Head[:12]] = forgetest.Head
		if p, err := client.PullRequest(t.Context(), forgetest.Repository, 7); err != nil || p.Fork != c.want || p.HeadSHA != forgetest.Head {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	client, s := newClient(t)
	for state, want := range map[string][2]bool{"OPEN": {true, false}, "MERGED": {false, true}, "DECLINED": {false, false}, "SUPERSEDED": {false, false}} {
		s.Pull["state"] = state
		if p, err := client.PullRequest(t.Context(), forgetest.Repository, 7); err != nil || p.Open != want[0] || p.Merged != want[1] {
			t.Errorf("%s: %+v, %v", state, p, err)
		}
	}
	s.Commits[forgetest.Repository+" "+forgetest.Head[:12]] = forgetest.Base
	if _, err := client.PullRequest(t.Context(), forgetest.Repository, 7); err == nil {
		t.Error("a commit that does not begin like the head is taken for it")
	}
}

// Complete gives an event the commits that its payload abbreviates.
func TestComplete(t *testing.T) {
	client, s := newClient(t)
	for file, kind := range map[string]string{"pullrequest_created": "pullrequest:created", "pullrequest_fork": "pullrequest:created"} {
		e, err := bitbucket.Parse(kind, read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		head, in := commit("p7"), forgetest.Repository
		if e.Fork != "" {
			head, in = commit("p9"), e.Fork
		}
		s.Commits[forgetest.Repository+" "+commit("c2")[:12]] = commit("c2")
		if err := client.Complete(t.Context(), &e); !errors.Is(err, forge.ErrNotFound) || e.SHA != "" || e.BaseSHA != "" {
			t.Errorf("%s, whose head is nowhere: %v", file, err)
		}
		s.Commits[in+" "+head[:12]] = head
		if err := client.Complete(t.Context(), &e); err != nil || e.SHA != head || e.BaseSHA != commit("c2") {
			t.Errorf("%s: %s to %s, %v", file, e.SHA, e.BaseSHA, err)
		}
		before := s.Requests()
		if err := client.Complete(t.Context(), &e); err != nil || s.Requests() != before {
			t.Errorf("a complete one: %v", err)
		}
	}
	push, err := bitbucket.Parse("repo:push", read(t, "push"))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Complete(t.Context(), &push); err != nil {
		t.Errorf("a push: %v", err)
	}
	broken := events.Event{Vendor: "bitbucket", Name: "pull_request", Payload: []byte("{}")}
	if err := client.Complete(t.Context(), &broken); !isMalformed(err) {
		t.Errorf("without a pull request: %v", err)
	}
}

// A token that may not ask for itself knows its comments once it has written one.
func TestCommentOfNamelessToken(t *testing.T) {
	client, s := newClient(t)
	s.Nameless = true
	s.AddComment(forgetest.Reed, "I can write "+forge.MarkerOf("plan")+" too")
	for _, body := range []string{"one", "two"} {
		if err := client.Comment(t.Context(), forgetest.Repository, 7, forge.Comment{Marker: "plan", Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Comments(); len(got) != 2 || !strings.HasPrefix(got[1], "two") {
		t.Errorf("comments %q", got)
	}
}

// What was deleted is not edited.
func TestCommentDeleted(t *testing.T) {
	client, s := newClient(t)
	for _, body := range []string{"one", "two"} {
		if err := client.Comment(t.Context(), forgetest.Repository, 7, forge.Comment{Marker: "plan", Body: body}); err != nil {
			t.Fatal(err)
		}
		s.Said[0].Deleted = true
	}
	if got := s.Comments(); len(got) != 2 {
		t.Errorf("comments %q", got)
	}
}

func TestWebhooksOfWorkspace(t *testing.T) {
	client, s := newClient(t)
	const address = "https://ci.example.com/webhooks/bitbucket"
	for i, created := range []bool{true, false} {
		h, isNew, err := client.InstallWebhook(t.Context(), "acme", forge.NewWebhook{URL: address, Secret: fmt.Sprint("secret", i)})
		if err != nil || isNew != created || h.URL != address || !slices.Contains(h.Events, "repo:push") {
			t.Errorf("installed: %+v, %t, %v", h, isNew, err)
		}
	}
	if h := s.Hooks["workspaces/acme/hooks"]; len(h) != 1 || h[0].Secret != "secret1" {
		t.Errorf("%d webhooks", len(h))
	}
	for _, name := range []string{"", "..", "a?b", "a/b/c"} {
		if _, err := client.Webhooks(t.Context(), name, "https://ci.example.com"); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Contexts that begin alike have keys of their own.
func TestStatusKeys(t *testing.T) {
	client, s := newClient(t)
	long := "pocketci/" + strings.Repeat("a/", 60)
	for _, name := range []string{long + "one", long + "two"} {
		if _, err := client.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, forge.Status{Context: name, State: forge.StateFailed, Description: "x"}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Statuses[forgetest.Head]) != 2 {
		t.Errorf("%d statuses", len(s.Statuses[forgetest.Head]))
	}
	_, _, link, _ := s.Status(forgetest.Head, long+"one")
	if link != "https://bitbucket.org/acme/shop/commits/"+forgetest.Head {
		t.Errorf("link %q", link)
	}
}

func TestClientRefuses(t *testing.T) {
	client, s := newClient(t)
	for name, status := range map[string]struct {
		sha   string
		state forge.State
	}{"no commit": {"main", forge.StateFailed}, "no state": {forgetest.Head, "odd"}} {
		if _, err := client.SetStatus(t.Context(), forgetest.Repository, status.sha, forge.Status{State: status.state}, ""); err == nil || s.Requests() != 0 {
			t.Errorf("%s: %v after %d requests", name, err, s.Requests())
		}
	}
}

func TestNewClientRefuses(t *testing.T) {
	const token = "t0ken"
	for name, o := range map[string]bitbucket.ClientOptions{
		"no token":          {},
		"no web address":    {API: "ftp://api.example.com", Token: token},
		"credentials in it": {API: "https://u:" + token + "@api.example.com", Token: token},
	} {
		if _, err := bitbucket.NewClient(o); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := bitbucket.NewClient(bitbucket.ClientOptions{Token: token})
	if err != nil || strings.Contains(fmt.Sprintf("%v %+v", c, c), token) {
		t.Errorf("%v, %v", c, err)
	}
}
