package e2e_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/store"
)

const planStatus = "pocketci/plan"

// Nothing of a fork runs until somebody with write access approves its commit. Then
// the base's rules judge the head, on a runner of its own and without secrets.
func TestForkWaitsForAnApproval(t *testing.T) {
	t.Parallel()
	w := newWhole(t, events.VendorGithub)
	base, head := w.fork(forgetest.Reed)
	g := newGateway(t) // an engine that is away for now
	a := w.start(shop, shopSecret, strangers(g.host()))
	id := w.deliver(a, "pull_request", w.opening(base, head))
	waits := w.awaitStatus(head, planStatus, talk.StatePending, "waits for an approval")
	if !strings.Contains(waits, "code of the fork "+forgetest.Reed+"/shop") {
		t.Errorf("it is shown as %q", waits)
	}
	if n := len(w.Requests()); n > 0 {
		t.Errorf("the repository was asked %d times", n)
	}

	if did := w.answered(a, 9, forgetest.Reed, "/approve "+head, talk.ReactionRefused); !strings.Contains(did, "reed has no write access") {
		t.Errorf("a stranger's approval: %q", did)
	}
	if did := w.answered(a, 9, forgetest.Anna, "/approve "+base, talk.ReactionRefused); !strings.Contains(did, "no run of commit "+base+" waits") {
		t.Errorf("the approval of another commit: %q", did)
	}
	if did := w.answered(a, 9, forgetest.Anna, "/approve "+head[:12], talk.ReactionRefused); !strings.Contains(did, "the full sha") {
		t.Errorf("the approval of half a sha: %q", did)
	}
	if answers := w.ours(); len(answers) != 1 || !strings.Contains(answers[0], "the full sha") {
		t.Errorf("the answers are %q", answers)
	}
	if state := runOf(t, a, id).State; state != store.StateWaiting || a.called(id) != 0 {
		t.Errorf("the run is %s after %d calls", state, a.called(id))
	}
	if did := w.answered(a, 9, forgetest.Anna, "/approve "+head, talk.ReactionSeen); !strings.Contains(did, "approved run "+a.runs[id]) {
		t.Errorf("the approval: %q", did)
	}

	w.awaitStatus(head, planStatus, talk.StateSucceeded, "planned")
	const test = "pocketci/ci/testOnPullRequest"
	w.awaitStatus(head, test, talk.StatePending, "waits for its turn")
	if a.called(id) != 0 {
		t.Error("it runs on the engine of everything else")
	}
	g.open()
	r := a.finish(id)
	checkByBaseRules(t, r.plan.Warnings, r.results)
	w.awaitStatus(head, test, talk.StateSucceeded, "succeeded in")
	w.awaitStatus(head, "pocketci/ci/deployOnPullRequest", talk.StateFailed, "token")

	// Once more is on the same terms.
	s := beside(t, a)
	run := runOf(t, a, id)
	if _, err := s.Restart(t.Context(), run.ID, store.RestartAll, somebody); err != nil {
		t.Fatal(err)
	}
	checkByBaseRules(t, r.plan.Warnings, prefixed(a.ended(id, 2)))

	// What is pushed afterwards was not looked at.
	next := w.commit("refs/pull/9/head", "more", gittest.Write("more.txt", "more"))
	w.opened(9, forgetest.Reed, next, base)
	w.deliver(a, "pull_request", w.opening(base, next))
	w.awaitStatus(next, planStatus, talk.StatePending, "waits for an approval")
}

// checkByBaseRules looks at a run of fork's pull request.
func checkByBaseRules(t *testing.T, warnings []string, results map[string]report.Result) {
	t.Helper()
	test := results["ci:testOnPullRequest"]
	if test.State != "succeeded" || test.Output != "no token, of the head\n" {
		t.Errorf("testOnPullRequest: %s %q %s", test.State, test.Output, test.Error)
	}
	deploy := results["ci:deployOnPullRequest"]
	if deploy.State != "invalid" || !strings.Contains(deploy.Error, "without write access") {
		t.Errorf("deployOnPullRequest: %s %q", deploy.State, deploy.Error)
	}
	if _, ran := results["ci:stealOnPullRequest"]; ran || len(results) != 2 {
		t.Errorf("the fork's module is used: %+v", results)
	}
	said := strings.Join(warnings, "\n")
	if !strings.Contains(said, "not used: the changes to ci/main.dang, pocketci.yaml") {
		t.Errorf("the plan warns of %q", said)
	}
}

// prefixed names results as a run does.
func prefixed(results map[string]report.Result) map[string]report.Result {
	all := map[string]report.Result{}
	for name, r := range results {
		all[r.Module+":"+name] = r
	}
	return all
}

// runOf is an event's run as it is stored.
func runOf(t *testing.T, a *agent, id string) store.Run {
	t.Helper()
	s := beside(t, a)
	for _, r := range runsOf(t, s) {
		if r.Event == id {
			return r
		}
	}
	t.Fatalf("event %s has no run", id)
	return store.Run{}
}

// ours are the comments that pocketci wrote.
func (w *whole) ours() []string {
	var texts []string
	for _, text := range w.world.Comments() {
		if strings.Contains(text, talk.MarkerPrefix) {
			texts = append(texts, text)
		}
	}
	return texts
}

// Whoever trusts a commit, with an admin's key, has it run as a branch of the
// repository does.
func TestForkThatIsTrusted(t *testing.T) {
	t.Parallel()
	w := newWhole(t, events.VendorGithub)
	base, head := w.fork(forgetest.Reed)
	a := w.start(shop, shopSecret, strangers(engineHost(t)))
	id := w.deliver(a, "pull_request", w.opening(base, head))
	w.awaitStatus(head, planStatus, talk.StatePending, "waits for an approval")

	admin := a.key("admin")
	for name, args := range map[string][]string{
		"scope admin":         {a.key("run"), "approve", a.runs[id], "--sha", head, "--trust"},
		"was approved":        {admin, "approve", a.runs[id], "--sha", base, "--trust"},
		"the full sha":        {admin, "approve", a.runs[id], "--sha", head[:12], "--trust"},
		"required flag(s) \"": {admin, "approve", a.runs[id], "--trust"},
	} {
		if code, said := a.cli(args[0], args[1:]...); code == 0 || !strings.Contains(said, name) {
			t.Errorf("%v is answered with %d %s, want %q", args[1:], code, said, name)
		}
	}
	if code, said := a.cli(admin, "approve", a.runs[id], "--sha", head, "--trust"); code != 0 {
		t.Fatalf("approve ended with %d: %s", code, said)
	}
	r := a.finish(id)
	if got := r.succeeded("testOnPullRequest"); got != "by the fork, new\n" {
		t.Errorf("testOnPullRequest returned %q", got)
	}
	if got := r.succeeded("stealOnPullRequest"); got != "the fork has token ***" {
		t.Errorf("stealOnPullRequest returned %q", got)
	}
	if said := strings.Join(r.plan.Warnings, "\n"); strings.Contains(said, "not used") {
		t.Errorf("the plan warns of %q", said)
	}
}

func TestForksByPolicy(t *testing.T) {
	t.Parallel()
	host := engineHost(t)
	for name, tt := range map[string]struct {
		author string
		lines  []string
		// refused is the reason if it does not run.
		refused string
	}{
		"an author whose pull request was merged":     {forgetest.Mara, []string{strangers(host)}, ""},
		"an author with write access":                 {forgetest.Anna, []string{strangers(host)}, ""},
		"never":                                       {forgetest.Mara, []string{strangers(host), "forks: never"}, "forks: never"},
		"without asking":                              {forgetest.Reed, []string{strangers(host), "forks: no-secrets"}, ""},
		"without asking, on the engine of all":        {forgetest.Reed, []string{"forks: no-secrets", "forks-share-engine: true"}, ""},
		"without asking, and no runner is for it":     {forgetest.Reed, []string{"forks: no-secrets"}, "no runner is for other people's code"},
		"no runner is for it, and sharing is refused": {forgetest.Mara, []string{"forks-share-engine: false"}, "no runner is for other people's code"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWhole(t, events.VendorGithub)
			base, head := w.fork(tt.author)
			a := w.start(shop, append(tt.lines, shopSecret)...)
			id := w.deliver(a, "pull_request", []byte(strings.ReplaceAll(string(w.opening(base, head)), `"`+forgetest.Reed, `"`+tt.author)))
			if tt.refused != "" {
				if log := a.refuse(id); !strings.Contains(log.Error, tt.refused) {
					t.Errorf("the reason is %q", log.Error)
				}
				if n := len(w.Requests()); n > 0 {
					t.Errorf("the repository was asked %d times", n)
				}
				shown := talk.StateFailed
				if tt.refused == "forks: never" { // which is no fault of anybody's
					shown = talk.StateSucceeded
				}
				w.awaitStatus(head, planStatus, shown, "code of the fork "+tt.author+"/shop")
				return
			}
			r := a.finish(id)
			checkByBaseRules(t, r.plan.Warnings, r.results)
		})
	}
}
