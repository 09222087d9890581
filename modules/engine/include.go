package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/franela/pocketci/internal/globs"
)

// collect adds the files that the manifest in dir asks for: the source
// directory, then its include patterns in their order, of which the last one
// that matches a file decides, as in Dagger.
func (a *assembly) collect(ctx context.Context, dir string, m *manifest) error {
	source := path.Join(dir, m.Source)
	if !filepath.IsLocal(source) {
		return a.fault(m.Source, "leaves the repository")
	}
	rules := []rule{{dir: source}}
	roots := []string{source}
	for _, include := range m.Include {
		pattern, negated := strings.CutPrefix(include, "!")
		glob := path.Join(dir, strings.TrimPrefix(pattern, "/"))
		if glob == ".." || strings.HasPrefix(glob, "../") {
			return a.fault(include, "leaves the repository")
		}
		if !doublestar.ValidatePattern(glob) {
			return a.fault(include, "is not a valid pattern")
		}
		if err := globs.Check(glob); err != nil {
			return a.fault(path.Join(dir, manifestName), "includes or excludes with a %v", err)
		}
		rules = append(rules, rule{glob: glob, exclude: negated})
		if base, _ := doublestar.SplitPattern(glob); !negated {
			roots = append(roots, base)
		}
	}
	slices.SortFunc(roots, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	var walked []string
	for _, root := range roots {
		if slices.ContainsFunc(walked, func(w string) bool { return within(w, root) }) {
			continue
		}
		walked = append(walked, root)
		if err := a.walk(ctx, root, rules); err != nil {
			return err
		}
	}
	return nil
}

// within reports whether name is dir or lies below it.
func within(dir, name string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// rule includes or excludes a directory, or what its glob matches and
// everything below that.
type rule struct {
	dir, glob string
	exclude   bool
}

// names reports whether the rule spells out the name itself.
func (r rule) names(name string) bool { return !r.exclude && cmp.Or(r.dir, r.glob) == name }

func (r rule) matches(name string) bool {
	if r.dir != "" || r.glob == "." {
		return within(cmp.Or(r.dir, r.glob), name)
	}
	for ; name != "."; name = path.Dir(name) {
		if doublestar.MatchUnvalidated(r.glob, name) {
			return true
		}
	}
	return false
}

func (a *assembly) walk(ctx context.Context, root string, rules []rule) error {
	if err := a.inside(root); err != nil {
		return err
	}
	var ignored ignoreRules
	if a.own {
		ignored.enter(a.fsys, root)
	}
	err := fs.WalkDir(a.fsys, root, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			// A pattern's base need not exist.
			if name == root && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		switch d.Name() {
		case ".git":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case ".env":
			if !d.IsDir() {
				return nil
			}
		}
		if a.own && name != root && ignored.match(name, d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if a.own {
				ignored.enter(a.fsys, name)
			}
			return nil
		}
		included := false
		for _, r := range rules {
			if r.exclude == included && r.matches(name) {
				included = !r.exclude
			}
		}
		if _, known := a.entries[name]; !included || known {
			return nil
		}
		e, ok, err := a.entry(name, d, slices.ContainsFunc(rules, func(r rule) bool { return r.names(name) }))
		if err == nil && ok {
			a.entries[name] = e
		}
		return err
	})
	var fault *TreeError
	if err == nil || errors.As(err, &fault) {
		return err
	}
	return fmt.Errorf("assemble module %s: read %s: %w", a.module, root, err)
}
