package github_test

import (
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/sourcetest"
)

// read and with return payloads in testdata, as they are and with one value
// replaced; commit is the sha that they give to the commit of that name.
var (
	reader = sourcetest.Reader{Vendor: "github", Parse: github.Parse}
	read   = reader.Payload
	with   = reader.With
	commit = sourcetest.Commit
)

// hello is the repository of every payload that has one.
var hello = &events.Repository{
	FullName:      "octo/hello",
	CloneURL:      "https://github.com/octo/hello.git",
	WebURL:        "https://github.com/octo/hello",
	DefaultBranch: "main",
}

// sample is a payload in testdata, and what must be read from it. Vendor,
// Repository and Payload are the same for all.
type sample struct {
	file, kind string
	want       events.Event
	// nothing is the reason if there is nothing to plan.
	nothing string
	// nowhere says that the payload names no repository.
	nowhere bool
}

func pull(action string, want events.Event) events.Event {
	want.Name, want.Filter = "pull_request", action
	want.BaseRef, want.BaseSHA = "main", commit("c2")
	if want.PullRequest == 0 {
		want.PullRequest, want.Ref = 7, "refs/pull/7/head"
	}
	if want.Branch == "" {
		want.Branch = "feature/login-v2"
	}
	if want.SHA == "" {
		want.SHA = commit("p7")
	}
	if want.Sender == "" {
		want.Sender = "mona"
	}
	want.Trusted = want.Fork == ""
	return want
}

var samples = []sample{
	{file: "push", kind: "push", want: events.Event{
		Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main",
		SHA: commit("c2"), Before: commit("c0"), Sender: "mona", Trusted: true,
	}},
	{file: "push_forced", kind: "push", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2",
		SHA: commit("f2"), Before: commit("f1"), Forced: true, Sender: "mona", Trusted: true,
	}},
	{file: "push_new_branch", kind: "push", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2",
		SHA: commit("f1"), Sender: "mona", Trusted: true,
	}},
	{file: "push_new_branch_empty", kind: "push", want: events.Event{
		Name: "push", Filter: "release/1.x", Ref: "refs/heads/release/1.x", Branch: "release/1.x",
		SHA: commit("c2"), Sender: "mona", Trusted: true,
	}},
	{file: "push_first_commit", kind: "push", want: events.Event{
		Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main",
		SHA: commit("root"), Sender: "mona", Trusted: true,
	}},
	{file: "push_deleted", kind: "push", nothing: "the push deletes refs/heads/feature/login-v2", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2",
		Sender: "mona",
	}},
	{file: "push_tag", kind: "push", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0",
		SHA: commit("c2"), Sender: "mona", Trusted: true,
	}},
	{file: "push_tag_annotated", kind: "push", want: events.Event{
		Name: "tag", Filter: "v2.0.0", Ref: "refs/tags/v2.0.0", Tag: "v2.0.0",
		SHA: commit("tagobject"), Sender: "mona", Trusted: true,
	}},
	{file: "push_tag_deleted", kind: "push", nothing: "the push deletes refs/tags/v1.2.0", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: "mona",
	}},
	{file: "pull_request_opened", kind: "pull_request", want: pull("opened", events.Event{})},
	{file: "pull_request_synchronize", kind: "pull_request", want: pull("synchronize", events.Event{SHA: commit("p7b")})},
	{file: "pull_request_reopened", kind: "pull_request", want: pull("reopened", events.Event{})},
	{file: "pull_request_labeled", kind: "pull_request", want: pull("labeled", events.Event{})},
	{file: "pull_request_closed", kind: "pull_request", want: pull("closed", events.Event{})},
	{file: "pull_request_merged", kind: "pull_request", want: pull("closed", events.Event{})},
	{file: "pull_request_draft", kind: "pull_request", want: pull("opened", events.Event{
		PullRequest: 8, Ref: "refs/pull/8/head", SHA: commit("p8"),
	})},
	{file: "pull_request_fork", kind: "pull_request", want: pull("opened", events.Event{
		PullRequest: 9, Ref: "refs/pull/9/head", SHA: commit("p9"), Branch: "main",
		Fork: "hubot-contrib/hello", Sender: "hubot-contrib",
	})},
	{file: "pull_request_fork_deleted", kind: "pull_request", want: pull("closed", events.Event{
		PullRequest: 9, Ref: "refs/pull/9/head", SHA: commit("p9"), Branch: "main", Fork: "unknown",
	})},
	{file: "release_published", kind: "release", want: events.Event{
		Name: "release", Filter: "published", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: "mona", Trusted: true,
	}},
	{file: "create_branch", kind: "create", want: events.Event{Name: "create", Filter: "branch", Sender: "mona", Trusted: true}},
	{file: "create_tag", kind: "create", want: events.Event{Name: "create", Filter: "tag", Sender: "mona", Trusted: true}},
	{file: "delete_branch", kind: "delete", want: events.Event{Name: "delete", Filter: "branch", Sender: "mona", Trusted: true}},
	{file: "workflow_dispatch", kind: "workflow_dispatch", want: events.Event{
		Name: "workflow_dispatch", Ref: "refs/heads/release/1.x", Branch: "release/1.x", Sender: "mona", Trusted: true,
	}},
	{file: "repository_dispatch", kind: "repository_dispatch", want: events.Event{
		Name: "repository_dispatch", Filter: "nightly-build", Sender: "mona", Trusted: true,
	}},
	{file: "issue_comment_issue", kind: "issue_comment", want: events.Event{
		Name: "issue_comment", Filter: "created", Sender: "hubot-contrib", Trusted: true,
	}},
	{file: "issue_comment_pull_request", kind: "issue_comment", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 9, Sender: "hubot-contrib",
		Comment: &events.Comment{ID: "3100000001", Author: "hubot-contrib", Body: "/test all"},
	}},
	{file: "issue_comment_own", kind: "issue_comment", nothing: "pocketci itself made it", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 9, Sender: "hubot-contrib",
	}},
	{file: "pull_request_review", kind: "pull_request_review", want: events.Event{
		Name: "pull_request_review", Filter: "submitted", PullRequest: 7, BaseRef: "main", Sender: "mona", Trusted: true,
	}},
	{file: "pull_request_review_fork", kind: "pull_request_review", want: events.Event{
		Name: "pull_request_review", Filter: "submitted", PullRequest: 9, BaseRef: "main",
		Fork: "hubot-contrib/hello", Sender: "mona",
	}},
	{file: "pull_request_review_comment_fork", kind: "pull_request_review_comment", want: events.Event{
		Name: "pull_request_review_comment", Filter: "created", PullRequest: 9, BaseRef: "main",
		Fork: "hubot-contrib/hello", Sender: "hubot-contrib",
	}},
	{file: "check_run", kind: "check_run", want: events.Event{
		Name: "check_run", Filter: "completed", SHA: commit("p7"), Sender: "mona", Trusted: true,
	}},
	{file: "check_run_fork", kind: "check_run", want: events.Event{
		Name: "check_run", Filter: "completed", SHA: commit("p9"), Sender: "hubot-contrib",
	}},
	{file: "check_run_own", kind: "check_run", nothing: "pocketci itself made it", want: events.Event{
		Name: "check_run", Filter: "completed", SHA: commit("p7"), Sender: "mona", Trusted: true,
	}},
	{file: "check_run_rerequested", kind: "check_run", want: events.Event{
		Name: "check_run", Filter: "rerequested", SHA: commit("p7"), Sender: "mona", Trusted: true,
	}},
	{file: "check_suite_own", kind: "check_suite", want: events.Event{
		Name: "check_suite", Filter: "completed", SHA: commit("p7"), Sender: "mona", Trusted: true,
	}},
	{file: "check_suite", kind: "check_suite", want: events.Event{
		Name: "check_suite", Filter: "completed", SHA: commit("p7"), Sender: "mona", Trusted: true,
	}},
	{file: "status", kind: "status", want: events.Event{Name: "status", SHA: commit("c2"), Sender: "mona", Trusted: true}},
	{file: "status_own", kind: "status", nothing: "pocketci itself made it", want: events.Event{
		Name: "status", SHA: commit("c2"), Sender: "mona", Trusted: true,
	}},
	{file: "status_fork", kind: "status", want: events.Event{Name: "status", SHA: commit("p9"), Sender: "mona"}},
	{file: "deployment", kind: "deployment", want: events.Event{
		Name: "deployment", Filter: "created", SHA: commit("c2"), Sender: "mona",
	}},
	{file: "deployment_status", kind: "deployment_status", want: events.Event{
		Name: "deployment_status", Filter: "created", SHA: commit("c2"), Sender: "mona",
	}},
	{file: "workflow_run_fork", kind: "workflow_run", want: events.Event{
		Name: "workflow_run", Filter: "completed", Sender: "hubot-contrib",
	}},
	{file: "ping", kind: "ping", nowhere: true, nothing: "a ping only tries out the webhook", want: events.Event{
		Name: "ping", Sender: "mona",
	}},
	{file: "installation_created", kind: "installation", nowhere: true, nothing: "the event installation belongs to no repository", want: events.Event{
		Name: "installation", Filter: "created", Sender: "mona",
	}},
}

func TestParseSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			want := s.want
			want.Vendor, want.Kind = "github", s.kind
			if !s.nowhere {
				want.Repository = hello
			}
			reader.Reads(t, s.kind, s.file, want, s.nothing, s.kind == "ping")
		})
	}
}

// Every payload in testdata is in the table above.
func TestSamplesAreComplete(t *testing.T) {
	t.Parallel()
	var files []string
	for _, s := range samples {
		files = append(files, s.file)
	}
	reader.Complete(t, files)
}

func TestParseTagByName(t *testing.T) {
	t.Parallel()
	reader.ReadsTagByName(t)
}
