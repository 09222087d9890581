package engine_test

import (
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

func TestFootprint(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for name, c := range map[string]struct {
		tree   fstest.MapFS
		module string
		want   []string
	}{
		"a folder": {fstest.MapFS{
			"ci/dagger.json": file(`{"name": "ci", "sdk": "dang"}`), "ci/main.dang": file(""), "ci/deep/x": file(""), "app": file(""),
		}, "ci", []string{"ci"}},
		"its source elsewhere": {fstest.MapFS{
			"ci/dagger.json": file(`{"name": "ci", "sdk": "dang", "source": "../tools/ci"}`), "tools/ci/main.dang": file(""),
		}, "ci", []string{"ci", "tools/ci"}},
		"at the root with a folder of its own": {fstest.MapFS{
			"dagger.json": file(`{"name": "m", "sdk": "dang", "source": ".dagger"}`), ".dagger/main.dang": file(""), "app": file(""),
		}, ".", []string{".dagger", "dagger.json"}},
		"dependencies of dependencies": {fstest.MapFS{
			"ci/dagger.json":          file(`{"name": "ci", "sdk": "dang", "dependencies": [{"source": "../lib/a"}, "github.com/other/m@v1"]}`),
			"lib/a/dagger.json":       file(`{"name": "a", "sdk": "dang", "dependencies": [{"source": "./inner"}, {"source": "../b"}]}`),
			"lib/b/dagger.json":       file(`{"name": "b", "sdk": {"source": "../sdk"}}`),
			"lib/sdk/dagger.json":     file(`{"name": "sdk", "sdk": "dang"}`),
			"lib/a/inner/dagger.json": file(`{"name": "inner", "sdk": "dang"}`),
			"lib/c/dagger.json":       file(`{"name": "c", "sdk": "dang"}`),
		}, "ci", []string{"ci", "lib/a", "lib/b", "lib/sdk"}},
		"included files": {fstest.MapFS{
			"ci/dagger.json": file(`{"name": "ci", "sdk": "dang", "include": ["../rules/*.yaml", "!../rules/no.yaml", "../go.mod"]}`),
			"rules/a.yaml":   file(""), "rules/no.yaml": file(""), "rules/b.txt": file(""), "go.mod": file(""),
		}, "ci", []string{"ci", "go.mod", "rules/a.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := engine.Footprint(t.Context(), c.tree, c.module)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q, %v, want %q", got, err, c.want)
			}
		})
	}
	for name, tree := range map[string]fstest.MapFS{
		"at the root":            {"dagger.json": file(`{"name": "m", "sdk": "go"}`)},
		"with the root's source": {"dagger.json": file(`{"name": "m", "sdk": "go", "source": "x/.."}`), "x/y": file("")},
		"depends on one at the root": {
			"dagger.json": file(`{"name": "m", "sdk": "go", "source": "ci", "dependencies": [{"source": "lib"}]}`), "ci/x": file(""),
			"lib/dagger.json": file(`{"name": "lib", "sdk": "go", "source": ".."}`),
		},
	} {
		_, err := engine.Footprint(t.Context(), tree, ".")
		if _, ok := errors.AsType[*modules.WholeError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := engine.Footprint(t.Context(), fstest.MapFS{}, "ci"); !errors.Is(err, modules.ErrModule) {
		t.Errorf("without a module: %v", err)
	}
}
