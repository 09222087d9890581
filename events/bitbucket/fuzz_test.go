package bitbucket_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
	"github.com/franela/pocketci/events/sourcetest"
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
			sourcetest.CheckError(t, oneErr)
		} else {
			reader.CheckEvent(t, &one)
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
				reader.CheckEvent(t, &r.Event)
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

// checkEvent checks what holds for this vendor's events besides.
func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if !strings.HasPrefix(e.Repository.CloneURL, "https://bitbucket.org/") {
		t.Errorf("clone url %q", e.Repository.CloneURL)
	}
	if e.Trusted && e.Comment != nil {
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
}

// FuzzSignature checks that one signature alone is taken, in either case of
// its digits.
func FuzzSignature(f *testing.F) {
	secrets := []string{secret, "another secret"}
	signed := sourcetest.Signed{
		Source: newSource(f, secrets...), Header: "X-Hub-Signature", Sign: bitbucket.Sign, Secrets: secrets, Least: 32,
	}
	signed.Fuzz(f, []byte(`{"push":{}}`))
}
