package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestCallIsAborted(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	c := logged(w, 3)
	const path = "/runs/1/calls/test"
	b := w.SignIn(v1.ScopeRun)
	if actions := b.Page(path).Actions(); !slices.Contains(actions, path+"/abort") {
		t.Fatalf("there is no form that ends it: %q", actions)
	}
	if actions := w.SignIn(v1.ScopeRead).Page(path).Actions(); slices.Contains(actions, path+"/abort") {
		t.Error("who may only read has the form")
	}
	if a := b.Post(path+"/abort", url.Values{"reason": {"wrong branch"}}); a.Status != http.StatusSeeOther || a.Location != path {
		t.Errorf("gives %d to %q", a.Status, a.Location)
	}
	call, err := w.Store.Call(t.Context(), c.Call)
	if err != nil || call.State != store.StateAborted || !strings.Contains(call.Reason, "key for run: wrong branch") {
		t.Errorf("the call is %s, %q (%v)", call.State, call.Reason, err)
	}
	if a := b.Post(path+"/abort", nil); a.Status != http.StatusSeeOther {
		t.Errorf("once more gives %d", a.Status)
	}
	page := b.Page(path)
	if !strings.Contains(page.Main(), "has ended") && !strings.Contains(page.Main(), "aborted") || slices.Contains(page.Actions(), path+"/abort") {
		t.Errorf("afterwards the page says %s", page.Main())
	}
}
