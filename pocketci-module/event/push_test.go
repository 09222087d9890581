package event_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"dagger/pocketci/event"
)

// The same push on every forge is read as the same push, but for what a forge
// does not send.
func TestCommitPush(t *testing.T) {
	branch := fields{"filter": "main", "ref": "refs/heads/main", "branch": "main", "sha": after, "before": before}
	for vendor, tc := range map[string]struct{ payload, site, login string }{
		"github":    {"push", "https://github.com/octo/hello/commit/", "mona"},
		"gitea":     {"push", "https://gitea.example.com/octo/hello/commit/", "mona"},
		"gitlab":    {"push", "https://gitlab.example.com/octo/tools/hello/-/commit/", ""},
		"bitbucket": {"push", "https://bitbucket.org/octo/hello/commits/", "mona"},
	} {
		t.Run(vendor, func(t *testing.T) {
			got, err := open(t, vendor, "push", payload(t, vendor, tc.payload), branch).CommitPush()
			if err != nil {
				t.Fatal(err)
			}
			author := event.Person{Name: "Mona Lisa", Email: "mona@example.com", Login: tc.login}
			first := event.Commit{SHA: middle, Message: "Greet in two languages\n\nFixes <b>#3</b> & \"quotes\" – ünïcödé", URL: tc.site + middle, Author: author}
			second := event.Commit{SHA: after, Message: "Explain the greeting", URL: tc.site + after, Author: author}
			want := &event.Push{SHA: after, Before: before, Head: second, Commits: []event.Commit{first, second}}
			if diff := differ(want, tidy(t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// tidy checks and removes what forges write in different ways: the time, and the
// newline at a message's end.
func tidy(t *testing.T, p *event.Push) *event.Push {
	t.Helper()
	clean := func(c *event.Commit) {
		if c.Timestamp == "" && c.Message != "" {
			t.Errorf("commit %s has no time", c.SHA)
		}
		c.Timestamp = ""
		if n := len(c.Message); n > 0 && c.Message[n-1] == '\n' {
			c.Message = c.Message[:n-1]
		}
	}
	clean(&p.Head)
	for i := range p.Commits {
		clean(&p.Commits[i])
	}
	return p
}

// differ renders both if they are not the same.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	text := func(v any) string {
		data, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	return "want " + text(want) + "\ngot " + text(got)
}

func TestCommitPushOfTag(t *testing.T) {
	for vendor, name := range map[string]string{"github": "push_tag", "gitea": "push_tag", "gitlab": "tag_push", "bitbucket": "push_tag"} {
		t.Run(vendor, func(t *testing.T) {
			f := open(t, vendor, "tag", payload(t, vendor, name), fields{"filter": "v1.2.0", "ref": "refs/tags/v1.2.0", "tag": "v1.2.0", "sha": after})
			got, err := f.CommitPush()
			if err != nil {
				t.Fatal(err)
			}
			if got.SHA != after || got.Before != "" || got.Head.SHA != after || got.Head.Author.Name != "Mona Lisa" {
				t.Errorf("got %+v", got)
			}
			if version, err := f.TagVersion(); version != "1.2.0" || err != nil {
				t.Errorf("version %q, %v", version, err)
			}
		})
	}
}

func TestCommitPushForced(t *testing.T) {
	for vendor, tc := range map[string]struct{ name, branch string }{
		"github":    {"push_forced", "feature/login-v2"},
		"bitbucket": {"push", "feature/login-v2"},
	} {
		t.Run(vendor, func(t *testing.T) {
			f := open(t, vendor, "push", payload(t, vendor, tc.name), fields{"branch": tc.branch, "sha": head})
			got, err := f.CommitPush()
			if err != nil || !got.Forced {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// The commit of the file counts, whatever the payload says or leaves out.
func TestCommitPushWithoutCommits(t *testing.T) {
	for vendor, text := range map[string]string{
		"github": `{"commits": [], "head_commit": null}`, "gitea": `{"commits": null}`,
		"gitlab": `{"commits": []}`, "bitbucket": `{"push": {"changes": [{"new": null}]}}`,
	} {
		t.Run(vendor, func(t *testing.T) {
			got, err := open(t, vendor, "push", json.RawMessage(text), fields{"branch": "main", "sha": after}).CommitPush()
			if err != nil {
				t.Fatal(err)
			}
			if diff := differ(&event.Push{SHA: after, Head: event.Commit{SHA: after}}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What an event is not about is an error that says so, not an empty answer.
func TestNotAbout(t *testing.T) {
	push := open(t, "github", "push", payload(t, "github", "push"), fields{"branch": "main", "sha": after})
	request := open(t, "github", "pull_request", payload(t, "github", "pull_request_opened"), fields{"pr_number": 7})
	issue := open(t, "github", "issue_comment", payload(t, "github", "issue_comment_issue"), nil)
	tick := open(t, "time", "tick", nil, nil)
	mr := open(t, "gitlab", "pull_request", payload(t, "gitlab", "merge_request_open"), nil)
	note := open(t, "gitlab", "note", payload(t, "gitlab", "note_issue"), nil)
	bucket := open(t, "bitbucket", "push", payload(t, "bitbucket", "push"), fields{"branch": "main", "sha": after})
	for name, tc := range map[string]struct {
		ask  func() error
		want string
	}{
		"a push":                    {errorOf(request.CommitPush), "the event github pull_request is not about a push"},
		"a push of a tick":          {errorOf(tick.CommitPush), "the event time tick is not about a push"},
		"a pull request":            {errorOf(push.PullRequest), "the event github push is not about a pull request"},
		"the one of an issue":       {errorOf(issue.PullRequest), "the event github issue_comment is not about a pull request"},
		"the one of a note":         {errorOf(note.PullRequest), "the event gitlab note is not about a pull request"},
		"the one of a bucket":       {errorOf(bucket.PullRequest), "the event bitbucket push is not about a pull request"},
		"a pull request of a tick":  {errorOf(tick.PullRequest), "the event time tick is not about a pull request"},
		"a release":                 {errorOf(push.Release), "the event github push is not about a release"},
		"a release of a merge":      {errorOf(mr.Release), "the event gitlab pull_request is not about a release"},
		"a release on Bitbucket":    {errorOf(bucket.Release), "the event bitbucket push is not about a release"},
		"a comment":                 {errorOf(push.Comment), "the event github push is not about a comment"},
		"a comment of a merge":      {errorOf(mr.Comment), "the event gitlab pull_request is not about a comment"},
		"a comment of a bucket":     {errorOf(bucket.Comment), "the event bitbucket push is not about a comment"},
		"a schedule":                {errorOf(push.Schedule), "the event github push is not about a schedule"},
		"a registry":                {errorOf(tick.Registry), "the event time tick is not about a registry"},
		"a version without any tag": {errorOf(push.TagVersion), "read the version: the event github push has no tag"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.ask()
			if err == nil || err.Error() != tc.want {
				t.Fatalf("got %v, want %s", err, tc.want)
			}
			if kind := new(event.KindError); !errors.As(err, &kind) && name != "a version without any tag" {
				t.Errorf("%v is a %T", err, err)
			}
		})
	}
}

func errorOf[T any](ask func() (T, error)) func() error {
	return func() error { _, err := ask(); return err }
}

// A payload that is not what the vendor sends is an error with the place.
func TestBadPayloads(t *testing.T) {
	for _, vendor := range []string{"github", "gitea", "gitlab", "bitbucket"} {
		for text, want := range map[string]string{
			`"text"`: "it is not a JSON object",
			`null`:   "it is not a JSON object",
		} {
			_, err := open(t, vendor, "push", json.RawMessage(text), fields{"branch": "main"}).CommitPush()
			if full := "read the payload of the event " + vendor + " push: " + want; err == nil || err.Error() != full {
				t.Errorf("got %v, want %s", err, full)
			}
		}
	}
	_, err := open(t, "github", "pull_request", json.RawMessage(`{"pull_request": {"number": "seven"}}`), nil).PullRequest()
	if want := "read the payload of the event github pull_request: pull_request.number is not what it should be but a JSON string"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// No payload makes any reader panic.
func FuzzPayload(f *testing.F) {
	for vendor, names := range map[string][]string{
		"github":    {"push", "pull_request_fork_deleted", "issue_comment_pull_request", "release_published"},
		"gitea":     {"push", "pull_request_opened", "pull_request_review", "issue_comment_pull_request"},
		"gitlab":    {"push", "merge_request_open", "note_commit", "release"},
		"bitbucket": {"push", "pullrequest_fork", "issue_comment_created"},
	} {
		for _, name := range names {
			f.Add(vendor, "push", []byte(payload(f, vendor, name)))
		}
	}
	f.Add("time", "tick", []byte(`{"time": "2026-03-02T08:15:00Z"}`))
	f.Add("registry", "tag", []byte(`{}`))
	f.Fuzz(func(t *testing.T, vendor, word string, payload []byte) {
		file := &event.File{Vendor: vendor, Event: word, Branch: "main", SHA: after, Payload: payload}
		for _, ask := range []func() error{
			errorOf(file.CommitPush), errorOf(file.PullRequest), errorOf(file.Release), errorOf(file.Comment),
			errorOf(file.Schedule), errorOf(file.Registry),
		} {
			if err := ask(); err != nil && err.Error() == "" {
				t.Error("an error without a word")
			}
		}
		_, _ = event.Decode(payload)
	})
}
