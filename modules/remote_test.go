package modules_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/modules"
)

const full = "0123456789abcdef0123456789abcdef01234567"

func TestParseRemote(t *testing.T) {
	for ref, c := range map[string]struct {
		want      modules.Remote
		clone     string
		canonical string
	}{
		"github.com/acme/ci@v1": {
			modules.Remote{"https", "github.com", "acme/ci", ".", "v1"}, "https://github.com/acme/ci.git", "github.com/acme/ci@v1",
		},
		"github.com/acme/ci/go/lint@release/1.x": {
			modules.Remote{"https", "github.com", "acme/ci", "go/lint", "release/1.x"}, "https://github.com/acme/ci.git", "github.com/acme/ci/go/lint@release/1.x",
		},
		"https://GitHub.com/acme/ci.git/go@" + full: {
			modules.Remote{"https", "GitHub.com", "acme/ci", "go", full}, "https://GitHub.com/acme/ci.git", "github.com/acme/ci/go@" + full,
		},
		"gitlab.com/group/sub/ci.git/.dagger@v1.2.3+x": {
			modules.Remote{"https", "gitlab.com", "group/sub/ci", ".dagger", "v1.2.3+x"}, "https://gitlab.com/group/sub/ci.git", "gitlab.com/group/sub/ci/.dagger@v1.2.3+x",
		},
		"git.example.com:8443/acme/ci@main": {
			modules.Remote{"https", "git.example.com:8443", "acme/ci", ".", "main"}, "https://git.example.com:8443/acme/ci.git", "git.example.com:8443/acme/ci@main",
		},
		"http://localhost:3000/acme/ci.git@main": {
			modules.Remote{"http", "localhost:3000", "acme/ci", ".", "main"}, "http://localhost:3000/acme/ci.git", "localhost:3000/acme/ci@main",
		},
	} {
		t.Run(ref, func(t *testing.T) {
			got, err := modules.ParseRemote(ref)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got.CloneURL() != c.clone || got.Canonical() != c.canonical || !modules.LooksRemote(ref) {
				t.Errorf("clone URL %s, canonical %s", got.CloneURL(), got.Canonical())
			}
			if pinned, err := modules.ParseRemote(modules.AtCommit(ref, full)); err != nil || pinned.Version != full || !pinned.IsCommit() || pinned.Repository != got.Repository {
				t.Errorf("at a commit: %+v, %v", pinned, err)
			}
		})
	}
}

func TestParseRemoteErrors(t *testing.T) {
	for name, c := range map[string]struct{ ref, want string }{
		"no version":               {"github.com/acme/ci", "say which version"},
		"an empty version":         {"github.com/acme/ci@", "say which version"},
		"no repository":            {"github.com/acme@v1", "the repository is missing"},
		"a host alone":             {"github.com@v1", "not named by its ssh address"},
		"ssh's short form":         {"git@github.com:acme/ci@v1", "not named by its ssh address"},
		"ssh":                      {"ssh://git@github.com/acme/ci@v1", "by its https address"},
		"a file":                   {"file:///srv/ci.git@v1", "by its https address"},
		"git's own protocol":       {"git://github.com/acme/ci@v1", "by its https address"},
		"a program":                {"ext::sh -c id/x@v1", "not a module of another repository"},
		"a password":               {"https://bot:hunter2@github.com/acme/ci@v1", "no user and no password"},
		"a user":                   {"https://bot@github.com/acme/ci@v1", "no user and no password"},
		"a folder upwards":         {"github.com/acme/ci/../../evil/ci@v1", "not the name of a repository"},
		"an empty folder":          {"github.com/acme//ci@v1", "not the name of a repository"},
		"a query":                  {"github.com/acme/ci?x=y@v1", "not the name of a repository"},
		"a fragment":               {"https://github.com/acme/ci.git#x@v1", "not the name of a repository"},
		"a space":                  {"github.com/acme/c i@v1", "not the name of a repository"},
		"a subgroup without .git":  {"gitlab.com/group/sub/ci@v1", "ends with .git"},
		"a version for an option":  {"github.com/acme/ci@--upload-pack=x", "not a version"},
		"a version upwards":        {"github.com/acme/ci@v1/../v2", "not a version"},
		"a range":                  {"github.com/acme/ci@v1..v2", "not a version"},
		"a refspec":                {"github.com/acme/ci@+v1:v2", "not a version"},
		"a revision":               {"github.com/acme/ci@v1^{commit}", "not a version"},
		"a version with a newline": {"github.com/acme/ci@v1\n", "not a version"},
		"a lock file":              {"github.com/acme/ci@a.lock/b", "not a version"},
		"too long":                 {"github.com/acme/" + strings.Repeat("c", 400) + "@v1", "too long"},
		"a local path":             {"apps/api/ci", "not a module of another repository"},
		"a local path with an @":   {"apps/api@v1/ci", "not a module of another repository"},
		"the root":                 {".", "not a module of another repository"},
	} {
		_, err := modules.ParseRemote(c.ref)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats a password: %v", name, err)
		}
	}
}

func TestLooksRemote(t *testing.T) {
	for path, want := range map[string]bool{
		"github.com/acme/ci": true, "https://x": true, "git@github.com:acme/ci": true, "bot@host:acme/ci": true, "host.example:8443/x": true,
		".": false, "ci": false, "apps/api/ci": false, "github.com": false, "./github.com/acme": false, ".dagger/ci": false, "a:b/c": false, "apps@v1/ci": false,
	} {
		if got := modules.LooksRemote(path); got != want {
			t.Errorf("%s: %t", path, got)
		}
	}
}

func TestCutQualified(t *testing.T) {
	for name, want := range map[string][2]string{
		"onPush":                              {"", "onPush"},
		"apps/api/ci:onPush":                  {"apps/api/ci", "onPush"},
		"github.com/acme/ci@v1:onPush":        {"github.com/acme/ci@v1", "onPush"},
		"https://host:8443/a/b.git@v1:onPush": {"https://host:8443/a/b.git@v1", "onPush"},
	} {
		if module, function := modules.CutQualified(name); module != want[0] || function != want[1] {
			t.Errorf("%s: %q, %q", name, module, function)
		}
	}
}

func FuzzParseRemote(f *testing.F) {
	for _, ref := range []string{"github.com/acme/ci@v1", "https://h:1/a/b.git/c@" + full, "git@h:a/b", "a/b@c", "http://[::1]/a/b@v1"} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		r, err := modules.ParseRemote(ref)
		if err != nil {
			return
		}
		if !modules.LooksRemote(ref) {
			t.Errorf("%q is a reference and does not look like one", ref)
		}
		if again, err := modules.ParseRemote(modules.AtCommit(ref, full)); err != nil || again.CloneURL() != r.CloneURL() || again.Path != r.Path {
			t.Errorf("%q at a commit: %+v, %v", ref, again, err)
		}
		if strings.ContainsAny(r.CloneURL(), "@?# \n\\'\"") || strings.Contains(r.Path, "..") && strings.Contains("/"+r.Path+"/", "/../") {
			t.Errorf("%q: %+v", ref, r)
		}
	})
}
