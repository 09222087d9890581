// Package enginetest gives tests the real Dagger engine that "make engine"
// starts, and what they need to run containers on it.
package enginetest

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// Env gives the runner host and the dagger program of the engine for tests,
// from Dagger's own variables. Without them the test fails: a test that skips
// itself proves nothing.
func Env(t testing.TB) (host, cli string) {
	t.Helper()
	host, cli = os.Getenv(engine.EnvRunnerHost), os.Getenv(engine.EnvCLI)
	if host == "" || cli == "" {
		t.Fatalf("no engine: run make engine and set the variables that it prints (%s, %s)", engine.EnvRunnerHost, engine.EnvCLI)
	}
	return host, cli
}

// Config is a configuration for the engine for tests with a directory of its
// own. Trees with a GitDir are taken as directories that hold the files of the
// commit as they are.
func Config(t testing.TB) engine.Config {
	t.Helper()
	host, cli := Env(t)
	return engine.Config{
		Host: host,
		CLI:  cli,
		Dir:  t.TempDir(),
		Checkout: func(_ context.Context, tree modules.Tree, _ bool) (string, func(), error) {
			return tree.GitDir, func() {}, nil
		},
	}
}

// Start gives an engine with that configuration, closed when the test ends.
func Start(t testing.TB) *engine.Engine {
	t.Helper()
	return With(t, Config(t))
}

// With is Start with another configuration.
func With(t testing.TB, cfg engine.Config) *engine.Engine {
	t.Helper()
	e, err := engine.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// Busybox puts a root file system into dir/rootfs, in which /bin/busybox works.
// It is the host's own, from Debian's package busybox-static.
func Busybox(t testing.TB, dir string) {
	t.Helper()
	in, err := os.Open("/bin/busybox")
	if err != nil {
		t.Fatalf("no busybox: install busybox-static: %v", err)
	}
	defer in.Close()
	bin := filepath.Join(dir, "rootfs", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(filepath.Join(bin, "busybox"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// Tree is a directory as a tree of a repository, as if it had been checked out.
func Tree(dir string) modules.Tree {
	return modules.Tree{FS: dirFS(dir), GitDir: dir}
}

// dirFS reads a directory as modules.Tree wants it: never leaving it.
func dirFS(dir string) fs.FS {
	root, err := os.OpenRoot(dir)
	if err != nil {
		panic(err)
	}
	return root.FS()
}
