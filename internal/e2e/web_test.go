package e2e_test

import (
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/web/browsertest"
)

// pages is an agent whose pages are looked at in a browser, with a forge and a module
// that has something of everything.
type pages struct {
	*whole
	a *agent
	// before is the last commit of main.
	before string
}

func newPages(t *testing.T) *pages {
	t.Helper()
	w := newWhole(t, events.VendorGithub)
	p := &pages{whole: w}
	p.before = w.commit("main", "Open the shop", join(rootfs(t), dang(`
  """
  Looks for what is written badly.
  """
  pub lintOnGithubPush(src: Directory!): String! {
    shell(src, "printf '\033[32mok\033[0m  all 12 files are written well\n'").stdout
  }
  """
  Tries the till.
  """
  pub testOnGithubPush(src: Directory!): String! {
    shell(src, "echo the till opens; for i in 1 2 3 4 5 6; do sleep 1; echo coin $i falls; done; echo the till closes").stdout
  }
  """
  Packs the shop, which fails.
  """
  pub packOnGithubPush(src: Directory!): String! {
    shell(src, "echo packing; echo 'no box is large enough' >&2; exit 3").stdout
  }
  """
  Ships what was packed.
  """
  pub shipOnGithubPush(src: Directory!): String! { "shipped" }
  """
  Sells a release.
  """
  pub sellOnGithubRelease(src: Directory!): String! { "sold" }
  """
  Counts the stock of a shelf, as often as it takes.
  """
  pub count(src: Directory!, shelf: String!, times: Int!, aloud: Boolean! = false): String! {
    shell(src, "echo counting shelf `+"${shelf}"+`; sleep 600").stdout
  }
`), yaml("module-path: ./ci", "functions:",
		"  packOnGithubPush: {after: lintOnGithubPush}",
		"  shipOnGithubPush: {after: [packOnGithubPush, testOnGithubPush]}"))...)
	withName := shop
	withName.name = "shop-1" // not that of who makes the pictures
	p.a = w.start(withName, shopSecret, strangers(engineHost(t)))
	return p
}

// push pushes a commit to main and returns the event's id.
func (p *pages) push(message string) string {
	p.t.Helper()
	sha := p.commit("main", message, gittest.Write("note.txt", message))
	id := p.deliver(p.a, "push", p.payload("push", "c0", p.before, "c2", sha))
	p.before = sha
	return id
}

// browser is a window in which somebody has signed in with a key of a scope.
func (p *pages) browser(t *testing.T, scope string) *browsertest.Browser {
	t.Helper()
	b := browsertest.Start(t)
	b.SignIn(t, p.a.url, p.a.key(scope))
	return b
}

// judged looks at a page that has changed with good reason.
func judged(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	b.Settle(t)
	b.NoOverlap(t)
	b.Axe(t)
}

// What people do on the pages, in a browser, with an engine behind them. The journeys share
// an agent and follow each other.
func TestPages(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, journey := range []struct {
		name string
		make func(*testing.T, *pages)
	}{
		{"a push appears without a reload and its log is followed", followAPush},
		{"why a function was not called", findWhyNot},
		{"what failed is restarted", restartWhatFailed},
		{"a function is run from its form", runFromAForm},
		{"a run is aborted", abort},
		{"without a mouse", withoutAMouse},
		{"a fork's run is approved", approveAFork},
		{"in the dark and on a telephone", seeEverywhere},
	} {
		if !t.Run(journey.name, func(t *testing.T) { journey.make(t, p) }) {
			return // the next one would wait for what has not happened
		}
	}
}
