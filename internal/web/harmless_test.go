package web_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/web/webtest"
)

// harmless reports what in a page would be more than text.
func harmless(t *testing.T, page *webtest.Page) {
	t.Helper()
	for _, tag := range []string{"img", "iframe", "object", "style"} {
		for _, n := range page.Tag(tag) {
			t.Errorf("there is an element %s: %s", tag, webtest.Text(n))
		}
	}
	for _, to := range append(page.Links(), page.Actions()...) {
		if strings.Contains(to, "evil.example") || strings.Contains(to, "script:") {
			t.Errorf("there is a link to %s", to)
		}
	}
	if strings.ContainsAny(page.Main(), "\u202e\x1b") {
		t.Error("text turns other text around")
	}
	if strings.Contains(page.Source, " style=") || strings.Contains(page.Source, "<script>") {
		t.Error("there is something inline")
	}
}
