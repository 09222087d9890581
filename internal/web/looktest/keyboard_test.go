package looktest

import (
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/web/browsertest"
	"github.com/franela/pocketci/internal/web/webtest"
)

// Somebody without a mouse signs in, looks at what failed, restarts it and aborts that, and
// sees at each step where they are.
func TestByKeyboardAlone(t *testing.T) {
	t.Parallel()
	w := webtest.New(t)
	w.Ran("acme/shop", "testOnGithubPush", store.StateFailed)
	b := browsertest.Start(t)
	b.Open(t, w.URL+"/")
	b.Find(t, "#key:focus", "")
	b.Keys(t, w.Keys[v1.ScopeRun])
	b.Submit(t)
	b.TabTo(t, "#failed a", "acme/shop")
	b.Submit(t)
	b.TabTo(t, ".call-name a", "testOnGithubPush")
	b.Submit(t)
	b.TabTo(t, ".crumbs a", "Run 1")
	b.Submit(t)
	b.TabTo(t, "button", "Restart failed calls")
	b.Submit(t)
	b.See(t, "Attempt 2 has begun.")
	b.TabTo(t, "#abort summary", "")
	b.Keys(t, browsertest.Enter)
	b.TabTo(t, "#reason", "")
	b.Keys(t, "not now")
	b.Submit(t)
	b.Find(t, "#head .state", "aborted")
	b.See(t, "not now")
}
