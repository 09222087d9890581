package gitlab

import (
	"context"
	"fmt"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

// PullRequest implements [forge.Forge]. BaseSHA is the tip of the target branch
// now: GitLab's own base_sha is the merge base at the last push, which may be
// older than the rules that the target branch has today. Only if the target
// branch is gone it has to do.
func (c *Client) PullRequest(ctx context.Context, repository string, number int) (forge.PullRequest, error) {
	a := asking{"read a merge request", "the scope read_api, and at least the role Reporter"}
	if err := a.checkRepository(repository); err != nil {
		return forge.PullRequest{}, err
	}
	m, _, err := c.api.MergeRequests.GetMergeRequest(repository, int64(number), nil, gitlab.WithContext(ctx))
	if err != nil {
		return forge.PullRequest{}, a.failure(err)
	}
	p := forge.PullRequest{
		Number:  int(m.IID),
		Title:   m.Title,
		HeadSHA: m.SHA,
		HeadRef: m.SourceBranch,
		BaseRef: m.TargetBranch,
		// A merge request is locked while it is being merged.
		Open:   m.State == "opened" || m.State == "locked",
		Merged: m.State == "merged",
	}
	if m.Author != nil {
		p.Author = m.Author.Username
	}
	branch, _, err := c.api.Branches.GetBranch(repository, m.TargetBranch, gitlab.WithContext(ctx))
	switch {
	case isNotFound(err):
		p.BaseSHA = m.DiffRefs.BaseSha
	case err != nil:
		return forge.PullRequest{}, a.failure(err)
	case branch.Commit != nil:
		p.BaseSHA = branch.Commit.ID
	}
	if p.Fork, err = c.fork(ctx, a, m); err != nil {
		return forge.PullRequest{}, err
	}
	return p, checkPullRequest(a, &p, number)
}

// fork returns the full name of the source project if that is another one.
func (c *Client) fork(ctx context.Context, a asking, m *gitlab.MergeRequest) (string, error) {
	if m.SourceProjectID == m.TargetProjectID && m.TargetProjectID != 0 {
		return "", nil
	}
	if m.SourceProjectID == 0 {
		return delivery.UnknownFork, nil
	}
	source, _, err := c.api.Projects.GetProject(m.SourceProjectID, nil, gitlab.WithContext(ctx))
	if isNotFound(err) {
		return delivery.UnknownFork, nil
	}
	if err != nil {
		return "", a.failure(err)
	}
	return source.PathWithNamespace, nil
}

// checkPullRequest checks what GitLab answered as what it sends is checked.
func checkPullRequest(a asking, p *forge.PullRequest, number int) error {
	checks := []error{
		events.CheckSHA(p.HeadSHA), events.CheckSHA(p.BaseSHA),
		delivery.CheckBranch(p.HeadRef), delivery.CheckBranch(p.BaseRef),
		events.CheckText(p.Author),
	}
	if p.Fork != "" && p.Fork != delivery.UnknownFork {
		checks = append(checks, events.CheckFullName(p.Fork))
	}
	if p.Number != number {
		checks = append(checks, errAnswer)
	}
	for _, err := range checks {
		if err != nil {
			*p = forge.PullRequest{}
			return fmt.Errorf("%s: %w", a.doing, errAnswer)
		}
	}
	return nil
}
