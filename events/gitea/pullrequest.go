package gitea

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

func readPullRequest(e *events.Event) error {
	var p pullRequestEvent
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	switch {
	case e.Filter == "":
		return delivery.Malformed("action", errors.New("is missing"))
	case p.PullRequest == nil:
		return delivery.Malformed("pull_request", errors.New("is missing"))
	}
	return readPull(e, p.PullRequest)
}

// readPull reads a pull request itself, from a payload or from the API.
func readPull(e *events.Event, p *pullRequest) error {
	if err := readConversation(e, p); err != nil {
		return err
	}
	head, base := p.Head, p.Base
	if err := events.CheckSHA(head.SHA); err != nil {
		return delivery.Malformed("pull_request.head.sha", err)
	}
	if err := events.CheckSHA(base.SHA); err != nil {
		return delivery.Malformed("pull_request.base.sha", err)
	}
	switch {
	case !strings.HasPrefix(head.Ref, "refs/"):
		if err := delivery.CheckBranch(head.Ref); err != nil {
			return delivery.Malformed("pull_request.head.ref", err)
		}
		e.Branch = head.Ref
	case delivery.CheckBranch(head.Label) == nil:
		e.Branch = head.Label // a branch that is gone
	}
	// The repository itself holds the head under this ref, forks' heads too.
	e.Ref = fmt.Sprintf("refs/pull/%d/head", e.PullRequest)
	e.SHA = head.SHA
	e.BaseSHA = base.SHA
	return nil
}

// readConversation reads what is the same for a pull request and for whatever
// is said on it: its number, its target branch, and whether it is a fork's.
func readConversation(e *events.Event, p *pullRequest) error {
	if err := delivery.ReadNumber(e, "pull_request.number", p.Number); err != nil {
		return err
	}
	if err := delivery.ReadBase(e, "pull_request.base.ref", p.Base.Ref); err != nil {
		return err
	}
	switch {
	case p.Head.Repo == nil:
		e.Fork = delivery.UnknownFork
	case p.Head.Repo.FullName != e.Repository.FullName:
		if err := delivery.CheckRepository(p.Head.Repo.FullName); err != nil {
			return delivery.Malformed("pull_request.head.repo.full_name", err)
		}
		e.Fork = p.Head.Repo.FullName
	case p.Head.Ref == "" || strings.HasPrefix(p.Head.Ref, "refs/"):
		// Not a branch of the repository. Whoever may read it can propose a
		// commit by a push to refs/for ("AGit flow"), and the payload names
		// the repository as the head's all the same.
		e.Fork = delivery.UnknownFork
	}
	e.Trusted = e.Fork == ""
	return nil
}

func readReview(e *events.Event) error {
	var p pullRequestEvent
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.PullRequest == nil {
		return delivery.Malformed("pull_request", errors.New("is missing"))
	}
	return readConversation(e, p.PullRequest)
}

// readComment reads a comment on an issue or on a pull request. What is said on a
// pull request is never trusted: anybody may say it.
func readComment(e *events.Event) error {
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	e.Trusted = true
	if p.IsPull || p.PullRequest != nil || p.Issue != nil && p.Issue.PullRequest != nil {
		if p.PullRequest != nil {
			if err := readConversation(e, p.PullRequest); err != nil {
				return err
			}
		}
		e.Trusted = false
		if p.Issue == nil || p.Issue.Number <= 0 {
			return delivery.Malformed("issue.number", errors.New("is not a number above zero"))
		}
		e.PullRequest = p.Issue.Number
	}
	if p.Comment == nil {
		return nil
	}
	if strings.Contains(p.Comment.Body, forge.MarkerPrefix) {
		e.Trusted = false
		return delivery.Own()
	}
	if e.PullRequest == 0 || e.Filter != "created" {
		return nil
	}
	switch {
	case p.Comment.ID <= 0:
		return delivery.Malformed("comment.id", errors.New("is not a number above zero"))
	case p.Comment.User == nil || p.Comment.User.Login == "":
		return delivery.Malformed("comment.user.login", errors.New("is missing"))
	}
	if err := events.CheckText(p.Comment.User.Login); err != nil {
		return delivery.Malformed("comment.user.login", err)
	}
	e.Comment = &events.Comment{
		ID: strconv.FormatInt(p.Comment.ID, 10), Author: p.Comment.User.Login, Body: p.Comment.Body,
	}
	return nil
}

// readStatus reads a status. A sha alone does not say whose it is: forks share
// their objects with the repository, and the payload names no branch that would
// show it to be the repository's own.
func readStatus(e *events.Event) error {
	var p status
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if strings.HasPrefix(p.Context, forge.ContextPrefix) {
		return delivery.Own()
	}
	return delivery.ReadSHA(e, "sha", p.SHA)
}

// readOther reads every event whose commit is the head of the default branch.
func readOther(e *events.Event) error {
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	e.Trusted = true
	switch {
	case p.PullRequest != nil:
		return readConversation(e, p.PullRequest)
	case p.Issue != nil && p.Issue.PullRequest != nil:
		if err := delivery.ReadNumber(e, "issue.number", p.Issue.Number); err != nil {
			return err
		}
		e.Trusted = false
	case p.WorkflowRun != nil:
		head := p.WorkflowRun.HeadRepository
		e.Trusted = head != nil && head.FullName == e.Repository.FullName
	}
	return nil
}
