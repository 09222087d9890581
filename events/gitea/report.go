package gitea

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

// maxDescription is how long a description may be in bytes. Gitea names no limit
// and shows one line.
const maxDescription = 255

// states are Gitea's words for the states of a status. It has none for running,
// and only newer versions have one for skipped, which counts as success there
// too.
var states = map[forge.State]string{
	forge.StatePending:   "pending",
	forge.StateRunning:   "pending",
	forge.StateSucceeded: "success",
	forge.StateSkipped:   "success",
	forge.StateFailed:    "failure",
	forge.StateAborted:   "error",
}

// statusOption is CreateStatusOption of Gitea's API.
type statusOption struct {
	State       string `json:"state"`
	TargetURL   string `json:"target_url"`
	Description string `json:"description"`
	Context     string `json:"context"`
}

// SetStatus implements [forge.Forge]. Gitea keeps every status and shows the
// latest with a context, so that there is nothing to refer to.
func (c *Client) SetStatus(ctx context.Context, repository, sha string, s forge.Status, _ string) (string, error) {
	const doing = "set a status"
	if err := events.CheckSHA(sha); err != nil {
		return "", fmt.Errorf("%s: the commit %w", doing, err)
	}
	state, known := states[s.State]
	if !known {
		return "", fmt.Errorf("%s: %q is no state", doing, s.State)
	}
	path, err := repositoryPath(repository, "statuses", sha)
	if err != nil {
		return "", err
	}
	return "", c.api.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: path, Doing: doing, Needs: scopeWriteRepository,
		Body: statusOption{state, s.URL, rest.Line(s.Description, maxDescription), s.Context},
	}, nil)
}

// bodyOption is CreateIssueCommentOption and EditIssueCommentOption of Gitea's
// API.
type bodyOption struct {
	Body string `json:"body"`
}

// Comment implements [forge.Forge]. Only comments of the token's owner are
// edited, whatever others write.
func (c *Client) Comment(ctx context.Context, repository string, number int, comment forge.Comment) error {
	path, err := repositoryPath(repository, "issues", strconv.Itoa(number), "comments")
	if err != nil {
		return err
	}
	own, err := c.owner(ctx)
	if err != nil {
		return err
	}
	// Gitea gives all comments at once.
	var written []struct {
		ID   int64  `json:"id"`
		Body string `json:"body"`
		User *struct {
			Login string `json:"login"`
		} `json:"user"`
	}
	err = c.api.Do(ctx, rest.Request{Path: path, Doing: "list comments", Needs: scopeReadIssue}, &written)
	if err != nil {
		return err
	}
	for _, w := range written {
		if w.User == nil || w.User.Login != own || !strings.Contains(w.Body, forge.MarkerOf(comment.Marker)) {
			continue
		}
		if w.Body == comment.Text() {
			return nil
		}
		path, err := repositoryPath(repository, "issues", "comments", strconv.FormatInt(w.ID, 10))
		if err != nil {
			return err
		}
		return c.api.Do(ctx, rest.Request{
			Method: http.MethodPatch, Path: path, Body: bodyOption{comment.Text()}, Doing: "edit a comment", Needs: scopeWriteIssue,
		}, nil)
	}
	return c.api.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: path, Body: bodyOption{comment.Text()}, Doing: "write a comment", Needs: scopeWriteIssue,
	}, nil)
}

// owner returns the login of the token's owner.
func (c *Client) owner(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.login != "" {
		return c.login, nil
	}
	var answer struct {
		Login string `json:"login"`
	}
	const doing = "ask whose the token is"
	if err := c.api.Do(ctx, rest.Request{Path: []string{"user"}, Doing: doing, Needs: scopeReadUser}, &answer); err != nil {
		return "", err
	}
	if answer.Login == "" {
		return "", fmt.Errorf("%s: the answer names nobody", doing)
	}
	c.login = answer.Login
	return c.login, nil
}

// reactions are Gitea's words for them, of those that it allows unless it is
// configured otherwise ([ui] REACTIONS).
var reactions = map[forge.Reaction]string{forge.ReactionSeen: "eyes", forge.ReactionRefused: "-1"}

var idPattern = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)

// React implements [forge.Forge].
func (c *Client) React(ctx context.Context, repository string, _ int, comment string, r forge.Reaction) error {
	const doing = "react to a comment"
	content, known := reactions[r]
	switch {
	case !known:
		return fmt.Errorf("%s: %q is no reaction", doing, r)
	case !idPattern.MatchString(comment):
		return fmt.Errorf("%s: %w", doing, forge.ErrNotFound)
	}
	path, err := repositoryPath(repository, "issues", "comments", comment, "reactions")
	if err != nil {
		return err
	}
	return c.api.Do(ctx, rest.Request{
		Method: http.MethodPost, Path: path, Body: map[string]string{"content": content}, Doing: doing, Needs: scopeWriteIssue,
	}, nil)
}
