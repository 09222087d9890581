package origin_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/origin"
)

func parsed(t *testing.T, vendor, name, file string) events.Event {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "payloads", vendor, file+".json"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := forges.Parse(vendor, name, data)
	if _, nothing := errors.AsType[*events.NothingError](err); err != nil && !nothing {
		t.Fatal(err)
	}
	e.Payload = data
	return e
}

const sha = "6b1f53303a732ccc8c6aae6640399827c15250e3"

func TestPayloads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vendor, event, file string
		want                origin.Origin
	}{
		"github push": {"github", "push", "push", origin.Origin{Title: "Explain the greeting", Repository: "https://github.com/octo/hello",
			Commit: "https://github.com/octo/hello/commit/" + sha, Ref: "https://github.com/octo/hello/tree/main"}},
		"github tag": {"github", "push", "push_tag", origin.Origin{Title: "Explain the greeting", Repository: "https://github.com/octo/hello",
			Commit: "https://github.com/octo/hello/commit/" + sha, Ref: "https://github.com/octo/hello/releases/tag/v1.2.0"}},
		"github branch that is gone": {"github", "push", "push_deleted", origin.Origin{Repository: "https://github.com/octo/hello",
			Ref: "https://github.com/octo/hello/tree/feature/login-v2"}},
		"github fork": {"github", "pull_request", "pull_request_fork", origin.Origin{Title: "Log in", Repository: "https://github.com/octo/hello",
			Commit: "https://github.com/octo/hello/commit/e0517ffd4cdecb9b0ae4a60a91a231034fca07b0", Pull: "https://github.com/octo/hello/pull/9"}},
		"github release": {"github", "release", "release_published", origin.Origin{Title: "Version 1.2", Repository: "https://github.com/octo/hello",
			Ref: "https://github.com/octo/hello/releases/tag/v1.2.0"}},
		"gitlab push": {"gitlab", "Push Hook", "push", origin.Origin{Title: "Sell more", Repository: "https://gitlab.example.com/acme/shop",
			Commit: "https://gitlab.example.com/acme/shop/-/commit/" + sha, Ref: "https://gitlab.example.com/acme/shop/-/tree/main"}},
		"gitlab merge request": {"gitlab", "Merge Request Hook", "merge_request_opened", origin.Origin{Title: "Sell more", Repository: "https://gitlab.example.com/acme/shop",
			Commit: "https://gitlab.example.com/acme/shop/-/commit/e88b9eb4a293437625227c529460d0e00a216e9d",
			Pull:   "https://gitlab.example.com/acme/shop/-/merge_requests/7", Ref: "https://gitlab.example.com/acme/shop/-/tree/feature/till-v2"}},
		"gitea push": {"gitea", "push", "push", origin.Origin{Title: "Change c2", Repository: "https://git.example.com/acme/shop",
			Commit: "https://git.example.com/acme/shop/commit/" + sha, Ref: "https://git.example.com/acme/shop/src/branch/main"}},
		"gitea tag": {"gitea", "push", "push_tag", origin.Origin{Title: "Change c2", Repository: "https://git.example.com/acme/shop",
			Commit: "https://git.example.com/acme/shop/commit/" + sha, Ref: "https://git.example.com/acme/shop/src/tag/v1.2.0"}},
		"bitbucket push": {"bitbucket", "repo:push", "push", origin.Origin{Title: "Change c2", Repository: "https://bitbucket.org/acme/shop",
			Commit: "https://bitbucket.org/acme/shop/commits/" + sha, Ref: "https://bitbucket.org/acme/shop/branch/main"}},
		"bitbucket pull request": {"bitbucket", "pullrequest:created", "pullrequest_created", origin.Origin{Title: "Log in", Repository: "https://bitbucket.org/acme/shop",
			Pull: "https://bitbucket.org/acme/shop/pull-requests/7", Ref: "https://bitbucket.org/acme/shop/branch/feature/login-v2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := parsed(t, c.vendor, c.event, c.file)
			if got := origin.Of(&e, ""); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	event := func(vendor, web string) events.Event {
		return events.Event{Vendor: vendor, Repository: &events.Repository{WebURL: web}, SHA: sha}
	}
	for name, c := range map[string]struct {
		event  events.Event
		change func(*events.Event)
		sha    string
		want   origin.Origin
	}{
		"no repository":        {event: events.Event{Vendor: "time"}},
		"a script":             {event: event("github", "javascript:alert(1)")},
		"a password":           {event: event("github", "https://me:secret@github.com/acme/shop")},
		"no address":           {event: event("github", "://")},
		"a tick":               {event: event("time", "https://github.com/acme/shop"), want: origin.Origin{Repository: "https://github.com/acme/shop", Commit: "https://github.com/acme/shop/commit/" + sha}},
		"a tick of a stranger": {event: event("time", "https://git.example/acme/shop"), want: origin.Origin{Repository: "https://git.example/acme/shop"}},
		"the commit is found later": {event: event("github", "https://github.com/acme/shop"), sha: "abc", change: func(e *events.Event) { e.SHA = "" },
			want: origin.Origin{Repository: "https://github.com/acme/shop", Commit: "https://github.com/acme/shop/commit/abc"}},
		"a hostile branch": {event: event("github", "https://github.com/acme/shop?x#y"), change: func(e *events.Event) { e.Branch = "../../a?b#c<d>/%2e%2e" },
			want: origin.Origin{Repository: "https://github.com/acme/shop", Commit: "https://github.com/acme/shop/commit/" + sha,
				Ref: "https://github.com/acme/shop/tree/%2E%2E/%2E%2E/a%3Fb%23c%3Cd%3E/%252e%252e"}},
		"a fork of GitLab": {event: event("gitlab", "https://gitlab.com/acme/shop"), change: func(e *events.Event) { e.Fork, e.PullRequest, e.Branch = "stranger/shop", 3, "x" },
			want: origin.Origin{Repository: "https://gitlab.com/acme/shop", Pull: "https://gitlab.com/acme/shop/-/merge_requests/3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.change != nil {
				c.change(&c.event)
			}
			if got := origin.Of(&c.event, c.sha); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func FuzzOf(f *testing.F) {
	for _, file := range []string{"github/push", "gitlab/merge_request_opened", "gitea/release_published", "bitbucket/push"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "payloads", file+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add("https://git.example/acme/shop", "main", data)
	}
	f.Fuzz(func(t *testing.T, web, branch string, payload []byte) {
		for _, vendor := range []string{"github", "gitlab", "gitea", "bitbucket", "time"} {
			e := events.Event{Vendor: vendor, Repository: &events.Repository{WebURL: web}, Branch: branch, SHA: sha, PullRequest: 1, Payload: payload}
			o := origin.Of(&e, "")
			if !utf8.ValidString(o.Title) || strings.Contains(o.Title, "\n") || len(o.Title) > 310 {
				t.Fatalf("title %q", o.Title)
			}
			for _, page := range []string{o.Repository, o.Commit, o.Pull, o.Ref} {
				if page == "" {
					continue
				}
				u, err := url.Parse(page)
				if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || !strings.HasPrefix(page, o.Repository) {
					t.Fatalf("%q is no page of %q: %v", page, o.Repository, err)
				}
			}
		}
	})
}
