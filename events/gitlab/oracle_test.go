package gitlab_test

import (
	"testing"

	clientgo "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/events/gitlab"
)

// The payloads in testdata are written by hand. GitLab's own library must
// understand them, and find in them what this package finds.
func TestSamplesAgainstClientGo(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			payload := read(t, s.file)
			theirs, err := clientgo.ParseWebhook(clientgo.EventType(s.kind), payload)
			if err != nil {
				t.Fatal(err)
			}
			e, _ := gitlab.Parse(s.kind, payload)
			same := func(what, ours, theirs string) {
				t.Helper()
				if ours != theirs {
					t.Errorf("%s is %q, and %q to client-go", what, ours, theirs)
				}
			}
			repository := ""
			switch p := theirs.(type) {
			case *clientgo.PushEvent:
				same("ref", e.Ref, p.Ref)
				same("sha", e.SHA, p.CheckoutSHA)
				same("sender", e.Sender, p.UserUsername)
				same("clone url", e.Repository.CloneURL, p.Project.GitHTTPURL)
				repository = p.Project.PathWithNamespace
			case *clientgo.TagEvent:
				same("ref", e.Ref, p.Ref)
				same("sha", e.SHA, p.CheckoutSHA)
				same("sender", e.Sender, p.UserUsername)
				repository = p.Project.PathWithNamespace
			case *clientgo.MergeEvent:
				if int64(e.PullRequest) != p.ObjectAttributes.IID {
					t.Errorf("number %d, and %d to client-go", e.PullRequest, p.ObjectAttributes.IID)
				}
				same("sha", e.SHA, p.ObjectAttributes.LastCommit.ID)
				same("branch", e.Branch, p.ObjectAttributes.SourceBranch)
				same("base", e.BaseRef, p.ObjectAttributes.TargetBranch)
				same("sender", e.Sender, p.User.Username)
				if fork := p.ObjectAttributes.SourceProjectID != p.ObjectAttributes.TargetProjectID; fork != (e.Fork != "") {
					t.Errorf("fork %q, and %t to client-go", e.Fork, fork)
				}
				if moved := p.ObjectAttributes.OldRev != ""; moved != (e.Filter == "synchronize") {
					t.Errorf("%s, and new commits to client-go: %t", e.Filter, moved)
				}
				repository = p.Project.PathWithNamespace
			case *clientgo.MergeCommentEvent:
				if int64(e.PullRequest) != p.MergeRequest.IID {
					t.Errorf("number %d, and %d to client-go", e.PullRequest, p.MergeRequest.IID)
				}
				if e.Comment != nil {
					same("text", e.Comment.Body, p.ObjectAttributes.Note)
				}
				same("sender", e.Sender, p.User.Username)
				repository = p.Project.PathWithNamespace
			case *clientgo.ReleaseEvent:
				same("tag", e.Tag, p.Tag)
				same("sha", e.SHA, p.Commit.ID)
				repository = p.Project.PathWithNamespace
			case *clientgo.PipelineEvent:
				same("sha", e.SHA, p.ObjectAttributes.SHA)
				same("filter", e.Filter, p.ObjectAttributes.Status)
				repository = p.Project.PathWithNamespace
			case *clientgo.JobEvent:
				same("sha", e.SHA, p.SHA)
				same("filter", e.Filter, p.BuildStatus)
				return
			case *clientgo.DeploymentEvent:
				same("filter", e.Filter, p.Status)
				repository = p.Project.PathWithNamespace
			default:
				return
			}
			same("repository", e.Repository.FullName, repository)
		})
	}
}
