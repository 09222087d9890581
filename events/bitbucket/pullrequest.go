package bitbucket

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

// hashPattern is a commit as pull requests name it. Twelve digits are what is
// sent; that it is not more is nowhere promised.
var hashPattern = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

func readPullRequest(e *events.Event) error {
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.PullRequest == nil {
		return delivery.Malformed("pullrequest", errors.New("is missing"))
	}
	return readPull(e, p.PullRequest)
}

// readPull reads a pull request itself, from a payload or from the API.
func readPull(e *events.Event, p *pullRequest) error {
	if err := readConversation(e, p); err != nil {
		return err
	}
	if err := delivery.CheckBranch(p.Source.Branch.Name); err != nil {
		return delivery.Malformed("pullrequest.source.branch.name", err)
	}
	for _, end := range []struct {
		path, hash string
		sha        *string
	}{
		{"source", p.Source.hash(), &e.SHA}, {"destination", p.Destination.hash(), &e.BaseSHA},
	} {
		switch {
		case events.CheckSHA(end.hash) == nil:
			*end.sha = end.hash
		case !hashPattern.MatchString(end.hash) || events.IsZeroSHA(end.hash):
			return delivery.Malformed("pullrequest."+end.path+".commit.hash", fmt.Errorf("%.80q is not a commit", end.hash))
		}
	}
	e.Branch = p.Source.Branch.Name
	if e.Fork == "" {
		// Bitbucket keeps no ref for pull requests.
		e.Ref = "refs/heads/" + e.Branch
	}
	return nil
}

// readConversation reads what is the same for a pull request and for whatever
// is said on it: its number, its target branch, and whether it is a fork's.
func readConversation(e *events.Event, p *pullRequest) error {
	if err := delivery.ReadNumber(e, "pullrequest.id", p.ID); err != nil {
		return err
	}
	if err := delivery.CheckBranch(p.Destination.Branch.Name); err != nil {
		return delivery.Malformed("pullrequest.destination.branch.name", err)
	}
	if to := p.Destination.Repository; to == nil || to.FullName != e.Repository.FullName {
		return delivery.Malformed("pullrequest.destination.repository", errors.New("is not the repository of the event"))
	}
	e.BaseRef = p.Destination.Branch.Name
	switch from := p.Source.Repository; {
	case from == nil:
		e.Fork = delivery.UnknownFork
	case from.FullName != e.Repository.FullName:
		if err := delivery.CheckRepository(from.FullName); err != nil {
			return delivery.Malformed("pullrequest.source.repository.full_name", err)
		}
		e.Fork = from.FullName
	}
	e.Trusted = e.Fork == ""
	return nil
}

func readReview(e *events.Event) error {
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.PullRequest == nil {
		return delivery.Malformed("pullrequest", errors.New("is missing"))
	}
	return readConversation(e, p.PullRequest)
}

// readComment reads a comment on a pull request, and whatever else may be sent
// about one. It is never trusted: anybody may say it.
func readComment(e *events.Event) error {
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.PullRequest == nil {
		return delivery.Malformed("pullrequest", errors.New("is missing"))
	}
	if err := readConversation(e, p.PullRequest); err != nil {
		return err
	}
	e.Trusted = false
	if p.Comment == nil {
		return nil
	}
	if p.Comment.Inline != nil && e.Name == nameComment {
		e.Name = nameInlineComment
	}
	if strings.Contains(p.Comment.Content.Raw, forge.MarkerPrefix) {
		return delivery.Own()
	}
	if e.Filter != "created" {
		return nil
	}
	author := p.Comment.User.login()
	switch {
	case p.Comment.ID <= 0:
		return delivery.Malformed("comment.id", errors.New("is not a number above zero"))
	case author == "":
		return delivery.Malformed("comment.user", errors.New("is missing"))
	}
	if err := events.CheckText(author); err != nil {
		return delivery.Malformed("comment.user", err)
	}
	e.Comment = &events.Comment{ID: strconv.FormatInt(p.Comment.ID, 10), Author: author, Body: p.Comment.Content.Raw}
	return nil
}

// readStatus reads a status, which names its commit by a link. A sha alone does
// not say whose it is, and no branch is given that would show it to be the
// repository's own.
func readStatus(e *events.Event) error {
	var p statusEvent
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	switch {
	case p.Status == nil:
		return delivery.Malformed("commit_status", errors.New("is missing"))
	case strings.HasPrefix(p.Status.Name, forge.ContextPrefix):
		return delivery.Own()
	}
	return delivery.ReadSHA(e, "commit_status.links.commit.href", path.Base(p.Status.Links.Commit.Href))
}

// readOther reads every event whose commit is the head of the default branch.
func readOther(e *events.Event) error {
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	e.Trusted = true
	if p.Comment != nil && strings.Contains(p.Comment.Content.Raw, forge.MarkerPrefix) {
		e.Trusted = false
		return delivery.Own()
	}
	if p.PullRequest != nil {
		return readConversation(e, p.PullRequest)
	}
	return nil
}
