package github

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/internal/forge"
)

const (
	// maxComment is how many characters GitHub takes in a comment, of which some
	// are left for the marker.
	maxComment = 65536 - 512
	// maxCommentPages bounds how many pages of a hundred comments are looked
	// through for pocketci's own.
	maxCommentPages = 50
)

var commentsAsking = asking{"comment on a pull request", "the scope repo (public_repo for public ones), or the repository permission Pull requests (write)"}

// Comment implements [forge.Forge]. Only a comment that holds the marker and that
// GitHub says this client wrote is edited, so that nobody has his own replaced by
// writing a marker.
func (c *Client) Comment(ctx context.Context, repository string, number int, comment forge.Comment) error {
	if number <= 0 {
		return fmt.Errorf("%s: %w", commentsAsking.what, forge.ErrNotFound)
	}
	self, err := c.access.login(ctx)
	if err != nil {
		return err
	}
	select {
	case c.commenting <- struct{}{}:
		defer func() { <-c.commenting }()
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", commentsAsking.what, context.Cause(ctx))
	}
	comment.Body = cut(comment.Body, maxComment)
	text := comment.Text()
	old, err := c.ownComment(ctx, repository, number, self, comment.Marker)
	switch {
	case err != nil:
		return err
	case old == nil:
		return c.in(ctx, repository, commentsAsking, func(g *github.Client, owner, name string) error {
			_, _, err := g.Issues.CreateComment(ctx, owner, name, number, &github.IssueComment{Body: &text})
			return err
		})
	case old.GetBody() == text:
		return nil
	}
	return c.in(ctx, repository, commentsAsking, func(g *github.Client, owner, name string) error {
		_, _, err := g.Issues.EditComment(ctx, owner, name, old.GetID(), &github.IssueComment{Body: &text})
		return err
	})
}

// ownComment returns this client's comment with a marker, or nil.
func (c *Client) ownComment(ctx context.Context, repository string, number int, self, marker string) (*github.IssueComment, error) {
	options := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for range maxCommentPages {
		var comments []*github.IssueComment
		var response *github.Response
		err := c.in(ctx, repository, commentsAsking, func(g *github.Client, owner, name string) (err error) {
			comments, response, err = g.Issues.ListComments(ctx, owner, name, number, options)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, comment := range comments {
			if strings.EqualFold(comment.GetUser().GetLogin(), self) && strings.Contains(comment.GetBody(), forge.MarkerOf(marker)) {
				return comment, nil
			}
		}
		if response.NextPage <= options.Page {
			break
		}
		options.Page = response.NextPage
	}
	return nil, nil
}

// React implements [forge.Forge]. To a comment that has the reaction GitHub adds
// none.
func (c *Client) React(ctx context.Context, repository string, _ int, comment string, r forge.Reaction) error {
	id, err := strconv.ParseInt(comment, 10, 64)
	if err != nil || id <= 0 {
		return fmt.Errorf("%.80q is no id of a comment", comment)
	}
	content := ""
	switch r {
	case forge.ReactionSeen:
		content = "eyes"
	case forge.ReactionRefused:
		content = "-1"
	default:
		return errors.New("no such reaction")
	}
	what := asking{"react to a comment", commentsAsking.needs}
	return c.in(ctx, repository, what, func(g *github.Client, owner, name string) error {
		_, _, err := g.Reactions.CreateIssueCommentReaction(ctx, owner, name, id, content)
		return err
	})
}
