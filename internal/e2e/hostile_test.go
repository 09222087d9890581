package e2e_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
)

func TestHostileCloneURLs(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	sha := f.repo.Commit("main", "1", dang(`  pub onGithubPush: String! { "ran" }`)...)
	thief := gittest.NewServer(t)
	stolen := thief.Repo(fullName).Commit("main", "1", dang(`  pub onGithubPush: String! { "of another server" }`)...)
	locked := gittest.NewServer(t)
	locked.Auth("somebody", "something")
	locked.Repo(fullName).Commit("main", "1", gittest.Write("a", "a"))
	marker := filepath.Join(t.TempDir(), "marker")
	a := start(t, f, settings{})

	host := f.Host()
	tests := map[string]string{
		"a program":                       "ext::sh -c touch% " + marker,
		"a program, encoded":              "ext::sh%20-c%20touch%20" + marker,
		"an option":                       "--upload-pack=touch " + marker,
		"an option of ssh":                "ssh://-oProxyCommand=touch%20" + marker + "/x",
		"an option in place of the host":  "http://--upload-pack=touch/x.git",
		"a file":                          "file:///etc",
		"a path":                          "/etc",
		"a path in the repository":        f.repo.Dir,
		"a pipe":                          "fd::17",
		"git's own protocol":              "git://" + thief.Host() + "/" + fullName,
		"ssh in short":                    "git@" + thief.Host() + ":" + fullName,
		"nothing":                         "",
		"credentials in the address":      "http://" + f.user + ":" + f.token + "@" + host + "/" + fullName + ".git",
		"the host as a user":              "http://" + host + "@" + thief.Host() + "/" + fullName + ".git",
		"a backslash":                     "http://" + host + `\@` + thief.Host() + "/" + fullName + ".git",
		"a line break":                    "http://" + host + "/" + fullName + ".git\nhelper=!touch " + marker,
		"a server that wants a password":  locked.CloneURL(fullName),
		"a repository that is not there":  f.CloneURL("octo/nothing"),
		"a server that is not there":      "https://127.0.0.1:1/" + fullName + ".git",
		"a path that leaves":              f.URL + "/../../etc/" + fullName + ".git",
		"the metadata service of a cloud": "http://169.254.169.254.invalid/latest/meta-data",
	}
	for name, url := range tests {
		body := payload(t, "push", f, edits{"repository.clone_url": url, "before": zeroSHA, "after": sha})
		status, answer, err := a.post("push", body, nil)
		switch {
		case err != nil:
			t.Fatalf("%s: %v", name, err)
		case status == http.StatusBadRequest && strings.Contains(answer, "clone_url"):
		case status == http.StatusAccepted:
			if log := a.refuse(a.remember([]byte(answer)).ID); log.Error == "" {
				t.Errorf("%s: no reason is logged: %s", name, log.text)
			}
		default:
			t.Errorf("%s: %d %s", name, status, answer)
		}
		if strings.Contains(answer, f.token) {
			t.Errorf("%s: the answer holds the token: %s", name, answer)
		}
	}

	// A public repository of another server works, and learns nothing. So
	// does one that the forge redirects to.
	body := payload(t, "push", f, edits{"repository.clone_url": thief.CloneURL(fullName), "before": zeroSHA, "after": stolen})
	if got := a.finish(a.deliver("push", body)).succeeded("onGithubPush"); got != "of another server" {
		t.Errorf("the other server's function returned %q", got)
	}
	// Nor does it get secrets under the name of a repository that may have them.
	greedy := thief.Repo(fullName).Commit("main", "2", join(
		yaml("module-path: ci", "secrets: [{name: token, from-env: GITHUB_TOKEN}]"), dang(`  pub onGithubPush(token: Secret!): String! { token.plaintext }`))...)
	body = payload(t, "push", f, edits{"repository.clone_url": thief.CloneURL(fullName), "before": zeroSHA, "after": greedy})
	if got := a.finish(a.deliver("push", body)).result("onGithubPush"); got.State != "invalid" || !strings.Contains(got.Error, "neither a forge of the agent") {
		t.Errorf("another server's function got a secret: %+v", got)
	}
	f.RedirectTo(thief.URL)
	body = payload(t, "push", f, edits{
		"repository.full_name": "octo/moved", "repository.clone_url": f.CloneURL("octo/moved"), "before": zeroSHA, "after": stolen,
	})
	thief.Repo("octo/moved").Commit("main", "1", dang(`  pub onGithubPush: String! { "x" }`)...)
	a.over(a.deliver("push", body))
	f.RedirectTo("")
	for _, server := range []*gittest.Server{thief, locked} {
		if len(server.Requests()) == 0 {
			t.Error("a server was never asked, so nothing is proven")
		}
		for _, r := range server.Requests() {
			if r.Authorization != "" {
				t.Errorf("credentials were sent to another server: %s %s", r.Method, r.Path)
			}
		}
	}

	if _, err := os.Stat(marker); err == nil {
		t.Error("a clone URL ran a command")
	}
	if got := a.finish(a.deliver("push", push(t, f, "", sha))).succeeded("onGithubPush"); got != "ran" {
		t.Errorf("afterwards an ordinary event returned %q", got)
	}
	if strings.Contains(a.everything(), f.token) {
		t.Error("the token is in the log")
	}
}

// A .env that is committed sets arguments of the module it lies beside, and can
// hold references to files, programs and variables of the host.
func TestCommittedEnvFileReachesNothing(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	secretFile := filepath.Join(t.TempDir(), "host-file")
	if err := os.WriteFile(secretFile, []byte("content-of-a-host-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(t.TempDir(), "marker")
	// In the repository's root the names begin with the module's, beside the
	// module they do not.
	root := "FOO=cmd://touch " + marker + "\nCI_GREETING=from-env-file\nCI_ON_GITHUB_PUSH_TEXT=${PATH}from-env-file\n"
	beside := "ON_GITHUB_PUSH_TOKEN=cmd://touch " + marker + "; echo -n from-env-file\n" +
		"ON_GITHUB_PUSH_FILE=" + secretFile + "\nVARIABLE_ON_GITHUB_PUSH_TOKEN=env://GITHUB_TOKEN\n"
	sha := f.repo.Commit("main", "1", join(
		[]gittest.Edit{gittest.Write(".env", root), gittest.Write("ci/.env", beside)},
		[]gittest.Edit{gittest.Write("ci/dagger.json", manifest("ci", "dang")), gittest.Write("ci/main.dang", `type Ci {
  pub greeting: String!

  new(greeting: String! = "unset") {
    self.greeting = greeting
    self
  }

  pub onGithubPush(text: String! = "unset", token: Secret, file: File): String! {
    let seenToken = if (token == null) { "unset" } else { token.plaintext }
    let seenFile = if (file == null) { "unset" } else { file.contents }
    greeting + " " + text + " " + seenToken + " " + seenFile
  }
  pub variableOnGithubPush(token: Secret): String! { if (token == null) { "unset" } else { token.plaintext } }
  pub tokenOnGithubPush: String! { Dagger.secret("env://GITHUB_TOKEN").plaintext }
  pub hookOnGithubPush: String! { Dagger.secret("env://X_HUB_SIGNATURE").plaintext }
  pub fileOnGithubPush: String! { Dagger.secret("file://`+secretFile+`").plaintext }
  pub commandOnGithubPush: String! { Dagger.secret("cmd://touch `+marker+`").plaintext }
  pub workspaceOnGithubPush(ws: Workspace!): String! { JSON.encode(ws.directory("/").entries) }
}
`)})...)
	a := start(t, f, settings{})
	r := a.finish(a.deliver("push", push(t, f, "", sha)))
	if got := r.succeeded("onGithubPush"); got != "unset unset unset unset" {
		t.Errorf("the function saw %q", got)
	}
	if got := r.succeeded("variableOnGithubPush"); got != "unset" {
		t.Errorf("the function saw the token %q", got)
	}
	for _, function := range []string{"tokenOnGithubPush", "hookOnGithubPush", "fileOnGithubPush", "commandOnGithubPush"} {
		if got := r.result(function); got.State != "failed" {
			t.Errorf("%s reached the agent: %+v", function, got)
		}
	}
	if got := r.succeeded("workspaceOnGithubPush"); got != "[]" {
		t.Errorf("the session's work directory holds %s", got)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("the .env ran a command on the host")
	}
	// The same file does all of that on a laptop, where it is the user's own.
	l := newLaptop(t, f)
	code, stdout, stderr := l.run(checkout(t, f, sha), filepath.Join(l.path, "dagger"), "call", "-m", "./ci", "on-github-push")
	if code != 0 || strings.Count(stdout, "from-env-file") != 3 || !strings.Contains(stdout, "content-of-a-host-file") {
		t.Errorf("dagger call ended with %d and does not heed the .env, so nothing is proven: %s %s", code, stdout, stderr)
	}
	if _, err := os.Stat(marker); err != nil {
		t.Errorf("dagger call did not run the command of the .env, so nothing is proven: %v", err)
	}
	if said := a.everything(); strings.Contains(said, "content-of-a-host-file") || strings.Contains(said, "from-env-file") || strings.Contains(said, f.token) {
		t.Error("something of the .env is in what the agent said")
	}
}
