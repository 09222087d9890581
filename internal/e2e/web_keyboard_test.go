package e2e_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/web/browsertest"
)

// withoutAMouse signs in and runs a function with nothing but a keyboard.
func withoutAMouse(t *testing.T, p *pages) {
	b := browsertest.Start(t)
	b.Open(t, p.a.url+"/sign-in")
	b.Until(t, "the key is typed into what has the focus", `document.activeElement.id === "key"`)
	b.Keys(t, p.a.key("run"))
	b.Submit(t)
	b.TabTo(t, ".menu a", "Functions")
	b.Submit(t)
	b.TabTo(t, `a[aria-label="Run lintOnGithubPush"]`, "")
	b.Submit(t)
	b.See(t, "Looks for what is written badly.")
	b.TabTo(t, "main button", "Run")
	b.Submit(t)
	if path := b.Path(t); !strings.HasPrefix(path, "/runs/") {
		t.Fatalf("the form leads to %s: %s", path, b.Text(t))
	}
	b.Find(t, "#head .state", "succeeded")
	b.TabTo(t, "#calls a", "lintOnGithubPush")
	b.Submit(t)
	b.TabTo(t, ".tabs a", "In order")
	b.Submit(t)
	b.Find(t, ".log .l", "all 12 files are written well")
}
