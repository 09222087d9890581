package looktest

import (
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// Why a form was not taken stays there to be read, whatever becomes of the run.
func TestWhyAFormWasNotTakenStays(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := w.Accept(webtest.Fork("acme/shop"))
	b := browsertest.Start(t)
	b.SignIn(t, w.URL, w.Keys[v1.ScopeRun])
	b.Open(t, "/runs/1")
	b.Follow(t, "button", "Approve this commit")
	b.Find(t, ".fault", "is bound to nobody")
	if err := w.Store.Approve(t.Context(), r.Run, webtest.SHA, false, w.Actor); err != nil {
		t.Fatal(err)
	}
	b.Find(t, "#head .state", "queued")
	b.Find(t, ".fault", "is bound to nobody")
}

// What somebody is about to send is not lost when there is news.
func TestWhatWasTypedStays(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	r := w.Accept(webtest.Fork("acme/shop"))
	b := browsertest.Start(t)
	b.SignIn(t, w.URL, w.Keys[v1.ScopeRun])
	b.Open(t, "/runs/1")
	b.Click(t, "summary", "Abort this run")
	b.Fill(t, "Reason", "not today")
	b.TabTo(t, "button", "Abort the run")
	if err := w.Store.Approve(t.Context(), r.Run, webtest.SHA, false, w.Actor); err != nil {
		t.Fatal(err)
	}
	b.Find(t, "#head .state", "queued")
	b.Gone(t, "Approve this commit")
	b.Until(t, "the focus where it was", `document.activeElement.textContent === "Abort the run"`)
	b.Submit(t)
	b.See(t, "not today")
	b.Find(t, "#head .state", "aborted")
}
