package selftest_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/enginetest"
)

// linted are the packages that are vetted, few enough for a test.
const linted = "./dispatcher/..."

// TestOwnLint runs the project's own Lint in a container on the real engine,
// in a root file system made of this machine's Go and busybox.
func TestOwnLint(t *testing.T) {
	_, dagger := enginetest.Env(t)
	dir := checkout(t)
	toolchain, modules := toolchain(t), modules(t, dir)
	lint := func(t *testing.T) (string, error) {
		cmd := exec.CommandContext(t.Context(), dagger, "call", "-m", "./ci", "lint-on-github-pull-request",
			"--src", ".", "--packages", linted, "--toolchain", toolchain, "--modules", modules)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), err
	}
	t.Run("the project passes", func(t *testing.T) {
		if out, err := lint(t); err != nil || !strings.Contains(out, "lint: ok") {
			t.Errorf("lint: %v\n%s", err, out)
		}
	})
	t.Run("a file that is not formatted is named", func(t *testing.T) {
		name := filepath.Join(dir, "dispatcher", "ugly.go")
		write(t, name, "package dispatcher\nfunc  ugly( ) {}\n")
		defer os.Remove(name)
		if out, err := lint(t); err == nil || !strings.Contains(out, "dispatcher/ugly.go") {
			t.Errorf("lint: %v\n%s", err, out)
		}
	})
	t.Run("what vet finds is told", func(t *testing.T) {
		name := filepath.Join(dir, "dispatcher", "wrong.go")
		write(t, name, "package dispatcher\n\nimport \"fmt\"\n\nfunc wrong() { fmt.Printf(\"%d\\n\", \"text\") }\n")
		defer os.Remove(name)
		if out, err := lint(t); err == nil || !strings.Contains(out, "wrong.go:5") {
			t.Errorf("lint: %v\n%s", err, out)
		}
	})
}

// toolchain is a root file system with busybox and the Go that runs this test,
// without the parts that a linter does not need.
func toolchain(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	enginetest.Busybox(t, dir)
	dir = filepath.Join(dir, "rootfs")
	for _, name := range []string{"sh", "echo"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"tmp", "root"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	goroot, err := filepath.EvalSymlinks(output(t, root, nil, "go", "env", "GOROOT"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"bin", "pkg/include", "pkg/tool", "src", "go.env", "VERSION"} {
		copyTree(t, filepath.Join(goroot, part), filepath.Join(dir, "usr/local/go", part))
	}
	return dir
}

// copyTree copies a file, or a folder without tests and without the sources of
// the go command.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || relative == "cmd"):
			return filepath.SkipDir
		case d.IsDir() || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		copyFile(t, name, filepath.Join(to, relative))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// modules is a GOPROXY as files that holds what the linted packages need and no
// more. The go command makes it from the machine's own cache of modules.
func modules(t *testing.T, dir string) string {
	t.Helper()
	cache := t.TempDir()
	source := output(t, dir, nil, "go", "env", "GOMODCACHE")
	output(t, dir, []string{
		"GOMODCACHE=" + cache,
		"GOPROXY=file://" + filepath.ToSlash(source) + "/cache/download",
		"GOFLAGS=-modcacherw", "GONOSUMDB=*",
	}, "go", "list", "-deps", "-test", linted)
	return filepath.Join(cache, "cache", "download")
}

// output runs a program and returns what it printed.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			t.Fatalf("%s: %v\n%s", name, err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
