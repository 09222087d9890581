package gitea_test

import (
	"errors"
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
	reader.FuzzParse(f, checkEvent)
}

// checkEvent checks what holds for this vendor's events besides.
func checkEvent(t *testing.T, e *events.Event) {
	t.Helper()
	if e.Trusted && e.Comment != nil {
		t.Errorf("an event of strangers is trusted: %+v", e)
	}
	if (e.Name == events.NameTag) != (e.Kind == "push" && e.Tag != "") {
		t.Errorf("event %s of kind %s has tag %q", e.Name, e.Kind, e.Tag)
	}
	if e.Name == events.NamePullRequest && (e.PullRequest <= 0 || e.SHA == "" || e.BaseSHA == "") {
		t.Errorf("incomplete pull request %+v", e)
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
	source := newSource(f, secret)
	reader.FuzzForm(f, func(signed, body []byte) (events.Event, error) {
		return source.Receive(map[string][]string{
			"X-Gitea-Event": {"push"}, "Content-Type": {"application/x-www-form-urlencoded"}, "X-Gitea-Signature": {gitea.Sign(secret, signed)},
		}, body)
	}, checkEvent)
}
