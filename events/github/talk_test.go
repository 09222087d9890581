package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

func TestStatusIsWhatGitHubTakes(t *testing.T) {
	for name, c := range map[string]struct {
		status            forge.Status
		state, text, link any
	}{
		"pending":       {forge.Status{State: forge.StatePending, Description: "waits"}, "pending", "waits", nil},
		"running":       {forge.Status{State: forge.StateRunning, Description: "runs", URL: "https://ci.example.com/1"}, "pending", "runs", "https://ci.example.com/1"},
		"succeeded":     {forge.Status{State: forge.StateSucceeded}, "success", nil, nil},
		"skipped":       {forge.Status{State: forge.StateSkipped, Description: "skipped: no matching changes"}, "success", "skipped: no matching changes", nil},
		"failed":        {forge.Status{State: forge.StateFailed, Description: "two\n\ttests  fail"}, "failure", "two tests fail", nil},
		"aborted":       {forge.Status{State: forge.StateAborted, Description: "by anna"}, "error", "by anna", nil},
		"no web link":   {forge.Status{State: forge.StateFailed, URL: "file:///etc/passwd"}, "failure", nil, nil},
		"140":           {forge.Status{State: forge.StateFailed, Description: strings.Repeat("ü", 140)}, "failure", strings.Repeat("ü", 140), nil},
		"141":           {forge.Status{State: forge.StateFailed, Description: strings.Repeat("ü", 141)}, "failure", strings.Repeat("ü", 139) + "…", nil},
		"four bytes":    {forge.Status{State: forge.StateFailed, Description: "a 🐛 in it"}, "failure", "a \ufffd in it", nil},
		"no characters": {forge.Status{State: forge.StateFailed, Description: "a\xffb"}, "failure", "a\ufffdb", nil},
	} {
		w := githubtest.New(t, githubtest.OfGitHub).Serve()
		if ref := set(t, w.Client(), c.status, "12"); ref != "" {
			t.Errorf("%s: ref %q", name, ref)
		}
		got := w.Statuses[0]
		if got["state"] != c.state || got["description"] != c.text || got["target_url"] != c.link || got["context"] != lint {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStatusThatGitHubRefuses(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	c := w.Client()
	for range 1000 {
		w.Statuses = append(w.Statuses, map[string]any{"sha": forgetest.Head, "context": lint})
	}
	s := forge.Status{Context: lint, State: forge.StateFailed}
	if _, err := c.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, ""); !errors.Is(err, github.ErrTooManyStatuses) {
		t.Errorf("the thousand and first: %v", err)
	}
	if _, err := c.SetStatus(t.Context(), forgetest.Repository, strings.Repeat("3", 40), s, ""); err == nil || !strings.Contains(err.Error(), "No commit found") {
		t.Errorf("no such commit: %v", err)
	}
	before := w.Requests()
	for _, sha := range []string{"", "main", "../../hooks", strings.Repeat("0", 40)} {
		if _, err := c.SetStatus(t.Context(), forgetest.Repository, sha, s, ""); err == nil {
			t.Errorf("%q is taken for a commit", sha)
		}
	}
	if w.Requests() != before {
		t.Errorf("for what is no commit: %v", w.Since(before))
	}
}

func TestCanWriteByPermission(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	c := w.Client()
	for person, want := range map[string]bool{"root": true, forgetest.Anna: true, forgetest.Reed: false, "nobody": false, "dependabot[bot]": false} {
		if got, err := c.CanWrite(t.Context(), forgetest.Repository, person); got != want || err != nil {
			t.Errorf("%s: %t, %v", person, got, err)
		}
	}
	// A repository that is hidden is not a person who is unknown.
	if may, err := c.CanWrite(t.Context(), "acme/gone", forgetest.Anna); may || !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("in a repository that is hidden: %t, %v", may, err)
	}
}

func TestPullRequestOfAFork(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	p, err := w.Client().PullRequest(t.Context(), forgetest.Repository, 9)
	if err != nil || p.Fork != "mara/shop" || p.Open || !p.Merged {
		t.Errorf("%+v, %v", p, err)
	}
	// The description does not know that a fork may be gone; GitHub's webhooks do.
	w.Fails = []githubtest.Failing{{Status: 200, Header: nil, Body: fmt.Sprintf(`{"number":9,"state":"closed","head":{"sha":%q,"ref":"main","repo":null},"base":{"sha":%q,"ref":"main","repo":{"full_name":"acme/shop"}}}`,
		forgetest.Head, forgetest.Base)}}
	if p, err = w.Client().PullRequest(t.Context(), forgetest.Repository, 9); err != nil || p.Fork != "unknown" {
		t.Errorf("%+v, %v", p, err)
	}
}

// The own comment is found wherever it is, and written once by many.
func TestCommentAmongMany(t *testing.T) {
	for name, make := range map[string]func(t *testing.T) (*githubtest.World, *github.Client){
		"with a token": func(t *testing.T) (*githubtest.World, *github.Client) {
			w := githubtest.New(t, githubtest.OfGitHub).Serve()
			return w, w.Client()
		},
		"as an App": func(t *testing.T) (*githubtest.World, *github.Client) {
			w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
			return w, w.AppClient()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, c := make(t)
			for i := range 150 {
				w.AddComment(forgetest.Reed, fmt.Sprintf("%d %s", i, forge.MarkerOf("plan")))
			}
			var wg sync.WaitGroup
			for i := range 5 {
				wg.Go(func() {
					if err := c.Comment(t.Context(), forgetest.Repository, 7, forge.Comment{Marker: "plan", Body: fmt.Sprint("body ", i)}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for range 60 {
				w.AddComment(forgetest.Anna, "and more")
			}
			long := strings.Repeat("ü", 100_000)
			if err := c.Comment(t.Context(), forgetest.Repository, 7, forge.Comment{Marker: "plan", Body: long}); err != nil {
				t.Fatal(err)
			}
			all := w.Comments()
			if len(all) != 211 {
				t.Fatalf("%d comments", len(all))
			}
			own := all[150]
			if n := utf8.RuneCountInString(own); n > 65536 || n < 60_000 || !strings.HasSuffix(own, forge.MarkerOf("plan")) {
				t.Errorf("a long comment has %d characters and ends with %q", n, own[len(own)-40:])
			}
			before := w.Requests()
			if err := c.Comment(t.Context(), forgetest.Repository, 7, forge.Comment{Marker: "plan", Body: long}); err != nil {
				t.Fatal(err)
			}
			for _, request := range w.Since(before) {
				if !strings.HasPrefix(request, "GET ") {
					t.Errorf("the same again makes %s", request)
				}
			}
		})
	}
}

func TestReactRefuses(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	c := w.Client()
	for _, id := range []string{"", "x", "-1", "1/../2"} {
		if err := c.React(t.Context(), forgetest.Repository, 7, id, forge.ReactionSeen); err == nil {
			t.Errorf("%q is a comment", id)
		}
	}
	id := w.AddComment(forgetest.Anna, "/retest")
	if err := c.React(t.Context(), forgetest.Repository, 7, id, "heart"); err == nil {
		t.Error("it has more reactions than it says")
	}
	for range 2 {
		if err := c.React(t.Context(), forgetest.Repository, 7, id, forge.ReactionSeen); err != nil {
			t.Error(err)
		}
	}
	if err := c.React(t.Context(), forgetest.Repository, 7, "1", forge.ReactionSeen); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("a comment that is gone: %v", err)
	}
}

func TestSecondaryLimits(t *testing.T) {
	secondary := `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`
	for name, c := range map[string]struct {
		f    githubtest.Failing
		want time.Duration
	}{
		"403 that says when":       {githubtest.Failing{Status: 403, Header: http.Header{"Retry-After": {"120"}}, Body: secondary}, 2 * time.Minute},
		"403 that does not":        {githubtest.Failing{Status: 403, Header: nil, Body: secondary}, time.Minute},
		"in words alone":           {githubtest.Failing{Status: 403, Header: nil, Body: `{"message":"You have exceeded a secondary rate limit."}`}, time.Minute},
		"429":                      {githubtest.Failing{Status: 429, Header: nil, Body: `{}`}, time.Minute},
		"the last request is over": {githubtest.Failing{Status: 403, Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(time.Now().Add(3 * time.Minute).Unix())}}, Body: `{}`}, 3 * time.Minute},
		"403 for good":             {githubtest.Failing{Status: 403, Header: nil, Body: `{"message":"Resource not accessible by personal access token"}`}, 0},
		"403 in HTML":              {githubtest.Failing{Status: 403, Header: nil, Body: `<html>`}, 0},
	} {
		w := githubtest.New(t, githubtest.OfGitHub).Serve()
		g := w.Client()
		w.Fails = []githubtest.Failing{c.f}
		for range 2 {
			_, err := g.PullRequest(t.Context(), forgetest.Repository, 7)
			limit, limited := errors.AsType[*forge.LimitError](err)
			if c.want == 0 {
				if permission, ok := errors.AsType[*forge.PermissionError](err); limited || !ok || !strings.Contains(permission.Error(), "Pull requests (read)") {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if !limited || limit != g.Limited() {
				t.Errorf("%s: %v", name, err)
			} else if left := time.Until(limit.Until); left > c.want || left < c.want-50*time.Second { // a slow machine's time
				t.Errorf("%s: %v, for another %s", name, err, left)
			}
		}
		if w.Requests() != 1 {
			t.Errorf("%s: %d requests", name, w.Requests())
		}
	}
}

// GitHub's library keeps to the limit of answers that were the last.
func TestLimitOfTheLastAnswer(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	c := w.Client()
	reset := time.Now().Add(10 * time.Minute).Truncate(time.Second)
	w.Fails = []githubtest.Failing{{Status: 200, Header: http.Header{"X-Ratelimit-Limit": {"60"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(reset.Unix())}}, Body: `{}`}}
	_, _ = c.PullRequest(t.Context(), forgetest.Repository, 7)
	_, err := c.PullRequest(t.Context(), forgetest.Repository, 7)
	if limit, ok := errors.AsType[*forge.LimitError](err); !ok || !limit.Until.Equal(reset) || w.Requests() != 1 {
		t.Errorf("%v after %d requests", err, w.Requests())
	}
}

func TestClientRefusesNames(t *testing.T) {
	w := githubtest.New(t, githubtest.OfGitHub).Serve()
	c := w.Client()
	for _, name := range []string{"", "acme", "acme/", "/shop", "acme/..", "../user", "acme/shop/x", "acme/shop?x", "acme/sh%2fop"} {
		if _, err := c.PullRequest(t.Context(), name, 7); err == nil {
			t.Errorf("%q is a repository", name)
		}
		if _, _, err := c.Credentials(t.Context(), name); err == nil {
			t.Errorf("%q has credentials", name)
		}
		if _, err := c.Webhooks(t.Context(), name, "https://ci.example.com"); err == nil && name != "acme" {
			t.Errorf("%q has webhooks", name)
		}
	}
	if n := w.Requests(); n != 1 { // the organisation's webhooks
		t.Errorf("%d requests: %v", n, w.Since(0))
	}
	if user, token, err := c.Credentials(t.Context(), forgetest.Repository); user == "" || token != forgetest.TokenOfTests || err != nil {
		t.Errorf("%q, %v", user, err)
	}
}
