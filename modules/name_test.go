package modules_test

import (
	"testing"

	"github.com/franela/pocketci/modules"
)

func TestSameName(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"lintOnPush", "LintOnPush", true},
		{"lintOnPush", "lint-on-push", true},
		{"lint_on_push", "lint-on-push", true},
		{"httponPush", "HTTPOnPush", true},
		{"lintOnPush", "lintOnPushMain", false},
		{"lintOnPushMain", "lintOnPush", false},
		{"a-", "a", true},
		{"", "", true},
		{"", "a", false},
	} {
		if got := modules.SameName(tc.a, tc.b); got != tc.want {
			t.Errorf("SameName(%q, %q) = %v", tc.a, tc.b, got)
		}
	}
}
