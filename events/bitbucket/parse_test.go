package bitbucket_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
	"github.com/franela/pocketci/events/sourcetest"
)

// The people of the payloads, by their account ids, and access tokens, which have
// none.
const (
	mona        = "557058:mona"
	hubot       = "557058:hubot"
	stranger    = "557058:stranger"
	deployToken = "{46b3ed97-f284-e232-97f6-9be7d6317555}"
	ciToken     = "{670d82c9-3f03-7999-f2cf-8261dd830ce3}"
)

// read and with return payloads in testdata, as they are and with one value
// replaced; commit is the sha that they give to the commit of that name.
var (
	reader = sourcetest.Reader{Vendor: "bitbucket", Parse: bitbucket.Parse}
	read   = reader.Payload
	with   = reader.With
	commit = sourcetest.Commit
)

// shop is the repository of every payload that has one.
func shop() *events.Repository {
	return &events.Repository{
		FullName: "acme/shop", CloneURL: "https://bitbucket.org/acme/shop.git", WebURL: "https://bitbucket.org/acme/shop",
	}
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
	// branch is the default branch, which few payloads name.
	branch string
}

func pull(action string, want events.Event) events.Event {
	want.Name, want.Filter, want.BaseRef = "pull_request", action, "main"
	if want.PullRequest == 0 {
		want.PullRequest = 7
	}
	if want.Branch == "" {
		want.Branch = "feature/login-v2"
	}
	if want.Sender == "" {
		want.Sender = mona
	}
	want.Trusted = want.Fork == ""
	if want.Trusted {
		want.Ref = "refs/heads/" + want.Branch
	}
	return want
}

var samples = []sample{
	{file: "push", kind: "repo:push", want: events.Event{
		Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main", SHA: commit("c2"), Before: commit("c0"), Sender: mona, Trusted: true,
	}},
	{file: "push_forced", kind: "repo:push", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2",
		SHA: commit("f2"), Before: commit("f1"), Forced: true, Sender: mona, Trusted: true,
	}},
	{file: "push_new_branch", kind: "repo:push", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2",
		SHA: commit("p7"), Sender: mona, Trusted: true,
	}},
	{file: "push_tag", kind: "repo:push", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", SHA: commit("c2"), Sender: mona, Trusted: true,
	}},
	{file: "push_deleted", kind: "repo:push", nothing: "the push deletes refs/heads/feature/login-v2", want: events.Event{
		Name: "push", Filter: "feature/login-v2", Ref: "refs/heads/feature/login-v2", Branch: "feature/login-v2", Sender: mona,
	}},
	{file: "push_tag_deleted", kind: "repo:push", nothing: "the push deletes refs/tags/v1.2.0", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: mona,
	}},
	{file: "push_nothing", kind: "repo:push", nothing: "the push changes no ref", want: events.Event{Name: "push", Sender: mona}},
	{file: "pullrequest_created", kind: "pullrequest:created", want: pull("opened", events.Event{})},
	{file: "pullrequest_draft", kind: "pullrequest:created", want: pull("opened", events.Event{PullRequest: 8})},
	{file: "pullrequest_updated", kind: "pullrequest:updated", want: pull("synchronize", events.Event{})},
	{file: "pullrequest_fulfilled", kind: "pullrequest:fulfilled", want: pull("closed", events.Event{})},
	{file: "pullrequest_rejected", kind: "pullrequest:rejected", want: pull("closed", events.Event{})},
	{file: "pullrequest_fork", kind: "pullrequest:created", want: pull("opened", events.Event{
		PullRequest: 9, Branch: "main", Fork: "stranger/shop", Sender: stranger,
	})},
	{file: "pullrequest_fork_deleted", kind: "pullrequest:rejected", want: pull("closed", events.Event{
		PullRequest: 9, Branch: "main", Fork: "unknown",
	})},
	{file: "pullrequest_approved", kind: "pullrequest:approved", want: events.Event{
		Name: "pull_request_review", Filter: "submitted", PullRequest: 7, BaseRef: "main", Sender: hubot, Trusted: true,
	}},
	{file: "pullrequest_changes_request_created_fork", kind: "pullrequest:changes_request_created", want: events.Event{
		Name: "pull_request_review", Filter: "submitted", PullRequest: 9, BaseRef: "main", Fork: "stranger/shop", Sender: mona,
	}},
	{file: "pullrequest_comment_created", kind: "pullrequest:comment_created", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 7, BaseRef: "main", Sender: mona,
		Comment: &events.Comment{ID: "61", Author: mona, Body: "/retest"},
	}},
	{file: "pullrequest_comment_created_fork", kind: "pullrequest:comment_created", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 9, BaseRef: "main", Fork: "stranger/shop", Sender: stranger,
		Comment: &events.Comment{ID: "61", Author: stranger, Body: "/approve " + commit("p9")},
	}},
	{file: "pullrequest_comment_created_inline", kind: "pullrequest:comment_created", want: events.Event{
		Name: "pull_request_review_comment", Filter: "created", PullRequest: 7, BaseRef: "main", Sender: hubot,
		Comment: &events.Comment{ID: "61", Author: hubot, Body: "Why?"},
	}},
	{file: "pullrequest_comment_updated", kind: "pullrequest:comment_updated", want: events.Event{
		Name: "issue_comment", Filter: "edited", PullRequest: 7, BaseRef: "main", Sender: mona,
	}},
	{file: "pullrequest_comment_own", kind: "pullrequest:comment_created", nothing: "pocketci itself made it", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 7, BaseRef: "main", Sender: ciToken,
	}},
	{file: "repo_commit_status_created", kind: "repo:commit_status_created", want: events.Event{Name: "status", SHA: commit("c2"), Sender: hubot}},
	{file: "repo_commit_status_own", kind: "repo:commit_status_updated", nothing: "pocketci itself made it", want: events.Event{
		Name: "status", Sender: hubot,
	}},
	{file: "repo_fork", kind: "repo:fork", branch: "main", want: events.Event{Name: "fork", Sender: stranger, Trusted: true}},
	{file: "repo_imported", kind: "repo:imported", want: events.Event{Name: "repo:imported", Sender: mona, Trusted: true}},
	{file: "issue_created", kind: "issue:created", want: events.Event{Name: "issues", Filter: "opened", Sender: stranger, Trusted: true}},
	{file: "project_updated", kind: "project:updated", nowhere: true, nothing: "the event project:updated belongs to no repository", want: events.Event{
		Name: "project:updated", Sender: mona,
	}},
}

// event returns what must be read, without the payload.
func (s *sample) event() events.Event {
	want := s.want
	want.Vendor, want.Kind = "bitbucket", s.kind
	if !s.nowhere {
		want.Repository = shop()
		want.Repository.DefaultBranch = s.branch
	}
	return want
}

// delivered are the samples that go through the suite, which spoils every value
// in them.
var delivered = []string{
	"push", "push_new_branch", "push_deleted", "push_tag", "pullrequest_fork", "pullrequest_comment_own", "repo_commit_status_created",
	"repo_fork", "issue_created",
}

func TestSource(t *testing.T) {
	t.Parallel()
	f := sourcetest.Forge{
		Vendor:     "bitbucket",
		New:        func(secrets ...string) (events.Source, error) { return bitbucket.New(secrets...) },
		CoversBody: true,
		Prove: func(h http.Header, secret string, body []byte) {
			h.Set("X-Hub-Signature", bitbucket.Sign(secret, body))
		},
		Deliveries: map[string]sourcetest.Delivery{},
	}
	for _, s := range samples {
		if !slices.Contains(delivered, s.file) {
			continue
		}
		want := s.event()
		want.Delivery = "d1"
		f.Deliveries[s.file] = sourcetest.Delivery{Body: read(t, s.file), Want: want, Nothing: s.nothing, Header: http.Header{
			"Content-Type": {"application/json"}, "X-Event-Key": {s.kind}, "X-Request-Uuid": {"d1"}, "X-Attempt-Number": {"2"}, "X-Hook-Uuid": {"h"},
		}}
	}
	sourcetest.Run(t, f)
}

func TestParseSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			reader.Reads(t, s.kind, s.file, s.event(), s.nothing, false)
		})
	}
}

// Every payload in testdata is in the table above, but for the push of several
// refs.
func TestSamplesAreComplete(t *testing.T) {
	t.Parallel()
	files := []string{"push_several"}
	for _, s := range samples {
		files = append(files, s.file)
	}
	reader.Complete(t, files)
}

// The two names of our own that mean a push.
func TestParseByName(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"push": "push", "tag": "push_tag"} {
		byName, err := bitbucket.Parse(name, read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		byKey, err := bitbucket.Parse("repo:push", read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(byKey, byName); diff != "" {
			t.Errorf("%s and repo:push differ for the same payload (-key +name):\n%s", name, diff)
		}
	}
	for _, file := range []string{"push", "push_deleted", "push_several"} {
		_, err := bitbucket.Parse("tag", read(t, file))
		if bad, ok := errors.AsType[*events.MalformedError](err); !ok || !strings.Contains(bad.Reason, "is a branch") {
			t.Errorf("%s as tag: error %v, want that it is a branch", file, err)
		}
	}
}
