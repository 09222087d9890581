package web_test

import (
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/webtest"
)

func TestRunTmp(t *testing.T) {
	w := webtest.New(t)
	r := w.Planned("acme/shop", "a", "b")
	w.Finish(w.Claim(r), store.StateFailed)
	p := w.SignIn(v1.ScopeRun).Page("/runs/1")
	t.Log(p.Main())
	b := w.SignIn(v1.ScopeRun)
	t.Log(b.Page("/events").Main())
	t.Log(b.Page("/events/"+r.Event).Main())
	_ = r
}
