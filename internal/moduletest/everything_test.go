package moduletest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// The commits of the payloads.
const (
	after = "6b1f53303a732ccc8c6aae6640399827c15250e3"
	head  = "e88b9eb4a293437625227c529460d0e00a216e9d"
)

// fromGithub is the event file of a payload from GitHub, as pocketci writes it.
func fromGithub(t *testing.T, kind, payload string, changes []string) []byte {
	t.Helper()
	e, err := github.Parse(kind, read(t, "testdata/payloads/github/"+payload+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, &e, changes)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func encode(t *testing.T, e *events.Event, changes []string) []byte {
	t.Helper()
	e.ID = "019cb0d1-5a00-7000-8000-000000000001"
	e.ReceivedAt = time.Date(2026, 3, 2, 8, 15, 31, 0, time.UTC)
	data, err := events.EncodeFile(e, changes)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// file is the event file of an event that pocketci has no package for yet.
func file(t *testing.T, vendor, name, filter, payload string) []byte {
	t.Helper()
	e := &events.Event{Vendor: vendor, Name: name, Kind: name, Filter: filter, Sender: "mona", SHA: head, Trusted: true}
	if e.FromForge() {
		e.Repository = &events.Repository{FullName: "octo/hello", WebURL: "https://example.com/octo/hello"}
		e.PullRequest, e.BaseRef, e.BaseSHA = 7, "main", after
		e.Payload = read(t, "pocketci-module/event/testdata/"+vendor+"/"+payload+".json")
	} else {
		e.Payload = json.RawMessage(payload)
	}
	return encode(t, e, nil)
}

// consumer is a session with the module in testdata/everything for one event.
func consumer(t *testing.T, e *engine.Engine, tree modules.Tree, event []byte) *engine.Session {
	t.Helper()
	s, err := e.Open(t.Context(), engine.Run{Tree: tree, Module: "ci", Event: event})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ask calls a function with the event file and constants by name.
func ask(t *testing.T, s *engine.Session, function string, args map[string]any) (string, error) {
	t.Helper()
	for _, f := range s.Module().Functions {
		if f.Name != function {
			continue
		}
		call := modules.Call{Function: function, Returns: f.Returns}
		for _, arg := range f.Args {
			value := modules.Value{Kind: modules.ValueEvent}
			if constant, given := args[arg.Name]; given {
				value = modules.Value{Kind: modules.ValueConst, Const: constant}
			}
			call.Args = append(call.Args, modules.Bound{Name: arg.Name, Type: arg.Type, Value: value})
		}
		result, err := s.Call(t.Context(), call, nil)
		return result.Output, err
	}
	t.Fatalf("there is no function %s", function)
	return "", nil
}

// A module in another SDK than the module's own gets everything that it has, by
// the names that Dagger serves, from event files that pocketci wrote.
func TestEverything(t *testing.T) {
	e := enginetest.Start(t)
	r := newRepository(t, "everything")
	tree := enginetest.Tree(r.dir)
	list := func(items ...string) string {
		data, err := json.Marshal(items)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	push := fromGithub(t, "push", "push", []string{"README.md", "cmd/hello/main.go"})
	tag := fromGithub(t, "push", "push_tag", nil)
	type call struct {
		args map[string]any
		want string
		// fails is in the message of the error.
		fails string
	}
	for name, tc := range map[string]struct {
		event []byte
		calls map[string]call
	}{
		"a push": {push, map[string]call{
			"kind": {want: `"PUSH"`},
			"common": {want: list("push", "github", "main", "refs/heads/main", "main", "", after, "6b1f533", `["README.md","cmd/hello/main.go"]`, "true",
				"mona", "true", "019cb0d1-5a00-7000-8000-000000000001", "", "2026-03-02T08:15:31Z",
				"octo/hello", "octo", "hello", "https://github.com/octo/hello.git", "https://github.com/octo/hello", "main", "false")},
			"commitPush": {want: list(after, "1197955e4244c18bdb9b375076bcb6ca05414672", "false", after, "Explain the greeting", "2026-03-02T09:15:28+01:00",
				"https://github.com/octo/hello/commit/"+after, "Mona Lisa", "mona@example.com", "mona")},
			"pullRequest": {fails: "the event github push is not about a pull request"},
			"get":         {args: map[string]any{"pointer": "/head_commit/author/name"}, want: "Mona Lisa"},
			"changed":     {args: map[string]any{"globs": []any{"**/*.{go,mod}", "!vendor/**"}}, want: "true"},
			"matches":     {args: map[string]any{"filter": []any{"release/*", "main"}}, want: "true"},
			"payload":     {want: strings.TrimSpace(string(read(t, "testdata/payloads/github/push.json")))},
		}},
		"a tag": {tag, map[string]call{
			"kind":    {want: `"TAG"`},
			"changed": {args: map[string]any{"globs": []any{"*.nothing"}}, want: "true"},
			"get":     {args: map[string]any{"pointer": "/pusher/age"}, fails: `get "/pusher/age" from the payload: /pusher has no member "age"`},
		}},
		"a pull request of GitHub": {fromGithub(t, "pull_request", "pull_request_labeled", []string{}), map[string]call{
			"kind": {want: `"PULL_REQUEST"`},
			"pullRequest": {want: list("7", "Log in", "Adds the second version of the login.", "mona", "feature/login-v2", head, "octo/hello",
				"main", after, "octo/hello", "false", `["ready"]`, "false", "false", "https://github.com/octo/hello/pull/7")},
			"commitPush": {fails: "the event github pull_request is not about a push"},
			"changed":    {args: map[string]any{"globs": []any{"**"}}, want: "false"},
		}},
		"a merge request of GitLab": {file(t, "gitlab", "pull_request", "opened", "merge_request_open"), map[string]call{
			"pullRequest": {want: list("7", "Log in", "Adds the second version of the login.", "mona", "feature/login-v2", head, "octo/tools/hello",
				"main", after, "octo/tools/hello", "true", `["auth","needs: review"]`, "false", "false",
				"https://gitlab.example.com/octo/tools/hello/-/merge_requests/7")},
		}},
		"a pull request of Bitbucket": {file(t, "bitbucket", "pull_request", "opened", "pullrequest_fork"), map[string]call{
			"get":     {args: map[string]any{"pointer": "/pullrequest/source/repository/full_name"}, want: "hubot-contrib/hello"},
			"changed": {args: map[string]any{"globs": []any{"[a"}}, fails: `bad glob "[a": a "[" is not closed`},
		}},
		"a comment of Gitea": {file(t, "gitea", "issue_comment", "created", "issue_comment_pull_request"), map[string]call{
			"kind":    {want: `"COMMENT"`},
			"comment": {want: list("/retest please", "hubot-contrib", "https://gitea.example.com/octo/hello/pulls/7#issuecomment-12", "7", "true")},
		}},
		"a release": {fromGithub(t, "release", "release_published", nil), map[string]call{
			"release": {want: list("v1.2.0", "Version 1.2", "Greets in two languages.", "mona", "https://github.com/octo/hello/releases/tag/v1.2.0",
				"false", "false", "1.2.0")},
		}},
		"a tick": {file(t, "time", "tick", "nightly", `{"expression": "0 3 * * *", "time": "2026-03-02T03:00:00Z"}`), map[string]call{
			"kind":     {want: `"SCHEDULE"`},
			"schedule": {want: list("nightly", "0 3 * * *", "2026-03-02T03:00:00Z")},
			"common": {want: list("tick", "time", "nightly", "", "", "", head, "e88b9eb", "[]", "false", "mona", "true",
				"019cb0d1-5a00-7000-8000-000000000001", "", "2026-03-02T08:15:31Z", "", "", "", "", "", "", "false")},
		}},
		"an image": {file(t, "registry", "tag", "registry.example.com:5000/acme/shop:1.2.3", `{"digest": "sha256:0123"}`), map[string]call{
			"registry": {want: list("registry.example.com:5000/acme/shop", "1.2.3", "sha256:0123")},
		}},
		"an event that is like no other": {fromGithub(t, "workflow_dispatch", "workflow_dispatch", nil), map[string]call{
			"kind": {want: `"OTHER"`},
		}},
		"a file of tomorrow": {bytes.Replace(push, []byte(`"version": 1,`), []byte(`"version": 2,`), 1), map[string]call{
			"kind": {fails: "its version is 2, and this release of the module pocketci reads up to 1; update it"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := consumer(t, e, tree, tc.event)
			for function, c := range tc.calls {
				t.Run(function, func(t *testing.T) {
					got, err := ask(t, s, function, c.args)
					if c.fails != "" {
						if err == nil || !strings.Contains(err.Error(), c.fails) {
							t.Errorf("got %q, %v; want an error with %q", got, err, c.fails)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(c.want, got); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}
