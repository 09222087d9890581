package delivery

import (
	"errors"

	"github.com/franela/pocketci/events"
)

// ReadRelease reads the event of a release in GitHub's form, which other forges
// took over. What was done is in the event's filter already.
func ReadRelease(e *events.Event) error {
	var p struct {
		Release *struct {
			TagName string `json:"tag_name"`
		} `json:"release"`
	}
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	switch {
	case e.Filter == "":
		return Malformed("action", errors.New("is missing"))
	case p.Release == nil:
		return Malformed("release", errors.New("is missing"))
	}
	if err := ReadTag(e, "release.tag_name", p.Release.TagName); err != nil {
		return err
	}
	e.Trusted = true
	return nil
}
