package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/config"
)

func TestLoad(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files []string // name, or name=content
		want  []config.Module
		err   string
	}{
		{"no file, module at the root", []string{"dagger.json", "ci/dagger.json"}, []config.Module{{Path: "."}}, ""},
		{"no file, module in ci", []string{"ci/dagger.json"}, []config.Module{{Path: "ci"}}, ""},
		{"no file, no module", []string{"README.md"}, nil, "neither dagger.json nor ci/dagger.json"},
		{"no file, ci is a file", []string{"ci"}, nil, "neither dagger.json nor ci/dagger.json"},
		{"no file, dagger.json is a folder", []string{"dagger.json/x", "ci/dagger.json"}, []config.Module{{Path: "ci"}}, ""},
		{"empty file", []string{"pocketci.yaml=", "ci/dagger.json"}, []config.Module{{Path: "ci", Line: 1}}, ""},
		{"empty file, no module", []string{"pocketci.yaml="}, nil, "no Dagger module"},
		{"file without module-path", []string{"pocketci.yaml=git: true", "dagger.json"}, []config.Module{{Path: ".", Git: true, Line: 1}}, ""},
		{"module-path", []string{"pocketci.yaml=module-path: ./apps/ci", "dagger.json", "apps/ci/dagger.json"}, []config.Module{{Path: "apps/ci", Line: 1}}, ""},
		{"module-path without a module", []string{"pocketci.yaml=git: true\nmodule-path: ./cii", "ci/dagger.json"}, nil, "pocketci.yaml:2:14: no dagger.json in the folder cii"},
		{"module-path is a file", []string{"pocketci.yaml=module-path: README.md", "README.md", "ci/dagger.json"}, nil, "pocketci.yaml:1:14: no dagger.json"},
		{"one of several modules is missing", []string{"pocketci.yaml=modules:\n- path: a\n- path: b\n- path: c\n", "b/dagger.json"}, nil, "pocketci.yaml:2:9: no dagger.json in the folder a; name the folder of a Dagger module, or make one with dagger init\npocketci.yaml:4:9: no dagger.json in the folder c"},
		{"a module of another repository has no folder here", []string{"pocketci.yaml=modules:\n- path: ci\n- path: github.com/acme/ci/go@v1\n", "ci/dagger.json"}, []config.Module{{Path: "ci", Line: 2}, {Path: "github.com/acme/ci/go@v1", Line: 3}}, ""},
		{"a broken file", []string{"pocketci.yaml=gut: true", "dagger.json"}, nil, `pocketci.yaml:1:1: unknown key "gut"`},
		{"wrong extension", []string{"pocketci.yml=git: true", "dagger.json"}, nil, "pocketci.yml:1:1: pocketci reads pocketci.yaml; rename the file"},
		{"hidden file", []string{".pocketci.yaml=git: true", "dagger.json"}, nil, ".pocketci.yaml:1:1: pocketci reads pocketci.yaml; rename the file"},
		{"both extensions", []string{"pocketci.yaml=git: true", "pocketci.yml", "dagger.json"}, []config.Module{{Path: ".", Git: true, Line: 1}}, ""},
		{"the file is a folder", []string{"pocketci.yaml/x", "dagger.json"}, nil, "read pocketci.yaml"},
		{"too large", []string{"pocketci.yaml=#" + strings.Repeat("x", config.MaxSize), "dagger.json"}, nil, "larger than 1 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree, dir := fstest.MapFS{}, t.TempDir()
			for _, file := range tc.files {
				name, content, _ := strings.Cut(file, "=")
				tree[name] = &fstest.MapFile{Data: []byte(content)}
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			fromMap, errMap := config.Load(tree)
			fromDir, errDir := config.Load(os.DirFS(dir))
			for _, err := range []error{errMap, errDir} {
				if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
					t.Fatalf("got %v, want %q", err, tc.err)
				}
			}
			if tc.err != "" {
				return
			}
			want := &config.Config{Modules: tc.want}
			if diff := cmp.Diff(want, fromMap); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(want, fromDir); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadErrorsAreTyped(t *testing.T) {
	var none *config.NoModuleError
	if _, err := config.Load(fstest.MapFS{}); !errors.As(err, &none) || none.Reason == "" {
		t.Errorf("got %v", err)
	}
	var errs config.Errors
	var one *config.Error
	_, err := config.Load(fstest.MapFS{"pocketci.yaml": {Data: []byte("module-path: x")}})
	if !errors.As(err, &errs) || !errors.As(err, &one) || one.Line != 1 || one.Column != 14 {
		t.Errorf("got %v", err)
	}
}
