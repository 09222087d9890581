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
	p.a = w.start(shop, shopSecret, strangers(engineHost(t)))
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

// What people do on the pages, in a browser, with an engine behind them.
func TestPages(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	key := p.a.key("admin")
	t.Run("a push appears without a reload", func(t *testing.T) {
		b := browsertest.Start(t)
		b.SignIn(t, p.a.url, key)
		b.See(t, "Nothing has happened yet")
		id := p.push("Mend the till")
		b.See(t, "acme/shop")
		b.Find(t, "#running .run", "testOnGithubPush")
		b.Settle(t)
		b.NoOverlap(t)
		b.Picture(t, "home")
		p.a.finish(id)
		b.Find(t, "#failed .run", "acme/shop")
		b.Gone(t, "testOnGithubPush")
		b.Settle(t)
		b.NoOverlap(t)
		b.Axe(t)
	})
	t.Run("a function is run from its form", func(t *testing.T) {
		b := browsertest.Start(t)
		b.SignIn(t, p.a.url, key)
		b.Open(t, "/functions/run?repository=acme%2Fshop&function=count")
		b.See(t, "Counts the stock of a shelf")
		b.Fill(t, "shelf", "apples")
		b.Fill(t, "times", "often")
		b.Follow(t, "main button", "Run")
		b.Find(t, ".field [aria-invalid=true]", "")
		b.NoOverlap(t)
		b.Axe(t)
		b.Picture(t, "form")
		b.Fill(t, "times", "3")
		b.Choose(t, "aloud", "true")
		b.Follow(t, "main button", "Run")
		if path := b.Path(t); path != "/runs/2" {
			t.Fatalf("the form leads to %s: %s", path, b.Text(t))
		}
	})
}
