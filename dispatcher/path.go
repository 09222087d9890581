package dispatcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/franela/pocketci/modules"
)

// path reads the path of a Directory or File. It is one of the repository at the call's
// commit; on a laptop, where the repository is the user's own directory, it may also be
// an absolute one of the machine.
func (r typed) path(t modules.Type, text string) (modules.Value, error) {
	what := strings.ToLower(t.Name)
	name := path.Clean(text)
	switch {
	case text == "":
		return modules.Value{}, fmt.Errorf("a %s is given by its path in the repository, and this is empty", what)
	case strings.Contains(text, "://"):
		return modules.Value{}, fmt.Errorf("a %s is given by its path in the repository, and %q looks like a URL", what, text)
	case path.IsAbs(name) && r.tree.Dir == "":
		return modules.Value{}, fmt.Errorf("%q is an absolute path; a %s is given by its path in the repository", text, what)
	case !path.IsAbs(name) && !filepath.IsLocal(name):
		return modules.Value{}, fmt.Errorf("%q leaves the repository", text)
	case name == "." && t.IsObject("Directory"):
		return modules.Value{Kind: modules.ValueSource}, nil
	}
	if err := r.look(what, name); err != nil {
		return modules.Value{}, fmt.Errorf("%q %w", text, err)
	}
	return modules.Value{Kind: modules.ValuePath, Path: name}, nil
}

// look reports what is wrong with a path as far as that can be seen: a tree without FS
// is not the one that the call gets.
func (r typed) look(what, name string) error {
	var (
		info fs.FileInfo
		err  error
	)
	switch {
	case path.IsAbs(name):
		info, err = os.Stat(filepath.FromSlash(name))
	case r.tree.FS == nil:
		return nil
	default:
		info, err = fs.Stat(r.tree.FS, name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("is not there at this commit")
	case err != nil:
		return fmt.Errorf("cannot be read: %w", err)
	case info.IsDir() != (what == "directory"):
		return fmt.Errorf("is no %s", what)
	}
	return nil
}
