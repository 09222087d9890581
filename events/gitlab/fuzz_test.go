package gitlab_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitlab"
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
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		e, err := gitlab.Parse(kind, payload)
		if err != nil {
			checkError(t, err)
			return
		}
		checkEvent(t, &e)
		if !bytes.Equal(e.Payload, payload) {
			t.Error("the payload is not what was given")
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	_, malformed := errors.AsType[*events.MalformedError](err)
	_, nothing := errors.AsType[*events.NothingError](err)
	if !malformed && !nothing {
		t.Errorf("error of type %T: %v", err, err)
	}
	if err.Error() == "" || len(err.Error()) > 4000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if e.Vendor != "gitlab" || e.Name == "" || e.Kind == "" || e.Repository == nil {
		t.Fatalf("incomplete event %+v", e)
	}
	if err := events.CheckFullName(e.Repository.FullName); err != nil {
		t.Errorf("repository %q: %v", e.Repository.FullName, err)
	}
	if err := events.CheckCloneURL(e.Repository.CloneURL); err != nil {
		t.Errorf("clone url %q: %v", e.Repository.CloneURL, err)
	}
	for _, sha := range []string{e.SHA, e.Before, e.BaseSHA} {
		if err := events.CheckSHA(sha); sha != "" && err != nil {
			t.Errorf("sha %q: %v", sha, err)
		}
	}
	if err := events.CheckRef(e.Ref); e.Ref != "" && err != nil {
		t.Errorf("ref %q: %v", e.Ref, err)
	}
	for _, text := range []string{e.Filter, e.Sender} {
		if err := events.CheckText(text); err != nil && len(text) <= 255 {
			t.Errorf("text %q: %v", text, err)
		}
	}
	if e.Fork != "" && e.Trusted {
		t.Errorf("a fork's event is trusted: %+v", e)
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
	e.ID = "1"
	data, err := events.EncodeFile(e, nil)
	if err != nil {
		t.Fatalf("no event file: %v", err)
	}
	if _, err := events.DecodeFile(data); err != nil {
		t.Errorf("the event file cannot be read: %v", err)
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
