package e2e_test

import (
	"testing"

	"github.com/franela/pocketci/internal/forge/forgetest"
	"github.com/franela/pocketci/internal/web/browsertest"
)

// followAPush sees a push arrive on a page that is open, follows the log of a call to its
// end and finds the run among those that failed. Nothing is loaded again by hand.
func followAPush(t *testing.T, p *pages) {
	b := p.browser(t, "read")
	b.See(t, "Nothing has happened yet")
	id := p.push("Mend the till")
	b.Find(t, "#running .run", "testOnGithubPush")
	b.Find(t, "#waiting .run", "shipOnGithubPush")
	judged(t, b)
	b.Picture(t, "home")

	b.Follow(t, "#running .run a", "testOnGithubPush")
	b.Find(t, ".log .l", "coin 2 falls")
	judged(t, b)
	b.Picture(t, "log")
	b.Find(t, ".log .l", "the till closes")
	b.Find(t, "#callhead .state", "succeeded")
	judged(t, b)
	b.Shot(t, "call-succeeded")

	b.Open(t, "/")
	p.a.finish(id)
	b.Find(t, "#failed .run", "acme/shop")
	b.Gone(t, "testOnGithubPush")
	judged(t, b)
}

// findWhyNot looks for why a function was not called by the push.
func findWhyNot(t *testing.T, p *pages) {
	b := p.browser(t, "read")
	b.Open(t, "/runs")
	b.Follow(t, ".run a", "acme/shop")
	if path := b.Path(t); path != "/runs/1" {
		t.Fatalf("the run is at %s", path)
	}
	b.Find(t, ".uncalled", "sellOnGithubRelease")
	b.Find(t, ".uncalled summary", "its name waits for OnGithubRelease, the event is github push main")
	b.Find(t, "tr", "shipOnGithubPush")
	b.See(t, "it comes after ci:packOnGithubPush, which is failed")
	judged(t, b)
	b.Picture(t, "run")
	if n := b.Count(t, "main form[method=post]"); n != 0 {
		t.Errorf("a key that may only read has %d forms", n)
	}
}

// restartWhatFailed restarts the calls that failed, and sees them fail again while the page
// stays open.
func restartWhatFailed(t *testing.T, p *pages) {
	b := p.browser(t, "run")
	b.Open(t, "/runs/1")
	b.Find(t, "#head .state", "failed")
	b.Follow(t, "button", "Restart failed calls")
	b.Find(t, "#attempts", "attempt 1")
	b.Find(t, "#head", "attempt 2")
	b.Find(t, "#head .state", "failed")
	judged(t, b)
	s := beside(t, p.a)
	run := runsOf(t, s)[0]
	for function, want := range map[string]int{"lintOnGithubPush": 1, "testOnGithubPush": 1, "packOnGithubPush": 2, "shipOnGithubPush": 2} {
		if c := callOf(t, s, run.ID, function); c.Attempt != want {
			t.Errorf("%s was made %d times, want %d", function, c.Attempt, want)
		}
	}
	// Both logs can be read.
	b.Follow(t, "#calls a", "packOnGithubPush")
	b.Find(t, ".log .l", "no box is large enough")
	b.Follow(t, ".attempts a", "1")
	b.Find(t, ".log .l", "no box is large enough")
}

// abort ends a run that would take ten minutes, and says why.
func abort(t *testing.T, p *pages) {
	b := p.browser(t, "run")
	b.Open(t, "/runs/2")
	b.Find(t, "#calls .state", "running")
	b.Click(t, "summary", "Abort this run")
	b.Fill(t, "Reason", "the shelf is empty")
	b.Follow(t, "button", "Abort the run")
	b.Find(t, "#head .state", "aborted")
	b.See(t, "aborted by ann: the shelf is empty")
	b.Find(t, "#calls .state", "aborted")
	if n := b.Count(t, "#abort"); n != 0 {
		t.Error("the run can be aborted again")
	}
	judged(t, b)
}

// approveAFork has a stranger's commit run after somebody has looked at it.
func approveAFork(t *testing.T, p *pages) {
	b := p.browser(t, "run")
	base, head := p.fork(forgetest.Reed)
	id := p.deliver(p.a, "pull_request", p.opening(base, head))
	b.Find(t, "#waiting .run", "waits for an approval")
	b.Follow(t, "#waiting .run a", "acme/shop")
	b.See(t, "reed/shop")
	b.See(t, head)
	judged(t, b)
	b.Picture(t, "approve")
	b.Follow(t, "button", "Approve this commit")
	b.Find(t, ".fault", "the key ann is bound to nobody")

	b = browsertest.Start(t)
	b.SignIn(t, p.a.url, p.a.key("run", "--login", forgetest.Anna))
	b.Open(t, "/")
	b.Follow(t, "#waiting .run a", "acme/shop")
	b.Follow(t, "button", "Approve this commit")
	b.Find(t, "#calls tr", "testOnPullRequest")
	p.a.finish(id)
	b.Find(t, "#calls tr:has(.is-succeeded)", "testOnPullRequest")
	b.Find(t, "#calls tr", "without write access")
	b.Gone(t, "Approve this commit")
	judged(t, b)
}

// seeEverywhere looks at the pages of an agent that has worked, in the dark and on a
// telephone.
func seeEverywhere(t *testing.T, p *pages) {
	b := p.browser(t, "admin")
	b.Dark(t, true)
	for name, path := range map[string]string{
		"home": "/", "runs": "/runs", "run": "/runs/1", "call": "/runs/1/calls/testOnGithubPush",
		"repository": "/repositories/acme/shop", "functions": "/functions", "events": "/events",
	} {
		for suffix, size := range map[string]browsertest.Size{"-dark": browsertest.Wide, "-phone-dark": browsertest.Phone} {
			b.Size(t, size)
			b.Open(t, path)
			b.NoOverlap(t)
			b.Axe(t)
			b.Shot(t, name+suffix)
		}
	}
}
