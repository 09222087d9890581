package engine

import (
	"context"
	"io/fs"
	"path"
	"slices"

	"github.com/franela/pocketci/modules"
)

// Footprint lists where in a repository the module at the given path stands: its
// folder and those of its local dependencies with all that is in them, the folders
// of their sources, and the single files that their dagger.json files include. A
// module whose folder is the root of the repository stands in its dagger.json and
// in the folder of its source. The paths are clean and sorted, and none lies below
// another.
//
// The error is a [*modules.WholeError] if the module's source is the root, and those
// of [Engine.Load] that need no engine.
func Footprint(ctx context.Context, fsys fs.FS, module string) ([]string, error) {
	a, err := assemble(ctx, fsys, module, false)
	if err != nil {
		return nil, err
	}
	var places []string
	for dir := range a.visited {
		data, err := a.manifest(path.Join(dir, manifestName))
		if err != nil {
			return nil, err
		}
		m, err := parseManifest(data)
		if err != nil {
			return nil, err
		}
		source := path.Join(dir, m.Source)
		if source == "." {
			return nil, &modules.WholeError{Module: module, Part: dir}
		}
		if dir == "." {
			dir = manifestName
		}
		places = append(places, dir, source)
	}
	places = append(places, a.names()...)
	return outermost(places), nil
}

// outermost leaves out what lies below another path of the list.
func outermost(paths []string) []string {
	slices.Sort(paths)
	var kept []string
	for _, p := range slices.Compact(paths) {
		if !slices.ContainsFunc(kept, func(k string) bool { return within(k, p) }) {
			kept = append(kept, p)
		}
	}
	return kept
}
