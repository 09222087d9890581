package github

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// kindPattern is how GitHub writes the names of its events. The name comes in
// a header that the signature does not cover, and function names are matched
// without regard to case and separators: a second spelling of pull_request
// would match the same functions but be read as an event without a fork.
var kindPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$`)

// Parse reads the payload of an event of the given kind, which is the name in
// GitHub's X-GitHub-Event header, or "tag" for a push that must be one of a
// tag. A push of a tag becomes the event tag either way.
//
// The event's ID, Delivery and ReceivedAt are left for the caller to set; its
// Payload is the slice that was given. The SHA of a tag is that of the tag
// object, not of its commit, if the tag is annotated: that is what GitHub
// sends. The error is an [*events.MalformedError] or, together with as much of
// the event as is known, an [*events.NothingError].
func Parse(kind string, payload []byte) (events.Event, error) {
	e := events.Event{Vendor: events.VendorGithub}
	if len(kind) > 100 || !kindPattern.MatchString(kind) {
		return e, &events.MalformedError{Reason: fmt.Sprintf("%.100q is not the name of a GitHub event", kind)}
	}
	e.Name, e.Kind = kind, kind
	if kind == events.NameTag {
		e.Kind = events.NamePush
	}
	e.Payload = payload

	var common envelope
	read, known := readers[kind]
	if all := (wholePush{}); e.Kind == events.NamePush && events.DecodeObject(payload, &all) == nil {
		// Of the commonest event everything is read at once. A push that cannot
		// be read so is read as other events are, to say first what is wrong
		// with what all of them have.
		common = all.envelope
		read = all.push.fill
		if kind == events.NameTag {
			read = all.push.fillTag
		}
	} else if err := events.DecodeObject(payload, &common); err != nil {
		return e, err
	}
	if common.Sender != nil {
		if err := events.CheckText(common.Sender.Login); err != nil {
			return e, delivery.Malformed("sender.login", err)
		}
		e.Sender = common.Sender.Login
	}
	if kind == "ping" {
		return e, &events.NothingError{Ping: true, Reason: "a ping only tries out the webhook"}
	}
	if err := events.CheckText(common.Action); err != nil {
		return e, delivery.Malformed("action", err)
	}
	e.Filter = common.Action
	if common.Repository == nil {
		if known {
			return e, delivery.Malformed("repository", errors.New("is missing"))
		}
		return e, &events.NothingError{Reason: "the event " + kind + " belongs to no repository"}
	}
	repository, err := readRepository(common.Repository)
	if err != nil {
		return e, err
	}
	e.Repository = repository
	if !known {
		read = readOther
	}
	return e, read(&e)
}

// readers read the events whose commit, filter or trust are found in fields of
// their own. All of them belong to a repository.
var readers = map[string]func(*events.Event) error{
	events.NamePush:        readPush,
	events.NameTag:         readTag,
	events.NamePullRequest: readPullRequest,
	"release":              delivery.ReadRelease,
	"create":               readRefChange,
	"delete":               readRefChange,
	"workflow_dispatch":    readWorkflowDispatch,
	"issue_comment":        readIssueComment,
	"check_run":            readCheckRun,
	"check_suite":          readCheckSuite,
	"status":               readStatus,
	"deployment":           readDeployment,
	"deployment_status":    readDeployment,
}

func readRepository(r *repository) (*events.Repository, error) {
	return delivery.ReadRepository("repository", events.Repository{
		FullName:      r.FullName,
		CloneURL:      r.CloneURL,
		WebURL:        r.HTMLURL,
		DefaultBranch: r.DefaultBranch,
		Private:       r.Private,
	})
}

func readPush(e *events.Event) error {
	var p push
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	return p.fill(e)
}

func (p *push) fill(e *events.Event) error {
	if err := delivery.ReadPushedRef(e, p.Ref); err != nil {
		return err
	}
	if p.Deleted {
		return delivery.DeletedRef(p.Ref)
	}
	if err := delivery.ReadAfter(e, p.After); err != nil {
		return err
	}
	if err := delivery.ReadBefore(e, p.Before); err != nil {
		return err
	}
	e.Forced = p.Forced
	// Only those with write access push.
	e.Trusted = true
	return nil
}

func readTag(e *events.Event) error {
	var p push
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	return p.fillTag(e)
}

func (p *push) fillTag(e *events.Event) error {
	return delivery.OfTag(e, p.fill(e))
}

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
	if err := readConversation(e, p.PullRequest); err != nil {
		return err
	}
	head, base := p.PullRequest.Head, p.PullRequest.Base
	if err := delivery.CheckBranch(head.Ref); err != nil {
		return delivery.Malformed("pull_request.head.ref", err)
	}
	if err := events.CheckSHA(head.SHA); err != nil {
		return delivery.Malformed("pull_request.head.sha", err)
	}
	if err := events.CheckSHA(base.SHA); err != nil {
		return delivery.Malformed("pull_request.base.sha", err)
	}
	// The repository itself holds the head under this ref, forks' heads too.
	e.Ref = fmt.Sprintf("refs/pull/%d/head", e.PullRequest)
	e.Branch = head.Ref
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
	}
	e.Trusted = e.Fork == ""
	return nil
}

// readRefChange reads create and delete. Their commit is the head of the
// default branch, as a deleted ref has none, and creating one is also
// delivered as a push.
func readRefChange(e *events.Event) error {
	var p refChange
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := delivery.ReadRefType(e, p.RefType); err != nil {
		return err
	}
	e.Trusted = true
	return nil
}

func readWorkflowDispatch(e *events.Event) error {
	var p workflowDispatch
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := events.CheckRef(p.Ref); err != nil {
		return delivery.Malformed("ref", err)
	}
	e.Ref = p.Ref
	e.Branch, e.Tag = events.ShortRef(p.Ref)
	e.Trusted = true
	return nil
}
