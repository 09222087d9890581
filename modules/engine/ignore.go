package engine

import (
	"bytes"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// ignoreRules are the .gitignore files on the way to where a walk of a work
// tree is. Dagger leaves out what they ignore when it loads a module by path;
// what is committed is never ignored.
type ignoreRules struct {
	read     map[string]bool
	patterns []gitignore.Pattern
}

// enter reads the files in dir and above it that were not read before.
func (r *ignoreRules) enter(fsys fs.FS, dir string) {
	if r.read[dir] {
		return
	}
	var domain []string
	if dir != "." {
		r.enter(fsys, path.Dir(dir))
		domain = strings.Split(dir, "/")
	}
	if r.read == nil {
		r.read = map[string]bool{}
	}
	r.read[dir] = true
	data, err := fs.ReadFile(fsys, path.Join(dir, ".gitignore"))
	if err != nil {
		return
	}
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(text) != "" && !strings.HasPrefix(text, "#") {
			r.patterns = append(r.patterns, gitignore.ParsePattern(text, domain))
		}
	}
}

func (r *ignoreRules) match(name string, dir bool) bool {
	return gitignore.NewMatcher(r.patterns).Match(strings.Split(name, "/"), dir)
}
