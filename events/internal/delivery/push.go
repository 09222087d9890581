package delivery

import (
	"fmt"

	"github.com/franela/pocketci/events"
)

// ReadPushedRef makes the event be the push of a branch or the tag that the full
// ref names. The error is an [*events.NothingError] for any other ref.
func ReadPushedRef(e *events.Event, ref string) error {
	if err := events.CheckRef(ref); err != nil {
		return Malformed("ref", err)
	}
	e.Ref = ref
	e.Branch, e.Tag = events.ShortRef(ref)
	switch {
	case e.Branch != "":
		e.Name, e.Filter = events.NamePush, e.Branch
	case e.Tag != "":
		e.Name, e.Filter = events.NameTag, e.Tag
	default:
		return &events.NothingError{Reason: "the push of " + ref + " is neither of a branch nor of a tag"}
	}
	return nil
}

// DeletedRef is why nothing comes of the push that deletes the ref.
func DeletedRef(ref string) *events.NothingError {
	return &events.NothingError{Reason: "the push deletes " + ref}
}

// ReadAfter makes the event be of the commit that its ref was pushed to. The error
// is an [*events.NothingError] for the zero commit, to which deleted refs go.
func ReadAfter(e *events.Event, after string) error {
	if events.IsZeroSHA(after) {
		return DeletedRef(e.Ref)
	}
	return ReadSHA(e, "after", after)
}

// ReadBefore takes the commit that the event's ref was at before the push. It is
// the zero commit for a new ref, of which the event says nothing.
func ReadBefore(e *events.Event, before string) error {
	if events.IsZeroSHA(before) {
		return nil
	}
	if err := events.CheckSHA(before); err != nil {
		return Malformed("before", err)
	}
	e.Before = before
	return nil
}

// OfTag returns err, which came of reading a push that must be one of a tag, or an
// error if the push is of a branch.
func OfTag(e *events.Event, err error) error {
	if e.Branch != "" {
		e.Trusted = false
		return Malformed("ref", fmt.Errorf("%s is a branch, and the event is the push of a tag", e.Ref))
	}
	return err
}
