package gitlab_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/events/sourcetest"
)

// read and with return payloads in testdata, as they are and with one value
// replaced; commit is the sha that they give to the commit of that name.
var (
	reader = sourcetest.Reader{Vendor: "gitlab", Parse: gitlab.Parse}
	read   = reader.Payload
	with   = reader.With
	commit = sourcetest.Commit
)

var (
	shop = &events.Repository{
		FullName:      "acme/shop",
		CloneURL:      "https://gitlab.example.com/acme/shop.git",
		WebURL:        "https://gitlab.example.com/acme/shop",
		DefaultBranch: "main",
	}
	nested = &events.Repository{
		FullName:      "acme/platform/tools/shop",
		CloneURL:      "https://gitlab.example.com/acme/platform/tools/shop.git",
		WebURL:        "https://gitlab.example.com/acme/platform/tools/shop",
		DefaultBranch: "main",
		Private:       true,
	}
)

// sample is a payload in testdata, and what must be read from it.
type sample struct {
	file, kind string
	want       events.Event
	// nothing is the reason if there is nothing to plan.
	nothing string
	// nowhere says that the payload names no repository.
	nowhere bool
}

// whole fills in what is the same for nearly all.
func (s sample) whole() events.Event {
	e := s.want
	e.Vendor, e.Kind = "gitlab", s.kind
	if e.Repository == nil && !s.nowhere {
		e.Repository = shop
	}
	return e
}

func mergeRequest(action string, want events.Event) events.Event {
	want.Name, want.Filter, want.BaseRef = "pull_request", action, "main"
	if want.PullRequest == 0 {
		want.PullRequest, want.Ref, want.Branch = 7, "refs/merge-requests/7/head", "feature/till-v2"
	}
	if want.SHA == "" {
		want.SHA = commit("p7")
	}
	if want.Sender == "" {
		want.Sender = "anna"
	}
	want.Trusted = want.Fork == ""
	return want
}

func noteOn7(filter string, want events.Event) events.Event {
	want.Name, want.Filter, want.PullRequest, want.BaseRef = "issue_comment", filter, 7, "main"
	return want
}

var samples = []sample{
	{file: "push", kind: "Push Hook", want: events.Event{
		Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main",
		SHA: commit("c2"), Before: commit("c0"), Sender: "anna", Trusted: true,
	}},
	{file: "push_new_branch", kind: "Push Hook", want: events.Event{
		Name: "push", Filter: "feature/till-v2", Ref: "refs/heads/feature/till-v2", Branch: "feature/till-v2",
		SHA: commit("p7"), Sender: "anna", Trusted: true,
	}},
	{file: "push_nested_group", kind: "Push Hook", want: events.Event{
		Name: "push", Filter: "main", Ref: "refs/heads/main", Branch: "main", Repository: nested,
		SHA: commit("c2"), Before: commit("c0"), Sender: "anna", Trusted: true,
	}},
	{file: "push_deleted", kind: "Push Hook", nothing: "the push deletes refs/heads/feature/till-v2", want: events.Event{
		Name: "push", Filter: "feature/till-v2", Ref: "refs/heads/feature/till-v2", Branch: "feature/till-v2", Sender: "anna",
	}},
	{file: "tag_push", kind: "Tag Push Hook", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", SHA: commit("c2"), Sender: "anna", Trusted: true,
	}},
	{file: "tag_push_annotated", kind: "Tag Push Hook", want: events.Event{
		Name: "tag", Filter: "v2.0.0", Ref: "refs/tags/v2.0.0", Tag: "v2.0.0", SHA: commit("c2"), Sender: "anna", Trusted: true,
	}},
	{file: "tag_push_deleted", kind: "Tag Push Hook", nothing: "the push deletes refs/tags/v1.2.0", want: events.Event{
		Name: "tag", Filter: "v1.2.0", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", Sender: "anna",
	}},
	{file: "merge_request_opened", kind: "Merge Request Hook", want: mergeRequest("opened", events.Event{})},
	{file: "merge_request_draft", kind: "Merge Request Hook", want: mergeRequest("opened", events.Event{
		PullRequest: 8, Ref: "refs/merge-requests/8/head", Branch: "feature/till-v2", SHA: commit("p8"),
	})},
	{file: "merge_request_ready", kind: "Merge Request Hook", want: mergeRequest("ready_for_review", events.Event{})},
	{file: "merge_request_synchronize", kind: "Merge Request Hook", want: mergeRequest("synchronize", events.Event{SHA: commit("p7b")})},
	{file: "merge_request_edited", kind: "Merge Request Hook", want: mergeRequest("edited", events.Event{})},
	{file: "merge_request_labeled", kind: "Merge Request Hook", want: mergeRequest("labeled", events.Event{})},
	{file: "merge_request_unlabeled", kind: "Merge Request Hook", want: mergeRequest("unlabeled", events.Event{})},
	{file: "merge_request_reviewer", kind: "Merge Request Hook", want: mergeRequest("review_requested", events.Event{})},
	{file: "merge_request_closed", kind: "Merge Request Hook", want: mergeRequest("closed", events.Event{})},
	{file: "merge_request_reopened", kind: "Merge Request Hook", want: mergeRequest("reopened", events.Event{})},
	{file: "merge_request_merged", kind: "Merge Request Hook", want: mergeRequest("closed", events.Event{})},
	{file: "merge_request_approved", kind: "Merge Request Hook", want: mergeRequest("approved", events.Event{Sender: "reed"})},
	{file: "merge_request_fork", kind: "Merge Request Hook", want: mergeRequest("opened", events.Event{
		PullRequest: 9, Ref: "refs/merge-requests/9/head", Branch: "main", SHA: commit("p9"), Fork: "reed/shop", Sender: "reed",
	})},
	{file: "merge_request_fork_deleted", kind: "Merge Request Hook", want: mergeRequest("closed", events.Event{
		PullRequest: 9, Ref: "refs/merge-requests/9/head", Branch: "main", SHA: commit("p9"), Fork: "unknown",
	})},
	{file: "merge_request_nested_group", kind: "Merge Request Hook", want: mergeRequest("opened", events.Event{Repository: nested})},
	{file: "merge_request_empty", kind: "Merge Request Hook", nothing: "no commits", want: events.Event{
		Name: "pull_request", PullRequest: 7, Ref: "refs/merge-requests/7/head", Branch: "feature/till-v2", BaseRef: "main", Sender: "anna",
	}},
	{file: "merge_request_test", kind: "Merge Request Hook", nothing: "does not say what was done", want: events.Event{
		Name: "pull_request", PullRequest: 7, Ref: "refs/merge-requests/7/head", Branch: "feature/till-v2", BaseRef: "main",
		SHA: commit("p7"), Sender: "anna",
	}},
	{file: "note_merge_request", kind: "Note Hook", want: noteOn7("created", events.Event{
		Sender: "anna", Trusted: true, Comment: &events.Comment{ID: "1244", Author: "anna", Body: "/retest"},
	})},
	{file: "note_merge_request_edited", kind: "Note Hook", want: noteOn7("edited", events.Event{Sender: "anna", Trusted: true})},
	{file: "note_merge_request_old", kind: "Note Hook", want: noteOn7("created", events.Event{
		Sender: "reed", Trusted: true, Comment: &events.Comment{ID: "1244", Author: "reed", Body: "Why not\nsell more?"},
	})},
	{file: "note_merge_request_fork", kind: "Note Hook", want: events.Event{
		Name: "issue_comment", Filter: "created", PullRequest: 9, BaseRef: "main", Fork: "reed/shop", Sender: "reed",
		Comment: &events.Comment{ID: "1250", Author: "reed", Body: "/approve " + commit("p9")},
	}},
	{file: "note_own", kind: "Note Hook", nothing: "pocketci itself made it", want: noteOn7("created", events.Event{Sender: "pocketci"})},
	{file: "note_system", kind: "Note Hook", nothing: "GitLab wrote the comment", want: noteOn7("created", events.Event{Sender: "anna"})},
	{file: "note_issue", kind: "Note Hook", want: events.Event{Name: "note", Filter: "created", Sender: "reed", Trusted: true}},
	{file: "note_commit", kind: "Note Hook", want: events.Event{Name: "note", Filter: "created", Sender: "anna", Trusted: true}},
	{file: "issue_opened", kind: "Issue Hook", want: events.Event{Name: "issue", Filter: "opened", Sender: "reed", Trusted: true}},
	{file: "release_created", kind: "Release Hook", want: events.Event{
		Name: "release", Filter: "published", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", SHA: commit("c2"), Trusted: true,
	}},
	{file: "release_deleted", kind: "Release Hook", want: events.Event{
		Name: "release", Filter: "deleted", Ref: "refs/tags/v1.2.0", Tag: "v1.2.0", SHA: commit("c2"), Trusted: true,
	}},
	{file: "pipeline", kind: "Pipeline Hook", want: events.Event{
		Name: "pipeline", Filter: "success", SHA: commit("c2"), Sender: "anna", Trusted: true,
	}},
	{file: "pipeline_merge_request", kind: "Pipeline Hook", want: events.Event{
		Name: "pipeline", Filter: "running", SHA: commit("c2"), PullRequest: 7, BaseRef: "main", Sender: "anna", Trusted: true,
	}},
	{file: "pipeline_fork", kind: "Pipeline Hook", want: events.Event{
		Name: "pipeline", Filter: "failed", SHA: commit("p9"), PullRequest: 9, BaseRef: "main", Fork: "unknown", Sender: "reed",
	}},
	{file: "pipeline_external", kind: "Pipeline Hook", nothing: "pocketci itself made it", want: events.Event{
		Name: "pipeline", Filter: "pending", SHA: commit("c2"), Sender: "pocketci",
	}},
	{file: "job", kind: "Job Hook", want: events.Event{Name: "job", Filter: "failed", SHA: commit("c2"), Sender: "anna", Trusted: true}},
	{file: "job_merge_request", kind: "Job Hook", want: events.Event{Name: "job", Filter: "failed", SHA: commit("p9"), Sender: "anna"}},
	{file: "deployment", kind: "Deployment Hook", want: events.Event{
		Name: "deployment", Filter: "success", SHA: commit("c2"), Sender: "anna",
	}},
	{file: "wiki_page", kind: "Wiki Page Hook", want: events.Event{Name: "wiki_page", Filter: "edited", Sender: "anna", Trusted: true}},
	{file: "emoji_fork", kind: "Emoji Hook", want: events.Event{
		Name: "emoji", Filter: "award", PullRequest: 9, BaseRef: "main", Fork: "reed/shop", Sender: "reed",
	}},
	{file: "member_added", kind: "Member Hook", nowhere: true, nothing: "belongs to no repository", want: events.Event{
		Name: "user_add_to_group", Sender: "reed",
	}},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			payload := read(t, s.file)
			got, err := gitlab.Parse(s.kind, payload)
			nothing, ok := errors.AsType[*events.NothingError](err)
			switch {
			case s.nothing == "" && err != nil:
				t.Fatal(err)
			case s.nothing != "" && (!ok || !strings.Contains(nothing.Reason, s.nothing)):
				t.Fatalf("error %v, want that there is nothing to plan: %s", err, s.nothing)
			}
			want := s.whole()
			want.Payload = payload
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSamplesAreComplete(t *testing.T) {
	t.Parallel()
	var files []string
	for _, s := range samples {
		files = append(files, s.file)
	}
	reader.Complete(t, files)
}

// A payload may be given by pocketci's names and by GitLab's own.
func TestParseByOtherNames(t *testing.T) {
	t.Parallel()
	for file, names := range map[string][]string{
		"push":                 {"push"},
		"tag_push":             {"tag", "push", "tag_push"},
		"merge_request_opened": {"pull_request", "merge_request"},
		"note_merge_request":   {"issue_comment", "note"},
		"note_issue":           {"note"},
		"job":                  {"job", "build"},
		"release_created":      {"release"},
		"pipeline":             {"pipeline"},
		"deployment":           {"deployment"},
	} {
		at := slices.IndexFunc(samples, func(s sample) bool { return s.file == file })
		want, err := gitlab.Parse(samples[at].kind, read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			got, err := gitlab.Parse(name, read(t, file))
			if err != nil {
				t.Errorf("%s as %s: %v", file, name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as %s (-by header +by name):\n%s", file, name, diff)
			}
		}
	}
	// The same event of an administrator's system hook.
	if e, err := gitlab.Parse("System Hook", read(t, "push")); err != nil || e.Name != "push" || e.Kind != "System Hook" {
		t.Errorf("%s of kind %s, %v", e.Name, e.Kind, err)
	}
	if e, err := gitlab.Parse("issue", read(t, "issue_opened")); err != nil || e.Name != "issue" || e.Kind != "issue" {
		t.Errorf("%s of kind %s, %v", e.Name, e.Kind, err)
	}
}
