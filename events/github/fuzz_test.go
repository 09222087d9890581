package github_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
)

// FuzzParse checks what holds for every event that is read from any text.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.kind, read(f, s.file))
	}
	f.Add("tag", read(f, "push_tag"))
	f.Add("push", []byte(`{"repository":{"full_name":"a/b","clone_url":"https://h/a"},"ref":"refs/heads/x","after":1}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		e, err := github.Parse(kind, payload)
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
	var (
		malformed *events.MalformedError
		nothing   *events.NothingError
	)
	if !errors.As(err, &malformed) && !errors.As(err, &nothing) {
		t.Errorf("error of type %T: %v", err, err)
	}
	if err.Error() == "" || len(err.Error()) > 4000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if e.Vendor != "github" || e.Name == "" || e.Kind == "" || e.Repository == nil {
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
	if e.Fork != "" && e.Trusted {
		t.Errorf("a fork's event is trusted: %+v", e)
	}
	if (e.Name == events.NameTag) != (e.Kind == "push" && e.Tag != "") {
		t.Errorf("event %s of kind %s has tag %q", e.Name, e.Kind, e.Tag)
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
	body := []byte(`{"zen":"x","hook_id":1}`)
	right := sign(secret, body)
	for _, s := range []string{
		right, strings.ToUpper(right), "sha256=" + strings.ToUpper(right[7:]), right[7:], right[:70], right + "0", "",
		"sha256=", "sha1=0123", "sha256=" + strings.Repeat("0", 64), right + "\x00", "sha256 = " + right[7:],
	} {
		f.Add(s, body)
	}
	f.Add(sign(secret, nil), []byte{})
	source := newSource(f, "another secret", secret)
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		_, err := source.Receive(map[string][]string{"X-Hub-Signature-256": {signature}}, body)
		digits, prefixed := strings.CutPrefix(signature, "sha256=")
		valid := prefixed && ("sha256="+strings.ToLower(digits) == sign(secret, body) ||
			"sha256="+strings.ToLower(digits) == sign("another secret", body))
		var unauthenticated *events.UnauthenticatedError
		if refused := errors.As(err, &unauthenticated); refused == valid {
			t.Errorf("signature %q: %v", signature, err)
		}
		if len(digits) >= 8 && err != nil && strings.Contains(err.Error(), digits) {
			t.Errorf("the error repeats the signature: %v", err)
		}
	})
}

// FuzzForm checks that a payload survives its way through a form, and that no
// form body breaks the reading.
func FuzzForm(f *testing.F) {
	for _, s := range []string{
		"payload=%7B%7D", "payload=", "", "payload", "a=b&payload={}", "payload={}&payload={}", "payload=%zz", "payload={};x=1",
		url.Values{"payload": {`{"repository":{"full_name":"a/b","clone_url":"https://h/a"},"ref":"refs/heads/x+y"}`}}.Encode(),
	} {
		f.Add([]byte(s))
	}
	source := github.NewInsecure()
	f.Fuzz(func(t *testing.T, body []byte) {
		header := map[string][]string{
			"X-GitHub-Event": {"push"}, "Content-Type": {"application/x-www-form-urlencoded"},
		}
		e, err := source.Receive(header, body)
		if err != nil {
			checkError(t, err)
		} else {
			checkEvent(t, &e)
		}
		if !json.Valid(body) {
			return
		}
		// The same bytes, taken as the payload.
		direct, directErr := github.Parse("push", body)
		wrapped, wrappedErr := source.Receive(header, []byte(url.Values{"payload": {string(body)}}.Encode()))
		if !bytes.Equal(direct.Payload, wrapped.Payload) || (directErr == nil) != (wrappedErr == nil) {
			t.Errorf("directly %v, through a form %v", directErr, wrappedErr)
		}
	})
}
