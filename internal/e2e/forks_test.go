package e2e_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/events"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
	"github.com/franela/pocketci/internal/gittest"
)

// forks are what each forge sends of a fork's pull request and of a comment on it:
// its word and its payload.
var forks = map[string]struct{ pull, pullFile, comment, commentFile, ref string }{
	events.VendorGitea:     {"pull_request", "pull_request_fork", "issue_comment", "issue_comment_pull_request_fork", "refs/pull/7/head"},
	events.VendorGitlab:    {"Merge Request Hook", "merge_request_fork", "Note Hook", "note_merge_request_fork", "refs/merge-requests/7/head"},
	events.VendorBitbucket: {"pullrequest:created", "pullrequest_fork", "pullrequest:comment_created", "pullrequest_comment_created_fork", ""},
}

// Other forges' forks wait and are approved as GitHub's are.
func TestForksOfEveryForge(t *testing.T) {
	t.Parallel()
	for vendor, v := range forks {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := newWhole(t, vendor)
			base := w.commit("main", "1", dang(`  pub onPullRequest(src: Directory!): String! { "by the base, " + src.file("a").contents }`)...)
			in, ref := w.repo, v.ref
			if ref == "" { // the forge keeps it in the fork alone
				in, ref = w.Repo("reed/shop"), "main"
				in.Git("fetch", "--quiet", w.repo.Dir, "main:main")
			} else {
				in.Branch(ref, base)
			}
			head := in.Commit(ref, "2", join(
				[]gittest.Edit{gittest.Write("a", "of the head")}, dang(`  pub onPullRequest: String! { "by the fork" }`))...)
			w.know(base, head)
			w.isFork(head, base)
			a := w.start(settings{}, strangers(engineHost(t)))
			body := w.onSeven(v.pullFile, head, base)
			id := w.deliver(a, v.pull, body)
			waits := w.awaitStatus(head, planStatus, talk.StatePending, "waits for an approval")
			if !strings.Contains(waits, "code of the fork reed/shop") || a.called(id) != 0 {
				t.Errorf("it is shown as %q, after %d calls", waits, a.called(id))
			}

			say := func(author, text string) string {
				t.Helper()
				comment := w.world.AddComment(author, text)
				return a.refuse(w.deliver(a, v.comment, w.comment(v.commentFile, author, comment, text, head, base))).Error
			}
			if did := say(forgetest.Reed, "/approve "+head); !strings.Contains(did, "has no write access") {
				t.Errorf("a stranger's approval: %q", did)
			}
			if did := say(forgetest.Anna, "/approve "+base); !strings.Contains(did, "no run of commit "+base+" waits") {
				t.Errorf("the approval of another commit: %q", did)
			}
			if did := say(forgetest.Anna, "/approve "+head); !strings.Contains(did, "approved run "+a.runs[id]) {
				t.Errorf("the approval: %q", did)
			}
			r := a.finish(id)
			if got := r.succeeded("onPullRequest"); got != "by the base, of the head" {
				t.Errorf("onPullRequest returned %q", got)
			}
			w.awaitStatus(head, "pocketci/ci/onPullRequest", talk.StateSucceeded, "succeeded in")
			if status, _ := w.send(a, v.comment, []byte("{}")); status != http.StatusBadRequest {
				t.Errorf("a payload without anything: %d", status)
			}
		})
	}
}

// isFork has pull request 7 be one of reed's fork.
func (w *whole) isFork(head, base string) {
	switch {
	case w.gitea != nil:
		w.gitea.Pull.Poster = &sdk.User{UserName: forgetest.Reed}
		w.gitea.Pull.Head = &sdk.PRBranchInfo{Name: "main", Ref: "main", Sha: head, Repository: &sdk.Repository{FullName: "reed/shop"}}
		w.gitea.Pull.Base.Sha = base
	case w.gitlab != nil:
		w.gitlab.Requested["sha"], w.gitlab.Requested["source_project_id"] = head, 77
		w.gitlab.Requested["author"] = map[string]any{"id": 9, "username": forgetest.Reed, "name": "Reed", "state": "active"}
		w.gitlab.Branches["main"] = base
	case w.bitbucket != nil:
		source := w.bitbucket.Pull["source"].(map[string]any)
		source["repository"], source["commit"] = map[string]any{"full_name": "reed/shop"}, map[string]any{"hash": head[:12]}
		w.bitbucket.Pull["destination"].(map[string]any)["commit"] = map[string]any{"hash": base[:12]}
		w.bitbucket.Pull["author"] = map[string]any{"account_id": forgetest.Reed}
		w.bitbucket.Commits["reed/shop "+head[:12]] = head
	}
}

// onSeven is a payload about a fork's pull request as one about pull request 7.
func (w *whole) onSeven(file, head, base string, also ...string) []byte {
	w.t.Helper()
	shas := append([]string{"p9", head}, also...)
	if w.vendor != events.VendorGitlab {
		shas = append(shas, "c2", base)
	}
	number := map[string]string{events.VendorGitea: `"number": 9`, events.VendorGitlab: `"iid": 9`, events.VendorBitbucket: `"id": 9`}[w.vendor]
	body := w.payload(file, append(shas, number, strings.Replace(number, "9", "7", 1))...)
	return []byte(strings.NewReplacer("octo-contrib", forgetest.Reed, "557058:stranger", forgetest.Reed, "stranger", forgetest.Reed).Replace(string(body)))
}

// comment is the payload of a comment on pull request 7.
func (w *whole) comment(file, author, id, text, head, base string) []byte {
	w.t.Helper()
	body := w.onSeven(file, head, base)
	number, err := strconv.Atoi(id)
	if err != nil {
		w.t.Fatal(err)
	}
	switch w.vendor {
	case events.VendorGitea:
		return changed(w.t, body, edits{"comment.body": text, "comment.id": number, "comment.user.login": author, "sender.login": author})
	case events.VendorGitlab:
		return changed(w.t, body, edits{"object_attributes.note": text, "object_attributes.id": number, "user.username": author})
	}
	return changed(w.t, body, edits{"comment.content.raw": text, "comment.id": number, "comment.user.account_id": author, "actor.account_id": author})
}
