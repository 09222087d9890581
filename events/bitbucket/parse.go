package bitbucket

import (
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// webAddress is where Bitbucket Cloud serves repositories; payloads have no
// address to clone from.
const webAddress = "https://bitbucket.org/"

// Parse reads the payload of an event with the given key, which is the one in
// the X-Event-Key header, or "push" or "tag" for repo:push; "tag" has to be the
// push of one. Events and actions that GitHub has as well get GitHub's names, so
// that functions match both; Kind stays the vendor's.
//
// A payload tells the commits of a pull request by twelve digits alone. Its SHA
// and BaseSHA are therefore empty, and so is the Ref of a fork's, whose branches
// the repository does not have; [Client.Complete] asks for the full names.
// Sender and the comment's author are Atlassian account ids, or the UUID of what
// has none.
//
// The event's ID, Delivery and ReceivedAt are left for the caller to set; its
// Payload is the slice that was given. The error is an [*events.MalformedError],
// for a push of several refs too, or, together with as much of the event as is
// known, an [*events.NothingError].
func Parse(kind string, payload []byte) (events.Event, error) {
	all, err := ParseAll(kind, payload)
	switch {
	case err != nil && len(all) > 0:
		return all[0].Event, err
	case err != nil:
		return events.Event{Vendor: events.VendorBitbucket}, err
	case len(all) > 1:
		e := events.Event{Vendor: events.VendorBitbucket, Name: events.NamePush, Kind: kindPush}
		return e, delivery.Malformed("push.changes", fmt.Errorf("are %d, and only one is an event", len(all)))
	case all[0].Nothing != nil:
		return all[0].Event, all[0].Nothing
	}
	return all[0].Event, nil
}

// ParseAll is Parse for all that a payload tells of: a push of several refs is as
// many events. The error is a [*events.MalformedError] and of the whole payload;
// what is known of the first event is returned with it.
func ParseAll(kind string, payload []byte) ([]events.Received, error) {
	one := events.Received{Event: events.Event{Vendor: events.VendorBitbucket}}
	e := &one.Event
	tag := kind == events.NameTag
	if tag || kind == events.NamePush {
		kind = kindPush
	}
	if len(kind) > 100 || !kindPattern.MatchString(kind) {
		return []events.Received{one}, &events.MalformedError{Reason: fmt.Sprintf("%.100q is not the key of a Bitbucket event", kind)}
	}
	e.Kind = kind
	e.Name, e.Filter = nameOf(kind)
	e.Payload = payload
	if kind == kindPush {
		e.Name = events.NamePush
	}
	err := readCommon(e)
	if err == nil && kind == kindPush {
		var all []events.Received
		if all, err = readPush(*e, tag); err == nil {
			return all, nil
		}
	} else if err == nil {
		err = readOne(e)
	}
	if nothing, ok := errors.AsType[*events.NothingError](err); ok {
		one.Nothing, err = nothing, nil
	}
	return []events.Received{one}, err
}

// readCommon reads what all events have in common.
func readCommon(e *events.Event) error {
	var common envelope
	if err := events.DecodeObject(e.Payload, &common); err != nil {
		return err
	}
	if err := events.CheckText(common.Actor.login()); err != nil {
		return delivery.Malformed("actor", err)
	}
	e.Sender = common.Actor.login()
	if common.Repository == nil {
		if e.Kind == kindPush || e.Name != e.Kind {
			return delivery.Malformed("repository", errors.New("is missing"))
		}
		return &events.NothingError{Reason: "the event " + e.Kind + " belongs to no repository"}
	}
	var err error
	e.Repository, err = readRepository(common.Repository)
	return err
}

func readRepository(r *repository) (*events.Repository, error) {
	if err := delivery.CheckRepository(r.FullName); err != nil {
		return nil, delivery.Malformed("repository.full_name", err)
	}
	web := r.Links.HTML.Href
	if web == "" {
		web = webAddress + r.FullName
	}
	if err := events.CheckWebURL(web); err != nil {
		return nil, delivery.Malformed("repository.links.html.href", err)
	}
	branch := ""
	if r.MainBranch != nil && r.MainBranch.Name != "" {
		branch = r.MainBranch.Name
		if err := delivery.CheckBranch(branch); err != nil {
			return nil, delivery.Malformed("repository.mainbranch.name", err)
		}
	}
	return &events.Repository{
		FullName:      r.FullName,
		CloneURL:      webAddress + r.FullName + ".git",
		WebURL:        web,
		DefaultBranch: branch,
		Private:       r.IsPrivate,
	}, nil
}

// readPush reads a push into an event for each ref.
func readPush(common events.Event, tag bool) ([]events.Received, error) {
	var p push
	if err := events.DecodeObject(common.Payload, &p); err != nil {
		return nil, err
	}
	if p.Push == nil {
		return nil, delivery.Malformed("push", errors.New("is missing"))
	}
	if len(p.Push.Changes) == 0 {
		return nil, &events.NothingError{Reason: "the push changes no ref"}
	}
	var all []events.Received
	for i := range p.Push.Changes {
		one := events.Received{Event: common}
		err := readChange(&one.Event, fmt.Sprintf("push.changes.%d", i), &p.Push.Changes[i])
		if one.Event.Branch != "" && tag {
			err = delivery.Malformed("push.changes", fmt.Errorf("%s is a branch, and the event is the push of a tag", one.Event.Ref))
		}
		if nothing, ok := errors.AsType[*events.NothingError](err); ok {
			one.Nothing, err = nothing, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func readChange(e *events.Event, path string, c *change) error {
	at, end := c.New, ".new"
	if at == nil {
		at, end = c.Old, ".old"
	}
	if at == nil {
		return delivery.Malformed(path, errors.New("has neither an old nor a new state"))
	}
	switch at.Type {
	case "branch":
		e.Ref = "refs/heads/" + at.Name
	case "tag":
		e.Name, e.Ref = events.NameTag, "refs/tags/"+at.Name
	default:
		return &events.NothingError{Reason: fmt.Sprintf("the push of a %.40q is neither of a branch nor of a tag", at.Type)}
	}
	if err := events.CheckRef(e.Ref); err != nil {
		e.Ref = ""
		return delivery.Malformed(path+end+".name", err)
	}
	e.Branch, e.Tag = events.ShortRef(e.Ref)
	e.Filter = at.Name
	if c.New == nil {
		return delivery.DeletedRef(e.Ref)
	}
	if err := delivery.ReadSHA(e, path+".new.target.hash", c.New.Target.Hash); err != nil {
		return err
	}
	if c.Old != nil {
		if err := events.CheckSHA(c.Old.Target.Hash); err != nil {
			return delivery.Malformed(path+".old.target.hash", err)
		}
		e.Before = c.Old.Target.Hash
	}
	e.Forced = c.Forced
	// Only those with write access push.
	e.Trusted = true
	return nil
}

// readOne reads every event but a push.
func readOne(e *events.Event) error {
	switch e.Name {
	case events.NamePullRequest:
		return readPullRequest(e)
	case nameReview, nameThread:
		return readReview(e)
	case nameStatus:
		return readStatus(e)
	}
	if strings.HasPrefix(e.Kind, "pullrequest:") {
		return readComment(e)
	}
	return readOther(e)
}
