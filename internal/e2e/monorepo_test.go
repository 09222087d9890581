package e2e_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
)

// module is a module in Dang at a path, whose main object is called after its name.
func module(path, name, functions string) []gittest.Edit {
	return []gittest.Edit{
		gittest.Write(path+"/dagger.json", manifest(name, "dang")),
		gittest.Write(path+"/main.dang", "type "+strings.ToUpper(name[:1])+name[1:]+" {\n"+functions+"\n}\n"),
	}
}

// Three modules in one repository, each with paths, secrets and settings of its
// own. Two have functions and secrets of the same names, and the third is after the
// secrets of the others.
func TestMonorepo(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	const apiSecret, webSecret = "the-secret-of-the-api", "the-secret-of-the-web"
	const tests = `
  pub testOnGithubPush(src: Directory!, token: Secret!, level: String!): String! {
    level + " " + JSON.encode(src.entries) + " " + container
      .withRootfs(src.directory("rootfs"))
      .withSecretVariable("TOKEN", token)
      .withExec(["/bin/sh", "-c", "printf %s \"$TOKEN\" | sha256sum; sleep 4"]).stdout
  }
`
	first := f.repo.Commit("main", "1", join(rootfs(t),
		yaml("modules:",
			"  - path: ./api/ci",
			`    paths: ["api/**", "libs/**"]`,
			"    secrets: [{name: token, from-env: API_TOKEN}, {name: extra, from-env: API_TOKEN}]",
			"    functions:",
			"      testOnGithubPush: {args: {level: api}}",
			"      slowOnGithubPush: {timeout: 2s}",
			"  - path: ./web/ci",
			`    paths: ["web/**", "libs/**"]`,
			"    git: true",
			"    secrets: [{name: token, from-env: WEB_TOKEN}]",
			"    functions:",
			"      testOnGithubPush: {args: {level: web}}",
			`      styleOnGithubPush: {on-changes: ["**/*.css"]}`,
			"  - path: ./spy"),
		module("api/ci", "api", tests+`
  pub extraOnGithubPush(extra: Secret!): String! { "got " + extra.plaintext }
  pub slowOnGithubPush(src: Directory!): String! { container.withRootfs(src.directory("rootfs")).withExec(["/bin/sleep", "`+number()+`"]).stdout }
`),
		module("web/ci", "web", tests+`
  pub extraOnGithubPush(extra: Secret!): String! { extra.plaintext }
  pub styleOnGithubPush: String! { "styled" }
`),
		module("spy", "spy", `
  pub askOnGithubPush(token: Secret): String! { if (token == null) { "nothing" } else { token.plaintext } }
  pub demandOnGithubPush(token: Secret!): String! { token.plaintext }
  pub environmentOnGithubPush: String! { Dagger.secret("env://API_TOKEN").plaintext }
  pub argumentOnGithubPush: String! { Dagger.secret("token").plaintext }
  pub nestedOnGithubPush(src: Directory!): String! {
    container.withRootfs(src.directory("rootfs"))
      .withExec(["/bin/sh", "-c", "for uri in env://API_TOKEN env://WEB_TOKEN token api-token cmd://env; do busybox wget -q -O - --header 'Content-Type: application/json' --header \"Authorization: Basic $(printf '%s:' \"$DAGGER_SESSION_TOKEN\" | base64 -w0)\" --post-data \"{\\\"query\\\": \\\"{ secret(uri: \\\\\\\"$uri\\\\\\\") { plaintext } }\\\"}\" http://127.0.0.1:$DAGGER_SESSION_PORT/query; echo; done; env; cat /proc/*/environ"], experimentalPrivilegedNesting: true).stdout
  }
`),
		[]gittest.Edit{gittest.Symlink("rootfs/bin/env", "busybox"), gittest.Write("libs/a.css", "a\n")})...)
	a := start(t, f, settings{
		args: []string{"--allow-secret-env", "API_TOKEN,WEB_TOKEN"},
		env:  []string{"API_TOKEN=" + apiSecret, "WEB_TOKEN=" + webSecret},
	})
	r := a.finish(a.deliver("push", push(t, f, "", first)))
	const files = `["api/","libs/","pocketci.yaml","rootfs/","spy/","web/"]`
	if got, want := r.succeeded("api/ci:testOnGithubPush"), "api "+files+" "+sha256sum(apiSecret)+"  -\n"; got != want {
		t.Errorf("the api's test returned %q, want %q", got, want)
	}
	if got, want := r.succeeded("web/ci:testOnGithubPush"), "web "+strings.Replace(files, `[`, `[".git/",`, 1)+" "+sha256sum(webSecret)+"  -\n"; got != want {
		t.Errorf("the web's test returned %q, want %q", got, want)
	}
	if got := r.succeeded("api/ci:extraOnGithubPush"); got != "got ***" {
		t.Errorf("the api's second secret is %q", got)
	}
	if got := r.result("api/ci:slowOnGithubPush"); got.State != "timed-out" {
		t.Errorf("the api's timeout: %+v", got)
	}
	if got := r.succeeded("web/ci:styleOnGithubPush"); got != "styled" {
		t.Errorf("styleOnGithubPush returned %q", got)
	}

	// What is mapped for one module is not mapped for another.
	for function, says := range map[string]string{
		"web/ci:extraOnGithubPush": "required secret extra is not mapped",
		"spy:demandOnGithubPush":   "required secret token is not mapped",
	} {
		if got := r.result(function); got.State != "invalid" || !strings.Contains(got.Error, says) {
			t.Errorf("%s: %+v, want %q", function, got, says)
		}
	}
	// And the session of one has nothing of another's, while it is at work.
	if got := r.succeeded("spy:askOnGithubPush"); got != "nothing" {
		t.Errorf("askOnGithubPush got %q", got)
	}
	for _, function := range []string{"spy:environmentOnGithubPush", "spy:argumentOnGithubPush"} {
		if got := r.result(function); got.State != "failed" {
			t.Errorf("%s: %+v, want a refusal", function, got)
		}
	}
	nested := r.succeeded("spy:nestedOnGithubPush")
	if !strings.Contains(nested, `"errors"`) || !strings.Contains(nested, "DAGGER_SESSION_PORT") {
		t.Errorf("nothing was asked, so nothing is proven: %q", nested)
	}
	// A value would be masked in what is returned; nothing is.
	if strings.Contains(nested, "***") {
		t.Errorf("the spy has seen a secret: %q", nested)
	}
	if said := a.everything(); strings.Contains(said, apiSecret) || strings.Contains(said, webSecret) {
		t.Error("the agent said a secret")
	}

	// Only what has changed is loaded; the module that is broken now fails alone.
	second := f.repo.Commit("main", "2", gittest.Write("web/index.html", "hello\n"), gittest.Write("web/ci/main.dang", "type Web {\n  pub broken"))
	r = a.finish(a.deliver("push", push(t, f, first, second)))
	if got := r.result("web/ci:"); got.State != "invalid" || !strings.Contains(got.Error, "main.dang") {
		t.Errorf("the broken module: %+v", got)
	}
	if got := r.succeeded("spy:askOnGithubPush"); got != "nothing" {
		t.Errorf("askOnGithubPush got %q", got)
	}
	for _, s := range r.plan.Skipped {
		if s.Module == "api/ci" && (s.Function != "*" || !strings.Contains(s.Reason, "paths api/**, libs/**")) {
			t.Errorf("the api's module: %+v", s)
		}
	}

	// People see every function with its module.
	for _, l := range r.lines {
		if l.Function != "" && l.Module == "" {
			t.Errorf("a line of the report has a function without its module: %+v", l)
		}
	}
}
