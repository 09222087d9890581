package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Collect reads the files of a folder: without .git, without .env files, whose
// secrets no module may see in any case, and without what the .gitignore files in it and
// above it, up to the top of its git repository, exclude. Errors about what is in the
// folder are an [*Error].
func Collect(ctx context.Context, dir string) ([]File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the module's folder: %w", err)
	}
	defer root.Close()
	ignored, err := ignoredAbove(dir)
	if err != nil {
		return nil, err
	}
	var (
		files []File
		size  int64
	)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		switch {
		case name == ".":
			return ignored.enter(root, name)
		case d.Name() == ".git" && d.IsDir(), d.IsDir() && ignored.match(name, true):
			return fs.SkipDir
		case d.Name() == ".git", d.Name() == ".env", ignored.match(name, d.IsDir()):
			return nil
		case d.IsDir():
			return ignored.enter(root, name)
		case len(files) == MaxFiles:
			return fault("", "there are more than %d files; have .gitignore leave out what is not of the module", MaxFiles)
		}
		f, err := read(root, name, d, MaxSize-size)
		if err != nil {
			return err
		}
		size += int64(len(f.Data))
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the module's folder: %w", err)
	}
	return files, Check(files)
}

// read reads one file of at most room bytes.
func read(root *os.Root, name string, d fs.DirEntry, room int64) (File, error) {
	switch d.Type() {
	case fs.ModeSymlink:
		target, err := root.Readlink(filepath.FromSlash(name))
		return File{Name: name, Link: plain(filepath.ToSlash(target))}, err
	case 0:
	default:
		return File{}, fault(name, "is neither a file nor a folder nor a symbolic link")
	}
	in, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return File{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return File{}, err
	}
	data, err := io.ReadAll(io.LimitReader(in, room+1))
	if err == nil && int64(len(data)) > room {
		err = tooLarge()
	}
	return File{Name: name, Data: data, Exec: info.Mode()&0o111 != 0}, err
}

// ignores are the .gitignore files on the way to where a walk is.
type ignores struct {
	// above are the folders that lead from the top of the git repository to the
	// module's.
	above    []string
	patterns []gitignore.Pattern
}

// ignoredAbove reads the files above a folder, if it is in a git repository.
func ignoredAbove(dir string) (*ignores, error) {
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, fmt.Errorf("open the module's folder: %w", err)
	}
	var above []string
	for top := abs; ; {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			break
		}
		parent := filepath.Dir(top)
		if parent == top {
			return &ignores{}, nil
		}
		above = append([]string{filepath.Base(top)}, above...)
		top = parent
	}
	i := &ignores{above: above}
	for n := range above {
		up := filepath.Join(append([]string{abs}, slices.Repeat([]string{".."}, len(above)-n)...)...)
		if err := i.read(os.DirFS(up), above[:n]); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// enter reads the file of a folder that the walk comes to.
func (i *ignores) enter(root *os.Root, name string) error {
	sub, err := fs.Sub(root.FS(), name)
	if err != nil {
		return err
	}
	return i.read(sub, i.parts(name))
}

func (i *ignores) parts(name string) []string {
	parts := i.above[:len(i.above):len(i.above)]
	if name != "." {
		parts = append(parts, strings.Split(name, "/")...)
	}
	return parts
}

func (i *ignores) read(fsys fs.FS, domain []string) error {
	data, err := fs.ReadFile(fsys, ".gitignore")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read %s: %w", path.Join(path.Join(domain...), ".gitignore"), err)
	}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			i.patterns = append(i.patterns, gitignore.ParsePattern(line, domain))
		}
	}
	return nil
}

func (i *ignores) match(name string, dir bool) bool {
	return len(i.patterns) > 0 && gitignore.NewMatcher(i.patterns).Match(i.parts(name), dir)
}
