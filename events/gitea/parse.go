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
	nameRelease:            readRelease,
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
	if err := delivery.CheckRepository(r.FullName); err != nil {
		return nil, delivery.Malformed(path+".full_name", err)
	}
	if err := events.CheckCloneURL(r.CloneURL); err != nil {
		return nil, delivery.Malformed(path+".clone_url", err)
	}
	if err := events.CheckWebURL(r.HTMLURL); err != nil {
		return nil, delivery.Malformed(path+".html_url", err)
	}
	if r.DefaultBranch != "" {
		if err := delivery.CheckBranch(r.DefaultBranch); err != nil {
			return nil, delivery.Malformed(path+".default_branch", err)
		}
	}
	return &events.Repository{
		FullName:      r.FullName,
		CloneURL:      r.CloneURL,
		WebURL:        r.HTMLURL,
		DefaultBranch: r.DefaultBranch,
		Private:       r.Private,
	}, nil
}

func readPush(e *events.Event) error {
	var p push
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := events.CheckRef(p.Ref); err != nil {
		return delivery.Malformed("ref", err)
	}
	e.Ref = p.Ref
	e.Branch, e.Tag = events.ShortRef(p.Ref)
	switch {
	case e.Branch != "":
		e.Name, e.Filter = events.NamePush, e.Branch
	case e.Tag != "":
		e.Name, e.Filter = events.NameTag, e.Tag
	default:
		return &events.NothingError{Reason: "the push of " + p.Ref + " is neither of a branch nor of a tag"}
	}
	switch {
	case p.After != "" && p.After == p.Before:
		// What "Test Delivery" sends; no push leaves a ref where it was.
		return &events.NothingError{Ping: true, Reason: "a push that changes nothing only tries out the webhook"}
	case events.IsZeroSHA(p.After):
		return &events.NothingError{Reason: "the push deletes " + p.Ref}
	}
	if err := events.CheckSHA(p.After); err != nil {
		return delivery.Malformed("after", err)
	}
	e.SHA = p.After
	if !events.IsZeroSHA(p.Before) {
		if err := events.CheckSHA(p.Before); err != nil {
			return delivery.Malformed("before", err)
		}
		e.Before = p.Before
	}
	// Only those with write access push.
	e.Trusted = true
	return nil
}

func readTag(e *events.Event) error {
	err := readPush(e)
	if e.Branch != "" {
		return delivery.Malformed("ref", fmt.Errorf("%s is a branch, and the event is the push of a tag", e.Ref))
	}
	return err
}

func readRelease(e *events.Event) error {
	var p release
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	switch {
	case e.Filter == "":
		return delivery.Malformed("action", errors.New("is missing"))
	case p.Release == nil:
		return delivery.Malformed("release", errors.New("is missing"))
	}
	if err := delivery.CheckTag(p.Release.TagName); err != nil {
		return delivery.Malformed("release.tag_name", err)
	}
	e.Ref = "refs/tags/" + p.Release.TagName
	e.Tag = p.Release.TagName
	e.Trusted = true
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
	switch p.RefType {
	case "branch", "tag":
	case "":
		return delivery.Malformed("ref_type", errors.New("is missing"))
	default:
		return delivery.Malformed("ref_type", fmt.Errorf("%.80q is neither branch nor tag", p.RefType))
	}
	e.Filter = p.RefType
	e.Trusted = true
	return nil
}
