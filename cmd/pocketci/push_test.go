package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A host that converges is sent the token as it is, and its answer is told.
func TestPushToHost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.jwt")
	if err := os.WriteFile(file, []byte("a.b.c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("POCKETCI_KEY", "pci_secret")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for name, c := range map[string]struct {
		status int
		answer string
		flags  []string
		code   int
		stdout string
		stderr string
	}{
		"changes":       {200, `{"changed":["write a file","copy file"],"removed":["old"],"err":"","exit":0}`, nil, exitOK, "removed 1: old\nchanged 2: write a file, copy file\n", ""},
		"no changes":    {200, `{"changed":[],"removed":[],"err":"","exit":0}`, nil, exitOK, "no changes\n", ""},
		"dry":           {200, `{"changed":["a"],"removed":[],"err":"","exit":0,"dry_run":true}`, []string{"--dry-run"}, exitOK, "would change 1: a\n", ""},
		"it goes on":    {202, `{"changed":[],"removed":[],"err":"","exit":0,"note":"it goes on"}`, nil, exitOK, "it goes on\n", ""},
		"a failure":     {200, `{"changed":["a"],"removed":[],"err":"b failed","exit":7}`, nil, exitFailed, "changed 1: a\n", "pocketci: b failed\n"},
		"as JSON":       {200, `{"changed":["a"],"removed":[],"err":"","exit":0,"more":1}`, []string{"--json"}, exitOK, `{"changed":["a"],"removed":[],"err":"","exit":0,"more":1}`, ""},
		"a wrong key":   {401, `{"changed":[],"removed":[],"err":"not signed by a trusted key","exit":1}`, nil, exitUsage, "", "pocketci: not signed by a trusted key (status 401)\n"},
		"a replay":      {409, `{"changed":[],"removed":[],"err":"token was accepted before","exit":1}`, nil, exitFailed, "", "pocketci: token was accepted before (status 409)\n"},
		"another thing": {200, `<html>`, nil, exitFailed, "", "is not one of a pocketci agent"},
	} {
		t.Run(name, func(t *testing.T) {
			host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || string(body) != "a.b.c" || r.URL.Path != "/push/web" || r.Method != http.MethodPost {
					t.Errorf("%s %s with %q (%v)", r.Method, r.URL, body, err)
				}
				if r.URL.Query().Has("dry-run") != (name == "dry") || r.Header.Get("Authorization") != "" {
					t.Errorf("%s with %v", r.URL, r.Header)
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.answer))
			}))
			defer host.Close()
			var stdout, stderr bytes.Buffer
			args := append([]string{"push", "--host", host.URL, "--source", "web", file}, c.flags...)
			if code := execute(t.Context(), args, strings.NewReader(""), &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.stderr) || c.stderr == "" && stderr.Len() > 0 {
				t.Errorf("it says %q and %q", &stdout, &stderr)
			}
		})
	}
}
