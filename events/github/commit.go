package github

import (
	"errors"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

// This file reads the events that name a commit by its sha alone, and those
// that name none.
//
// A sha alone does not say whose it is: forks share their objects with the
// repository, so that statuses, checks and deployments can be about a commit
// that somebody without write access has written. Such an event is trusted
// only if its payload proves that the commit is the repository's own.

func readCheckRun(e *events.Event) error {
	var p checkRun
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := readCheck(e, "check_run", p.Check); err != nil {
		return err
	}
	if strings.HasPrefix(p.Check.Name, forge.ContextPrefix) && !asksAgain(e.Filter) {
		return delivery.Own()
	}
	return nil
}

func readCheckSuite(e *events.Event) error {
	var p checkSuite
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	return readCheck(e, "check_suite", p.Check)
}

func readCheck(e *events.Event, path string, c *check) error {
	if c == nil {
		return delivery.Malformed(path, errors.New("is missing"))
	}
	if err := delivery.ReadSHA(e, path+".head_sha", c.HeadSHA); err != nil {
		return err
	}
	// The branch that a check names may be a fork's of the same name; only
	// its pull requests name a repository.
	for _, p := range c.PullRequests {
		if p.Head.SHA == c.HeadSHA && p.Head.Repo.ID != 0 && p.Head.Repo.ID == p.Base.Repo.ID {
			e.Trusted = true
		}
	}
	return nil
}

func readStatus(e *events.Event) error {
	var p status
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	e.Trusted = len(p.Branches) > 0
	if err := delivery.ReadSHA(e, "sha", p.SHA); err != nil {
		return err
	}
	if strings.HasPrefix(p.Context, forge.ContextPrefix) {
		return delivery.Own()
	}
	return nil
}

func readDeployment(e *events.Event) error {
	var p deployment
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.Deployment == nil {
		return delivery.Malformed("deployment", errors.New("is missing"))
	}
	return delivery.ReadSHA(e, "deployment.sha", p.Deployment.SHA)
}

// readOther reads every event whose commit is the head of the default branch.
// What is said on a fork's pull request is not trusted, and neither is a
// comment whose payload does not tell whose pull request it is on.
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
