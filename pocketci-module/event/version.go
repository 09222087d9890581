package event

import (
	"fmt"
	"regexp"
	"strings"
)

// versionPattern is a version with one to three numbers and what Semantic
// Versioning 2.0 allows behind them.
var versionPattern = regexp.MustCompile(
	`^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){0,2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`)

// TagVersion is the version in the event's tag: v1.2.3 is 1.2.3. What monorepos
// put before it, up to the last slash or @, is left out: apps/api/v1.2.3 and
// @acme/api@1.2.3 are 1.2.3 as well. One or two numbers are enough. It fails
// if the event has no tag, or one that is not a version.
func (f *File) TagVersion() (string, error) {
	if f.Tag == "" {
		return "", fmt.Errorf("read the version: the event %s has no tag", f.name())
	}
	version := strings.TrimPrefix(f.Tag[strings.LastIndexAny(f.Tag, "/@")+1:], "v")
	if !versionPattern.MatchString(version) {
		return "", fmt.Errorf("read the version: the tag %s is not one, as v1.2.3 is", f.Tag)
	}
	return version, nil
}
