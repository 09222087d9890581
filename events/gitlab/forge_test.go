package gitlab_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/events/gitlab/gitlabtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

// newWorld returns a GitLab below a path, and a client for it.
func newWorld(t *testing.T, below string) (*gitlab.Client, *gitlabtest.World) {
	t.Helper()
	w := gitlabtest.New(t, below).Serve()
	c, err := gitlab.NewClient(gitlab.ClientOptions{Token: forgetest.TokenOfTests, URL: w.URL, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, w
}

func TestForge(t *testing.T) {
	for name, below := range map[string]string{"at the root": "", "below a path": "/git/lab"} {
		t.Run(name, func(t *testing.T) {
			forgetest.Run(t, forgetest.Options{
				Vendor: events.VendorGitlab,
				New: func(t *testing.T) (forge.Forge, forgetest.World) {
					c, w := newWorld(t, below)
					return c, w
				},
			})
		})
	}
}

func TestNewClientRefuses(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]gitlab.ClientOptions{
		"no token":    {},
		"no address":  {Token: "glpat-x", URL: "gitlab.example.com"},
		"another way": {Token: "glpat-x", URL: "ssh://gitlab.example.com"},
		"credentials": {Token: "glpat-x", URL: "https://anna:s3cret@gitlab.example.com"},
		"control":     {Token: "glpat-x", URL: "https://s3cret\x7f.example.com"},
	} {
		if c, err := gitlab.NewClient(o); err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "glpat") {
			t.Errorf("%s: made %v, %v", name, c, err)
		}
	}
	c, err := gitlab.NewClient(gitlab.ClientOptions{Token: "glpat-x"})
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); err != nil || text != strings.TrimSpace(strings.Repeat("GitLab at gitlab.com ", 3)) {
		t.Errorf("prints %q, %v", text, err)
	}
}

// What is pending or running already stays so without an error, and what ends is
// told all the same.
func TestStatusTwice(t *testing.T) {
	t.Parallel()
	for name, states := range map[string][]forge.State{
		"pending":            {forge.StatePending, forge.StatePending, forge.StateRunning, forge.StateSucceeded},
		"running":            {forge.StateRunning, forge.StateRunning, forge.StateFailed},
		"pending again":      {forge.StatePending, forge.StateRunning, forge.StatePending, forge.StateAborted},
		"ended twice":        {forge.StateSucceeded, forge.StateSucceeded},
		"skipped, then runs": {forge.StateSkipped, forge.StatePending, forge.StateRunning, forge.StateFailed},
	} {
		c, w := newWorld(t, "")
		for _, state := range states {
			s := forge.Status{Context: "pocketci/ci/x", State: state, Description: string(state)}
			if _, err := c.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, ""); err != nil {
				t.Errorf("%s: %s: %v", name, state, err)
			}
		}
		last := states[len(states)-1]
		if state, description, _, _ := w.Status(forgetest.Head, "pocketci/ci/x"); state != last || description != string(last) {
			t.Errorf("%s: shown as %s, %q", name, state, description)
		}
	}
}

// A refusal is believed only if the status is as it should be.
func TestStatusRefused(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	w.Fail(1, http.StatusBadRequest, nil)
	s := forge.Status{Context: "pocketci/ci/x", State: forge.StatePending, Description: "x"}
	if _, err := c.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, ""); err == nil || !strings.Contains(err.Error(), "GitLab answers 400") {
		t.Errorf("error %v", err)
	}
	s.State = "resting"
	if _, err := c.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, ""); err == nil {
		t.Error("a state that is none is taken")
	}
	s.State = forge.StatePending
	for _, sha := range []string{"", "main", "../hooks"} {
		if _, err := c.SetStatus(t.Context(), forgetest.Repository, sha, s, ""); err == nil {
			t.Errorf("commit %q is taken", sha)
		}
	}
}

// The head of a fork's merge request is on no branch of the project.
func TestStatusOfFork(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	s := forge.Status{Context: "pocketci/ci/x", State: forge.StateFailed, Description: strings.Repeat("ä", 200)}
	if _, err := c.SetStatus(t.Context(), forgetest.Repository, gitlabtest.OfFork, s, ""); err != nil {
		t.Fatal(err)
	}
	if len(w.Statuses) != 1 || w.Statuses[0].Ref != "refs/merge-requests/9/head" || !strings.HasSuffix(w.Statuses[0].Description, "ä…") {
		t.Errorf("status %+v", w.Statuses[0])
	}
	for _, sha := range []string{forgetest.Base, commit("unknown")} {
		if _, err := c.SetStatus(t.Context(), forgetest.Repository, sha, s, ""); !errors.Is(err, forge.ErrNotFound) {
			t.Errorf("of a commit without a merge request: %v", err)
		}
	}
}

func TestCanWriteOnlyWhileActive(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	w.UserState = "blocked"
	if may, err := c.CanWrite(t.Context(), forgetest.Repository, forgetest.Anna); may || err != nil {
		t.Errorf("blocked: %v, %v", may, err)
	}
}

func TestPullRequestAsItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change gitlabtest.Object
		want   func(*forge.PullRequest)
		bad    bool
	}{
		"of a fork":          {gitlabtest.Object{"source_project_id": 77}, func(p *forge.PullRequest) { p.Fork = "reed/shop" }, false},
		"of a hidden fork":   {gitlabtest.Object{"source_project_id": 78}, func(p *forge.PullRequest) { p.Fork = "unknown" }, false},
		"of a deleted fork":  {gitlabtest.Object{"source_project_id": nil}, func(p *forge.PullRequest) { p.Fork = "unknown" }, false},
		"merged":             {gitlabtest.Object{"state": "merged"}, func(p *forge.PullRequest) { p.Open, p.Merged = false, true }, false},
		"closed":             {gitlabtest.Object{"state": "closed"}, func(p *forge.PullRequest) { p.Open = false }, false},
		"being merged":       {gitlabtest.Object{"state": "locked"}, func(*forge.PullRequest) {}, false},
		"onto a gone branch": {gitlabtest.Object{"target_branch": "gone/x"}, func(p *forge.PullRequest) { p.BaseRef, p.BaseSHA = "gone/x", commit("old base") }, false},
		"without a head":     {gitlabtest.Object{"sha": nil}, nil, true},
		"another one":        {gitlabtest.Object{"iid": 8}, nil, true},
		"of a bad branch":    {gitlabtest.Object{"source_branch": "a..b"}, nil, true},
		"of nobody readable": {gitlabtest.Object{"author": gitlabtest.Object{"id": 4, "username": "an\nna"}}, nil, true},
	} {
		c, w := newWorld(t, "")
		for key, value := range test.change {
			w.Requested[key] = value
		}
		got, err := c.PullRequest(t.Context(), forgetest.Repository, 7)
		want := forge.PullRequest{}
		if !test.bad {
			want = forge.PullRequest{
				Number: 7, Author: forgetest.Anna, Title: "Sell more", HeadSHA: forgetest.Head, BaseSHA: forgetest.Base,
				HeadRef: "feature", BaseRef: "main", Open: true,
			}
			test.want(&want)
		}
		if got != want || (err != nil) != test.bad {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestReactTwice(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	id := w.AddComment(forgetest.Anna, "/retest")
	for range 2 {
		if err := c.React(t.Context(), forgetest.Repository, 7, id, forge.ReactionSeen); err != nil {
			t.Error(err)
		}
	}
	for _, comment := range []string{"1", "", "1/../2"} {
		if err := c.React(t.Context(), forgetest.Repository, 7, comment, forge.ReactionSeen); err == nil {
			t.Errorf("comment %q is there", comment)
		}
	}
}

// The token goes to no other server, and what changes something is not turned
// into a request that changes nothing.
func TestRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s comes here with %q", r.Method, r.URL, r.Header.Get("Private-Token"))
	}))
	t.Cleanup(elsewhere.Close)
	c, w := newWorld(t, "")
	w.Fail(1, http.StatusFound, http.Header{"Location": {elsewhere.URL}})
	if _, err := c.PullRequest(t.Context(), forgetest.Repository, 7); !errors.Is(err, forge.ErrElsewhere) {
		t.Errorf("error %v", err)
	}
	w.Fail(1, http.StatusMovedPermanently, http.Header{"Location": {w.URL + "/api/v4/projects/acme%2Fshop/merge_requests/7"}})
	if p, err := c.PullRequest(t.Context(), "acme/moved", 7); err != nil || p.Number != 7 {
		t.Errorf("moved: %+v, %v", p, err)
	}
	w.Fail(1, http.StatusFound, http.Header{"Location": {w.URL + "/api/v4/user"}})
	s := forge.Status{Context: "pocketci/ci/x", State: forge.StateFailed}
	if _, err := c.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, ""); err == nil {
		t.Error("a redirected status is taken for set")
	}
}

func TestClientCancelled(t *testing.T) {
	t.Parallel()
	c, w := newWorld(t, "")
	w.Fail(100, http.StatusBadGateway, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.PullRequest(ctx, forgetest.Repository, 7); !errors.Is(err, ctx.Err()) {
		t.Errorf("error %v", err)
	}
}
