package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/gittest"
)

// pocketci runs the command line with what a shell would have, without an API key.
func pocketci(t *testing.T, arg ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pocketciBinary(), arg...)
	cmd.Env = append(cleanEnv(), "XDG_CONFIG_HOME="+t.TempDir())
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// pushed pushes a token with the flags and returns the id of its event.
func (a *agent) pushed(key string, arg ...string) string {
	a.t.Helper()
	out, said, code := pocketci(a.t, append([]string{"push", "--server", a.url, "--source", "web", "--key", key, "--json"}, arg...)...)
	var accepted v1.Accepted
	if err := json.Unmarshal([]byte(out), &accepted); code != 0 || err != nil {
		a.t.Fatalf("push %q ends with %d: %s%s", arg, code, out, said)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs[accepted.Event] = strconv.FormatInt(accepted.Number, 10)
	return accepted.Event
}

// A signed token calls the functions of its source, with its claims, once; one that
// names a module at a commit calls that; and a token that is pulled does as well.
func TestSignedTokens(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	tools := f.Repo(library)
	at := tools.Commit("main", "1",
		gittest.Write("go/dagger.json", manifest("go", "dang")),
		gittest.Write("go/main.dang", `type Go {
  pub sayOnSignedPushWeb(src: Directory!): String! { "at the commit " + JSON.encode(src.entries) }
}
`))
	tools.Commit("main", "2", gittest.Write("go/main.dang", "type Go {\n}\n"))
	f.repo.Commit("main", "1", join(yaml("module-path: ci"), dang(`
  pub showOnSignedPushWeb(eventTrigger: File!): String! { eventTrigger.contents }
  pub pulledOnSignedPullWeb(eventTrigger: File!): String! { eventTrigger.contents }
`))...)

	dir := t.TempDir()
	key, stranger, token := filepath.Join(dir, "build.key"), filepath.Join(dir, "stranger.key"), filepath.Join(dir, "web.jwt")
	public, said, code := pocketci(t, "keygen", "--out", key, "--id", "build")
	if code != 0 {
		t.Fatal(said)
	}
	if _, said, code := pocketci(t, "keygen", "--out", stranger, "--id", "build"); code != 0 {
		t.Fatal(said)
	}
	payload := filepath.Join(dir, "release.json")
	if err := os.WriteFile(payload, []byte(`{"version": "claim-4711"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, f, settings{args: agentYAML(t,
		`modules: {remote: ["`+f.Host()+`/acme/*/go@*"]}`,
		"signed:",
		"  keys: ["+strings.TrimSpace(public)+"]",
		"  sources:",
		"  - name: web",
		"    push: true",
		"    pull: {paths: ["+token+"], every: 1s}",
		"    calls: {repository: "+fullName+", clone-url: "+f.CloneURL(fullName)+"}",
	)})
	a.log("there is nothing to pull yet", func(l logLine) bool { return strings.Contains(l.Error, token+": no such file") })

	id := a.pushed(key, "--issuer", "the-builder", payload)
	r := a.finish(id)
	got := r.succeeded("showOnSignedPushWeb")
	for _, want := range []string{`"vendor": "signed"`, `"event": "push"`, `"filter": "web"`, `"version":"claim-4711"`, `"iss":"the-builder"`, `"key":"` + strings.TrimSpace(public) + `"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the function was not given %s: %s", want, got)
		}
	}
	if _, there := r.results["ci:pulledOnSignedPullWeb"]; there {
		t.Error("a push called what is for pulls")
	}

	// In place of the repository's module.
	ref := f.CloneURL(library) + "/go@" + at
	r = a.finish(a.pushed(key, "--module", ref))
	if got := r.succeeded(ref + ":sayOnSignedPushWeb"); !strings.Contains(got, `at the commit ["ci/","pocketci.yaml"]`) {
		t.Errorf("the module of the token returned %q", got)
	}
	if _, there := r.results["ci:showOnSignedPushWeb"]; there || len(r.plan.Skipped) != 1 || !strings.Contains(r.plan.Skipped[0].Reason, "the event names the module "+ref) {
		t.Errorf("the repository's module: %+v", r.plan.Skipped)
	}

	// Nothing comes of tokens that are refused, and it is said why.
	text, said, code := pocketci(t, "sign", "--key", key, "--source", "web", "--id", "once")
	if code != 0 {
		t.Fatal(said)
	}
	once := filepath.Join(dir, "once.jwt")
	if err := os.WriteFile(once, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	push := func(arg ...string) (string, int) {
		out, said, code := pocketci(t, append([]string{"push", "--server", a.url, "--source", "web"}, arg...)...)
		return out + said, code
	}
	if said, code := push(once); code != 0 {
		t.Fatal(said)
	}
	for name, c := range map[string]struct {
		arg  []string
		code int
		says string
	}{
		"a replay":    {[]string{once}, 1, "token was accepted before"},
		"another key": {[]string{"--key", stranger}, 2, "no trusted key of the source web signed this token"},
	} {
		if said, code := push(c.arg...); code != c.code || !strings.Contains(said, c.says) {
			t.Errorf("%s ends with %d: %s", name, code, said)
		}
	}

	// The same source, pulled.
	text, said, code = pocketci(t, "sign", "--key", key, "--source", "web", "--payload", payload)
	if code != 0 {
		t.Fatal(said)
	}
	if err := os.WriteFile(token, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := beside(t, a)
	until(t, "the token is pulled and called", patience, func() bool {
		for _, run := range runsOf(t, s) {
			e, err := s.Event(t.Context(), run.Event)
			if err != nil {
				t.Fatal(err)
			}
			if e.Name == "pull" && run.State.Final() {
				if run.State != "succeeded" || !strings.Contains(string(e.Payload), "claim-4711") {
					t.Errorf("the run %s: %s", run.State, run.Reason)
				}
				return true
			}
		}
		return false
	})
}
