package github

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/forge"
)

// maxDescription is how many characters GitHub takes of a status' description.
const maxDescription = 140

// SetStatus implements [forge.Forge]. With a token it makes a commit status
// ("Create a commit status"), and ref means nothing; [ErrTooManyStatuses] is among
// its errors. As an App it makes a check run or updates the one that ref names.
func (c *Client) SetStatus(ctx context.Context, repository, sha string, s forge.Status, ref string) (string, error) {
	if err := events.CheckSHA(sha); err != nil {
		return ref, err
	}
	if c.checks {
		return c.setCheck(ctx, repository, sha, s, ref)
	}
	status := &github.RepoStatus{State: github.String(stateOf(s.State)), Context: github.String(s.Context)}
	if text := cut(oneLine(s.Description), maxDescription); text != "" {
		status.Description = github.String(text)
	}
	status.TargetURL = webURL(s.URL)
	what := asking{"set a status", "the scope repo:status, or the repository permission Commit statuses (write)"}
	return "", c.in(ctx, repository, what, func(g *github.Client, owner, name string) error {
		_, _, err := g.Repositories.CreateStatus(ctx, owner, name, sha, status)
		return err
	})
}

// stateOf maps a state to GitHub's. A skipped call is a success, because a
// required status that is missing blocks for ever.
func stateOf(s forge.State) string {
	switch s {
	case forge.StateSucceeded, forge.StateSkipped:
		return "success"
	case forge.StateFailed:
		return "failure"
	case forge.StateAborted:
		return "error"
	}
	return "pending"
}

// webURL returns nil for what GitHub refuses as a link.
func webURL(s string) *string {
	if s == "" || events.CheckWebURL(s) != nil {
		return nil
	}
	return &s
}

// oneLine joins lines, and replaces the characters that GitHub refuses in a
// description: those of four bytes.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r > 0xffff {
			return utf8.RuneError
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens text to a number of characters.
func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	runes := []rune(s)
	return strings.TrimRight(string(runes[:most-1]), " ") + "…"
}
