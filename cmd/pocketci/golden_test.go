package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/enginetest"
)

var update = flag.Bool("update", false, "write testdata/plans from what the plans are now")

// planned is one plan in a golden file.
type planned struct {
	Payload string          `json:"payload"`
	Exit    int             `json:"exit"`
	Plan    json.RawMessage `json:"plan"`
}

// TestGoldenPlans plans GitHub's payloads for the sample modules, on the real
// engine, and compares with the plans in testdata/plans. go test -update writes
// them.
func TestGoldenPlans(t *testing.T) {
	enginetest.Env(t)
	testdata, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	payloads, err := filepath.Glob(filepath.Join(testdata, "payloads", "github", "*.json"))
	if err != nil || len(payloads) == 0 {
		t.Fatalf("no payloads: %v", err)
	}
	common := []string{"pull_request_opened.json", "push.json", "push_deleted.json"}
	for sample, only := range map[string][]string{
		"matching":    nil, // all payloads
		"conditions":  nil,
		"constructor": common,
		"demanding":   common,
		"dependent":   common,
		"steps":       common,
	} {
		t.Run(sample, func(t *testing.T) {
			dir, cache := t.TempDir(), t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(testdata, "modules"))); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "pocketci.yaml"), []byte("module-path: "+sample+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)
			t.Setenv("XDG_CACHE_HOME", cache)
			var plans []planned
			for _, payload := range payloads {
				if name := filepath.Base(payload); only == nil || slices.Contains(only, name) {
					plans = append(plans, planOf(t, name, payload, cache))
				}
			}
			golden(t, filepath.Join(testdata, "plans", sample+".json"), plans)
		})
	}
}

// planOf plans one payload. Events that have a diff get a list of changed
// files.
func planOf(t *testing.T, name, payload, cache string) planned {
	t.Helper()
	args := []string{"plan", "--json", "--event", eventOf(t, name), "--payload", payload}
	if strings.HasPrefix(name, "push") || strings.HasPrefix(name, "pull_request_") {
		args = append(args, "--changes", "docs/guide.md,main.go")
	}
	var stdout, stderr bytes.Buffer
	exit := execute(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	if exit == exitFailed || !json.Valid(stdout.Bytes()) {
		t.Fatalf("%s: exit code %d: %s%s", name, exit, &stdout, &stderr)
	}
	// The directory of event files is this machine's.
	plan := bytes.ReplaceAll(stdout.Bytes(), []byte(cache), []byte("$XDG_CACHE_HOME"))
	return planned{Payload: name, Exit: exit, Plan: plan}
}

// eventOf tells the X-GitHub-Event header from the name of a payload's file,
// which is the event and, after it, what is special about the payload.
func eventOf(t *testing.T, name string) string {
	t.Helper()
	event := ""
	for _, e := range []string{
		"check_run", "check_suite", "create", "delete", "deployment", "deployment_status", "installation",
		"issue_comment", "ping", "pull_request", "pull_request_review", "pull_request_review_comment", "push",
		"release", "repository_dispatch", "status", "workflow_dispatch", "workflow_run",
	} {
		if rest, ok := strings.CutPrefix(name, e); ok && strings.ContainsAny(rest[:1], "_.") && len(e) > len(event) {
			event = e
		}
	}
	if event == "" {
		t.Fatalf("%s: no event has this name", name)
	}
	return event
}

func golden(t *testing.T, file string, plans []planned) {
	t.Helper()
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(plans); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("plans (-want +got), to be accepted with go test -update:\n%s", diff)
	}
}
