package github_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/sourcetest"
)

// missing removes a key from a payload.
type missing = sourcetest.Missing

// fault is a sample with one value replaced.
type fault sourcetest.Fault

func TestParseMalformedFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]fault{
		"no repository":                  {"push", "push", "repository", missing{}, "is missing", ""},
		"null repository":                {"push", "push", "repository", nil, "is missing", ""},
		"repository is a string":         {"push", "push", "repository", "octo/hello", "is a string, want an object", ""},
		"repository is a list":           {"push", "push", "repository", []any{}, "is an array, want an object", ""},
		"no full name":                   {"push", "push", "repository.full_name", missing{}, "is missing", ""},
		"full name without owner":        {"push", "push", "repository.full_name", "hello", "want owner/name", ""},
		"full name climbs":               {"push", "push", "repository.full_name", "octo/..", "want owner/name", ""},
		"full name with three parts":     {"push", "push", "repository.full_name", "octo/hello/there", "want owner/name", ""},
		"full name is an option":         {"push", "push", "repository.full_name", "-octo/hello", "want owner/name", ""},
		"full name with newline":         {"push", "push", "repository.full_name", "octo/hello\n", "want owner/name", ""},
		"no clone url":                   {"push", "push", "repository.clone_url", missing{}, "is missing", ""},
		"clone url of a file":            {"push", "push", "repository.clone_url", "file:///etc", "is not an http", ""},
		"clone url runs a program":       {"push", "push", "repository.clone_url", "ext::sh -c id", "is not a", ""},
		"clone url is an option":         {"push", "push", "repository.clone_url", "--upload-pack=id", "is not an http", ""},
		"clone url with password":        {"push", "push", "repository.clone_url", "https://a:b@example.com/octo/hello.git", "credentials", ""},
		"clone url with token":           {"push", "push", "repository.clone_url", "https://token@example.com/octo/hello.git", "credentials", ""},
		"clone url without path":         {"push", "push", "repository.clone_url", "https://example.com", "without a path", ""},
		"ssh host is an option":          {"push", "push", "repository.clone_url", "ssh://-oProxyCommand=id/x", "without a host", ""},
		"web url runs a script":          {"push", "push", "repository.html_url", "javascript:alert(1)", "is not an http", ""},
		"private is a string":            {"push", "push", "repository.private", "yes", "is a string, want true or false", ""},
		"absurd default branch":          {"push", "push", "repository.default_branch", "a..b", "not a ref", ""},
		"sender is a string":             {"push", "push", "sender", "mona", "is a string, want an object", ""},
		"sender with control characters": {"push", "push", "sender.login", "mo\x1b[2Jna", "cannot be printed", ""},
		"endless sender":                 {"push", "push", "sender.login", strings.Repeat("m", 300), "300 bytes long", ""},
		"no ref":                         {"push", "push", "ref", missing{}, "is missing", ""},
		"ref is a number":                {"push", "push", "ref", 7, "is a number, want a string", ""},
		"short ref":                      {"push", "push", "ref", "main", "not a full ref", ""},
		"ref climbs":                     {"push", "push", "ref", "refs/heads/../../x", "not a ref", ""},
		"ref with space":                 {"push", "push", "ref", "refs/heads/a b", "not a ref", ""},
		"ref with newline":               {"push", "push", "ref", "refs/heads/a\nb", "not a ref", ""},
		"ref with NUL":                   {"push", "push", "ref", "refs/heads/a\x00b", "not a ref", ""},
		"branch is an option":            {"push", "push", "ref", "refs/heads/-x", "not a ref", ""},
		"ref of no branch":               {"push", "push", "ref", "refs/heads/", "not a ref", ""},
		"endless ref":                    {"push", "push", "ref", "refs/heads/" + strings.Repeat("a", 2000), "2011 bytes", ""},
		"no after":                       {"push", "push", "after", missing{}, "is missing", ""},
		"short after":                    {"push", "push", "after", "6b1f533", "is not a commit", ""},
		"after is an option":             {"push", "push", "after", "--upload-pack=x", "is not a commit", ""},
		"after in upper case":            {"push", "push", "after", strings.ToUpper(commit("c2")), "is not a commit", ""},
		"after with newline":             {"push", "push", "after", commit("c2") + "\n", "is not a commit", ""},
		"no before":                      {"push", "push", "before", missing{}, "is missing", ""},
		"bad before":                     {"push", "push", "before", "HEAD~1", "is not a commit", ""},
		"forced is a string":             {"push", "push", "forced", "false", "is a string, want true or false", ""},
		"no action":                      {"pull_request_opened", "pull_request", "action", missing{}, "is missing", ""},
		"action is a number":             {"pull_request_opened", "pull_request", "action", 1, "is a number, want a string", ""},
		"action with control characters": {"pull_request_opened", "pull_request", "action", "op\ten", "cannot be printed", ""},
		"no pull request":                {"pull_request_opened", "pull_request", "pull_request", missing{}, "is missing", ""},
		"no number":                      {"pull_request_opened", "pull_request", "pull_request.number", missing{}, "not a number above zero", ""},
		"negative number":                {"pull_request_opened", "pull_request", "pull_request.number", -1, "not a number above zero", ""},
		"broken number":                  {"pull_request_opened", "pull_request", "pull_request.number", 7.5, "is a number 7.5, want a whole number", ""},
		"no head":                        {"pull_request_opened", "pull_request", "pull_request.head", missing{}, "is missing", "pull_request.head.ref"},
		"no head sha":                    {"pull_request_opened", "pull_request", "pull_request.head.sha", missing{}, "is missing", ""},
		"zero head sha":                  {"pull_request_opened", "pull_request", "pull_request.head.sha", strings.Repeat("0", 40), "names no commit", ""},
		"bad head ref":                   {"pull_request_opened", "pull_request", "pull_request.head.ref", "a:b", "not a ref", ""},
		"bad head repository":            {"pull_request_opened", "pull_request", "pull_request.head.repo.full_name", "x", "want owner/name", ""},
		"no base sha":                    {"pull_request_opened", "pull_request", "pull_request.base.sha", missing{}, "is missing", ""},
		"no base ref":                    {"pull_request_opened", "pull_request", "pull_request.base.ref", "", "is missing", ""},
		"no release":                     {"release_published", "release", "release", missing{}, "is missing", ""},
		"release without action":         {"release_published", "release", "action", missing{}, "is missing", ""},
		"release without tag":            {"release_published", "release", "release.tag_name", "", "is missing", ""},
		"release of bad tag":             {"release_published", "release", "release.tag_name", "v1..2", "not a ref", ""},
		"create without type":            {"create_branch", "create", "ref_type", missing{}, "is missing", ""},
		"create of unknown type":         {"create_branch", "create", "ref_type", "repository", "neither branch nor tag", ""},
		"dispatch without ref":           {"workflow_dispatch", "workflow_dispatch", "ref", missing{}, "is missing", ""},
		"comment without number":         {"issue_comment_pull_request", "issue_comment", "issue.number", 0, "not a number above zero", ""},
		"issue is a list":                {"issue_comment_issue", "issue_comment", "issue", []any{1}, "is an array, want an object", ""},
		"check without sha":              {"check_run", "check_run", "check_run.head_sha", missing{}, "is missing", ""},
		"no check":                       {"check_run", "check_run", "check_run", missing{}, "is missing", ""},
		"no suite":                       {"check_suite", "check_suite", "check_suite", nil, "is missing", ""},
		"status without sha":             {"status", "status", "sha", missing{}, "is missing", ""},
		"no deployment":                  {"deployment", "deployment", "deployment", missing{}, "is missing", ""},
		"deployment of a branch":         {"deployment_status", "deployment_status", "deployment.sha", "main", "is not a commit", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := reader.Refuses(t, sourcetest.Fault(c))
			if e.Trusted && e.SHA == "" && e.Ref == "" && c.Kind == "push" {
				t.Error("a push that could not be read is trusted")
			}
		})
	}
}

func TestParseMalformedText(t *testing.T) {
	t.Parallel()
	reader.RefusesTexts(t, "push", map[string]struct{ Payload, Want string }{
		"empty":                     {"", "line 1, column 1: is empty, want a JSON object"},
		"blank":                     {" \n\t", "line 1, column 1: is empty, want a JSON object"},
		"not JSON":                  {"hello", "line 1, column 1: invalid character 'h' looking for beginning of value"},
		"fault in the second line":  {"{\n  \"ref\": \"refs/heads/main\",\n  ref\n}", "line 3, column 3: invalid character 'r'"},
		"columns count characters":  {`{"ä": x}`, "line 1, column 7: invalid character 'x'"},
		"cut off":                   {`{"ref": "refs/heads/ma`, "line 1, column 22: unexpected end of JSON input"},
		"text after the end":        {"{}\n{}", "line 2, column 1: invalid character '{' after top-level value"},
		"null":                      {" null", "line 1, column 2: is not a JSON object"},
		"list":                      {"[]", "line 1, column 1: is an array, want an object"},
		"string":                    {`"push"`, "line 1, column 6: is a string, want an object"},
		"not UTF-8":                 {"{\"ref\":\n\"refs/heads/\xff\"}", "line 2, column 13: is not UTF-8"},
		"wrong type with its place": {"{\"repository\": {\n\"private\": \"no\"}}", "line 2, column 15: repository.private: is a string, want true or false"},
	})
}

// The header with the event's name is not signed. No spelling of it may match
// the functions of an event and escape the reading of that event.
func TestParseKind(t *testing.T) {
	t.Parallel()
	reader.RefusesKinds(t, "pull_request_fork", "is not the name of a GitHub event",
		"", "Push", "PULL_REQUEST", "pull-request", "pull__request", "_pull_request", "pull_request_",
		"pull request", "pullRequest", "push\n", "../push", strings.Repeat("a", 101),
	)
	e, err := github.Parse("projects_v2_item", read(t, "issue_comment_issue"))
	if err != nil || e.Name != "projects_v2_item" || e.Filter != "created" {
		t.Errorf("an event without a meaning of its own: %+v, %v", e, err)
	}
}

// A fork's pull request is untrusted whatever the event is called.
func TestForkIsNeverTrusted(t *testing.T) {
	t.Parallel()
	reader.NeverTrusts(t, []string{
		"pull_request", "pull_request_review", "pull_request_review_thread", "pull_request_target", "an_event_of_the_future",
	}, []string{"pull_request_fork", "pull_request_fork_deleted"})
}

// A check is trusted only through a pull request of the repository itself.
func TestCheckOfFork(t *testing.T) {
	t.Parallel()
	end := func(sha string, repository int) map[string]any {
		return map[string]any{"sha": sha, "repo": map[string]any{"id": repository}}
	}
	for name, test := range map[string]struct {
		head, base map[string]any
		want       bool
	}{
		"same repository":    {end(commit("p7"), 1), end(commit("c2"), 1), true},
		"a fork":             {end(commit("p7"), 2), end(commit("c2"), 1), false},
		"no repository":      {end(commit("p7"), 0), end(commit("c2"), 0), false},
		"of another commit":  {end(commit("p9"), 1), end(commit("c2"), 1), false},
		"nothing about them": {nil, nil, false},
	} {
		pulls := []any{map[string]any{"head": test.head, "base": test.base}}
		e, err := github.Parse("check_suite", with(t, "check_suite", "check_suite.pull_requests", pulls))
		if err != nil {
			t.Fatal(err)
		}
		if e.Trusted != test.want {
			t.Errorf("%s: trusted is %t", name, e.Trusted)
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
	reader.Ignores(t, "push", "commits", "head_commit", "pusher", "organization", "installation", "repository.owner", "repository.created_at")
}
