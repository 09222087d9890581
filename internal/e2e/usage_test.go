package e2e_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAgentRefusesToStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // after the subtests, which run in parallel
	wrong := filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(wrong, []byte("forks: nevver\nforges:\n- name: github\n  token: a-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		env  []string
		says []string
	}{
		"a configuration with mistakes":   {args: []string{"--config", wrong}, says: []string{wrong + `:1:8: forks must be one of`, `did you mean "never"?`, wrong + ":4:10: token must be {from-env: NAME}"}},
		"the same by its variable":        {env: []string{"POCKETCI_CONFIG=" + wrong}, says: []string{wrong + ":1:8:"}},
		"a configuration in its place":    {args: []string{"--data-dir", filepath.Dir(wrong)}, says: []string{wrong + ":1:8:"}},
		"a configuration that is missing": {args: []string{"--config", "/nonexistent.yaml"}, says: []string{"/nonexistent.yaml", "no such file"}},
		"no webhook secret":               {env: []string{"X_HUB_SIGNATURE="}, says: []string{"X_HUB_SIGNATURE", "--insecure-no-webhook-secret"}},
		"a blank webhook secret":          {env: []string{"X_HUB_SIGNATURE= "}, says: []string{"secret"}},
		"a port in use":                   {args: []string{"--listen", taken.Addr().String()}, says: []string{taken.Addr().String(), "in use"}},
		"an address that is none":         {args: []string{"--listen", "nowhere"}, says: []string{"nowhere"}},
		"an unknown flag":                 {args: []string{"--no-such-flag"}, says: []string{"no-such-flag"}},
		"an argument":                     {args: []string{"serve"}, says: []string{"serve"}},
		"parallelism of nothing":          {args: []string{"--parallelism", "0"}, says: []string{"--parallelism"}},
		"parallelism that is no number":   {env: []string{"POCKETCI_PARALLELISM=many"}, says: []string{"POCKETCI_PARALLELISM", "many"}},
		"a log format that there is not":  {env: []string{"POCKETCI_LOG_FORMAT=xml"}, says: []string{"xml", "json"}},
		"a log level that there is not":   {args: []string{"--log-level", "loud"}, says: []string{"loud"}},
		"a time without a unit":           {args: []string{"--grace-period", "10"}, says: []string{"grace-period"}},
		"a variable that is none":         {args: []string{"--allow-secret-env", "A-B"}, says: []string{"A-B"}},
		"a clone scheme that there is not": {
			args: []string{"--clone-scheme", "ext"}, says: []string{"ext"},
		},
		"a data directory that is a file": {args: []string{"--data-dir", "usage_test.go"}, says: []string{"usage_test.go"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"--listen", "127.0.0.1:0", "--data-dir", t.TempDir()}, tt.args...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, agentBinary(), args...)
			cmd.Env = append(append(cleanEnv(), "X_HUB_SIGNATURE=a-webhook-secret", "GITHUB_TOKEN=a-token"), tt.env...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // its exit code is looked at
			if ctx.Err() != nil {
				t.Fatalf("it started: %s", stderr.String())
			}
			if code := cmd.ProcessState.ExitCode(); code != 2 {
				t.Errorf("exit code %d, want 2; it said %s", code, stderr.String())
			}
			for _, word := range tt.says {
				if !strings.Contains(stderr.String(), word) {
					t.Errorf("it does not name %s: %s", word, stderr.String())
				}
			}
			if stdout.Len() > 0 {
				t.Errorf("it printed to stdout: %s", stdout.String())
			}
			if said := stderr.String(); strings.Contains(said, "a-webhook-secret") || strings.Contains(said, "a-token") {
				t.Errorf("it printed a secret: %s", said)
			}
		})
	}
}

func TestInsecureAgentTakesWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", dang(`  pub onGithubPush: String! { "ran" }`)...)
	a := start(t, f, settings{args: []string{"--insecure-no-webhook-secret"}, env: []string{"X_HUB_SIGNATURE="}})
	a.log("the agent warns", func(l logLine) bool { return l.Level == "WARN" && strings.Contains(l.Msg, "anybody") })
	status, answer, err := a.post("push", push(t, f, "", sha), map[string]string{"X-Hub-Signature-256": ""})
	if err != nil || status != 202 {
		t.Errorf("%d %s %v, want 202", status, answer, err)
	}
}

func TestAgentWithoutCredentialsClonesWhatIsPublic(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", dang(`  pub onGithubPush: String! { "ran" }`)...)
	a := start(t, f, settings{env: []string{"GITHUB_USERNAME=", "GITHUB_TOKEN="}})
	a.log("the agent warns", func(l logLine) bool { return l.Level == "WARN" && strings.Contains(l.Msg, "no credentials") })
	body := push(t, f, "", sha)
	if log := a.refuse(a.deliver("push", body)); !strings.Contains(log.Error, "access denied") {
		t.Errorf("a private repository: %q", log.Error)
	}
	f.Auth("", "")
	if got := a.finish(a.deliver("push", another(body))).succeeded("onGithubPush"); got != "ran" {
		t.Errorf("a public repository returned %q", got)
	}
}
