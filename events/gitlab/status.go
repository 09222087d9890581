package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
)

// maxDescription is how long the description of a status may be, in bytes; the
// database column has 255 characters.
const maxDescription = 255

// states are GitLab's words. There is one for each but skipped, which has to
// count as success for a pipeline that must succeed.
var states = map[forge.State]gitlab.BuildStateValue{
	forge.StatePending:   gitlab.Pending,
	forge.StateRunning:   gitlab.Running,
	forge.StateSucceeded: gitlab.Success,
	forge.StateFailed:    gitlab.Failed,
	forge.StateAborted:   gitlab.Canceled,
	forge.StateSkipped:   gitlab.Success,
}

// SetStatus implements [forge.Forge] with GitLab's commit statuses. A status is
// found by its context while it is pending or running; after that GitLab makes a
// new one, which takes the place of the old. Ref is not used.
func (c *Client) SetStatus(ctx context.Context, repository, sha string, s forge.Status, _ string) (string, error) {
	a := asking{"set a commit status", "the scope api, and at least the role Developer"}
	if err := a.checkRepository(repository); err != nil {
		return "", err
	}
	if err := events.CheckSHA(sha); err != nil {
		return "", fmt.Errorf("%s: commit %w", a.doing, err)
	}
	state, ok := states[s.State]
	if !ok {
		return "", fmt.Errorf("%s: no state %q", a.doing, s.State)
	}
	o := &gitlab.SetCommitStatusOptions{
		State:       state,
		Name:        &s.Context,
		Description: gitlab.Ptr(oneLine(s.Description, maxDescription)),
	}
	if s.URL != "" {
		o.TargetURL = &s.URL
	}
	err := c.postStatus(ctx, repository, sha, o)
	if isNotFound(err) {
		// A commit that no branch of the project has, as the head of a fork's
		// merge request: GitLab has to be told which ref it is on.
		ref, refErr := c.refOf(ctx, repository, sha)
		if refErr != nil {
			return "", a.failure(refErr)
		}
		if ref != "" {
			o.Ref = &ref
			err = c.postStatus(ctx, repository, sha, o)
		}
	}
	if err != nil && !s.State.Final() && refusesTransition(err) {
		return "", c.already(ctx, a, repository, sha, s.Context)
	}
	return "", a.failure(err)
}

func (c *Client) postStatus(ctx context.Context, repository, sha string, o *gitlab.SetCommitStatusOptions) error {
	_, _, err := c.api.Commits.SetCommitStatus(repository, sha, o, gitlab.WithContext(ctx))
	return err
}

// refOf returns the ref of the open merge request whose head is the commit, or
// nothing.
func (c *Client) refOf(ctx context.Context, repository, sha string) (string, error) {
	requests, _, err := c.api.Commits.ListMergeRequestsByCommit(repository, sha, gitlab.WithContext(ctx))
	if err != nil {
		return "", err
	}
	for _, m := range requests {
		if m != nil && m.SHA == sha && m.State == "opened" {
			return fmt.Sprintf("refs/merge-requests/%d/head", m.IID), nil
		}
	}
	return "", nil
}

// refusesTransition reports whether GitLab said that a status cannot become what
// it is already: "Cannot transition status via :enqueue from :pending".
func refusesTransition(err error) bool {
	answer, ok := errors.AsType[*gitlab.ErrorResponse](err)
	return ok && answer.StatusCode == http.StatusBadRequest && strings.Contains(string(answer.Body), "Cannot transition status")
}

// already returns nil if a status is pending or running as it is. What a run
// comes to is told by its last status, which GitLab takes from both.
func (c *Client) already(ctx context.Context, a asking, repository, sha, name string) error {
	statuses, _, err := c.api.Commits.GetCommitStatuses(repository, sha, &gitlab.GetCommitStatusesOptions{
		ListOptions: gitlab.ListOptions{PerPage: perPage}, Name: &name,
	}, gitlab.WithContext(ctx))
	if err != nil {
		return a.failure(err)
	}
	for _, s := range statuses {
		if s != nil && s.Name == name && (s.Status == string(gitlab.Pending) || s.Status == string(gitlab.Running)) {
			return nil
		}
	}
	return fmt.Errorf("%s: GitLab does not let the status change", a.doing)
}
