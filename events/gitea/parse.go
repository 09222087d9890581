package gitea

import (
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// Parse reads the payload of an event of the given kind, which is the name in
// the X-Gitea-Event header, or "tag" for a push that must be one of a tag. A
// push of a tag becomes the event tag either way. Events and actions that GitHub
// has as well get GitHub's names, so that functions match both; Kind stays the
// vendor's.
//
// The event's ID, Delivery and ReceivedAt are left for the caller to set; its
// Payload is the slice that was given. Forced is never set, since the payload
// does not tell. The error is an [*events.MalformedError] or, together with as
// much of the event as is known, an [*events.NothingError].
func Parse(kind string, payload []byte) (events.Event, error) {
	e := events.Event{Vendor: events.VendorGitea}
	if len(kind) > 100 || !kindPattern.MatchString(kind) {
		return e, &events.MalformedError{Reason: fmt.Sprintf("%.100q is not the name of a Gitea event", kind)}
	}
	e.Name, e.Kind = nameOf(kind), kind
	if kind == events.NameTag {
		e.Kind = events.NamePush
	}
	e.Payload = payload

	var common envelope
	if err := events.DecodeObject(payload, &common); err != nil {
		return e, err
	}
	if common.Sender != nil {
		if err := events.CheckText(common.Sender.Login); err != nil {
			return e, delivery.Malformed("sender.login", err)
		}
		e.Sender = common.Sender.Login
	}
	if err := events.CheckText(common.Action); err != nil {
		return e, delivery.Malformed("action", err)
	}
	e.Filter = filterOf(e.Name, common.Action, common.Changes)
	read, known := readers[e.Name]
	if common.Repository == nil {
		if known {
			return e, delivery.Malformed("repository", errors.New("is missing"))
		}
		return e, &events.NothingError{Reason: "the event " + kind + " belongs to no repository"}
	}
	var err error
	if e.Repository, err = repositoryOf(e.Name, &common); err != nil {
		return e, err
	}
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
	nameReview:             readReview,
	nameComment:            readComment,
	nameRelease:            delivery.ReadRelease,
	"create":               readRefChange,
	"delete":               readRefChange,
	"status":               readStatus,
}

// repositoryOf returns the repository that the webhook belongs to. In fork events
// that is the original: Gitea calls it the forkee, and the fork the repository,
// whose code must not be taken for the original's.
func repositoryOf(name string, common *envelope) (*events.Repository, error) {
	if name != nameFork {
		return readRepository("repository", common.Repository)
	}
	switch forkee := common.Forkee; {
	case forkee == nil:
		return nil, delivery.Malformed("forkee", errors.New("is missing"))
	case common.Repository.madeOf(forkee):
		return readRepository("forkee", forkee)
	case forkee.madeOf(common.Repository):
		return readRepository("repository", common.Repository)
	}
	return nil, delivery.Malformed("forkee", errors.New("is neither the fork nor what it was made of"))
}

func readRepository(path string, r *repository) (*events.Repository, error) {
	return delivery.ReadRepository(path, events.Repository{
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
	if err := delivery.ReadPushedRef(e, p.Ref); err != nil {
		return err
	}
	if p.After != "" && p.After == p.Before {
		// What "Test Delivery" sends; no push leaves a ref where it was.
		return &events.NothingError{Ping: true, Reason: "a push that changes nothing only tries out the webhook"}
	}
	if err := delivery.ReadAfter(e, p.After); err != nil {
		return err
	}
	if err := delivery.ReadBefore(e, p.Before); err != nil {
		return err
	}
	// Only those with write access push.
	e.Trusted = true
	return nil
}

func readTag(e *events.Event) error {
	return delivery.OfTag(e, readPush(e))
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
