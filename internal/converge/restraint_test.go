package converge_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/signed"
)

// Sources that remove nothing, and that change nothing.
func TestRestraint(t *testing.T) {
	t.Parallel()
	h := newHost(t, `
listen: 127.0.0.1:0
state-dir: {{state}}
keys: ["{{key}}"]
dir: {{dir}}
metrics-token: {from-env: METRICS}
sources:
- {name: keeps, push: true, no-remove: true}
- {name: checks, push: true, check-only: true}
`)
	h.env = []string{"METRICS=bearer of metrics"}
	h.start()
	push := func(source, pattern string) (int, []string, []string) {
		status, r := h.push(source, h.claims(h.key, signed.Claims{Content: signed.Content{Source: source, Pattern: yamlFiles(t, pattern)}}))
		return status, r.Changed, r.Removed
	}
	push("keeps", newFile)
	if _, changed, removed := push("keeps", `commands: []`); len(changed)+len(removed) > 0 || !slices.Equal(h.files(), []string{"newfile"}) {
		t.Errorf("changed %v, removed %v, files %v", changed, removed, h.files())
	}
	if _, changed, _ := push("checks", writeAndCopy); len(changed) != 2 || !slices.Equal(h.files(), []string{"newfile"}) {
		t.Errorf("changed %v, files %v", changed, h.files())
	}
	for bearer, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, "bearer of metrics": http.StatusOK} {
		if status, _, _ := h.request(http.MethodGet, "/metrics", "", map[string]string{"Authorization": "Bearer " + bearer}); status != want {
			t.Errorf("metrics with %q: %d", bearer, status)
		}
	}
	if status, body, _ := h.request(http.MethodGet, "/healthz", "", nil); status != http.StatusOK || !strings.Contains(body, `"ok"`) {
		t.Errorf("health: %d %s", status, body)
	}
	status, dry, _ := h.request(http.MethodPost, "/push/keeps?dry-run", h.claims(h.key, signed.Claims{Content: signed.Content{Source: "keeps", Pattern: yamlFiles(t, writeAndCopy)}}), nil)
	if status != http.StatusOK || !strings.Contains(dry, `"dry_run":true`) || !slices.Equal(h.files(), []string{"newfile"}) {
		t.Errorf("a dry push: %d %s", status, dry)
	}
	h.stop()
}

// Hundreds of ids do not become hundreds of labels.
func TestLabels(t *testing.T) {
	t.Parallel()
	h := newHost(t, pushed)
	h.start()
	var pattern bytes.Buffer
	pattern.WriteString("commands:\n")
	for i := range 600 {
		fmt.Fprintf(&pattern, "- {id: c%d, check: [\"true\"]}\n", i)
	}
	if status, r := h.push("listen", h.sign(h.key, pattern.String())); status != http.StatusOK || r.Err != "" {
		t.Errorf("%d %s", status, r.Err)
	}
	_, metrics, _ := h.request(http.MethodGet, "/metrics", "", nil)
	if n := strings.Count(metrics, "pocketci_converge_commands_total{"); n != 501 {
		t.Errorf("%d labels", n)
	}
	if !strings.Contains(metrics, `pocketci_converge_commands_total{command="other",mode="check",result="ok",source="listen"} 100`) {
		t.Error("there is no other")
	}
	h.stop()
}

// What makes no sense is said before anything is started.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	h := newHost(t, strings.Replace(pushed, "push: true", "push: tru", 1))
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := runProgram(t, path, "converge", "--config", h.config)
	if err == nil || !strings.Contains(out, "converge.yaml:7:24: push must be true or false") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = runProgram(t, path, "converge", "--config", h.config+"x")
	if err == nil || !strings.Contains(out, "no such file") {
		t.Errorf("%v: %s", err, out)
	}
	h.configure(pushed)
	out, err = runProgram(t, path, "converge", "--config", h.config, "--listen", "0.0.0.0:0")
	if err == nil || !strings.Contains(out, "is reached from other machines") {
		t.Errorf("%v: %s", err, out)
	}
}
