package commands_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/commands"
)

const sha = "1111111111111111111111111111111111111111"

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []commands.Command
		err  string
	}{
		"nothing":                {"", nil, ""},
		"words":                  {"please /retest", nil, ""},
		"one":                    {"/retest", []commands.Command{{Verb: commands.Retest}}, ""},
		"on Windows":             {"hello\r\n/retest \r\nbye\r\n", []commands.Command{{Verb: commands.Retest}}, ""},
		"several":                {"/abort\n/test lint-on-github-push\n/test ci:onPush", []commands.Command{{commands.Abort, ""}, {commands.Test, "lint-on-github-push"}, {commands.Test, "ci:onPush"}}, ""},
		"of another repository":  {"/test github.com/acme/ci@v1:onPush", []commands.Command{{commands.Test, "github.com/acme/ci@v1:onPush"}}, ""},
		"a commit":               {"/approve " + sha, []commands.Command{{commands.Approve, sha}}, ""},
		"other bots":             {"/lgtm\n/assign @me\n/\n//\n/retesting", nil, ""},
		"case counts":            {"/Retest", nil, ""},
		"quoted":                 {"> /retest", nil, ""},
		"indented":               {"    /retest", nil, ""},
		"in code":                {"```\n/abort\n```\n/plan", []commands.Command{{Verb: commands.Plan}}, ""},
		"in code with a word":    {"~~~sh\n/abort\n```\n/abort\n~~~\n/plan", []commands.Command{{Verb: commands.Plan}}, ""},
		"in code without end":    {"```\n/abort", nil, ""},
		"in longer code":         {"````\n/abort\n```\n/abort\n````\n/plan", []commands.Command{{Verb: commands.Plan}}, ""},
		"a short commit":         {"/approve 1111111", nil, "full sha"},
		"no commit":              {"/approve", nil, "full sha"},
		"a commit and more":      {"/approve " + sha + " please", nil, "full sha"},
		"no function":            {"/test", nil, "/test FUNCTION"},
		"two functions":          {"/test a b", nil, "/test FUNCTION"},
		"not a function":         {"/test $(rm -rf /)", nil, "/test FUNCTION"},
		"an argument too many":   {"/retest all", nil, "takes no argument"},
		"too many":               {strings.Repeat("/retest\n", 11), nil, "at most 10"},
		"far down in a long one": {strings.Repeat("x\n", 40_000) + "/retest", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := commands.Parse(c.body)
			if c.err != "" {
				if bad, ok := errors.AsType[*commands.CommandError](err); !ok || !strings.Contains(bad.Reason, c.err) {
					t.Errorf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, body := range []string{"/retest", "/approve " + sha, "```\n/abort\n```", "/test a:b", "\x00/\n/ \n", "~~~"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		found, err := commands.Parse(body)
		if err != nil && len(found) > 0 {
			t.Error("commands beside an error")
		}
		for _, c := range found {
			again, err := commands.Parse("/" + strings.TrimSpace(string(c.Verb)+" "+c.Argument))
			if err != nil || len(again) != 1 || again[0] != c {
				t.Errorf("%+v is read back as %+v, %v", c, again, err)
			}
		}
	})
}
