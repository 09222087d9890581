package doctest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/enginetest"
)

const migrationPage = "docs/github-actions.md"

// whatWasThere is the module of the page before its workflows become functions, in
// the signatures that the page shows. No image can be pulled where the tests run, and
// nothing published, so that both say what they were given.
const whatWasThere = `package main

import (
	"context"

	"dagger/ci/internal/dagger"
)

type Ci struct{}

func (m *Ci) Test(ctx context.Context, src *dagger.Directory) (string, error) {
	return busybox(src).WithExec([]string{"/bin/busybox", "echo", "tested"}).Stdout(ctx)
}

func (m *Ci) Publish(ctx context.Context, src *dagger.Directory, tag string, username, password *dagger.Secret) (string, error) {
	return busybox(src).
		WithSecretVariable("NAME", username).
		WithSecretVariable("PASSWORD", password).
		WithEnvVariable("TAG", tag).
		WithExec([]string{"/bin/busybox", "sh", "-c", "test $NAME && test $PASSWORD && echo published $TAG"}).
		Stdout(ctx)
}

func busybox(src *dagger.Directory) *dagger.Container {
	return dag.Container().WithRootfs(src.Directory("rootfs"))
}
`

// The functions of the page about GitHub Actions, word for word on the real engine.
func TestMigrationPage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	s := newShell(t)
	s.env = append(s.env, "GITHUB_USERNAME=octo-of-the-page", "GITHUB_TOKEN=tok-of-the-page")
	var scripts []string
	var on, yaml string
	for _, b := range readPage(t, migrationPage).blocks {
		switch {
		case b.section == "Two workflows" && b.language == "go":
			for line := range strings.Lines(b.text) {
				if !strings.Contains(whatWasThere, strings.TrimSpace(line)+" {\n") {
					t.Errorf("the module of this test has no %s", line)
				}
			}
		case b.section != "The same as functions":
		case b.language == "go":
			on = b.text
		case b.language == "yaml":
			yaml = b.text
		case b.language == "sh":
			scripts = append(scripts, b.text)
		}
	}
	const published = "github.com/franela/pocketci/pocketci-module"
	if len(scripts) != 2 || on == "" || yaml == "" || !strings.Contains(scripts[0], published) {
		t.Fatalf("%s has %d scripts, want 2, a file of Go and one of YAML", migrationPage, len(scripts))
	}
	s.must("", "mkdir hello && cd hello && git init --quiet -b main && dagger init --sdk=go --name=ci ci")
	dir := filepath.Join(s.dir, "hello")
	if err := os.CopyFS(filepath.Join(dir, "pocketci-module"), os.DirFS(filepath.Join(root, "pocketci-module"))); err != nil {
		t.Fatal(err)
	}
	enginetest.Busybox(t, dir)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("ci/main.go", whatWasThere)
	s.must("hello", "git add . && git commit --quiet -m before")
	write("ci/on.go", on)
	write("pocketci.yaml", yaml)
	s.must("hello", strings.ReplaceAll(scripts[0], published, "./pocketci-module"))
	out := s.must("hello", scripts[1])
	sha := strings.TrimSpace(s.must("hello", "git rev-parse HEAD"))
	for _, want := range []string{
		"github push main of you/hello", "ci:onGithubPushMain  (named On<Vendor><Event><Filter>)",
		"github pull_request opened of you/hello", "ci:testOnGithubPullRequest  (named On<Vendor><Event>; base is main)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the plans have no %q:\n%s", want, out)
		}
	}
	// What the workflows would have done with other events.
	for name, c := range map[string]struct {
		flags, replace string
		want           []string
	}{
		"a push to main":                        {"--event push --payload ../push.json", "", []string{"onGithubPushMain"}},
		"a push to another branch":              {"--event push --payload -", "s:refs/heads/main:refs/heads/next:", nil},
		"a pull request against main":           {"--event pull_request --payload ../pr.json", "", []string{"testOnGithubPullRequest"}},
		"new commits in it":                     {"--event pull_request --payload -", "s:opened:synchronize:", []string{"testOnGithubPullRequest"}},
		"a label on it":                         {"--event pull_request --payload -", "s:opened:labeled:", nil},
		"a pull request against another branch": {"--event pull_request --payload -", `s:"ref". "main":"ref"\: "next":`, nil},
	} {
		script := "pocketci plan --json " + c.flags
		if c.replace != "" {
			file := map[bool]string{true: "../push.json", false: "../pr.json"}[strings.Contains(c.flags, "push")]
			script = "sed '" + c.replace + "' " + file + " | " + script + " || test $? = 3"
		}
		view := viewOf(t, s.must("hello", script))
		var called []string
		for _, call := range view.Calls {
			called = append(called, call.Function)
		}
		if diff := cmp.Diff(c.want, called); diff != "" || len(view.Invalid) > 0 {
			t.Errorf("%s calls (-want +got):\n%s%v", name, diff, view.Invalid)
		}
	}
	for script, want := range map[string]string{
		"pocketci run --event push --payload ../push.json":       "published " + sha,
		"pocketci run --event pull_request --payload ../pr.json": "tested",
	} {
		if out := s.must("hello", script); !strings.Contains(out, want) || strings.Contains(out, "tok-of-the-page") {
			t.Errorf("%s printed no %q:\n%s", script, want, out)
		}
	}
}

// The names in the table of triggers are triggers, but for the one that is to be
// called by hand.
func TestTableOfTriggers(t *testing.T) {
	for _, row := range readPage(t, migrationPage).table(t, "When it runs", "in a workflow").rows {
		for _, name := range code(row[1]) {
			p := plan(push("develop"), nil, function(name))
			for _, s := range p.Skipped {
				if strings.HasPrefix(s.Reason, "its name is not a trigger") != (name == "Build") {
					t.Errorf("%s: %s", name, s.Reason)
				}
			}
			if len(p.Warnings)+len(p.Invalid) > 0 {
				t.Errorf("%s: %v %v", name, p.Warnings, p.Invalid)
			}
		}
	}
}
