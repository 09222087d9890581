package github_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/sourcetest"
)

func TestSourceIsOfAForge(t *testing.T) {
	deliveries := map[string]sourcetest.Delivery{}
	for _, s := range samples {
		switch s.file {
		case "push", "push_deleted", "pull_request_fork", "issue_comment_pull_request", "status_own":
		default:
			continue
		}
		want := s.want
		want.Vendor, want.Kind, want.Delivery = "github", s.kind, "d-"+s.file
		if !s.nowhere {
			want.Repository = hello
		}
		header := http.Header{}
		for name, value := range map[string]string{"X-GitHub-Event": s.kind, "X-GitHub-Delivery": want.Delivery, "Content-Type": "application/json"} {
			header.Set(name, value)
		}
		deliveries[s.file] = sourcetest.Delivery{Header: header, Body: read(t, s.file), Want: want, Nothing: s.nothing}
	}
	sourcetest.Run(t, sourcetest.Forge{
		Vendor: "github", CoversBody: true, Deliveries: deliveries,
		New:   func(secrets ...string) (events.Source, error) { return github.New(secrets...) },
		Prove: func(h http.Header, secret string, body []byte) { h.Set("X-Hub-Signature-256", sign(secret, body)) },
	})
}

// Only what pocketci itself made is dropped, whoever's token made it.
func TestLoopGuard(t *testing.T) {
	t.Parallel()
	const ours = 4711
	app := func(path string) func(t *testing.T, file string) []byte {
		return func(t *testing.T, file string) []byte {
			return with(t, file, path, map[string]any{"id": ours, "slug": "x"})
		}
	}
	value := func(path string, value any) func(t *testing.T, file string) []byte {
		return func(t *testing.T, file string) []byte { return with(t, file, path, value) }
	}
	as := func(t *testing.T, file string) []byte { return read(t, file) }
	for name, c := range map[string]struct {
		kind, file string
		payload    func(t *testing.T, file string) []byte
		own        bool
	}{
		"a status of pocketci":                   {"status", "status_own", as, true},
		"a status of another":                    {"status", "status", as, false},
		"a status whose name begins alike":       {"status", "status", value("context", "pocketci"), false},
		"a check of pocketci":                    {"check_run", "check_run_own", as, true},
		"a check of pocketci that was made":      {"check_run", "check_run_own", value("action", "created"), true},
		"a check of pocketci, once more":         {"check_run", "check_run_rerequested", as, false},
		"a check of another":                     {"check_run", "check_run", as, false},
		"a check of its App by any name":         {"check_run", "check_run", app("check_run.app"), true},
		"a suite of its App that ended":          {"check_suite", "check_suite_own", as, true},
		"a suite of its App, once more":          {"check_suite", "check_suite_own", value("action", "rerequested"), false},
		"a suite of its App that GitHub made":    {"check_suite", "check_suite_own", value("action", "requested"), false},
		"a suite of another App":                 {"check_suite", "check_suite", as, false},
		"a comment of pocketci":                  {"issue_comment", "issue_comment_own", as, true},
		"a comment of pocketci that was edited":  {"issue_comment", "issue_comment_own", value("action", "edited"), true},
		"a comment in the name of its App":       {"issue_comment", "issue_comment_pull_request", app("comment.performed_via_github_app"), true},
		"a comment of a person":                  {"issue_comment", "issue_comment_pull_request", as, false},
		"a comment that speaks of pocketci":      {"issue_comment", "issue_comment_pull_request", value("comment.body", "pocketci: again!"), false},
		"a push by the token's owner":            {"push", "push", value("sender.login", "pocketci-of-octo[bot]"), false},
		"a pull request by the App":              {"pull_request", "pull_request_opened", app("performed_via_github_app"), false},
		"a review that quotes a comment of ours": {"pull_request_review", "pull_request_review", value("review.body", "<!-- pocketci:plan -->"), false},
	} {
		body := c.payload(t, c.file)
		header := map[string][]string{"X-GitHub-Event": {c.kind}, "X-Hub-Signature-256": {sign(secret, body)}}
		e, err := newSource(t, secret).WithApp(ours).Receive(header, body)
		nothing, dropped := errors.AsType[*events.NothingError](err)
		switch {
		case err != nil && !dropped:
			t.Errorf("%s: %v", name, err)
		case dropped != c.own || dropped && !strings.Contains(nothing.Reason, "pocketci itself made it"):
			t.Errorf("%s: error %v", name, err)
		case dropped && (e.Comment != nil || e.Repository == nil):
			t.Errorf("%s: event %+v", name, e)
		}
	}
}

// Commands are new comments on pull requests, and nothing else that is said.
func TestCommentOfEvent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind, file, path string
		value            any
		want             *events.Comment
	}{
		"new":         {"issue_comment", "issue_comment_pull_request", "action", "created", &events.Comment{ID: "3100000001", Author: "hubot-contrib", Body: "/test all"}},
		"edited":      {"issue_comment", "issue_comment_pull_request", "action", "edited", nil},
		"deleted":     {"issue_comment", "issue_comment_pull_request", "action", "deleted", nil},
		"on an issue": {"issue_comment", "issue_comment_issue", "action", "created", nil},
		"on a line":   {"pull_request_review_comment", "pull_request_review_comment_fork", "action", "created", nil},
		"a review":    {"pull_request_review", "pull_request_review", "action", "submitted", nil},
		"by nobody":   {"issue_comment", "issue_comment_pull_request", "comment.user", nil, &events.Comment{ID: "3100000001", Body: "/test all"}},
		"of several rows": {"issue_comment", "issue_comment_pull_request", "comment.body", "/retest\r\n\r\n/plan",
			&events.Comment{ID: "3100000001", Author: "hubot-contrib", Body: "/retest\r\n\r\n/plan"}},
	} {
		e, err := github.Parse(c.kind, with(t, c.file, c.path, c.value))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, want := text(t, e.Comment), text(t, c.want); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
