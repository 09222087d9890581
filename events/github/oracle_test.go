package github_test

import (
	"strconv"
	"strings"
	"testing"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/events/github"
)

// The payloads in testdata are written by hand. go-github, which many programs
// use on real deliveries, must understand them, and find in them what this
// package finds.
func TestSamplesAgainstGoGithub(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			payload := read(t, s.file)
			theirs, err := gogithub.ParseWebHook(s.kind, payload)
			if err != nil {
				t.Fatal(err)
			}
			e, _ := github.Parse(s.kind, payload)
			same := func(what, ours, theirs string) {
				t.Helper()
				if ours != theirs {
					t.Errorf("%s is %q, and %q to go-github", what, ours, theirs)
				}
			}
			sender, repository := "", ""
			switch p := theirs.(type) {
			case *gogithub.PushEvent:
				same("ref", e.Ref, p.GetRef())
				same("sha", e.SHA, trimZeros(p.GetAfter()))
				if s.nothing == "" {
					same("before", e.Before, trimZeros(p.GetBefore()))
				}
				if e.Forced != p.GetForced() || (s.nothing != "") != p.GetDeleted() || p.GetCreated() != (trimZeros(p.GetBefore()) == "") {
					t.Errorf("forced %t, created %t, deleted %t", p.GetForced(), p.GetCreated(), p.GetDeleted())
				}
				if head := p.GetHeadCommit(); (head == nil) != p.GetDeleted() {
					t.Errorf("head commit %v", head)
				}
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
				same("clone url", e.Repository.CloneURL, p.GetRepo().GetCloneURL())
			case *gogithub.PullRequestEvent:
				same("filter", e.Filter, p.GetAction())
				same("sha", e.SHA, p.GetPullRequest().GetHead().GetSHA())
				same("branch", e.Branch, p.GetPullRequest().GetHead().GetRef())
				same("base sha", e.BaseSHA, p.GetPullRequest().GetBase().GetSHA())
				same("base ref", e.BaseRef, p.GetPullRequest().GetBase().GetRef())
				if e.PullRequest != p.GetNumber() || e.PullRequest != p.GetPullRequest().GetNumber() {
					t.Errorf("number %d, and %d to go-github", e.PullRequest, p.GetNumber())
				}
				if merged := strings.HasSuffix(s.file, "_merged"); merged != p.GetPullRequest().GetMerged() {
					t.Errorf("merged is %t", !merged)
				}
				if draft := strings.HasSuffix(s.file, "_draft"); draft != p.GetPullRequest().GetDraft() {
					t.Errorf("draft is %t", !draft)
				}
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.ReleaseEvent:
				same("filter", e.Filter, p.GetAction())
				same("tag", e.Tag, p.GetRelease().GetTagName())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.CreateEvent:
				same("filter", e.Filter, p.GetRefType())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.DeleteEvent:
				same("filter", e.Filter, p.GetRefType())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.WorkflowDispatchEvent:
				same("ref", e.Ref, p.GetRef())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.IssueCommentEvent:
				same("filter", e.Filter, p.GetAction())
				if (e.PullRequest != 0) != p.GetIssue().IsPullRequest() {
					t.Errorf("number %d, is a pull request to go-github: %t", e.PullRequest, p.GetIssue().IsPullRequest())
				}
				if c := e.Comment; c != nil {
					same("comment", c.Body, p.GetComment().GetBody())
					same("comment id", c.ID, strconv.FormatInt(p.GetComment().GetID(), 10))
					same("author", c.Author, p.GetComment().GetUser().GetLogin())
				}
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.PullRequestReviewEvent:
				if e.PullRequest != p.GetPullRequest().GetNumber() {
					t.Errorf("number %d, and %d to go-github", e.PullRequest, p.GetPullRequest().GetNumber())
				}
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.CheckRunEvent:
				same("sha", e.SHA, p.GetCheckRun().GetHeadSHA())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.CheckSuiteEvent:
				same("sha", e.SHA, p.GetCheckSuite().GetHeadSHA())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.StatusEvent:
				same("sha", e.SHA, p.GetSHA())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.DeploymentEvent:
				same("sha", e.SHA, p.GetDeployment().GetSHA())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			case *gogithub.DeploymentStatusEvent:
				same("sha", e.SHA, p.GetDeployment().GetSHA())
				sender, repository = p.GetSender().GetLogin(), p.GetRepo().GetFullName()
			default:
				return
			}
			same("sender", e.Sender, sender)
			same("repository", e.Repository.FullName, repository)
		})
	}
}

func trimZeros(sha string) string {
	if strings.Trim(sha, "0") == "" {
		return ""
	}
	return sha
}

// A signature that go-github accepts as SHA-256 is one that is accepted here.
func TestSignatureAgainstGoGithub(t *testing.T) {
	t.Parallel()
	source := newSource(t, secret)
	body := read(t, "ping")
	for _, signature := range []string{
		sign(secret, body), "sha256=" + strings.ToUpper(sign(secret, body)[7:]), sign("wrong", body), sign(secret, nil), "sha256=", "x", "",
	} {
		theirs := gogithub.ValidateSignature(signature, body, []byte(secret))
		_, ours := source.Receive(map[string][]string{"X-Hub-Signature-256": {signature}, "X-GitHub-Event": {"ping"}}, body)
		accepted := ours != nil && strings.HasPrefix(ours.Error(), "nothing to plan: a ping")
		if accepted != (theirs == nil) {
			t.Errorf("signature %q: %v, and %v to go-github", signature, ours, theirs)
		}
	}
}
