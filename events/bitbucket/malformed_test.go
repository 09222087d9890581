package bitbucket_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/events/bitbucket"
	"github.com/franela/pocketci/events/sourcetest"
)

// missing removes a key from a payload.
type missing = sourcetest.Missing

// fault is a sample with one value replaced.
type fault sourcetest.Fault

func TestParseMalformedFields(t *testing.T) {
	t.Parallel()
	const created = "pullrequest:created"
	for name, c := range map[string]fault{
		"no repository":                  {"push", "repo:push", "repository", missing{}, "is missing", ""},
		"repository is a string":         {"push", "repo:push", "repository", "acme/shop", "is a string, want an object", ""},
		"no full name":                   {"push", "repo:push", "repository.full_name", missing{}, "is missing", ""},
		"full name climbs":               {"push", "repo:push", "repository.full_name", "acme/..", "want owner/name", ""},
		"full name with three parts":     {"push", "repo:push", "repository.full_name", "acme/shop/x", "want owner/name", ""},
		"full name is an option":         {"push", "repo:push", "repository.full_name", "-acme/shop", "want owner/name", ""},
		"full name with a query":         {"push", "repo:push", "repository.full_name", "acme/shop?x", "want owner/name", ""},
		"web url runs a script":          {"push", "repo:push", "repository.links.html.href", "javascript:alert(1)", "is not an http", ""},
		"web url with password":          {"push", "repo:push", "repository.links.html.href", "https://a:b@bitbucket.org/", "credentials", ""},
		"absurd default branch":          {"repo_fork", "repo:fork", "repository.mainbranch.name", "a..b", "not a ref", ""},
		"private is a string":            {"push", "repo:push", "repository.is_private", "no", "is a string, want true or false", ""},
		"actor is a string":              {"push", "repo:push", "actor", "mona", "is a string, want an object", ""},
		"actor with control":             {"push", "repo:push", "actor.account_id", "mo\x1b[2Jna", "cannot be printed", "actor"},
		"no push":                        {"push", "repo:push", "push", missing{}, "is missing", ""},
		"changes are an object":          {"push", "repo:push", "push.changes", map[string]any{}, "is an object, want an array", ""},
		"change of nothing":              {"push", "repo:push", "push.changes.0", map[string]any{}, "neither an old nor a new", ""},
		"null change":                    {"push", "repo:push", "push.changes.0", nil, "neither an old nor a new", ""},
		"no branch name":                 {"push", "repo:push", "push.changes.0.new.name", missing{}, "not a ref", ""},
		"branch with newline":            {"push", "repo:push", "push.changes.0.new.name", "a\nb", "not a ref", ""},
		"branch is an option":            {"push", "repo:push", "push.changes.0.new.name", "-x", "not a ref", ""},
		"bad name of a deleted branch":   {"push_deleted", "repo:push", "push.changes.0.old.name", "a..b", "not a ref", ""},
		"no commit":                      {"push", "repo:push", "push.changes.0.new.target", missing{}, "is missing", "push.changes.0.new.target.hash"},
		"null commit":                    {"push", "repo:push", "push.changes.0.new.target", nil, "is missing", "push.changes.0.new.target.hash"},
		"short commit":                   {"push", "repo:push", "push.changes.0.new.target.hash", "6b1f533d0a11", "is not a commit", ""},
		"commit is an option":            {"push", "repo:push", "push.changes.0.new.target.hash", "--upload-pack=x", "is not a commit", ""},
		"zero commit":                    {"push", "repo:push", "push.changes.0.new.target.hash", strings.Repeat("0", 40), "names no commit", ""},
		"bad commit before":              {"push", "repo:push", "push.changes.0.old.target.hash", "HEAD~1", "is not a commit", ""},
		"forced is a string":             {"push", "repo:push", "push.changes.0.forced", "no", "is a string, want true or false", "push.changes.forced"},
		"fault in the second change":     {"push_several", "repo:push", "push.changes.1.new.target.hash", "x", "is not a commit", ""},
		"no pull request":                {"pullrequest_created", created, "pullrequest", missing{}, "is missing", ""},
		"no number":                      {"pullrequest_created", created, "pullrequest.id", missing{}, "not a number above zero", ""},
		"broken number":                  {"pullrequest_created", created, "pullrequest.id", 7.5, "is a number 7.5, want a whole number", ""},
		"no source branch":               {"pullrequest_created", created, "pullrequest.source.branch", missing{}, "is missing", "pullrequest.source.branch.name"},
		"bad source branch":              {"pullrequest_created", created, "pullrequest.source.branch.name", "a:b", "not a ref", ""},
		"no source commit":               {"pullrequest_created", created, "pullrequest.source.commit", nil, "is not a commit", "pullrequest.source.commit.hash"},
		"source commit is an option":     {"pullrequest_created", created, "pullrequest.source.commit.hash", "--x", "is not a commit", ""},
		"no destination commit":          {"pullrequest_created", created, "pullrequest.destination.commit.hash", "", "is not a commit", ""},
		"no destination branch":          {"pullrequest_created", created, "pullrequest.destination.branch.name", "", "is missing", ""},
		"bad source repository":          {"pullrequest_fork", created, "pullrequest.source.repository.full_name", "x", "want owner/name", ""},
		"to another repository":          {"pullrequest_fork", created, "pullrequest.destination.repository.full_name", "stranger/shop", "not the repository of the event", "pullrequest.destination.repository"},
		"to no repository":               {"pullrequest_fork", created, "pullrequest.destination.repository", nil, "not the repository of the event", ""},
		"approval of nothing":            {"pullrequest_approved", "pullrequest:approved", "pullrequest", missing{}, "is missing", ""},
		"comment on nothing":             {"pullrequest_comment_created", "pullrequest:comment_created", "pullrequest", nil, "is missing", ""},
		"comment without id":             {"pullrequest_comment_created", "pullrequest:comment_created", "comment.id", 0, "not a number above zero", ""},
		"comment without author":         {"pullrequest_comment_created", "pullrequest:comment_created", "comment.user", nil, "is missing", ""},
		"comment by something":           {"pullrequest_comment_created", "pullrequest:comment_created", "comment.user.account_id", "a\nb", "cannot be printed", "comment.user"},
		"no status":                      {"repo_commit_status_created", "repo:commit_status_created", "commit_status", missing{}, "is missing", ""},
		"status of no commit":            {"repo_commit_status_created", "repo:commit_status_created", "commit_status.links", missing{}, "is not a commit", "commit_status.links.commit.href"},
		"status of an abridged commit":   {"repo_commit_status_created", "repo:commit_status_created", "commit_status.links.commit.href", "https://api.bitbucket.org/2.0/repositories/acme/shop/commit/6b1f533d0a11", "is not a commit", ""},
		"known event of no repository":   {"project_updated", "repo:fork", "project", missing{}, "is missing", "repository"},
		"future event of a pull request": {"repo_imported", "pullrequest:of_the_future", "repository.website", nil, "is missing", "pullrequest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := reader.Refuses(t, sourcetest.Fault(c))
			if e.Trusted && c.Kind == "repo:push" {
				t.Error("a push that could not be read is trusted")
			}
		})
	}
}

func TestParseMalformedText(t *testing.T) {
	t.Parallel()
	reader.RefusesTexts(t, "repo:push", map[string]struct{ Payload, Want string }{
		"empty":       {"", "line 1, column 1: is empty, want a JSON object"},
		"not JSON":    {"hello", "line 1, column 1: invalid character 'h'"},
		"second line": {"{\n  \"push\": {},\n  push\n}", "line 3, column 3: invalid character 'p'"},
		"cut off":     {`{"push": "`, "line 1, column 10: unexpected end of JSON input"},
		"null":        {" null", "line 1, column 2: is not a JSON object"},
		"not UTF-8":   {"{\"x\":\n\"\xff\"}", "line 2, column 2: is not UTF-8"},
	})
}

// The header with the event's key is not signed. No spelling of it may match
// the functions of an event and escape the reading of that event.
func TestParseKind(t *testing.T) {
	t.Parallel()
	reader.RefusesKinds(t, "pullrequest_fork", "is not the key of a Bitbucket event",
		"", "Push", "pull_request", "pullrequest", "pullrequest:Created", "pull-request:created", "pullrequest::created", "pullrequest:_created",
		"pullrequest:created_", "pullrequest: created", "pullrequest:created\n", ":created", "a:b:c", "a:"+strings.Repeat("b", 100),
	)
}

// A fork's pull request is untrusted whatever the event is called.
func TestForkIsNeverTrusted(t *testing.T) {
	t.Parallel()
	reader.NeverTrusts(t, []string{
		"pullrequest:created", "pullrequest:push", "pullrequest:unapproved", "pullrequest:comment_resolved", "pullrequest:comment_deleted",
		"pullrequest:of_the_future", "repo:updated", "issue:comment_created", "event:of_the_future",
	}, []string{"pullrequest_fork", "pullrequest_fork_deleted"})
}

// A nickname is nobody's alone.
func TestSenderIsNoNickname(t *testing.T) {
	t.Parallel()
	payload := with(t, "pullrequest_comment_created_fork", "comment.user.nickname", "mona")
	e, err := bitbucket.Parse("pullrequest:comment_created", payload)
	if err != nil || e.Comment.Author != stranger {
		t.Errorf("%+v, %v", e.Comment, err)
	}
}

// Should Bitbucket send whole commits one day, they are taken.
func TestPullRequestOfWholeCommits(t *testing.T) {
	t.Parallel()
	e, err := bitbucket.Parse("pullrequest:created", with(t, "pullrequest_created", "pullrequest.source.commit.hash", commit("p7")))
	if err != nil || e.SHA != commit("p7") || e.BaseSHA != "" {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestPushOfOtherRef(t *testing.T) {
	t.Parallel()
	reader.PlansNothing(t, "repo:push", with(t, "push", "push.changes.0.new.type", "bookmark"), "neither of a branch nor of a tag")
}

// What is not read may have any shape.
func TestParseIgnoresTheRest(t *testing.T) {
	t.Parallel()
	reader.Ignores(t, "repo:push", "push.changes.0.commits", "push.changes.0.links", "push.changes.0.truncated", "actor.links", "repository.owner", "repository.project")
}
