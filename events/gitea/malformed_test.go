package gitea_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/gitea"
	"github.com/franela/pocketci/events/sourcetest"
)

// missing removes a key from a payload.
type missing = sourcetest.Missing

// fault is a sample with one value replaced.
type fault sourcetest.Fault

func TestParseMalformedFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]fault{
		"no repository":                {"push", "push", "repository", missing{}, "is missing", ""},
		"repository is a list":         {"push", "push", "repository", []any{}, "is an array, want an object", ""},
		"no full name":                 {"push", "push", "repository.full_name", missing{}, "is missing", ""},
		"full name climbs":             {"push", "push", "repository.full_name", "acme/..", "want owner/name", ""},
		"full name with three parts":   {"push", "push", "repository.full_name", "acme/shop/x", "want owner/name", ""},
		"full name is an option":       {"push", "push", "repository.full_name", "-acme/shop", "want owner/name", ""},
		"no clone url":                 {"push", "push", "repository.clone_url", missing{}, "is missing", ""},
		"clone url of a file":          {"push", "push", "repository.clone_url", "file:///etc", "is not an http", ""},
		"clone url runs a program":     {"push", "push", "repository.clone_url", "ext::sh -c id", "is not a", ""},
		"clone url with password":      {"push", "push", "repository.clone_url", "https://a:b@git.example.com/acme/shop.git", "credentials", ""},
		"web url runs a script":        {"push", "push", "repository.html_url", "javascript:alert(1)", "is not an http", ""},
		"absurd default branch":        {"push", "push", "repository.default_branch", "a..b", "not a ref", ""},
		"sender is a string":           {"push", "push", "sender", "mona", "is a string, want an object", ""},
		"sender with control":          {"push", "push", "sender.login", "mo\x1b[2Jna", "cannot be printed", ""},
		"no ref":                       {"push", "push", "ref", missing{}, "is missing", ""},
		"short ref":                    {"push", "push", "ref", "main", "not a full ref", ""},
		"ref with newline":             {"push", "push", "ref", "refs/heads/a\nb", "not a ref", ""},
		"branch is an option":          {"push", "push", "ref", "refs/heads/-x", "not a ref", ""},
		"no after":                     {"push", "push", "after", missing{}, "is missing", ""},
		"short after":                  {"push", "push", "after", "6b1f533", "is not a commit", ""},
		"after is an option":           {"push", "push", "after", "--upload-pack=x", "is not a commit", ""},
		"no before":                    {"push", "push", "before", missing{}, "is missing", ""},
		"no action":                    {"pull_request_opened", "pull_request", "action", missing{}, "is missing", ""},
		"action is a number":           {"pull_request_opened", "pull_request", "action", 1, "is a number, want a string", ""},
		"no pull request":              {"pull_request_opened", "pull_request", "pull_request", missing{}, "is missing", ""},
		"no number":                    {"pull_request_opened", "pull_request", "pull_request.number", missing{}, "not a number above zero", ""},
		"no head":                      {"pull_request_opened", "pull_request", "pull_request.head", missing{}, "is missing", "pull_request.head.sha"},
		"no head sha":                  {"pull_request_opened", "pull_request", "pull_request.head.sha", missing{}, "is missing", ""},
		"no head ref":                  {"pull_request_opened", "pull_request", "pull_request.head.ref", missing{}, "is missing", ""},
		"bad head ref":                 {"pull_request_opened", "pull_request", "pull_request.head.ref", "a:b", "not a ref", ""},
		"bad head repository":          {"pull_request_opened", "pull_request", "pull_request.head.repo.full_name", "x", "want owner/name", ""},
		"no base sha":                  {"pull_request_opened", "pull_request", "pull_request.base.sha", missing{}, "is missing", ""},
		"no base ref":                  {"pull_request_opened", "pull_request", "pull_request.base.ref", "", "is missing", ""},
		"review without pull request":  {"pull_request_approved", "pull_request_approved", "pull_request", missing{}, "is missing", ""},
		"no release":                   {"release_published", "release", "release", missing{}, "is missing", ""},
		"release without action":       {"release_published", "release", "action", missing{}, "is missing", ""},
		"release of bad tag":           {"release_published", "release", "release.tag_name", "v1..2", "not a ref", ""},
		"create without type":          {"create_branch", "create", "ref_type", missing{}, "is missing", ""},
		"create of unknown type":       {"create_branch", "create", "ref_type", "repository", "neither branch nor tag", ""},
		"comment without number":       {"issue_comment_pull_request", "issue_comment", "issue.number", 0, "not a number above zero", ""},
		"comment without id":           {"issue_comment_pull_request", "issue_comment", "comment.id", 0, "not a number above zero", ""},
		"comment without author":       {"issue_comment_pull_request", "issue_comment", "comment.user", nil, "is missing", "comment.user.login"},
		"comment by something":         {"issue_comment_pull_request", "issue_comment", "comment.user.login", "a\nb", "cannot be printed", ""},
		"fork without the original":    {"fork", "fork", "forkee", missing{}, "is missing", ""},
		"fork of something else":       {"fork", "fork", "repository.parent", missing{}, "neither the fork", "forkee"},
		"fork of a bad original":       {"fork", "fork", "forkee.clone_url", "ext::x", "is not a", ""},
		"status without sha":           {"status", "status", "sha", missing{}, "is missing", ""},
		"status of a branch":           {"status", "status", "sha", "main", "is not a commit", ""},
		"labels that are no list":      {"pull_request_label_removed", "pull_request", "changes.added_labels", "x", "is a string, want an array", ""},
		"pull request is no number":    {"pull_request_opened", "pull_request", "pull_request.number", 7.5, "is a number 7.5, want a whole number", ""},
		"repository private is a text": {"push", "push", "repository.private", "no", "is a string, want true or false", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := reader.Refuses(t, sourcetest.Fault(c))
			if e.Trusted && c.Kind == "push" {
				t.Error("a push that could not be read is trusted")
			}
		})
	}
}

func TestParseMalformedText(t *testing.T) {
	t.Parallel()
	reader.RefusesTexts(t, "push", map[string]struct{ Payload, Want string }{
		"empty":       {"", "line 1, column 1: is empty, want a JSON object"},
		"not JSON":    {"hello", "line 1, column 1: invalid character 'h'"},
		"second line": {"{\n  \"ref\": \"refs/heads/main\",\n  ref\n}", "line 3, column 3: invalid character 'r'"},
		"cut off":     {`{"ref": "refs/heads/ma`, "line 1, column 22: unexpected end of JSON input"},
		"null":        {" null", "line 1, column 2: is not a JSON object"},
		"not UTF-8":   {"{\"ref\":\n\"refs/heads/\xff\"}", "line 2, column 13: is not UTF-8"},
	})
}

// The header with the event's name is not signed. No spelling of it may match
// the functions of an event and escape the reading of that event.
func TestParseKind(t *testing.T) {
	t.Parallel()
	reader.RefusesKinds(t, "pull_request_fork", "is not the name of a Gitea event",
		"", "Push", "PULL_REQUEST", "pull-request", "pull__request", "_pull_request", "pull_request_", "pull request", "pullRequest",
		"push\n", "../push", strings.Repeat("a", 101),
	)
}

// A fork's pull request is untrusted whatever the event is called, and so is one
// that was pushed to refs/for.
func TestForkIsNeverTrusted(t *testing.T) {
	t.Parallel()
	reader.NeverTrusts(t, []string{
		"pull_request", "pull_request_sync", "pull_request_approved", "pull_request_comment", "pull_request_target", "an_event_of_the_future",
	}, []string{"pull_request_fork", "pull_request_fork_deleted", "pull_request_agit"})
}

// However a comment's payload says that it is on a pull request, it is not
// trusted.
func TestCommentOnPullRequest(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string][]byte{
		"by its flag":  with(t, "issue_comment_pull_request", "issue.pull_request", nil),
		"by its issue": with(t, "issue_comment_pull_request", "is_pull", false),
	} {
		e, err := gitea.Parse("issue_comment", payload)
		if err != nil || e.Trusted || e.PullRequest != 7 || e.Comment == nil {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

// Only a run of the repository's own code is trusted.
func TestWorkflowRun(t *testing.T) {
	t.Parallel()
	for head, trusted := range map[string]bool{`{"full_name":"acme/shop"}`: true, `{"full_name":"octo-contrib/shop"}`: false, `null`: false} {
		payload := with(t, "repository_created", "workflow_run", json.RawMessage(`{"head_repository":`+head+`}`))
		if e, err := gitea.Parse("workflow_run", payload); err != nil || e.Trusted != trusted {
			t.Errorf("of %s: trusted %t, %v", head, e.Trusted, err)
		}
	}
}

func TestPushOfOtherRef(t *testing.T) {
	t.Parallel()
	reader.PlansNothing(t, "push", with(t, "push", "ref", "refs/notes/commits"), "refs/notes/commits is neither")
}

// Repositories that use SHA-256 have longer names for their commits.
func TestParseSHA256(t *testing.T) {
	t.Parallel()
	reader.ReadsLongCommits(t)
}

// What is not read may have any shape.
func TestParseIgnoresTheRest(t *testing.T) {
	t.Parallel()
	reader.Ignores(t, "push", "commits", "head_commit", "pusher", "compare_url", "repository.owner", "repository.created_at")
}
