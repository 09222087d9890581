package gitlab

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/franela/pocketci/internal/forge"
)

// Comment implements [forge.Forge]. A comment is the client's own if its author
// is the token's user: anybody can copy a marker.
func (c *Client) Comment(ctx context.Context, repository string, number int, comment forge.Comment) error {
	a := asking{"comment on a merge request", "the scope api, and at least the role Reporter"}
	if err := a.checkRepository(repository); err != nil {
		return err
	}
	self, err := c.user(ctx)
	if err != nil {
		return err
	}
	var own *gitlab.Note
	err = all(func(page gitlab.ListOptions) (*gitlab.Response, error) {
		notes, response, err := c.api.Notes.ListMergeRequestNotes(repository, int64(number), &gitlab.ListMergeRequestNotesOptions{
			ListOptions: page, OrderBy: gitlab.Ptr("created_at"), Sort: gitlab.Ptr("asc"),
		}, gitlab.WithContext(ctx))
		for _, n := range notes {
			if own == nil && n != nil && !n.System && n.Author.ID == self && strings.Contains(n.Body, forge.MarkerOf(comment.Marker)) {
				own = n
			}
		}
		return response, err
	})
	if err != nil {
		return a.failure(err)
	}
	text := comment.Text()
	switch {
	case own == nil:
		_, _, err = c.api.Notes.CreateMergeRequestNote(repository, int64(number), &gitlab.CreateMergeRequestNoteOptions{Body: &text}, gitlab.WithContext(ctx))
	case own.Body != text:
		_, _, err = c.api.Notes.UpdateMergeRequestNote(repository, int64(number), own.ID, &gitlab.UpdateMergeRequestNoteOptions{Body: &text}, gitlab.WithContext(ctx))
	}
	return a.failure(err)
}

// emoji are the reactions by GitLab's names.
var emoji = map[forge.Reaction]string{forge.ReactionSeen: "eyes", forge.ReactionRefused: "thumbsdown"}

// React implements [forge.Forge]. To give the same sign twice is no error.
func (c *Client) React(ctx context.Context, repository string, number int, comment string, r forge.Reaction) error {
	a := asking{"react to a comment", "the scope api, and at least the role Reporter"}
	if err := a.checkRepository(repository); err != nil {
		return err
	}
	id, err := strconv.ParseInt(comment, 10, 64)
	name, ok := emoji[r]
	if err != nil || !ok {
		return fmt.Errorf("%s: no comment %.40q or no reaction %.40q", a.doing, comment, r)
	}
	_, _, err = c.api.AwardEmoji.CreateMergeRequestAwardEmojiOnNote(repository, int64(number), id,
		&gitlab.CreateAwardEmojiOptions{Name: name}, gitlab.WithContext(ctx))
	if !isNotFound(err) {
		return a.failure(err)
	}
	// GitLab answers 404 as well if the sign is there already.
	self, selfErr := c.user(ctx)
	if selfErr != nil {
		return selfErr
	}
	given, _, listErr := c.api.AwardEmoji.ListMergeRequestAwardEmojiOnNote(repository, int64(number), id,
		&gitlab.ListAwardEmojiOptions{ListOptions: gitlab.ListOptions{PerPage: perPage}}, gitlab.WithContext(ctx))
	if listErr != nil {
		return a.failure(listErr)
	}
	for _, g := range given {
		if g != nil && g.Name == name && g.User.ID == self {
			return nil
		}
	}
	return a.failure(err)
}
