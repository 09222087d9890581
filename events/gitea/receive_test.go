package gitea_test

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/gitea"
)

const secret = "correct horse battery staple"

func newSource(t testing.TB, secrets ...string) *gitea.Source {
	t.Helper()
	s, err := gitea.New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// All signatures that are there have to be right, and one has to be there.
func TestReceiveSignatures(t *testing.T) {
	t.Parallel()
	s := newSource(t, "the one before", secret)
	body := read(t, "push")
	right, wrong := gitea.Sign(secret, body), gitea.Sign("wrong", body)
	for name, c := range map[string]struct {
		header map[string][]string
		ok     bool
	}{
		"gitea":               {map[string][]string{"X-Gitea-Signature": {right}}, true},
		"forgejo":             {map[string][]string{"X-Forgejo-Signature": {right}}, true},
		"github":              {map[string][]string{"X-Hub-Signature-256": {"sha256=" + right}}, true},
		"upper case":          {map[string][]string{"X-Gitea-Signature": {strings.ToUpper(right)}}, true},
		"all":                 {map[string][]string{"X-Gitea-Signature": {right}, "X-Forgejo-Signature": {right}, "X-Hub-Signature-256": {"sha256=" + right}}, true},
		"the secret before":   {map[string][]string{"X-Gitea-Signature": {gitea.Sign("the one before", body)}}, true},
		"one is wrong":        {map[string][]string{"X-Gitea-Signature": {right}, "X-Forgejo-Signature": {wrong}}, false},
		"the other is wrong":  {map[string][]string{"X-Gitea-Signature": {right}, "X-Hub-Signature-256": {"sha256=" + wrong}}, false},
		"one is no signature": {map[string][]string{"X-Gitea-Signature": {right}, "X-Hub-Signature-256": {right}}, false},
		"none":                {map[string][]string{}, false},
		"SHA-1 alone":         {map[string][]string{"X-Hub-Signature": {"sha1=" + right[:40]}}, false},
		"of no secret":        {map[string][]string{"X-Gitea-Signature": {""}, "X-Hub-Signature-256": {"sha256="}}, false},
		"twice":               {map[string][]string{"X-Gitea-Signature": {right, right}}, false},
		"two spellings":       {map[string][]string{"X-Gitea-Signature": {right}, "x-gitea-signature": {right}}, false},
		"prefixed":            {map[string][]string{"X-Gitea-Signature": {"sha256=" + right}}, false},
		"short":               {map[string][]string{"X-Gitea-Signature": {right[:62]}}, false},
	} {
		h := maps.Clone(c.header)
		h["X-Gitea-Event"] = []string{"push"}
		_, err := s.Receive(h, body)
		_, refused := errors.AsType[*events.UnauthenticatedError](err)
		if refused == c.ok || c.ok && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), right[:8]) || strings.Contains(err.Error(), wrong[:8])) {
			t.Errorf("%s: the error repeats a signature: %v", name, err)
		}
	}
}

// Gitea signs the payload before it is put into a form.
func TestReceiveForm(t *testing.T) {
	t.Parallel()
	s := newSource(t, secret)
	payload := read(t, "pull_request_fork")
	form := []byte(url.Values{"payload": {string(payload)}}.Encode())
	header := func(signature string) map[string][]string {
		return map[string][]string{
			"X-Gitea-Event": {"pull_request"}, "X-Gitea-Signature": {signature}, "Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
		}
	}
	for name, signature := range map[string]string{"the payload": gitea.Sign(secret, payload), "the body": gitea.Sign(secret, form)} {
		e, err := s.Receive(header(signature), form)
		if err != nil || string(e.Payload) != string(payload) || e.Fork != "octo-contrib/shop" {
			t.Errorf("signature of %s: %v", name, err)
		}
	}
	for name, body := range map[string]string{
		"another payload": url.Values{"payload": {"{}"}}.Encode(), "two": string(form) + "&payload=x", "none": "a=b", "broken": "payload=%zz",
	} {
		_, err := s.Receive(header(gitea.Sign(secret, payload)), []byte(body))
		if _, refused := errors.AsType[*events.UnauthenticatedError](err); !refused {
			t.Errorf("%s: %v", name, err)
		}
		if name == "another payload" {
			continue
		}
		_, err = s.Receive(header(gitea.Sign(secret, []byte(body))), []byte(body))
		if _, malformed := errors.AsType[*events.MalformedError](err); !malformed {
			t.Errorf("%s, signed: %v", name, err)
		}
	}
}

// Headers are not signed. What they say of the event has to agree.
func TestReceiveHeaders(t *testing.T) {
	t.Parallel()
	s := newSource(t, secret)
	for name, c := range map[string]struct {
		header map[string][]string
		file   string
		want   string // the event's name
		path   string // of a MalformedError
	}{
		"forgejo alone":         {map[string][]string{"X-Forgejo-Event": {"push"}}, "push", "push", ""},
		"github alone":          {map[string][]string{"X-GitHub-Event": {"push"}}, "push", "push", ""},
		"with its type":         {map[string][]string{"X-Gitea-Event": {"pull_request"}, "X-Gitea-Event-Type": {"pull_request_sync"}}, "pull_request_synchronized", "pull_request", ""},
		"its type alone":        {map[string][]string{"X-Gitea-Event": {""}, "X-Gitea-Event-Type": {"status"}}, "status", "status", ""},
		"the type of a comment": {map[string][]string{"X-Gitea-Event-Type": {"pull_request_comment"}}, "issue_comment_pull_request", "issue_comment", ""},
		"contradicting":         {map[string][]string{"X-Gitea-Event": {"push"}, "X-Forgejo-Event": {"issues"}}, "push", "", "header X-Gitea-Event"},
		"twice":                 {map[string][]string{"X-Gitea-Event": {"push", "push"}}, "push", "", "header X-Gitea-Event"},
		"none":                  {nil, "push", "", "header X-Gitea-Event"},
		"two deliveries": {map[string][]string{"X-Gitea-Event": {"push"}, "X-Gitea-Delivery": {"a"}, "X-Forgejo-Delivery": {"b"}},
			"push", "", "header X-Gitea-Delivery"},
		"unprintable": {map[string][]string{"X-Gitea-Event": {"push"}, "X-Gitea-Delivery": {"a\x1b"}}, "push", "", "header X-Gitea-Delivery"},
	} {
		body := read(t, c.file)
		h := map[string][]string{"X-Gitea-Signature": {gitea.Sign(secret, body)}}
		maps.Copy(h, c.header)
		e, err := s.Receive(h, body)
		bad, malformed := errors.AsType[*events.MalformedError](err)
		if c.path == "" && (err != nil || e.Name != c.want) || c.path != "" && (!malformed || bad.Path != c.path) {
			t.Errorf("%s: %s, %v", name, e.Name, err)
		}
	}
}
