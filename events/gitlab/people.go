package gitlab

import (
	"context"
	"regexp"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"
)

// loginPattern is what GitLab lets people call themselves ("Limitations on
// usernames").
var loginPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$`)

// CanWrite implements [forge.Forge]: write access is the role Developer or
// above, in the project itself, its groups, or a group that it is shared with.
// Administrators who are no members have none.
func (c *Client) CanWrite(ctx context.Context, repository, login string) (bool, error) {
	a := asking{"ask for the role of a person", "the scope read_api, and to be a member of the project"}
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	if err := a.checkRepository(repository); err != nil {
		return false, err
	}
	users, _, err := c.api.Users.ListUsers(&gitlab.ListUsersOptions{Username: &login}, gitlab.WithContext(ctx))
	if err != nil {
		return false, a.failure(err)
	}
	for _, user := range users {
		if user == nil || !strings.EqualFold(user.Username, login) || user.State != "active" {
			continue
		}
		member, _, err := c.api.ProjectMembers.GetInheritedProjectMember(repository, user.ID, gitlab.WithContext(ctx))
		if isNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, a.failure(err)
		}
		return member.ID == user.ID && member.State == "active" && member.AccessLevel >= gitlab.DeveloperPermissions, nil
	}
	return false, nil
}

// HasMerged implements [forge.Forge].
func (c *Client) HasMerged(ctx context.Context, repository, login string) (bool, error) {
	a := asking{"ask for merged merge requests of a person", "the scope read_api, and at least the role Reporter"}
	if !loginPattern.MatchString(login) {
		return false, nil
	}
	if err := a.checkRepository(repository); err != nil {
		return false, err
	}
	merged, _, err := c.api.MergeRequests.ListProjectMergeRequests(repository, &gitlab.ListProjectMergeRequestsOptions{
		ListOptions:    gitlab.ListOptions{PerPage: 1},
		State:          gitlab.Ptr("merged"),
		AuthorUsername: &login,
	}, gitlab.WithContext(ctx))
	if err != nil {
		return false, a.failure(err)
	}
	for _, m := range merged {
		// The answer is checked: a filter that GitLab does not know is no filter.
		if m != nil && m.State == "merged" && m.Author != nil && strings.EqualFold(m.Author.Username, login) {
			return true, nil
		}
	}
	return false, nil
}

// user returns the id of the token's own user.
func (c *Client) user(ctx context.Context) (int64, error) {
	if id := c.self.Load(); id != 0 {
		return id, nil
	}
	a := asking{"ask for the token's own user", "the scope read_user or api"}
	user, _, err := c.api.Users.CurrentUser(gitlab.WithContext(ctx))
	if err != nil {
		return 0, a.failure(err)
	}
	if user.ID <= 0 {
		return 0, a.failure(errAnswer)
	}
	c.self.Store(user.ID)
	return user.ID, nil
}
