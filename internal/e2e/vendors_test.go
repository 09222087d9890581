package e2e_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/gittest"
)

// vendors are the forges with what they call a push and a pull request that was
// opened, the file of its payload, and how a function names the vendor.
var vendors = map[string]struct{ push, pull, file, word string }{
	events.VendorGithub:    {"push", "pull_request", "pull_request_opened", "Github"},
	events.VendorGitea:     {"push", "pull_request", "pull_request_opened", "Gitea"},
	events.VendorGitlab:    {"Push Hook", "Merge Request Hook", "merge_request_opened", "Gitlab"},
	events.VendorBitbucket: {"repo:push", "pullrequest:created", "pullrequest_created", "Bitbucket"},
}

// One module serves every forge, and each shows what becomes of its calls.
func TestEveryForge(t *testing.T) {
	t.Parallel()
	for vendor, v := range vendors {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := newWhole(t, vendor)
			before := w.commit("main", "1", gittest.Write("README.md", "hello\n"))
			sha := w.commit("main", "2", join(rootfs(t), dang(`
  pub lintOnPush(src: Directory!, vendor: String!): String! { shell(src, "sleep 3; echo linted for " + vendor).stdout }
  pub testOn`+v.word+`Push(src: Directory!): Container! { shell(src, "echo two of three tests failed >&2; exit 3") }
  pub docsOnPush: String! { "never" }
  pub otherOn`+other(v.word)+`Push: String! { "never" }
  pub checkOnPullRequest(base: String!): String! { "checked against " + base }
`), yaml("module-path: ./ci", "functions:", "  docsOnPush: {on-changes: [docs/**]}"))...)
			w.repo.Branch("feature/login-v2", sha)
			head := w.commit("feature/login-v2", "3", gittest.Write("a", "a"))
			a := w.start(settings{})

			id := w.deliver(a, v.push, w.payload("push", "c0", before, "c2", sha))
			const lint = "pocketci/ci/lintOnPush"
			until(t, "the call is shown as running", patience, func() bool {
				state, _, _, _ := w.world.Status(sha, lint)
				return state == talk.StateRunning || state == talk.StatePending
			})
			w.awaitStatus(sha, lint, talk.StateSucceeded, "succeeded in")
			failed := w.awaitStatus(sha, "pocketci/ci/testOn"+v.word+"Push", talk.StateFailed, "exit code 3")
			if strings.Contains(failed, "\n") {
				t.Errorf("the reason is %q", failed)
			}
			skipped := w.awaitStatus(sha, "pocketci/ci/docsOnPush", talk.StateSucceeded, "")
			if skipped != "skipped: no matching changes" {
				t.Errorf("what is filtered says %q", skipped)
			}
			if url := w.link(sha, lint); url != publicURL+"/runs/"+a.runs[id] {
				t.Errorf("the link is %q", url)
			}
			if _, _, _, n := w.world.Status(sha, "pocketci/ci/otherOn"+other(v.word)+"Push"); n != 0 {
				t.Error("a function of another forge has a status")
			}
			if got := a.finish(id).succeeded("lintOnPush"); got != "linted for "+vendor+"\n" {
				t.Errorf("lintOnPush returned %q", got)
			}

			shas := []string{"p7", head}
			if vendor != events.VendorGitlab { // which does not say what the base is
				shas = append(shas, "c2", sha)
			}
			id = w.deliver(a, v.pull, w.payload(v.file, shas...))
			w.awaitStatus(head, "pocketci/ci/checkOnPullRequest", talk.StateSucceeded, "succeeded in")
			if got := a.finish(id).succeeded("checkOnPullRequest"); got != "checked against main" {
				t.Errorf("checkOnPullRequest returned %q", got)
			}
			if strings.Contains(a.everything(), w.token) || strings.Contains(a.everything(), w.secret) {
				t.Error("a secret is in the log")
			}
		})
	}
}

// other is another vendor's word.
func other(word string) string {
	if word == "Github" {
		return "Gitlab"
	}
	return "Github"
}
