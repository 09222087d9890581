package secrets_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/settings"
)

const pem = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACBnbm90LWEta2V5LWJ1dC1hcy1sb25nLWFzLW9uZS0wMTIzAAAAIGdub3Qt
AAAECQ==
-----END OPENSSH PRIVATE KEY-----
`

// place writes a file and returns its path.
func place(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// fromFile is a policy in which acme/shop has the file under the name key.
func fromFile(t *testing.T, path string) secrets.Policy {
	t.Helper()
	return policyOf(t, "secrets:\n- repositories: [acme/shop]\n  named:\n    key: {from-file: "+path+"}\n")
}

func TestFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(place(t, "linked-value", 0o600), link); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path     string
		want     string
		err      error  // compared by type
		mentions string // by the error
		warning  string
	}{
		"one line":                        {path: place(t, "value-of-the-file\n", 0o600), want: "value-of-the-file"},
		"one line as on Windows":          {path: place(t, "value-of-the-file\r\n", 0o400), want: "value-of-the-file"},
		"no line break":                   {path: place(t, "value-of-the-file", 0o600), want: "value-of-the-file"},
		"a key":                           {path: place(t, pem, 0o600), want: pem},
		"an empty line after it":          {path: place(t, "value\n\n", 0o600), want: "value\n\n"},
		"a link":                          {path: link, want: "linked-value"},
		"for the group":                   {path: place(t, "value", 0o640), want: "value", warning: "can be read by others than its owner"},
		"for everybody":                   {path: place(t, "value", 0o604), want: "value", warning: "can be read by others than its owner"},
		"missing":                         {path: "/nonexistent/key", err: &secrets.MissingError{}, mentions: "the secret key of agent.yaml:4 cannot be read: no such file or directory", warning: "agent.yaml:4: /nonexistent/key: no such file"},
		"a folder":                        {path: t.TempDir(), err: &secrets.MissingError{}, mentions: "not a regular file", warning: "not a regular file"},
		"a pipe that nobody writes to":    {path: pipe, err: &secrets.MissingError{}, mentions: "not a regular file", warning: "not a regular file"},
		"empty":                           {path: place(t, " \n", 0o600), err: &secrets.MissingError{}, mentions: "the secret key of agent.yaml:4 has no value: its file is empty"},
		"short":                           {path: place(t, "abc\n", 0o600), err: &secrets.ShortError{}, mentions: "the value of the secret key of agent.yaml:4 is shorter"},
		"too large":                       {path: place(t, strings.Repeat("x", 1<<20+1), 0o600), err: &secrets.MissingError{}, mentions: "larger than", warning: "larger than"},
		"bytes that are no text":          {path: place(t, "val\xffue", 0o600), err: &secrets.MissingError{}, mentions: "not text", warning: "not text"},
		"text that no variable can carry": {path: place(t, "val\x00ue", 0o600), err: &secrets.MissingError{}, mentions: "not text", warning: "not text"},
	} {
		t.Run(name, func(t *testing.T) {
			vault := secrets.Read(fromFile(t, c.path))
			got, err := vault.For(on).Resolve(t.Context(), "agent://key")
			if got != c.want || reflect.TypeOf(err) != reflect.TypeOf(c.err) {
				t.Errorf("got %q, %T %v", got, err, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.mentions) || strings.Contains(err.Error(), c.path)) {
				t.Errorf("%q does not say %q, or names the file", err, c.mentions)
			}
			if diff := cmp.Diff(err, vault.For(on).Check("agent://key")); diff != "" {
				t.Error(diff)
			}
			warnings := strings.Join(vault.Warnings(), "\n")
			if (warnings != "") != (c.warning != "") || !strings.Contains(warnings, c.warning) {
				t.Errorf("warnings %q, want %q", warnings, c.warning)
			}
		})
	}
}

func TestFileThatChanges(t *testing.T) {
	path := place(t, "the-first-value\n", 0o600)
	vault := secrets.Read(fromFile(t, path))
	for _, want := range []string{"the-first-value", "the-second-value"} {
		if err := os.WriteFile(path, []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := vault.For(on).Resolve(t.Context(), "agent://key"); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestSecretsOfTheAgent(t *testing.T) {
	t.Setenv("HOOK_SECRET", "value-of-the-hook")
	s, err := settings.Parse("agent.yaml", []byte("forges:\n- name: github\n  webhook-secrets: [{from-env: HOOK_SECRET}, {from-env: NOT_SET}]\n  token: {from-file: "+place(t, "value-of-the-token\n", 0o600)+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	vault := secrets.Read(secrets.Policy{}.With(s))
	f := s.Forges[0]
	for secret, want := range map[settings.Secret]string{f.WebhookSecrets[0]: "value-of-the-hook", *f.Token: "value-of-the-token"} {
		if got, err := vault.Secret(secret); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	_, err = vault.Secret(f.WebhookSecrets[1])
	if _, ok := errors.AsType[*secrets.MissingError](err); !ok || !strings.Contains(err.Error(), "the secret in agent.yaml:3 has no value: its variable is not set") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"agent.yaml:3: the variable NOT_SET is not set"}, vault.Warnings()); diff != "" {
		t.Error(diff)
	}
}

func TestProviders(t *testing.T) {
	policy := policyOf(t, "secrets: [{repositories: [acme/shop], providers: [vault://team]}]\nproviders: {env: [VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE]}\n")
	t.Setenv("VAULT_ADDR", "http://vault.example.com")
	t.Setenv("VAULT_TOKEN", "value-of-the-token")
	const uri = "vault://team/db.password"
	if _, err := secrets.Read(policy).For(on).Resolve(t.Context(), uri); err == nil || !strings.Contains(err.Error(), "cannot be resolved here") {
		t.Errorf("without providers: %v", err)
	}
	cause := errors.New("permission denied")
	for name, c := range map[string]struct {
		value string
		err   error
		want  string
	}{
		"a value":       {"the-password", nil, ""},
		"a short value": {"abc", nil, "the value of vault://team/db.password is shorter than 4 bytes"},
		"a failure":     {"", cause, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			vault := secrets.Read(policy).With(func(_ context.Context, ref string, env []string) (string, error) {
				calls++
				if diff := cmp.Diff([]string{"VAULT_ADDR=http://vault.example.com", "VAULT_TOKEN=value-of-the-token"}, env); diff != "" || ref != uri {
					t.Errorf("%s: %s", ref, diff)
				}
				return c.value, c.err
			})
			if err := vault.For(on).Check(uri); err != nil || calls != 0 {
				t.Errorf("check: %v after %d calls", err, calls)
			}
			got, err := vault.For(on).Resolve(t.Context(), uri)
			if c.want == "" && (got != c.value || err != nil) || c.want != "" && (err == nil || got != "" || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// What the agent's file names is masked from the start, what a provider gives
// once it is resolved, however it is written and however it arrives.
func TestMasksWhatTheFileNames(t *testing.T) {
	const (
		token    = "value&of/the?token"
		password = "provided+p@ss \"word\""
		hook     = "value-of-the-hook"
	)
	t.Setenv("VAULT_TOKEN", token)
	t.Setenv("VAULT_ADDR", "http://vault.example.com")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("HOOK_SECRET", hook)
	t.Setenv("BOT", "acme-bot")
	policy := policyOf(t, `forges: [{name: github, webhook-secrets: [{from-env: HOOK_SECRET}], username: {from-env: BOT}}]
secrets: [{repositories: [acme/shop], named: {key: {from-file: `+place(t, pem, 0o600)+`}}, providers: ["vault://"]}]
providers: {env: [VAULT_ADDR, VAULT_TOKEN, AWS_REGION, HOME]}
`)
	vault := secrets.Read(policy).With(func(context.Context, string, []string) (string, error) { return password, nil })
	var m secrets.Masker
	vault.AddTo(&m)
	value, err := vault.For(on).Resolve(t.Context(), "vault://x.y")
	if err != nil {
		t.Fatal(err)
	}
	m.Add(value)

	if text := "http://vault.example.com/v1 in eu-west-1 as acme-bot at " + os.Getenv("HOME"); m.String(text) != text {
		t.Errorf("masked what is no secret: %s", m.String(text))
	}
	quoted := func(s string) string {
		data, err := json.Marshal(map[string]string{"value": s})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	lines := strings.Split(strings.TrimSpace(pem), "\n")
	texts := map[string]string{
		"a key in base64":            base64.StdEncoding.EncodeToString([]byte(pem)),
		"a key in JSON":              quoted(pem),
		"a key in JSON in JSON":      quoted(quoted(lines[1])),
		"a key in a query":           "?key=" + url.QueryEscape(pem),
		"a key, indented":            "  " + strings.Join(lines, "\n  "),
		"a key with numbered lines":  fmt.Sprintf("1: %s\n2: %s\n3: %s\n", lines[1], lines[2], lines[3]),
		"a key without line breaks":  strings.Join(lines, " "),
		"a key as on Windows":        strings.Join(lines, "\r\n"),
		"a line in base64":           base64.RawURLEncoding.EncodeToString([]byte("x: " + lines[1])),
		"a password in base64":       base64.StdEncoding.EncodeToString([]byte("user:" + password)),
		"a password in JSON":         quoted(password),
		"a password in a URL":        url.UserPassword("user", password).String(),
		"a password in a query":      url.QueryEscape(password),
		"a token":                    token,
		"a token in a path":          url.PathEscape(token),
		"a webhook's secret in JSON": quoted(hook),
	}
	secret := append([]string{token, password, hook, url.QueryEscape(password), url.QueryEscape(lines[1]), quoted(password)[10:30],
		base64.StdEncoding.EncodeToString([]byte(pem))[:40]}, lines[1:4]...)
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			want := m.String(text)
			if !strings.Contains(want, "***") {
				t.Errorf("not masked: %s", want)
			}
			for size := 1; size < 40; size += 6 {
				if got := inPieces(t, &m, text, func() int { return size }); got != want {
					t.Errorf("in pieces of %d: %s, at once %s", size, got, want)
				}
			}
			for _, s := range secret {
				if strings.Contains(want, s) {
					t.Errorf("%s shows %s", want, s)
				}
			}
		})
	}
}
