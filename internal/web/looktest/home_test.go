package looktest

import (
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// A run appears on a page that is open, and changes there, without that the page is
// loaded again; what is focused stays so.
func TestHomeIsLive(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	b := browsertest.Start(t)
	b.SignIn(t, w.URL, w.Keys[v1.ScopeRead])
	b.Open(t, "/")
	b.See(t, "Nothing has happened yet")
	const mark = "document.body.dataset.loadedOnce"
	b.Until(t, "the page to be marked", "("+mark+" = 'yes') === 'yes'")
	r := w.Accept(webtest.Push("acme/shop"))
	b.See(t, "acme/shop")
	b.See(t, "waits to be taken by an agent")
	b.Gone(t, "Nothing has happened yet")
	b.Until(t, "the run to be focused", "(document.querySelector('#repositories a').focus(), document.activeElement.textContent) === 'acme/shop'")
	plan(w, r, "testOnGithubPush")
	c := w.Claim(r)
	b.See(t, "testOnGithubPush")
	b.Find(t, "#running a", "acme/shop")
	w.Finish(c, store.StateFailed)
	b.Find(t, "#failed a", "acme/shop")
	b.Find(t, "#repositories a", "failed")
	b.Until(t, "the focus to have stayed", "document.activeElement.textContent === 'acme/shop'")
	b.Until(t, "the page to be the same", mark+" === 'yes'")
	b.Open(t, "/runs?repository=acme/shop")
	b.Until(t, "the page to be marked", "("+mark+" = 'yes') === 'yes'")
	second := w.Accept(webtest.Push("acme/shop"))
	b.Until(t, "the second run", "document.getElementById('run-2') !== null")
	if second.Number != 2 {
		t.Errorf("it is run %d", second.Number)
	}
	b.Until(t, "the page to be the same", mark+" === 'yes'")
}
