package delivery

import (
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
)

// CheckBranch returns an error unless name is the short name of a branch.
func CheckBranch(name string) error { return checkShort("refs/heads/", name) }

// CheckTag returns an error unless name is the short name of a tag.
func CheckTag(name string) error { return checkShort("refs/tags/", name) }

// CheckDefaultBranch is [CheckBranch] for what few payloads name: nothing will do.
func CheckDefaultBranch(name string) error {
	if name == "" {
		return nil
	}
	return CheckBranch(name)
}

func checkShort(prefix, name string) error {
	if name == "" {
		return errors.New("is missing")
	}
	return events.CheckRef(prefix + name)
}

// ReadTag makes the event be of the tag with that short name, which is at path.
func ReadTag(e *events.Event, path, name string) error {
	if err := CheckTag(name); err != nil {
		return Malformed(path, err)
	}
	e.Ref, e.Tag = "refs/tags/"+name, name
	return nil
}

// ReadRefType makes the filter of an event about a ref that was created or deleted
// be what GitHub calls ref_type.
func ReadRefType(e *events.Event, kind string) error {
	switch kind {
	case "branch", "tag":
	case "":
		return Malformed("ref_type", errors.New("is missing"))
	default:
		return Malformed("ref_type", fmt.Errorf("%.80q is neither branch nor tag", kind))
	}
	e.Filter = kind
	return nil
}

// ReadSHA makes the event be of the commit that is at path.
func ReadSHA(e *events.Event, path, sha string) error {
	if err := events.CheckSHA(sha); err != nil {
		return Malformed(path, err)
	}
	e.SHA = sha
	return nil
}
