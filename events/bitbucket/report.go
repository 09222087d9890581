package bitbucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/rest"
)

const (
	// maxName and maxDescription are what Bitbucket takes of a status, in bytes.
	maxName        = 255
	maxDescription = 255
	// keyDigits is how long the key of a status may be.
	keyDigits = 40
)

// states are Bitbucket's words for the states of a status. It has none for what
// waits and none for what is skipped.
var states = map[forge.State]string{
	forge.StatePending:   "INPROGRESS",
	forge.StateRunning:   "INPROGRESS",
	forge.StateSucceeded: "SUCCESSFUL",
	forge.StateSkipped:   "SUCCESSFUL",
	forge.StateFailed:    "FAILED",
	forge.StateAborted:   "STOPPED",
}

// buildStatus is what a commitstatus of Bitbucket's API is made of.
type buildStatus struct {
	Key         string `json:"key"`
	State       string `json:"state"`
	Name        string `json:"name"`
	URL         string `json:"url"`
	Description string `json:"description"`
}

// keyOf returns the key of the status with a context, which is longer than a key
// may be.
func keyOf(context string) string {
	sum := sha256.Sum256([]byte(context))
	return hex.EncodeToString(sum[:])[:keyDigits]
}

// SetStatus implements [forge.Forge]. A status with the same key takes the place
// of the earlier one, so that there is nothing to refer to. Bitbucket wants a link;
// without one to a run it is that to the commit.
func (c *Client) SetStatus(ctx context.Context, repository, sha string, s forge.Status, _ string) (string, error) {
	const doing = "set a status"
	if err := events.CheckSHA(sha); err != nil {
		return "", fmt.Errorf("%s: the commit %w", doing, err)
	}
	state, known := states[s.State]
	if !known {
		return "", fmt.Errorf("%s: %q is no state", doing, s.State)
	}
	path, err := repositoryPath(repository, "commit", sha, "statuses", "build")
	if err != nil {
		return "", err
	}
	status := buildStatus{
		Key: keyOf(s.Context), State: state, Name: rest.Line(s.Context, maxName), URL: s.URL, Description: rest.Line(s.Description, maxDescription),
	}
	if status.URL == "" {
		status.URL = webAddress + repository + "/commits/" + sha
	}
	return "", c.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: path, Body: status, Doing: doing, Needs: scopeWrite}, nil)
}

// commentBody is what a comment of Bitbucket's API is made of.
type commentBody struct {
	Content struct {
		Raw string `json:"raw"`
	} `json:"content"`
}

// Comment implements [forge.Forge]. Only comments of the token's owner are
// edited, whatever others write. Whose a token is that may not ask for itself is
// known once it has written a comment.
func (c *Client) Comment(ctx context.Context, repository string, number int, wanted forge.Comment) error {
	path, err := repositoryPath(repository, "pullrequests", strconv.Itoa(number), "comments")
	if err != nil {
		return err
	}
	own, err := c.owner(ctx)
	if err != nil {
		return err
	}
	var body commentBody
	body.Content.Raw = wanted.Text()
	var found *comment
	err = list(ctx, c, rest.Request{Path: path, Doing: "list comments", Needs: scopePull}, func(w struct {
		comment
		Deleted bool `json:"deleted"`
	}) bool {
		if !w.Deleted && w.User.is(own) && strings.Contains(w.Content.Raw, forge.MarkerOf(wanted.Marker)) {
			found = &w.comment
		}
		return found == nil
	})
	switch {
	case err != nil:
		return err
	case found != nil && found.Content.Raw == wanted.Text():
		return nil
	case found != nil:
		return c.api.Do(ctx, rest.Request{
			Method: http.MethodPut, Path: append(path, strconv.FormatInt(found.ID, 10)), Body: body, Doing: "edit a comment", Needs: scopePullWrite,
		}, nil)
	}
	var written comment
	err = c.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: path, Body: body, Doing: "write a comment", Needs: scopePullWrite}, &written)
	if err == nil {
		c.learn(written.User.login())
	}
	return err
}

// owner returns what identifies the token's owner, or nothing if the token may
// not ask.
func (c *Client) owner(ctx context.Context) (string, error) {
	c.mu.Lock()
	own := c.own
	c.mu.Unlock()
	if own != "" {
		return own, nil
	}
	var answer account
	err := c.api.Do(ctx, rest.Request{Path: []string{"user"}, Doing: "ask whose the token is", Needs: scopeOwnIdentity}, &answer)
	if denied, ok := errors.AsType[*forge.PermissionError](err); ok && !denied.Stops() || errors.Is(err, forge.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	c.learn(answer.login())
	return answer.login(), nil
}

// learn keeps whose the token is.
func (c *Client) learn(own string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own == "" {
		c.own = own
	}
}

// React implements [forge.Forge]. Bitbucket's API has no reactions.
func (c *Client) React(context.Context, string, int, string, forge.Reaction) error {
	return forge.ErrUnsupported
}
