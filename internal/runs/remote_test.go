package runs_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/modules"
)

func TestRemotes(t *testing.T) {
	const ref = "https://Git.test/acme/ci.git/go@v1"
	commit := strings.Repeat("1", 40)
	allow := func(string) error { return nil }
	for name, c := range map[string]struct {
		ref, commit string
		allow       func(string) error
		fetched     error
		asked       string // the version that is fetched
		module      bool   // the error is about the module
		says        string
	}{
		"the version it has now":        {ref: ref, allow: allow, asked: "v1"},
		"the commit of a plan":          {ref: ref, commit: commit, allow: allow, asked: commit},
		"allowed by no rule":            {ref: ref, module: true, says: "no module of another repository is allowed here"},
		"refused":                       {ref: ref, commit: commit, allow: func(name string) error { return errors.New("not " + name) }, module: true, says: "not git.test/acme/ci/go@v1"},
		"no reference":                  {ref: "ci", allow: allow, module: true, says: "not a module of another repository"},
		"not there":                     {ref: ref, allow: allow, fetched: mirror.ErrNotFound, asked: "v1", module: true},
		"a server that is away":         {ref: ref, allow: allow, fetched: mirror.ErrUnavailable, asked: "v1", module: true},
		"one that is away for a commit": {ref: ref, commit: commit, allow: allow, fetched: mirror.ErrUnavailable, asked: commit},
		"a full disk":                   {ref: ref, allow: allow, fetched: mirror.ErrGit, asked: "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			r := runs.Remotes{Allow: c.allow, Fetch: func(_ context.Context, got modules.Remote) (modules.Tree, error) {
				asked = got.Version
				if c.fetched != nil {
					return modules.Tree{}, &mirror.Error{Kind: c.fetched, Repository: "acme/ci"}
				}
				return modules.Tree{Commit: commit}, nil
			}}
			tree, err := r.Tree(t.Context(), c.ref, c.commit)
			if asked != c.asked {
				t.Errorf("%q is fetched, want %q", asked, c.asked)
			}
			if fails := c.fetched != nil || c.says != ""; (err != nil) != fails || !fails && tree.Commit != commit {
				t.Fatalf("%+v, %v", tree, err)
			}
			if errors.Is(err, modules.ErrModule) != c.module || c.fetched != nil && !errors.Is(err, c.fetched) || c.says != "" && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want one about the module: %t, %q", err, c.module, c.says)
			}
		})
	}
}

// By the base's rules its reference counts, and nothing of this repository is part
// of a module that stands in another one.
func TestByBaseRulesWithAModuleOfAnotherRepository(t *testing.T) {
	repo := gittest.NewServer(t)
	server := repo.Repo("acme/shop")
	base := server.Commit("main", "base", gittest.Write("pocketci.yaml", "modules:\n- path: ci\n- path: github.com/acme/tools/go@v1\n"), gittest.Write("ci/dagger.json", `{"name": "ci", "sdk": "dang"}`), gittest.Write("go/a", "1"))
	server.Branch("change", base)
	head := server.Commit("change", "head", gittest.Write("pocketci.yaml", "module-path: github.com/evil/tools/go@v1\n"), gittest.Write("go/a", "2"), gittest.Write("ci/x", "x"))
	m, err := mirror.New(mirror.Options{Dir: t.TempDir(), Schemes: []string{"http"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	s, err := m.Snapshot(t.Context(), &events.Event{
		ID: "1", Vendor: "github", Name: "pull_request", Filter: "opened", SHA: head, BaseSHA: base, BaseRef: "main", Fork: "evil/shop",
		Repository: &events.Repository{FullName: "acme/shop", CloneURL: repo.CloneURL("acme/shop"), DefaultBranch: "main"},
	})
	if err != nil {
		t.Fatal(err)
	}
	rules, source, notes, err := runs.ByBaseRules(t.Context(), m, s)
	if err != nil {
		t.Fatal(err)
	}
	if rules.Commit != base {
		t.Errorf("the rules are those of %s, want %s", rules.Commit, base)
	}
	for name, want := range map[string]string{"pocketci.yaml": "github.com/acme/tools/go@v1", "go/a": "2"} {
		file, err := source.FS.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, 200)
		n, _ := file.Read(data)
		file.Close()
		if !strings.Contains(string(data[:n]), want) {
			t.Errorf("%s is %q, want %q", name, data[:n], want)
		}
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "ci/x, pocketci.yaml;") {
		t.Errorf("notes are %q", notes)
	}
}
