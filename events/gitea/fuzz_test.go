package gitea_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitea"
)

// FuzzParse checks what holds for every event that is read from any text.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.kind, read(f, s.file))
	}
	f.Add("tag", read(f, "push_tag"))
	f.Add("push", []byte(`{"repository":{"full_name":"a/b","clone_url":"https://h/a"},"ref":"refs/heads/x","after":1}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		e, err := gitea.Parse(kind, payload)
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
	if e.Vendor != "gitea" || e.Name == "" || e.Kind == "" || e.Repository == nil {
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
	if e.Trusted && (e.Fork != "" || e.Comment != nil) {
		t.Errorf("an event of strangers is trusted: %+v", e)
	}
	if (e.Name == events.NameTag) != (e.Kind == "push" && e.Tag != "") {
		t.Errorf("event %s of kind %s has tag %q", e.Name, e.Kind, e.Tag)
	}
	if e.Name == events.NamePullRequest && (e.PullRequest <= 0 || e.SHA == "" || e.BaseSHA == "") {
		t.Errorf("incomplete pull request %+v", e)
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

// FuzzSignature checks that one signature alone is taken, in either case of
// its digits.
func FuzzSignature(f *testing.F) {
	body := []byte(`{"ref":"x"}`)
	right := gitea.Sign(secret, body)
	for _, s := range []string{
		right, strings.ToUpper(right), "sha256=" + right, right[:60], right + "0", "", "sha256=", strings.Repeat("0", 64), right + "\x00", " " + right,
	} {
		f.Add(s, body)
	}
	f.Add(gitea.Sign(secret, nil), []byte{})
	source := newSource(f, "another secret", secret)
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		lower := strings.ToLower(signature)
		valid := lower == gitea.Sign(secret, body) || lower == gitea.Sign("another secret", body)
		for name, prefix := range map[string]string{"X-Gitea-Signature": "", "X-Forgejo-Signature": "", "X-Hub-Signature-256": "sha256="} {
			_, err := source.Receive(map[string][]string{name: {prefix + signature}}, body)
			if _, refused := errors.AsType[*events.UnauthenticatedError](err); refused == valid {
				t.Errorf("%s %q: %v", name, signature, err)
			}
			if len(signature) >= 32 && err != nil && strings.Contains(err.Error(), signature) {
				t.Errorf("the error repeats the signature: %v", err)
			}
		}
	})
}

// FuzzForm checks that a payload survives its way through a form, and that no
// form body breaks the reading.
func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"payload=%7B%7D", "payload=", "", "payload", "a=b&payload={}", "payload={}&payload={}", "payload=%zz", "payload={};x=1",
		`{"repository":{"full_name":"a/b","clone_url":"https://h/a"},"ref":"refs/heads/x+y"}`,
	} {
		f.Add([]byte(s))
	}
	source := newSource(f, secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		header := func(signed []byte) map[string][]string {
			return map[string][]string{
				"X-Gitea-Event": {"push"}, "Content-Type": {"application/x-www-form-urlencoded"}, "X-Gitea-Signature": {gitea.Sign(secret, signed)},
			}
		}
		if e, err := source.Receive(header(body), body); err != nil {
			checkError(t, err)
		} else {
			checkEvent(t, &e)
		}
		if !json.Valid(body) {
			return
		}
		direct, directErr := gitea.Parse("push", body)
		wrapped, wrappedErr := source.Receive(header(body), []byte(url.Values{"payload": {string(body)}}.Encode()))
		if !bytes.Equal(direct.Payload, wrapped.Payload) || (directErr == nil) != (wrappedErr == nil) {
			t.Errorf("directly %v, through a form %v", directErr, wrappedErr)
		}
	})
}
