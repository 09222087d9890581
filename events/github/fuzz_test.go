package github_test

import (
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/events/sourcetest"
)

// FuzzParse checks what holds for every event that is read from any text.
func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(s.kind, read(f, s.file))
	}
	f.Add("tag", read(f, "push_tag"))
	f.Add("push", []byte(`{"repository":{"full_name":"a/b","clone_url":"https://h/a"},"ref":"refs/heads/x","after":1}`))
	reader.FuzzParse(f, checkEvent)
}

// checkEvent checks what holds for this vendor's events besides.
func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if (e.Name == events.NameTag) != (e.Kind == "push" && e.Tag != "") {
		t.Errorf("event %s of kind %s has tag %q", e.Name, e.Kind, e.Tag)
	}
}

// FuzzSignature checks that one signature alone is taken, in either case of
// its digits.
func FuzzSignature(f *testing.F) {
	secrets := []string{secret, "another secret"}
	signed := sourcetest.Signed{
		Source: newSource(f, secrets...), Header: "X-Hub-Signature-256", Sign: sign, Secrets: secrets, Least: 8,
	}
	signed.Fuzz(f, []byte(`{"zen":"x","hook_id":1}`))
}

// FuzzForm checks that a payload survives its way through a form, and that no
// form body breaks the reading.
func FuzzForm(f *testing.F) {
	source := github.NewInsecure()
	reader.FuzzForm(f, func(_, body []byte) (events.Event, error) {
		return source.Receive(map[string][]string{
			"X-GitHub-Event": {"push"}, "Content-Type": {"application/x-www-form-urlencoded"},
		}, body)
	}, checkEvent)
}
