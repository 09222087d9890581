package moduletest_test

import (
	"crypto/rand"
	"strings"
	"testing"
)

// The two examples of the original's README compile and run: as they were
// written, in a module of the time when the values of enums had no scope, and
// with the names that enums have today.
func TestExamplesOfTheOriginal(t *testing.T) {
	for name, today := range map[string]bool{"as written, v0.14.0": false, "with today's names, v0.21.8": true} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t, "seed")
			if today {
				r.replace("ci/dagger.json", "v0.14.0", "v0.21.8")
				r.replace("ci/dispatch.go",
					"case dagger.PullRequest:", "case dagger.PocketciEventTypePullRequest:",
					"case dagger.Push:", "case dagger.PocketciEventTypePush:")
			}
			r.write("pocketci.yaml", `module-path: ./ci
paths:
  - "**/**.go"
secrets:
  - name: ghUsername
    from-env: GITHUB_USERNAME
  - name: ghPassword
    from-env: GITHUB_TOKEN
`)
			r.write("main.go", "package main\n")
			before := r.commit()
			nonce := rand.Text() // so that no step of an earlier test is the same
			r.write("README.md", nonce+"\n")
			r.write("main.go", "package main // changed\n")
			after := r.commit()
			env := []string{"GITHUB_USERNAME=mona", "GITHUB_TOKEN=tok-" + rand.Text()}

			for name, tc := range map[string]struct {
				event, function, prints string
				payload                 map[string]any
			}{
				"a push to main":           {"push", "onGithubPushMain", "published " + after, push("refs/heads/main", before, after)},
				"a push to another branch": {"push", "dispatch", "published ghcr.io/franela/pocketci:" + after, push("refs/heads/develop", before, after)},
				"a pull request":           {"pull_request", "dispatch", "tested " + nonce, pullRequest(before, after)},
			} {
				t.Run(name, func(t *testing.T) {
					mine := &repository{t, r.dir}
					o := mine.run(tc.event, tc.payload, env...)
					if o.code != 0 || len(o.results) != 1 || o.results[tc.function].State != "succeeded" {
						t.Fatalf("exit code %d, %+v\n%s", o.code, o.results, o.stderr)
					}
					if !strings.Contains(o.printed, tc.prints+"\n") {
						t.Errorf("it printed no %q:\n%s", tc.prints, o.printed)
					}
				})
			}
		})
	}
}
