package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/bundle"
)

// put writes files below a folder.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCollect(t *testing.T) {
	top := t.TempDir()
	put(t, top, map[string]string{
		".git/config": "", ".gitignore": "*.tmp\n/m/internal\n", "other": "",
		"m/dagger.json": "{}", "m/a.tmp": "", "m/internal/gen.go": "", "m/deep/internal/kept.go": "",
		"m/.env": "SECRET=1", "m/deep/.env": "SECRET=1", "m/.gitignore": "# comment\n\nbuild/\n!kept.tmp\n", "m/kept.tmp": "kept",
		"m/build/out": "", "m/deep/.gitignore": "/here\n", "m/deep/here": "", "m/deep/er/here": "", "m/sub/.git": "gitdir: elsewhere", "m/sub/x": "",
	})
	dir := filepath.Join(top, "m")
	if err := os.Symlink("./deep/", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "sub/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := bundle.Collect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		name := f.Name
		if f.Exec {
			name += "*"
		}
		if f.Link != "" {
			name += " -> " + f.Link
		}
		got = append(got, name)
	}
	want := []string{".gitignore", "dagger.json", "deep/.gitignore", "deep/er/here", "deep/internal/kept.go", "kept.tmp", "link -> deep", "sub/x*"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCollectRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		make func(t *testing.T, dir string)
		says string
	}{
		"a link out":      {func(t *testing.T, dir string) { symlink(t, "../x", filepath.Join(dir, "a")) }, "a is a symbolic link that leaves the module's folder"},
		"an absolute one": {func(t *testing.T, dir string) { symlink(t, "/etc", filepath.Join(dir, "a")) }, "a is a symbolic link that leaves the module's folder"},
		"a pipe": {func(t *testing.T, dir string) {
			if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "pipe is neither a file"},
		"too much": {func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "big"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, "big"), 1<<40); err != nil {
				t.Fatal(err)
			}
		}, "more than 16 MiB"},
		"a backslash": {func(t *testing.T, dir string) { put(t, dir, map[string]string{`a\b`: ""}) }, "backslash"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tc.make(t, dir)
			_, err := bundle.Collect(t.Context(), dir)
			if _, ok := errors.AsType[*bundle.Error](err); !ok || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("the error is %v, want %q in it", err, tc.says)
			}
		})
	}
	if _, err := bundle.Collect(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that there is not: %v", err)
	}
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}
