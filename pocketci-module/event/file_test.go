package event_test

import (
	"reflect"
	"strings"
	"testing"

	"dagger/pocketci/event"
)

func TestDecode(t *testing.T) {
	f := open(t, "github", "push", payload(t, "github", "push"), fields{
		"filter": "main", "ref": "refs/heads/main", "branch": "main", "sha": after, "before": before,
		"changes": []string{"README.md"}, "a_field_of_tomorrow": fields{"of": 1},
	})
	want := &event.File{
		Version: 1, ID: "019cb0d1-5a00-7000-8000-000000000001", Vendor: "github", Event: "push", Filter: "main",
		Repository: &event.Repository{
			FullName: "octo/hello", CloneURL: "https://github.com/octo/hello.git", WebURL: "https://github.com/octo/hello", DefaultBranch: "main",
		},
		Ref: "refs/heads/main", Branch: "main", SHA: after, Before: before, Changes: []string{"README.md"},
		Sender: "mona", Trusted: true, ReceivedAt: "2026-03-02T08:15:31.25Z", Payload: f.Payload,
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v, want %+v", f, want)
	}
	if f.ShortSHA() != "6b1f533" {
		t.Errorf("short sha %q", f.ShortSHA())
	}
	if owner, name := f.Repository.Owner(), f.Repository.Name(); owner != "octo" || name != "hello" {
		t.Errorf("owner %q, name %q", owner, name)
	}
	if nested := (&event.Repository{FullName: "octo/tools/hello"}); nested.Owner() != "octo/tools" || nested.Name() != "hello" {
		t.Errorf("owner %q, name %q", nested.Owner(), nested.Name())
	}
}

// What a file leaves out is empty, so that fields can be added to the format.
func TestDecodeShortFile(t *testing.T) {
	f, err := event.Decode([]byte(`{"version": 1, "vendor": "manual", "event": "run"}`))
	if err != nil {
		t.Fatal(err)
	}
	if f.Kind() != event.KindManual || f.SHA != "" || f.Changes != nil || string(f.Payload) != "null" || f.ShortSHA() != "" {
		t.Errorf("got %+v", f)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"nothing":         {"", "it is not JSON"},
		"no JSON":         {"name: value", "it is not JSON"},
		"cut off":         {`{"version": 1`, "it is not JSON"},
		"null":            {"null", "it is not a JSON object"},
		"a list":          {"[1]", "it is not a JSON object"},
		"no version":      {`{"vendor": "github", "event": "push"}`, "it has no version"},
		"version null":    {`{"version": null}`, "it has no version"},
		"version 0":       {`{"version": 0}`, "versions start at 1"},
		"version in text": {`{"version": "1"}`, "version is not what it should be but a JSON string"},
		"a newer version": {`{"version": 2, "vendor": {"name": "github"}}`, "its version is 2, and this release of the module pocketci reads up to 1; update it"},
		"a wrong type":    {`{"version": 1, "vendor": "github", "event": "push", "changes": "a,b"}`, "changes is not what it should be but a JSON string"},
		"no vendor":       {`{"version": 1, "event": "push"}`, "its vendor is missing"},
		"no event":        {`{"version": 1, "vendor": "github"}`, "its event is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := event.Decode([]byte(tc.in))
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "read the event file: ") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestKind(t *testing.T) {
	for _, tc := range []struct {
		vendor, word string
		want         event.Kind
	}{
		{"github", "push", event.KindPush},
		{"gitlab", "tag", event.KindTag},
		{"gitea", "pull_request", event.KindPullRequest},
		{"bitbucket", "pull_request", event.KindPullRequest},
		{"gitlab", "release", event.KindRelease},
		{"github", "create", event.KindCreate},
		{"github", "delete", event.KindDelete},
		{"github", "issues", event.KindIssue},
		{"gitlab", "issue", event.KindIssue},
		{"github", "issue_comment", event.KindComment},
		{"github", "pull_request_review_comment", event.KindComment},
		{"gitlab", "note", event.KindComment},
		{"github", "pull_request_review", event.KindReview},
		{"github", "workflow_dispatch", event.KindOther},
		{"time", "tick", event.KindSchedule},
		{"registry", "tag", event.KindRegistry},
		{"registry", "deploy", event.KindRegistry},
		{"webhook", "push", event.KindWebhook},
		{"signed", "push", event.KindSigned},
		{"mirror", "updated", event.KindMirror},
		{"manual", "run", event.KindManual},
		{"tomorrow", "push", event.KindOther},
	} {
		f := &event.File{Vendor: tc.vendor, Event: tc.word}
		if got := f.Kind(); got != tc.want {
			t.Errorf("%s %s is a %s, want %s", tc.vendor, tc.word, got, tc.want)
		}
	}
}

func TestTagVersion(t *testing.T) {
	for tag, want := range map[string]string{
		"v1.2.3":                      "1.2.3",
		"1.2.3":                       "1.2.3",
		"v1":                          "1",
		"v0.10":                       "0.10",
		"v1.2.3-rc.1":                 "1.2.3-rc.1",
		"v1.2.3-0.x-y+build.5":        "1.2.3-0.x-y+build.5",
		"apps/api/v1.2.3":             "1.2.3",
		"@acme/api@1.2.3":             "1.2.3",
		"":                            "",
		"latest":                      "",
		"v":                           "",
		"vv1.2.3":                     "",
		"v1.2.3.4":                    "",
		"v01.2.3":                     "",
		"v1.2.3-":                     "",
		"v1..3":                       "",
		"v1.2.3+":                     "",
		"release-1.2.3":               "",
		"apps/v1.2.3/api":             "",
		"v1.2.3-rc_1":                 "",
		"v1.2.3\n":                    "",
		strings.Repeat("1", 40) + ".": "",
	} {
		f := &event.File{Vendor: "github", Event: "tag", Tag: tag}
		got, err := f.TagVersion()
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q gives %q, %v; want %q", tag, got, err, want)
		}
		if err != nil && tag != "" && !strings.Contains(err.Error(), tag) {
			t.Errorf("%v does not name the tag", err)
		}
	}
}
