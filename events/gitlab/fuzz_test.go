package gitlab_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
)

// FuzzParse checks what holds for every event that is read from any text.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.kind, read(f, s.file))
		f.Add("System Hook", read(f, s.file))
	}
	f.Add("tag", read(f, "tag_push"))
	f.Add("pull_request", read(f, "merge_request_fork"))
	f.Add("push", []byte(`{"object_kind":"push","project":{"path_with_namespace":"a/b","git_http_url":"https://h/a"},"ref":"refs/heads/x","after":1}`))
	reader.FuzzParse(f, checkEvent)
}

// checkEvent checks what holds for this vendor's events besides.
func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	for _, text := range []string{e.Filter, e.Sender} {
		if err := events.CheckText(text); err != nil && len(text) <= 255 {
			t.Errorf("text %q: %v", text, err)
		}
	}
	if (e.Name == events.NameTag) != (e.Tag != "" && e.Name != "release") {
		t.Errorf("event %s has tag %q", e.Name, e.Tag)
	}
	if e.Name == events.NamePullRequest && (e.PullRequest <= 0 || e.SHA == "" || e.BaseRef == "" || e.Filter == "") {
		t.Errorf("a merge request that is none: %+v", e)
	}
	if c := e.Comment; c != nil && (e.Name != "issue_comment" || e.Filter != "created" || c.ID == "" || c.Author != e.Sender || strings.Contains(c.Body, "<!-- pocketci:")) {
		t.Errorf("a comment that is none: %+v", e)
	}
}

// FuzzProof checks that no header but the right one is taken.
func FuzzProof(f *testing.F) {
	for _, s := range []string{
		token, strings.ToUpper(token), token + " ", token[1:], "", "\x00", signingToken, "v1," + token, "v1,AAAA", "v1, v1, v1,",
	} {
		f.Add(s, "1614265330")
	}
	source := newSource(f, token, "another secret", signingToken)
	f.Fuzz(func(t *testing.T, value, at string) {
		_, err := source.Receive(map[string][]string{"X-Gitlab-Token": {value}}, nil)
		if _, refused := errors.AsType[*events.UnauthenticatedError](err); refused == (value == token || value == "another secret") {
			t.Errorf("token %q: %v", value, err)
		}
		if len(value) >= 8 && err != nil && strings.Contains(err.Error(), value) && !strings.Contains("X-Gitlab-Event: is missing", value) {
			t.Errorf("the error repeats the token: %v", err)
		}
		_, err = source.Receive(map[string][]string{
			"Webhook-Signature": {value}, "Webhook-Id": {"d1"}, "Webhook-Timestamp": {at}, "X-Gitlab-Token": {token},
		}, nil)
		if _, refused := errors.AsType[*events.UnauthenticatedError](err); !refused {
			t.Errorf("signature %q: %v", value, err)
		}
	})
}
