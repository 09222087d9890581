package gitea_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitea"
	"github.com/franela/pocketci/events/sourcetest"
)

// read and with return payloads in testdata, as they are and with one value
// replaced; commit is the sha that they give to the commit of that name.
var (
	reader = sourcetest.Reader{Vendor: "gitea", Parse: gitea.Parse}
	read   = reader.Payload
	with   = reader.With
	commit = sourcetest.Commit
)

// shop is the repository of every payload that has one.
var shop = &events.Repository{
	FullName:      "acme/shop",
	CloneURL:      "https://git.example.com/acme/shop.git",
	WebURL:        "https://git.example.com/acme/shop",
	DefaultBranch: "main",
}

// sample is a payload in testdata, and what must be read from it. Vendor, Kind,
// Repository and Payload are filled in for all.
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
		want.PullRequest, want.Ref, want.Branch = 7, "refs/pull/7/head", "feature/login-v2"
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
	{file: "push_new_branch", kind: "push", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2",
		SHA: commit("p7"), Sender: "mona", Trusted: true,
	}},
	{file: "push_test_delivery", kind: "push", nothing: "a push that changes nothing only tries out the webhook", want: events.Event{
		Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main", Sender: "mona",
	}},
	{file: "push_tag", kind: "push", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", SHA: commit("c2"), Sender: "mona", Trusted: true,
	}},
	{file: "push_tag_deleted", kind: "push", nothing: "the push deletes refs/tags/v1.2.0", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: "mona",
	}},
	{file: "push_deleted", kind: "push", nothing: "the push deletes refs/heads/feature/login-v2", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2", Sender: "mona",
	}},
	{file: "pull_request_opened", kind: "pull_request", want: pull("opened", events.Event{})},
	{file: "pull_request_draft", kind: "pull_request", want: pull("opened", events.Event{
		PullRequest: 8, Ref: "refs/pull/8/head", SHA: commit("p8"), Branch: "feature/login-v2",
	})},
	{file: "pull_request_synchronized", kind: "pull_request", want: pull("synchronize", events.Event{SHA: commit("p7b")})},
	{file: "pull_request_reopened", kind: "pull_request", want: pull("reopened", events.Event{})},
	{file: "pull_request_edited", kind: "pull_request", want: pull("edited", events.Event{})},
	{file: "pull_request_label_updated", kind: "pull_request", want: pull("labeled", events.Event{})},
	{file: "pull_request_label_removed", kind: "pull_request", want: pull("unlabeled", events.Event{})},
	{file: "pull_request_label_cleared", kind: "pull_request", want: pull("unlabeled", events.Event{})},
	{file: "pull_request_review_requested", kind: "pull_request", want: pull("review_requested", events.Event{})},
	{file: "pull_request_closed", kind: "pull_request", want: pull("closed", events.Event{})},
	{file: "pull_request_merged", kind: "pull_request", want: pull("closed", events.Event{})},
	{file: "pull_request_branch_deleted", kind: "pull_request", want: pull("closed", events.Event{Fork: "unknown"})},
	{file: "pull_request_fork", kind: "pull_request", want: pull("opened", events.Event{
		PullRequest: 9, Ref: "refs/pull/9/head", SHA: commit("p9"), Branch: "main", Fork: "octo-contrib/shop", Sender: "octo-contrib",
	})},
	{file: "pull_request_fork_deleted", kind: "pull_request", want: pull("closed", events.Event{
		PullRequest: 9, Ref: "refs/pull/9/head", SHA: commit("p9"), Branch: "main", Fork: "unknown",
	})},
	{file: "pull_request_agit", kind: "pull_request", want: pull("opened", events.Event{
		PullRequest: 10, Ref: "refs/pull/10/head", SHA: commit("p10"), Fork: "unknown", Sender: "octo-contrib",
	})},
	{file: "pull_request_approved", kind: "pull_request_approved", want: events.Event{
		Name: "pull_request_review", Filter: "submitted", PullRequest: 7, BaseRef: "main", Sender: "hubot", Trusted: true,
	}},
	{file: "pull_request_rejected_fork", kind: "pull_request_rejected", want: events.Event{
		Name: "pull_request_review", Filter: "submitted", PullRequest: 9, BaseRef: "main", Fork: "octo-contrib/shop", Sender: "mona",
	}},
	{file: "issue_comment_issue", kind: "issue_comment", want: events.Event{
		Name: "issue_comment", Filter: "created", Sender: "octo-contrib", Trusted: true,
	}},
	{file: "issue_comment_pull_request", kind: "issue_comment", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 7, Sender: "mona",
		Comment: &events.Comment{ID: "61", Author: "mona", Body: "/retest"},
	}},
	{file: "issue_comment_pull_request_fork", kind: "issue_comment", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 9, BaseRef: "main", Fork: "octo-contrib/shop", Sender: "octo-contrib",
		Comment: &events.Comment{ID: "61", Author: "octo-contrib", Body: "/approve " + commit("p9")},
	}},
	{file: "issue_comment_edited", kind: "issue_comment", want: events.Event{
		Name: "issue_comment", Filter: "edited", PullRequest: 7, Sender: "mona",
	}},
	{file: "issue_comment_own", kind: "issue_comment", nothing: "pocketci itself made it", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 7, Sender: "hubot",
	}},
	{file: "issues_opened", kind: "issues", want: events.Event{Name: "issues", Filter: "opened", Sender: "octo-contrib", Trusted: true}},
	{file: "release_published", kind: "release", want: events.Event{
		Name: "release", Filter: "published", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: "mona", Trusted: true,
	}},
	{file: "release_updated", kind: "release", want: events.Event{
		Name: "release", Filter: "edited", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: "mona", Trusted: true,
	}},
	{file: "create_branch", kind: "create", want: events.Event{Name: "create", Filter: "branch", Sender: "mona", Trusted: true}},
	{file: "create_tag", kind: "create", want: events.Event{Name: "create", Filter: "tag", Sender: "mona", Trusted: true}},
	{file: "delete_branch", kind: "delete", want: events.Event{Name: "delete", Filter: "branch", Sender: "mona", Trusted: true}},
	{file: "fork", kind: "fork", want: events.Event{Name: "fork", Sender: "octo-contrib", Trusted: true}},
	{file: "status", kind: "status", want: events.Event{Name: "status", SHA: commit("c2"), Sender: "hubot"}},
	{file: "status_own", kind: "status", nothing: "pocketci itself made it", want: events.Event{Name: "status", Sender: "hubot"}},
	{file: "repository_created", kind: "repository", want: events.Event{Name: "repository", Filter: "created", Sender: "mona", Trusted: true}},
	{file: "package", kind: "package", nowhere: true, nothing: "the event package belongs to no repository", want: events.Event{
		Name: "package", Filter: "created", Sender: "mona",
	}},
}

// event returns what must be read, without the payload.
func (s *sample) event() events.Event {
	want := s.want
	want.Vendor, want.Kind = "gitea", s.kind
	if !s.nowhere {
		want.Repository = shop
	}
	return want
}

// delivered are the samples that go through the suite, which spoils every value
// in them.
var delivered = []string{
	"push_new_branch", "push_deleted", "push_tag", "push_test_delivery", "pull_request_fork", "issue_comment_pull_request", "release_published",
	"status", "fork",
}

func TestSource(t *testing.T) {
	t.Parallel()
	f := sourcetest.Forge{
		Vendor:     "gitea",
		New:        func(secrets ...string) (events.Source, error) { return gitea.New(secrets...) },
		CoversBody: true,
		Prove: func(h http.Header, secret string, body []byte) {
			h.Set("X-Gitea-Signature", gitea.Sign(secret, body))
			h.Set("X-Hub-Signature-256", "sha256="+gitea.Sign(secret, body))
			if h.Get("X-Forgejo-Event") != "" {
				h.Set("X-Forgejo-Signature", gitea.Sign(secret, body))
			}
		},
		Deliveries: map[string]sourcetest.Delivery{},
	}
	for i, s := range samples {
		if !slices.Contains(delivered, s.file) {
			continue
		}
		h := http.Header{
			"Content-Type": {"application/json"}, "X-Gitea-Event": {s.kind}, "X-Github-Event": {s.kind},
			"X-Gitea-Delivery": {"d1"}, "X-Github-Delivery": {"d1"},
		}
		if i%2 == 1 {
			h.Set("X-Forgejo-Event", s.kind)
			h.Set("X-Forgejo-Delivery", "d1")
		}
		want := s.event()
		want.Delivery = "d1"
		f.Deliveries[s.file] = sourcetest.Delivery{Header: h, Body: read(t, s.file), Want: want, Nothing: s.nothing}
	}
	sourcetest.Run(t, f)
}

func TestParseSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			reader.Reads(t, s.kind, s.file, s.event(), s.nothing, s.file == "push_test_delivery")
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

// Event types are known as events too, for versions that leave the event empty.
func TestParseByType(t *testing.T) {
	t.Parallel()
	for kind, c := range map[string]struct{ file, name, filter string }{
		"pull_request_sync":            {"pull_request_synchronized", "pull_request", "synchronize"},
		"pull_request_label":           {"pull_request_label_updated", "pull_request", "labeled"},
		"pull_request_review_request":  {"pull_request_review_requested", "pull_request", "review_requested"},
		"pull_request_review_approved": {"pull_request_approved", "pull_request_review", "submitted"},
		"issue_label":                  {"issues_opened", "issues", "opened"},
	} {
		e, err := gitea.Parse(kind, read(t, c.file))
		if err != nil || e.Name != c.name || e.Filter != c.filter || e.Kind != kind {
			t.Errorf("%s: %s %s of kind %s, %v", kind, e.Name, e.Filter, e.Kind, err)
		}
	}
}

func TestParseTagByName(t *testing.T) {
	t.Parallel()
	reader.ReadsTagByName(t)
}
