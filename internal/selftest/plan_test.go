package selftest_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/enginetest"
)

// TestOwnPlan plans the project's own events with the project's own command
// line, on a clean checkout and the real engine.
func TestOwnPlan(t *testing.T) {
	enginetest.Env(t)
	dir := checkout(t)
	base := commitOf(t, dir)
	write(t, filepath.Join(dir, "dispatcher", "new.go"), "package dispatcher\n")
	code := commit(t, dir)
	write(t, filepath.Join(dir, "docs", "new.md"), "# New\n")
	docs := commit(t, dir)

	t.Run("a pull request with a change of Go code is tested and linted", func(t *testing.T) {
		view := plan(t, dir, "pull_request", pullRequest(base, code))
		if diff := cmp.Diff([]string{"lintOnGithubPullRequest", "testOnGithubPullRequest"}, called(view)); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		for _, call := range view.Calls {
			// What pocketci does not know is left out, so that the image is
			// the module's own default.
			for _, name := range []string{"toolchain", "modules", "packages"} {
				if _, ok := call.Args[name]; ok {
					t.Errorf("%s is called with %s", call.Function, name)
				}
			}
			if call.Args["src"] != "." {
				t.Errorf("%s is called with src %v", call.Function, call.Args["src"])
			}
		}
		if len(view.Invalid)+len(view.Warnings) > 0 {
			t.Errorf("invalid %+v, warnings %q", view.Invalid, view.Warnings)
		}
	})
	t.Run("a pull request with a change of documents is not linted", func(t *testing.T) {
		view := plan(t, dir, "pull_request", pullRequest(code, docs))
		if diff := cmp.Diff([]string{"testOnGithubPullRequest"}, called(view)); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
		if got := reason(t, view, "lintOnGithubPullRequest"); got != "no changed file matches **/*.go, go.*, .ci/**" {
			t.Errorf("lint is skipped because: %s", got)
		}
	})
	t.Run("a push to main is built", func(t *testing.T) {
		view := plan(t, dir, "push", push(base, docs))
		if diff := cmp.Diff([]string{"onGithubPushMain"}, called(view)); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	})
}
