package gitlab_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/events/sourcetest"
)

// missing removes a key from a payload.
type missing = sourcetest.Missing

// fault is a sample with one value replaced.
type fault sourcetest.Fault

func TestParseMalformedFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]fault{
		"no kind":                      {"wiki_page", "Wiki Page Hook", "object_kind", missing{}, "is missing", ""},
		"kind with spaces":             {"push", "Push Hook", "object_kind", "tag push", "is not the name", ""},
		"kind of another event":        {"push", "Push Hook", "object_kind", "merge_request", `is "merge_request", and the event is a Push Hook`, ""},
		"kind with our name":           {"merge_request_fork", "System Hook", "object_kind", "pull_request", "not what GitLab calls", ""},
		"no project":                   {"push", "Push Hook", "project", missing{}, "is missing", ""},
		"null project":                 {"merge_request_opened", "Merge Request Hook", "project", nil, "is missing", ""},
		"project is a string":          {"push", "Push Hook", "project", "acme/shop", "is a string, want an object", ""},
		"no full name":                 {"push", "Push Hook", "project.path_with_namespace", missing{}, "is missing", ""},
		"full name without group":      {"push", "Push Hook", "project.path_with_namespace", "shop", "want owner/name", ""},
		"full name climbs":             {"push", "Push Hook", "project.path_with_namespace", "acme/../shop", "want owner/name", ""},
		"full name is an option":       {"push", "Push Hook", "project.path_with_namespace", "-acme/shop", "want owner/name", ""},
		"no clone url":                 {"push", "Push Hook", "project.git_http_url", missing{}, "is missing", ""},
		"clone url of a file":          {"push", "Push Hook", "project.git_http_url", "file:///etc", "is not an http", ""},
		"clone url with password":      {"push", "Push Hook", "project.git_http_url", "https://a:b@example.com/x.git", "credentials", ""},
		"web url runs a script":        {"push", "Push Hook", "project.web_url", "javascript:alert(1)", "is not an http", ""},
		"visibility in words":          {"push", "Push Hook", "project.visibility_level", "public", "is a string, want a whole number", ""},
		"absurd default branch":        {"push", "Push Hook", "project.default_branch", "a..b", "not a ref", ""},
		"sender with control codes":    {"push", "Push Hook", "user_username", "an\x1b[2Jna", "cannot be printed", ""},
		"user with control codes":      {"issue_opened", "Issue Hook", "user.username", "an\nna", "cannot be printed", ""},
		"no ref":                       {"push", "Push Hook", "ref", missing{}, "is missing", ""},
		"short ref":                    {"push", "Push Hook", "ref", "main", "not a full ref", ""},
		"ref climbs":                   {"push", "Push Hook", "ref", "refs/heads/../../x", "not a ref", ""},
		"branch is an option":          {"push", "Push Hook", "ref", "refs/heads/-x", "not a ref", ""},
		"tag push of a branch":         {"tag_push", "Tag Push Hook", "ref", "refs/heads/main", "is a branch", ""},
		"no after":                     {"push", "Push Hook", "after", missing{}, "is missing", ""},
		"short after":                  {"push", "Push Hook", "after", "6b1f533", "is not a commit", ""},
		"checkout sha is an option":    {"tag_push", "Tag Push Hook", "checkout_sha", "--upload-pack=x", "is not a commit", ""},
		"bad before":                   {"push", "Push Hook", "before", "HEAD~1", "is not a commit", ""},
		"no attributes":                {"merge_request_opened", "Merge Request Hook", "object_attributes", missing{}, "is missing", ""},
		"action is a number":           {"merge_request_opened", "Merge Request Hook", "object_attributes.action", 1, "is a number, want a string", ""},
		"action with control codes":    {"merge_request_opened", "Merge Request Hook", "object_attributes.action", "op\ten", "cannot be printed", ""},
		"no number":                    {"merge_request_opened", "Merge Request Hook", "object_attributes.iid", missing{}, "not a number above zero", ""},
		"broken number":                {"merge_request_opened", "Merge Request Hook", "object_attributes.iid", 7.5, "is a number 7.5, want a whole number", ""},
		"no source branch":             {"merge_request_opened", "Merge Request Hook", "object_attributes.source_branch", "", "is missing", ""},
		"bad source branch":            {"merge_request_opened", "Merge Request Hook", "object_attributes.source_branch", "a:b", "not a ref", ""},
		"no target branch":             {"merge_request_opened", "Merge Request Hook", "object_attributes.target_branch", missing{}, "is missing", ""},
		"zero head sha":                {"merge_request_opened", "Merge Request Hook", "object_attributes.last_commit.id", strings.Repeat("0", 40), "names no commit", ""},
		"bad source project":           {"merge_request_opened", "Merge Request Hook", "object_attributes.source.path_with_namespace", "x", "want owner/name", ""},
		"release without action":       {"release_created", "Release Hook", "action", missing{}, "is missing", ""},
		"release without tag":          {"release_created", "Release Hook", "tag", "", "is missing", ""},
		"release of a bad tag":         {"release_created", "Release Hook", "tag", "v1..2", "not a ref", ""},
		"release of a bad commit":      {"release_created", "Release Hook", "commit.id", "main", "is not a commit", ""},
		"note without attributes":      {"note_issue", "Note Hook", "object_attributes", nil, "is missing", ""},
		"note without merge request":   {"note_merge_request", "Note Hook", "merge_request", missing{}, "is missing", ""},
		"note without number":          {"note_merge_request", "Note Hook", "merge_request.iid", 0, "not a number above zero", ""},
		"note without id":              {"note_merge_request", "Note Hook", "object_attributes.id", missing{}, "not a number above zero", ""},
		"note of nobody":               {"note_merge_request", "Note Hook", "user.username", missing{}, "is missing", ""},
		"note is a list":               {"note_merge_request", "Note Hook", "object_attributes.note", []any{1}, "is an array, want a string", ""},
		"pipeline without attributes":  {"pipeline", "Pipeline Hook", "object_attributes", missing{}, "is missing", ""},
		"pipeline without sha":         {"pipeline", "Pipeline Hook", "object_attributes.sha", missing{}, "is missing", ""},
		"pipeline with a bad status":   {"pipeline", "Pipeline Hook", "object_attributes.status", "\x00", "cannot be printed", ""},
		"job without sha":              {"job", "Job Hook", "sha", missing{}, "is missing", ""},
		"job with a bad status":        {"job", "Job Hook", "build_status", "\x00", "cannot be printed", ""},
		"deployment of no commit":      {"deployment", "Deployment Hook", "commit_url", nil, "is missing", ""},
		"deployment with a bad status": {"deployment", "Deployment Hook", "status", "\x00", "cannot be printed", ""},
		"emoji on a bad merge request": {"emoji_fork", "Emoji Hook", "merge_request.iid", -1, "not a number above zero", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := reader.Refuses(t, sourcetest.Fault(c))
			if e.Trusted || e.Comment != nil {
				t.Errorf("what could not be read is trusted: %+v", e)
			}
		})
	}
}

func TestParseMalformedText(t *testing.T) {
	t.Parallel()
	reader.RefusesTexts(t, "Push Hook", map[string]struct{ Payload, Want string }{
		"empty":     {"", "line 1, column 1: is empty, want a JSON object"},
		"not JSON":  {"hello", "line 1, column 1: invalid character 'h'"},
		"cut off":   {`{"ref": "refs/heads/ma`, "line 1, column 22: unexpected end of JSON input"},
		"list":      {"[]", "line 1, column 1: is an array, want an object"},
		"not UTF-8": {"{\"ref\":\n\"refs/heads/\xff\"}", "line 2, column 13: is not UTF-8"},
		"its place": {"{\"project\": {\n\"path_with_namespace\": 1}}", "line 2, column 24: project.path_with_namespace: is a number, want a string"},
	})
}

// The header stands outside of the signature: no spelling of it may have a
// payload read as another kind of event than it is.
func TestParseKind(t *testing.T) {
	t.Parallel()
	reader.RefusesKinds(t, "merge_request_fork", "is not the name of a GitLab event",
		"", "push hook", "Push", "Push  Hook", "Push Hook\n", "PULL_REQUEST", "pull-request", "../push", strings.Repeat("a", 101),
	)
	for _, kind := range []string{"Push Hook", "Note Hook", "push", "tag", "issue_comment", "release", "wiki_page", "job"} {
		_, err := gitlab.Parse(kind, read(t, "merge_request_fork"))
		if bad, ok := errors.AsType[*events.MalformedError](err); !ok || bad.Path != "object_kind" {
			t.Errorf("a merge request as %s: error %v", kind, err)
		}
	}
	for _, kind := range []string{"System Hook", "Some New Hook"} {
		if e, err := gitlab.Parse(kind, read(t, "merge_request_fork")); err != nil || e.Name != "pull_request" || e.Trusted {
			t.Errorf("a merge request as %s: %+v, %v", kind, e, err)
		}
	}
}

// A fork's merge request is untrusted whatever the event is called, and whatever
// of it is missing or does not agree.
func TestForkIsNeverTrusted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path  string
		value any
	}{
		"as it is":              {"object_attributes.title", "x"},
		"no source":             {"object_attributes.source", nil},
		"source without a name": {"object_attributes.source", map[string]any{}},
		"no source project":     {"object_attributes.source_project_id", nil},
		"the target's id":       {"object_attributes.source_project_id", 15},
		"the target's name":     {"object_attributes.source.path_with_namespace", "acme/shop"},
		"in other letters":      {"object_attributes.source.path_with_namespace", "ACME/shop"},
	} {
		e, err := gitlab.Parse("Merge Request Hook", with(t, "merge_request_fork", test.path, test.value))
		if e.Trusted || err == nil && e.Fork == "" {
			t.Errorf("%s: trusted %t, fork %q, %v", name, e.Trusted, e.Fork, err)
		}
	}
	for _, kind := range []string{"feature_flag", "an_event_of_the_future"} {
		e, err := gitlab.Parse("System Hook", with(t, "emoji_fork", "object_kind", kind))
		if err != nil || e.Trusted || e.Fork != "reed/shop" {
			t.Errorf("%s: trusted %t, fork %q, %v", kind, e.Trusted, e.Fork, err)
		}
	}
}

// An update is named after what changed in it.
func TestUpdatedMergeRequest(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	label := func(ids ...int) []m {
		list := []m{}
		for _, id := range ids {
			list = append(list, m{"id": id, "title": "x"})
		}
		return list
	}
	for name, test := range map[string]struct {
		changes any
		want    string
	}{
		"nothing":                {m{}, "edited"},
		"no changes":             {nil, "edited"},
		"time alone":             {m{"updated_at": m{"previous": "a", "current": "b"}}, "edited"},
		"description":            {m{"description": m{"previous": "a", "current": ""}}, "edited"},
		"another target":         {m{"target_branch": m{"previous": "main", "current": "next"}}, "edited"},
		"made a draft":           {m{"draft": m{"previous": false, "current": true}}, "converted_to_draft"},
		"label swapped":          {m{"labels": m{"previous": label(1), "current": label(2)}}, "labeled"},
		"label removed":          {m{"labels": m{"previous": label(1, 2), "current": label(2)}}, "unlabeled"},
		"assigned":               {m{"assignees": m{"previous": label(), "current": label(4)}}, "assigned"},
		"unassigned":             {m{"assignees": m{"previous": label(4), "current": label()}}, "unassigned"},
		"no longer asked":        {m{"reviewers": m{"previous": label(4), "current": label()}}, "review_request_removed"},
		"milestone":              {m{"milestone_id": m{"previous": nil, "current": 3}}, "milestoned"},
		"no milestone":           {m{"milestone_id": m{"previous": 3, "current": nil}}, "demilestoned"},
		"locked":                 {m{"discussion_locked": m{"previous": nil, "current": true}}, "locked"},
		"unlocked":               {m{"discussion_locked": m{"previous": true, "current": false}}, "unlocked"},
		"title before labels":    {m{"labels": m{"previous": label(), "current": label(2)}, "title": m{"previous": "a", "current": "b"}}, "edited"},
		"labels of another form": {m{"labels": []int{1}}, "edited"},
	} {
		e, err := gitlab.Parse("Merge Request Hook", with(t, "merge_request_edited", "changes", test.changes))
		if err != nil || e.Filter != test.want {
			t.Errorf("%s: %q, want %q: %v", name, e.Filter, test.want, err)
		}
	}
	for _, action := range []string{"unapproved", "approval", "unapproval"} {
		if e, err := gitlab.Parse("Merge Request Hook", with(t, "merge_request_opened", "object_attributes.action", action)); err != nil || e.Filter != action {
			t.Errorf("%s became %q: %v", action, e.Filter, err)
		}
	}
}

func TestPushOfOtherRef(t *testing.T) {
	t.Parallel()
	reader.PlansNothing(t, "Push Hook", with(t, "push", "ref", "refs/notes/commits"), "refs/notes/commits is neither")
}

// What is not read may have any shape.
func TestParseIgnoresTheRest(t *testing.T) {
	t.Parallel()
	reader.Ignores(t, "Push Hook", "commits", "repository", "user_id", "push_options", "total_commits_count", "project.namespace")
}
