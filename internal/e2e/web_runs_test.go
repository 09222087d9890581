package e2e_test

import "testing"

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
