package web_test

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/franela/pocketci/internal/web/webtest"
)

// harmless reports what in a page would be more than text, or is what the policy forbids.
func harmless(t *testing.T, page *webtest.Page) {
	t.Helper()
	for n := range page.All(func(*html.Node) bool { return true }) {
		switch n.Data {
		case "img", "b2", "iframe", "object", "base", "style":
			t.Errorf("there is an element %s: %s", n.Data, webtest.Text(n))
		case "script":
			if !strings.HasPrefix(webtest.Attr(n, "src"), "/static/") || n.FirstChild != nil {
				t.Errorf("there is a script of the page's own: %s", webtest.Text(n))
			}
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style":
				t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
			case slices.Contains([]string{"href", "src", "action"}, a.Key):
				own := a.Val == "" || a.Val[0] == '#' || a.Val[0] == '/' && !strings.HasPrefix(a.Val, "//")
				if !own && (n.Data != "a" || !strings.HasPrefix(a.Val, "https://github.com/")) {
					t.Errorf("%s leads to %q", n.Data, a.Val)
				}
			case a.Key != "value" && a.Key != "data-copy" && strings.ContainsAny(a.Val, turning):
				t.Errorf("%s turns other text around: %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	if strings.ContainsAny(page.Main(), turning) {
		t.Error("text turns other text around")
	}
}

// turning are characters that change how what is around them is read.
const turning = "\u202e\u2066\x1b\x00"
