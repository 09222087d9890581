package runs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/franela/pocketci/events"
)

// skipMarkers are what people write into a commit's message so that it is not
// tested, in any case. They are those of GitHub Actions ("Skipping workflow runs").
var skipMarkers = []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"}

// skipTrailer is the last paragraph's line of the same meaning.
var skipTrailer = regexp.MustCompile(`(?i)^(skip-checks|skip-ci): *true *$`)

// skipReason says why an event is not to be run because of the message of its
// commit. Only pushes to branches and pull requests can be skipped: nobody means a
// tag or a release to go untested because of what its commit once said.
func skipReason(event *events.Event, message string) string {
	if !event.IsPush() && event.Name != events.NamePullRequest {
		return ""
	}
	lower := strings.ToLower(message)
	for _, marker := range skipMarkers {
		if strings.Contains(lower, marker) {
			return fmt.Sprintf("the message of commit %.12s says %s", event.SHA, marker)
		}
	}
	paragraphs := strings.Split(strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n")), "\n\n")
	if len(paragraphs) < 2 {
		return ""
	}
	for line := range strings.Lines(paragraphs[len(paragraphs)-1]) {
		if line = strings.TrimSpace(line); skipTrailer.MatchString(line) {
			return fmt.Sprintf("the message of commit %.12s says %s", event.SHA, line)
		}
	}
	return ""
}
