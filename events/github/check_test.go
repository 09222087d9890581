package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

const lint = "pocketci/ci/lintOnPush"

// set sets a status that has to succeed and returns its ref.
func set(t *testing.T, f forge.Forge, s forge.Status, ref string) string {
	t.Helper()
	s.Context = lint
	ref, err := f.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, ref)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestCheckIsOneForEachAttempt(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	c := w.AppClient()
	began := time.Date(2026, 11, 25, 10, 0, 0, 500, time.FixedZone("", 3600))
	ref := set(t, c, forge.Status{State: forge.StatePending, Description: "waits", ExternalID: "call-1"}, "")
	ref = set(t, c, forge.Status{State: forge.StateRunning, Description: "runs", ExternalID: "call-1", Started: began, URL: "https://ci.example.com/runs/1"}, ref)
	ref = set(t, c, forge.Status{State: forge.StateFailed, Description: "failed", ExternalID: "call-1", Started: began, Ended: began.Add(time.Minute), Summary: "# two tests"}, ref)
	if len(w.Checks) != 1 {
		t.Fatalf("%d checks", len(w.Checks))
	}
	for key, want := range map[string]any{
		"name": lint, "head_sha": forgetest.Head, "external_id": "call-1", "status": "completed", "conclusion": "failure",
		"started_at": "2026-11-25T09:00:00Z", "completed_at": "2026-11-25T09:01:00Z", "details_url": "https://ci.example.com/runs/1",
	} {
		if got := w.Checks[0][key]; got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if output := w.Checks[0]["output"].(map[string]any); output["title"] != "failed" || output["summary"] != "# two tests" {
		t.Errorf("output %v", output)
	}
	set(t, c, forge.Status{State: forge.StateFailed, Description: "failed", ExternalID: "call-1"}, ref) // said again
	if len(w.Checks) != 1 {
		t.Errorf("saying it again makes %d checks", len(w.Checks))
	}
	set(t, c, forge.Status{State: forge.StateRunning, Description: "once more", ExternalID: "call-1"}, ref)
	if len(w.Checks) != 2 || w.Checks[0]["status"] != "completed" || w.Checks[1]["status"] != "in_progress" {
		t.Errorf("once more makes %v", w.Checks)
	}
}

func TestCheckOfAnyRef(t *testing.T) {
	for _, ref := range []string{"", "x", "-1", "0", "99999999999999999999", "12345", "12345/completed", "../../hooks/1"} {
		w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
		set(t, w.AppClient(), forge.Status{State: forge.StateSucceeded, Description: "ok"}, ref)
		if len(w.Checks) != 1 {
			t.Errorf("%q makes %d checks", ref, len(w.Checks))
		}
	}
}

func TestCheckConclusions(t *testing.T) {
	for state, want := range map[forge.State]string{
		forge.StateSucceeded: "success", forge.StateFailed: "failure", forge.StateAborted: "cancelled", forge.StateSkipped: "skipped",
	} {
		w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
		set(t, w.AppClient(), forge.Status{State: state}, "")
		if got := w.Checks[0]["conclusion"]; got != want {
			t.Errorf("%s is concluded as %v", state, got)
		}
		if output := w.Checks[0]["output"].(map[string]any); output["title"] != string(state) || output["summary"] != string(state) {
			t.Errorf("without a description it says %v", output)
		}
	}
}

func TestCheckAnnotations(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	c := w.AppClient()
	all := []forge.Annotation{{Path: "", Line: 1, Message: "nowhere"}, {Path: "a.go", Line: 0, Message: "no line"}, {Path: "a.go", Line: 1, Message: " "}}
	for i := range 400 {
		all = append(all, forge.Annotation{Path: "main.go", Line: i + 1, Message: strings.Repeat("m", 100)})
	}
	before := w.Requests()
	status := forge.Status{State: forge.StateFailed, Description: "failed", Summary: strings.Repeat("ü", 65535), Annotations: all}
	ref := set(t, c, status, "")
	got := w.Checks[0]["output"].(map[string]any)["annotations"].([]any)
	if len(got) != 300 || len(w.Checks) != 1 {
		t.Errorf("%d annotations of %d checks", len(got), len(w.Checks))
	}
	if first := fmt.Sprint(got[0]); !strings.Contains(first, "annotation_level:failure") || !strings.Contains(first, "start_line:1") || !strings.Contains(first, "end_line:1") {
		t.Errorf("the first is %s", first)
	}
	if n := w.Requests() - before; n != 2+6 { // the installation, its token, and six batches
		t.Errorf("%d requests: %v", n, w.Since(before))
	}
	// GitHub adds annotations to those that there are.
	set(t, c, status, ref)
	if got := w.Checks[0]["output"].(map[string]any)["annotations"].([]any); len(got) != 300 {
		t.Errorf("saying it again makes %d", len(got))
	}
}

// What was made before a failure is not lost.
func TestCheckThatFailsInTheMiddle(t *testing.T) {
	w := githubtest.NewApp(t, githubtest.OfGitHub).Serve()
	c := w.AppClient()
	set(t, c, forge.Status{State: forge.StatePending}, "")
	var all []forge.Annotation
	for i := range 60 {
		all = append(all, forge.Annotation{Path: "main.go", Line: i + 1, Message: "no"})
	}
	w.Lock()
	w.After = append(w.After, githubtest.Failing{Status: http.StatusUnprocessableEntity, Body: `{"message":"Invalid request"}`})
	w.Unlock()
	s := forge.Status{Context: lint, State: forge.StateFailed, Annotations: all}
	ref, err := c.SetStatus(t.Context(), forgetest.Repository, forgetest.Head, s, "")
	if err == nil || !strings.Contains(err.Error(), "Invalid request") || ref == "" {
		t.Errorf("%q, %v", ref, err)
	}
	if len(w.Checks) != 2 {
		t.Errorf("%d checks", len(w.Checks))
	}
}
