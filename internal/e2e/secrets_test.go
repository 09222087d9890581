package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sha256sum is what the program of that name prints of a text.
func sha256sum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// watch looks for secrets in the command lines of all processes until the test
// ends.
func watch(t *testing.T, secrets ...string) {
	t.Helper()
	stop := make(chan struct{})
	var watcher sync.WaitGroup
	looks, seen := 0, ""
	watcher.Go(func() {
		for {
			names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, name := range names {
				line := strings.Join(arguments(name), " ")
				if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(line, s) }) {
					seen = line
				}
			}
			looks++
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		watcher.Wait()
		if seen != "" {
			t.Errorf("a process shows a secret: %s", seen)
		}
		t.Logf("looked %d times at all processes", looks)
	})
}

func TestSecretsArriveAndAreMasked(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	const key = "-----BEGIN KEY-----\nfirst-line-of-the-key\nsecond-line/with+signs==\n-----END KEY-----"
	// The function puts this one into a command line, and so into an error.
	const careless = "put-into-a-command-line"
	const refused, short = "never-to-be-seen", "xyz"
	sha := f.repo.Commit("main", "1", join(rootfs(t),
		yaml("module-path: ci",
			"secrets:",
			"  - {name: token, from-env: GITHUB_TOKEN}",
			"  - {name: deployKey, from-env: DEPLOY_KEY}",
			"  - {name: refused, from-env: AWS_SECRET}",
			"  - {name: missing, from-env: NOT_THERE}",
			"  - {name: short, from-env: SHORT_ONE}",
			"  - {name: signature, from-env: X_HUB_SIGNATURE}",
			"  - {name: careless, from-env: CARELESS}"),
		dang(`
  pub sumOnGithubPush(src: Directory!, token: Secret!, deployKey: Secret!): String! {
    shell(src, "true").withSecretVariable("TOKEN", token).withSecretVariable("KEY", deployKey)
      .withExec(["/bin/sh", "-c", "printf %s \"$TOKEN\" | sha256sum; printf %s \"$KEY\" | sha256sum"]).stdout
  }
  pub printOnGithubPush(src: Directory!, token: Secret!, deployKey: Secret!): String! {
    shell(src, "true").withSecretVariable("TOKEN", token).withSecretVariable("KEY", deployKey)
      .withExec(["/bin/sh", "-c", "echo printed; echo \"$TOKEN\"; echo \"$TOKEN\" >&2; echo \"x$TOKEN\" | base64; echo \"$KEY\"; printf %s \"$KEY\" | base64"]).stdout
  }
  pub returnOnGithubPush(token: Secret!): String! { "returned " + token.plaintext + "." }
  pub returnKeyOnGithubPush(deployKey: Secret!): String! { "returned " + deployKey.plaintext + "." }
  pub failOnGithubPush(src: Directory!, token: Secret!): Container! {
    shell(src, "true").withNewFile("/leak", token.plaintext).withExec(["/bin/sh", "-c", "cat /leak; cat /leak >&2; base64 /leak >&2; exit 4"])
  }
  pub argumentOnGithubPush(src: Directory!, careless: Secret!): Container! {
    shell(src, "exit 5; : " + careless.plaintext)
  }
  pub refusedOnGithubPush(refused: Secret!): String! { refused.plaintext }
  pub missingOnGithubPush(missing: Secret!): String! { missing.plaintext }
  pub shortOnGithubPush(short: Secret!): String! { short.plaintext }
  pub signatureOnGithubPush(signature: Secret!): String! { signature.plaintext }
  pub unmappedOnGithubPush(other: Secret!): String! { other.plaintext }
`))...)
	watch(t, f.token, refused, "first-line-of-the-key")
	a := start(t, f, settings{
		args: []string{"--allow-secret-env", "DEPLOY_KEY", "--allow-secret-env", "NOT_THERE,SHORT_ONE,CARELESS"},
		env:  []string{"DEPLOY_KEY=" + key, "AWS_SECRET=" + refused, "SHORT_ONE=" + short, "CARELESS=" + careless},
	})
	checkEnviron(t, a.cmd.Process.Pid, f.token, a.secret, refused, "first-line")
	r := a.finish(a.deliver("push", push(t, f, "", sha)))

	if got, want := r.succeeded("sumOnGithubPush"), sha256sum(f.token)+"  -\n"+sha256sum(key)+"  -\n"; got != want {
		t.Errorf("the function saw other secrets: %q, want %q", got, want)
	}
	if got := r.succeeded("printOnGithubPush"); !strings.HasPrefix(got, "printed\n***\n") {
		t.Errorf("printOnGithubPush returned %q, want *** for the token", got)
	}
	if got := r.succeeded("returnOnGithubPush"); got != "returned ***." {
		t.Errorf("returnOnGithubPush returned %q", got)
	}
	if got := r.succeeded("returnKeyOnGithubPush"); !strings.HasPrefix(got, "returned ***") {
		t.Errorf("returnKeyOnGithubPush returned %q", got)
	}
	if got := r.result("failOnGithubPush"); got.State != "failed" || !strings.Contains(got.Error, "exit code 4") {
		t.Errorf("failOnGithubPush: %+v", got)
	}
	if got := r.result("argumentOnGithubPush"); got.State != "failed" || !strings.Contains(got.Error, ": ***") {
		t.Errorf("argumentOnGithubPush: %+v", got)
	}
	for function, words := range map[string][]string{
		"refusedOnGithubPush":   {"AWS_SECRET", "--allow-secret-env", "pocketci.yaml:5"},
		"missingOnGithubPush":   {"NOT_THERE", "not set", "pocketci.yaml:6"},
		"shortOnGithubPush":     {"SHORT_ONE", "shorter", "pocketci.yaml:7"},
		"signatureOnGithubPush": {"X_HUB_SIGNATURE", "--allow-secret-env", "pocketci.yaml:8"},
		"unmappedOnGithubPush":  {"other", "not mapped"},
	} {
		got := r.result(function)
		if got.State != "invalid" {
			t.Errorf("%s is %s, want invalid", function, got.State)
		}
		for _, word := range words {
			if !strings.Contains(got.Error, word) {
				t.Errorf("%s: %q does not name %s", function, got.Error, word)
			}
		}
	}

	forms := []string{f.token, a.secret, refused, careless, "first-line-of-the-key", "second-line/with+signs==", base64.StdEncoding.EncodeToString([]byte(f.token))}
	said := a.everything()
	for _, form := range forms {
		if strings.Contains(said, form) {
			t.Errorf("the agent said %s", form)
		}
	}
	for i, line := range strings.Split(said, "\n") {
		if decoded := inBase64(line, f.token, "first-line-of-the-key", "second-line/with"); decoded != "" {
			t.Errorf("line %d says %s in base64: %s", i+1, decoded, line)
		}
	}
	checkFiles(t, a.dataDir, forms)
	for _, pid := range append(children(a.cmd.Process.Pid), processes("dagger", "session", "--silent")...) {
		checkEnviron(t, pid, f.token, a.secret, refused, "first-line")
	}
}

// inBase64 finds words in whatever of a text can be read as base64, at every
// alignment and also over lines.
func inBase64(text string, words ...string) string {
	isCode := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/'
	}
	text = strings.ReplaceAll(text, `\n`, "")
	for _, code := range strings.FieldsFunc(text, func(c rune) bool { return !isCode(c) }) {
		for shift := range min(4, len(code)) {
			part := code[shift:]
			decoded, err := base64.RawStdEncoding.DecodeString(part[:len(part)/4*4])
			if err != nil {
				continue
			}
			for _, word := range words {
				if bytes.Contains(decoded, []byte(word)) {
					return word
				}
			}
		}
	}
	return ""
}

// checkEnviron looks for secrets in what the system shows as the environment of
// a process.
func checkEnviron(t *testing.T, pid int, secrets ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return // it has ended
	}
	for _, secret := range secrets {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("/proc/%d/environ (%s) shows %s", pid, strings.Join(arguments("/proc/"+strconv.Itoa(pid)+"/cmdline"), " "), secret)
		}
	}
}

// checkFiles looks for secrets in all files below a directory, of which some
// must be there.
func checkFiles(t *testing.T, dir string, secrets []string) {
	t.Helper()
	read, configs := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // what a session had is being removed
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil
		}
		read++
		if filepath.Base(path) == "config" {
			configs++
		}
		for _, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds %s", path, secret)
			}
		}
		return nil
	})
	if err != nil || read == 0 || configs == 0 {
		t.Errorf("looked at %d files of the data directory, %d of them git's configuration: %v", read, configs, err)
	}
}

func TestSecretVariableNeedsTheFlag(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(
		yaml("module-path: ci", "secrets: [{name: apiToken, from-env: API_TOKEN}]"),
		dang(`  pub onGithubPush(apiToken: Secret!): String! { "got " + apiToken.plaintext }`))...)
	body := push(t, f, "", sha)
	const value = "value-of-the-api-token"

	closed := start(t, f, settings{env: []string{"API_TOKEN=" + value}})
	got := closed.finish(closed.deliver("push", body)).result("onGithubPush")
	if got.State != "invalid" || !strings.Contains(got.Error, "API_TOKEN") || !strings.Contains(got.Error, "--allow-secret-env API_TOKEN") {
		t.Errorf("without the flag: %+v", got)
	}
	for name, s := range map[string]settings{
		"flag":     {args: []string{"--allow-secret-env", "API_TOKEN"}},
		"variable": {env: []string{"POCKETCI_ALLOW_SECRET_ENV=OTHER,API_TOKEN"}},
	} {
		s.env = append(s.env, "API_TOKEN="+value)
		open := start(t, f, s)
		if got := open.finish(open.deliver("push", body)).succeeded("onGithubPush"); got != "got ***" {
			t.Errorf("with the %s it returned %q", name, got)
		}
	}
}
