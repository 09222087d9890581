package bitbucket_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
)

// FuzzParse checks what holds for every event that is read from any text.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.kind, read(f, s.file))
	}
	f.Add("repo:push", read(f, "push_several"))
	f.Add("tag", read(f, "push_tag"))
	f.Add("push", []byte(`{"repository":{"full_name":"a/b"},"push":{"changes":[{"new":{"type":"branch","name":"x","target":{"hash":1}}}]}}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		one, oneErr := bitbucket.Parse(kind, payload)
		if oneErr != nil {
			checkError(t, oneErr)
		} else {
			checkEvent(t, &one)
		}
		all, err := bitbucket.ParseAll(kind, payload)
		if err != nil {
			if !isMalformed(err) || oneErr == nil {
				t.Errorf("all: %v, one: %v", err, oneErr)
			}
			return
		}
		if len(all) == 0 || len(all) == 1 && (oneErr == nil) != (all[0].Nothing == nil) || len(all) > 1 && oneErr == nil {
			t.Errorf("%d events, one: %v", len(all), oneErr)
		}
		for _, r := range all {
			if r.Nothing == nil {
				checkEvent(t, &r.Event)
			} else if r.Event.Trusted {
				t.Errorf("nothing is trusted: %+v", r)
			}
			if !bytes.Equal(r.Event.Payload, payload) {
				t.Error("the payload is not what was given")
			}
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	_, nothing := errors.AsType[*events.NothingError](err)
	if !isMalformed(err) && !nothing {
		t.Errorf("error of type %T: %v", err, err)
	}
	if err.Error() == "" || len(err.Error()) > 4000 {
		t.Errorf("error of %d bytes", len(err.Error()))
	}
}

func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if e.Vendor != "bitbucket" || e.Name == "" || e.Kind == "" || e.Repository == nil {
		t.Fatalf("incomplete event %+v", e)
	}
	if err := events.CheckFullName(e.Repository.FullName); err != nil {
		t.Errorf("repository %q: %v", e.Repository.FullName, err)
	}
	if err := events.CheckCloneURL(e.Repository.CloneURL); err != nil || !strings.HasPrefix(e.Repository.CloneURL, "https://bitbucket.org/") {
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
	if e.Fork != "" && e.Ref != "" {
		t.Errorf("the repository has no ref of a fork: %+v", e)
	}
	if (e.Name == events.NameTag) != (e.Kind == "repo:push" && e.Tag != "") {
		t.Errorf("event %s of kind %s has tag %q", e.Name, e.Kind, e.Tag)
	}
	if e.Kind == "repo:push" && (e.SHA == "" || e.Ref == "") {
		t.Errorf("incomplete push %+v", e)
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
	body := []byte(`{"push":{}}`)
	right := bitbucket.Sign(secret, body)
	for _, s := range []string{
		right, strings.ToUpper(right), "sha256=" + strings.ToUpper(right[7:]), right[7:], right[:70], right + "0", "", "sha256=", "sha1=0123",
		"sha256=" + strings.Repeat("0", 64), right + "\x00", "sha256 = " + right[7:],
	} {
		f.Add(s, body)
	}
	f.Add(bitbucket.Sign(secret, nil), []byte{})
	source := newSource(f, "another secret", secret)
	f.Fuzz(func(t *testing.T, signature string, body []byte) {
		_, err := source.Receive(map[string][]string{"X-Hub-Signature": {signature}}, body)
		digits, prefixed := strings.CutPrefix(signature, "sha256=")
		valid := prefixed && ("sha256="+strings.ToLower(digits) == bitbucket.Sign(secret, body) ||
			"sha256="+strings.ToLower(digits) == bitbucket.Sign("another secret", body))
		if _, refused := errors.AsType[*events.UnauthenticatedError](err); refused == valid {
			t.Errorf("signature %q: %v", signature, err)
		}
		if len(digits) >= 32 && err != nil && strings.Contains(err.Error(), digits) {
			t.Errorf("the error repeats the signature: %v", err)
		}
	})
}
