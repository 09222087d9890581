package event_test

import (
	"encoding/json"
	"testing"

	"dagger/pocketci/event"
)

// site is where the vendor's pull requests are, and repository its name there.
var sites = map[string]struct{ pull, repository string }{
	"github":    {"https://github.com/octo/hello/pull/", "octo/hello"},
	"gitea":     {"https://gitea.example.com/octo/hello/pulls/", "octo/hello"},
	"gitlab":    {"https://gitlab.example.com/octo/tools/hello/-/merge_requests/", "octo/tools/hello"},
	"bitbucket": {"https://bitbucket.org/octo/hello/pull-requests/", "octo/hello"},
}

// The same pull request on every forge is read as the same.
func TestPullRequest(t *testing.T) {
	own := func(vendor string) *event.PullRequest {
		site := sites[vendor]
		return &event.PullRequest{
			Number: 7, Title: "Log in", Body: "Adds the second version of the login.", Author: "mona",
			Head:   event.Tip{Ref: "feature/login-v2", SHA: head, Repository: site.repository},
			Base:   event.Tip{Ref: "main", SHA: after, Repository: site.repository},
			Labels: []string{}, URL: site.pull + "7",
		}
	}
	fork := func(vendor, repository string) *event.PullRequest {
		p := own(vendor)
		p.Number, p.Author, p.URL, p.Fork = 9, "hubot-contrib", sites[vendor].pull+"9", true
		p.Head.Ref, p.Head.Repository = "main", repository
		return p
	}
	with := func(p *event.PullRequest, change func(*event.PullRequest)) *event.PullRequest { change(p); return p }
	draft := func(p *event.PullRequest) { p.Draft = true }
	merged := func(p *event.PullRequest) { p.Merged = true }
	labels := func(names ...string) func(*event.PullRequest) {
		return func(p *event.PullRequest) { p.Labels = names }
	}
	for name, tc := range map[string]struct {
		vendor, payload string
		want            *event.PullRequest
	}{
		"GitHub, opened":             {"github", "pull_request_opened", own("github")},
		"GitHub, labels":             {"github", "pull_request_labeled", with(own("github"), labels("ready"))},
		"GitHub, merged":             {"github", "pull_request_merged", with(own("github"), merged)},
		"GitHub, fork":               {"github", "pull_request_fork", fork("github", "hubot-contrib/hello")},
		"GitHub, fork deleted":       {"github", "pull_request_fork_deleted", fork("github", "")},
		"Gitea, draft and labels":    {"gitea", "pull_request_opened", with(with(own("gitea"), draft), labels("auth", "needs: review"))},
		"Gitea, merged":              {"gitea", "pull_request_merged", with(with(own("gitea"), merged), labels("auth"))},
		"Gitea, fork":                {"gitea", "pull_request_fork", fork("gitea", "hubot-contrib/hello")},
		"Gitea, fork deleted":        {"gitea", "pull_request_fork_deleted", fork("gitea", "")},
		"GitLab, draft and labels":   {"gitlab", "merge_request_open", with(with(own("gitlab"), draft), labels("auth", "needs: review"))},
		"GitLab, merged":             {"gitlab", "merge_request_merge", with(with(own("gitlab"), merged), labels("auth"))},
		"GitLab, fork":               {"gitlab", "merge_request_fork", fork("gitlab", "hubot-contrib/hello")},
		"GitLab, fork deleted":       {"gitlab", "merge_request_fork_deleted", fork("gitlab", "")},
		"Bitbucket, draft":           {"bitbucket", "pullrequest_created", with(own("bitbucket"), draft)},
		"Bitbucket, merged":          {"bitbucket", "pullrequest_fulfilled", with(own("bitbucket"), merged)},
		"Bitbucket, fork":            {"bitbucket", "pullrequest_fork", fork("bitbucket", "hubot-contrib/hello")},
		"Bitbucket, fork is deleted": {"bitbucket", "pullrequest_fork_deleted", fork("bitbucket", "")},
	} {
		t.Run(name, func(t *testing.T) {
			// The file's commits are in full, and so are those that are read.
			f := open(t, tc.vendor, "pull_request", payload(t, tc.vendor, tc.payload), fields{
				"sha": head, "base_ref": "main", "base_sha": after, "pr_number": tc.want.Number,
			})
			got, err := f.PullRequest()
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A comment on a pull request knows as much of it as its payload does. The
// commit of such an event is the default branch's, not the head.
func TestPullRequestOfComment(t *testing.T) {
	const other = "1111111111111111111111111111111111111111"
	for name, tc := range map[string]struct {
		vendor, payload string
		trusted         bool
		want            *event.PullRequest
	}{
		"GitHub": {"github", "issue_comment_pull_request", false, &event.PullRequest{
			Number: 9, Title: "Log in", Body: "It does not greet at all.", Author: "hubot-contrib",
			Base: event.Tip{Repository: "octo/hello"}, Labels: []string{}, Fork: true, URL: "https://github.com/octo/hello/pull/9",
		}},
		"Gitea": {"gitea", "issue_comment_pull_request", true, &event.PullRequest{
			Number: 7, Title: "Log in", Body: "Adds the second version of the login.", Author: "mona",
			Base: event.Tip{Repository: "octo/hello"}, Labels: []string{"auth"}, URL: "https://gitea.example.com/octo/hello/pulls/7",
		}},
		"GitLab": {"gitlab", "note_merge_request", false, &event.PullRequest{
			Number: 7, Title: "Log in", Body: "Adds the second version of the login.",
			Head:   event.Tip{Ref: "feature/login-v2", SHA: head, Repository: "octo/tools/hello"},
			Base:   event.Tip{Ref: "main", Repository: "octo/tools/hello"},
			Labels: []string{"auth"}, URL: "https://github.com/octo/hello/-/merge_requests/7",
		}},
		"Bitbucket": {"bitbucket", "pullrequest_comment_created", false, &event.PullRequest{
			Number: 7, Title: "Log in", Body: "Adds the second version of the login.", Author: "mona",
			Head:   event.Tip{Ref: "feature/login-v2", SHA: head[:12], Repository: "octo/hello"},
			Base:   event.Tip{Ref: "main", SHA: after[:12], Repository: "octo/hello"},
			Labels: []string{}, URL: "https://bitbucket.org/octo/hello/pull-requests/7",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, tc.vendor, "issue_comment", payload(t, tc.vendor, tc.payload), fields{"sha": other, "trusted": tc.trusted})
			got, err := f.PullRequest()
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRelease(t *testing.T) {
	for vendor, tc := range map[string]struct {
		payload string
		want    event.Release
	}{
		"github": {"release_published", event.Release{
			Tag: "v1.2.0", Name: "Version 1.2", Body: "Greets in two languages.", Author: "mona",
			URL: "https://github.com/octo/hello/releases/tag/v1.2.0",
		}},
		"gitea": {"release_published", event.Release{
			Tag: "v1.2.0", Name: "Two languages", Body: "Says hello in German, too.", Author: "mona",
			URL: "https://gitea.example.com/octo/hello/releases/tag/v1.2.0", Prerelease: true,
		}},
		"gitlab": {"release", event.Release{
			Tag: "v1.2.0", Name: "Two languages", Body: "Says hello in German, too.", Author: "mona",
			URL: "https://gitlab.example.com/octo/tools/hello/-/releases/v1.2.0",
		}},
	} {
		t.Run(vendor, func(t *testing.T) {
			got, err := open(t, vendor, "release", payload(t, vendor, tc.payload), fields{"tag": "v1.2.0"}).Release()
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(tc.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestComment(t *testing.T) {
	for name, tc := range map[string]struct {
		vendor, payload string
		want            event.Comment
	}{
		"GitHub, pull request": {"github", "issue_comment_pull_request", event.Comment{
			Body: "/test all", Author: "hubot-contrib", URL: "https://github.com/octo/hello/pull/9#issuecomment-3100000001", Number: 9, OnPullRequest: true,
		}},
		"GitHub, review": {"github", "pull_request_review", event.Comment{
			Body: "Looks good.", Author: "mona", URL: "https://github.com/octo/hello/pull/7#pullrequestreview-2100000001", Number: 7, OnPullRequest: true,
		}},
		"Gitea, pull request": {"gitea", "issue_comment_pull_request", event.Comment{
			Body: "/retest please", Author: "hubot-contrib", URL: "https://gitea.example.com/octo/hello/pulls/7#issuecomment-12", Number: 7, OnPullRequest: true,
		}},
		"Gitea, review": {"gitea", "pull_request_review", event.Comment{Body: "Looks good.", Author: "octo", Number: 7, OnPullRequest: true}},
		"GitLab, merge request": {"gitlab", "note_merge_request", event.Comment{
			Body: "/retest please", Author: "hubot-contrib", URL: "https://gitlab.example.com/octo/tools/hello/-/merge_requests/7#note_1244", Number: 7, OnPullRequest: true,
		}},
		"GitLab, issue": {"gitlab", "note_issue", event.Comment{
			Body: "Me too.", Author: "hubot-contrib", URL: "https://gitlab.example.com/octo/tools/hello/-/issues/17#note_1244", Number: 17,
		}},
		"GitLab, commit": {"gitlab", "note_commit", event.Comment{
			Body: "Why?", Author: "hubot-contrib", URL: "https://gitlab.example.com/octo/tools/hello/-/commit/" + after + "#note_1244",
		}},
		"Bitbucket, pull request": {"bitbucket", "pullrequest_comment_created", event.Comment{
			Body: "/retest please", Author: "hubot-contrib", URL: "https://bitbucket.org/octo/hello/pull-requests/7/_/diff#comment-17", Number: 7, OnPullRequest: true,
		}},
		"Bitbucket, issue": {"bitbucket", "issue_comment_created", event.Comment{
			Body: "/retest please", Author: "hubot-contrib", URL: "https://bitbucket.org/octo/hello/issues/17#comment-17", Number: 17,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := open(t, tc.vendor, "issue_comment", payload(t, tc.vendor, tc.payload), fields{"sender": "octo"}).Comment()
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(tc.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSchedule(t *testing.T) {
	for name, tc := range map[string]struct {
		payload string
		want    event.Schedule
	}{
		"no payload": {"null", event.Schedule{Name: "nightly", Time: "2026-03-02T08:15:31.25Z"}},
		"all there": {`{"expression": "0 3 * * *", "time": "2026-03-02T03:00:00Z"}`, event.Schedule{
			Name: "nightly", Expression: "0 3 * * *", Time: "2026-03-02T03:00:00Z",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := open(t, "time", "tick", json.RawMessage(tc.payload), fields{"filter": "nightly"}).Schedule()
			if err != nil || *got != tc.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

func TestRegistry(t *testing.T) {
	for filter, want := range map[string]event.Registry{
		"acme/shop:1.2.3": {Repository: "acme/shop", Tag: "1.2.3"},
		"registry.example.com:5000/acme/shop:1.2.3": {Repository: "registry.example.com:5000/acme/shop", Tag: "1.2.3"},
		"registry.example.com:5000/acme/shop":       {Repository: "registry.example.com:5000/acme/shop"},
		"shop":                                      {Repository: "shop"},
		"shop:latest":                               {Repository: "shop", Tag: "latest"},
	} {
		want.Digest = "sha256:0123"
		got, err := open(t, "registry", "tag", json.RawMessage(`{"digest": "sha256:0123"}`), fields{"filter": filter}).Registry()
		if err != nil || *got != want {
			t.Errorf("%s: got %+v, %v; want %+v", filter, got, err, want)
		}
	}
}
