package runs_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/runs"
)

func TestSkip(t *testing.T) {
	const sha = "1111111111111111111111111111111111111111"
	for name, c := range map[string]struct {
		event, message string
		want           string
	}{
		"an ordinary push":         {events.NamePush, "Sell more", ""},
		"a push":                   {events.NamePush, "Fix a word [skip ci]", "[skip ci]"},
		"in another case":          {events.NamePush, "Fix a word [Skip CI]", "[skip ci]"},
		"in the body":              {events.NamePush, "Fix a word\n\nNothing to see. [no ci]\n", "[no ci]"},
		"a pull request":           {events.NamePullRequest, "[ci skip] x", "[ci skip]"},
		"as GitHub's own":          {events.NamePush, "x [skip actions]", "[skip actions]"},
		"a trailer":                {events.NamePush, "Fix\n\nBody\n\nSigned-off-by: x\nskip-checks: true\n", "skip-checks: true"},
		"a trailer with line ends": {events.NamePush, "Fix\r\n\r\nSkip-Checks: true\r\n", "Skip-Checks: true"},
		"no trailer but a subject": {events.NamePush, "skip-checks: true", ""},
		"in the middle":            {events.NamePush, "Fix\n\nskip-checks: true\n\nMore", ""},
		"a trailer that says no":   {events.NamePush, "Fix\n\nskip-checks: false", ""},
		"a tag":                    {events.NameTag, "Fix [skip ci]", ""},
		"a release":                {"release", "Fix [skip ci]", ""},
		"a tick":                   {events.NameTick, "Fix [skip ci]", ""},
		"a run asked for":          {events.NameRun, "Fix [skip ci]", ""},
		"a word about it":          {events.NamePush, "Explain skip ci", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := runs.Open(events.Event{ID: "e", Vendor: "github", Kind: "x", Name: c.event, SHA: sha}, &mirror.Snapshot{Message: c.message}, dispatcher.Place{}, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Request().Skip; !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
