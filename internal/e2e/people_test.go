package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/internal/enginetest"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/report"
)

// This file is what people do on GitHub, and with the command line.

// opened has somebody open pull request 7 or 9, which is of a fork, at a commit.
func (w *whole) opened(number int, author, head, base string) {
	from := forgetest.Repository
	if number == 9 {
		from = author + "/shop"
	}
	pull := githubtest.Pull(number, author, from)
	pull["head"].(map[string]any)["sha"], pull["base"].(map[string]any)["sha"] = head, base
	w.github.Lock()
	defer w.github.Unlock()
	w.github.Pulls[number] = pull
}

// say has somebody comment on a pull request. It returns the id of the event and
// that of the comment.
func (w *whole) say(a *agent, number int, author, body string) (event, comment string) {
	w.t.Helper()
	comment = w.github.AddCommentOn(number, author, body)
	id, err := strconv.Atoi(comment)
	if err != nil {
		w.t.Fatal(err)
	}
	payload := changed(w.t, w.payload("issue_comment_pull_request"), edits{
		"issue.number": number, "comment.id": id, "comment.body": body, "comment.user.login": author, "sender.login": author,
	})
	return w.deliver(a, "issue_comment", payload), comment
}

// answered says something and waits for what pocketci says that it did, and the
// sign that the comment gets.
func (w *whole) answered(a *agent, number int, author, body string, sign talk.Reaction) string {
	w.t.Helper()
	event, comment := w.say(a, number, author, body)
	log := a.refuse(event)
	if got := w.world.Reaction(comment); got != sign {
		w.t.Errorf("%s by %s gets the sign %q, want %q; it did %q", body, author, got, sign, log.Error)
	}
	return log.Error
}

// changed is a payload with fields changed.
func changed(t *testing.T, payload []byte, changes edits) []byte {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(payload, &object); err != nil {
		t.Fatal(err)
	}
	for path, value := range changes {
		set(t, object, path, value)
	}
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// key makes an API key of the agent's.
func (a *agent) key(scope string, flags ...string) string {
	a.t.Helper()
	args := append([]string{"keys", "create", "ann", "--scope", scope, "--data-dir", a.dataDir}, flags...)
	out, err := exec.Command(pocketciBinary(), args...).Output()
	if err != nil {
		a.t.Fatalf("make a key: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// cli runs pocketci against the agent and returns its exit code and all of its
// output.
func (a *agent) cli(key string, args ...string) (int, string) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), pocketciBinary(), args...)
	cmd.Env = append(cleanEnv(), "POCKETCI_SERVER="+a.url, "POCKETCI_KEY="+key, "XDG_CONFIG_HOME="+a.t.TempDir())
	cmd.Dir = os.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		a.t.Fatalf("run pocketci: %v", err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// called is how many calls of an event's run were begun.
func (a *agent) called(id string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, l := range a.lines {
		if l.Run == a.runs[id] && l.Type == "started" {
			n++
		}
	}
	return n
}

// ended waits for the n-th report of an event's run.
func (a *agent) ended(id string, n int) map[string]report.Result {
	a.t.Helper()
	results := map[string]report.Result{}
	a.await("the run of "+id+" ends again", func() bool {
		left := n
		for _, l := range a.lines {
			if l.Run != a.runs[id] || l.Type != "finished" {
				continue
			}
			if left--; left == 0 {
				for _, result := range l.Results {
					results[result.Function] = result
				}
				return true
			}
		}
		return false
	})
	return results
}

// fork is a repository with a pull request of a fork's that changes the rules: the
// module, pocketci.yaml, and a script that the base's module runs. It returns the
// base and the head.
func (w *whole) fork(author string) (base, head string) {
	w.t.Helper()
	base = w.commit("main", "base", join(rootfs(w.t), []gittest.Edit{gittest.Write("test.sh", "echo of the base")}, dang(`
  pub testOnPullRequest(src: Directory!, token: Secret): String! {
    let seen = if (token == null) { "no token" } else { "token " + token.plaintext }
    seen + ", " + shell(src, "true").withFile("/test.sh", src.file("test.sh")).withExec(["/bin/sh", "/test.sh"]).stdout
  }
  pub deployOnPullRequest(token: Secret!): String! { token.plaintext }
`), yaml("module-path: ./ci", "secrets: [{name: token, from-env: SHOP_TOKEN}]"))...)
	w.repo.Branch("refs/pull/9/head", base)
	head = w.commit("refs/pull/9/head", "head", join(
		[]gittest.Edit{gittest.Write("test.sh", "echo of the head"), gittest.Write("new.txt", "new\n")},
		dang(`
  pub stealOnPullRequest(token: Secret!): String! { "the fork has token " + token.plaintext }
  pub testOnPullRequest(src: Directory!): String! { "by the fork, " + src.file("new.txt").contents }
`), yaml("module-path: ./ci", "secrets: [{name: token, from-env: SHOP_TOKEN}]", "functions: {testOnPullRequest: {timeout: 5m}}"))...)
	w.opened(9, author, head, base)
	return base, head
}

// opening is the event of the pull request of fork.
func (w *whole) opening(base, head string) []byte {
	return w.payload("pull_request_fork", "p9", head, "c2", base)
}

// shop are the settings and lines of agent.yaml of agents that run forks: the
// repository has a secret.
var (
	shop       = settings{env: []string{"SHOP_TOKEN=token-of-the-shop"}}
	shopSecret = `secrets: [{repositories: ["**"], env: [SHOP_TOKEN]}]`
)

// strangers are the lines of agent.yaml for a runner of other people's code.
func strangers(host string) string {
	return "runners: [{name: strangers, host: " + strconv.Quote(host) + ", untrusted: true}]"
}

// engineHost is where the engine for tests is.
func engineHost(t *testing.T) string {
	t.Helper()
	host, _ := enginetest.Env(t)
	return host
}
