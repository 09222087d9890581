package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"syscall"

	"github.com/franela/pocketci/modules"
)

// moduleFile is the file that makes a folder a Dagger module.
const moduleFile = "dagger.json"

// misnamed are files that were probably meant to be FileName.
var misnamed = []string{"pocketci.yml", ".pocketci.yaml", ".pocketci.yml"}

// NoModuleError says that the repository has no Dagger module where pocketci
// looks for one without being told, so that nothing is planned.
type NoModuleError struct {
	// Reason says where pocketci looked and what to do.
	Reason string
}

func (e *NoModuleError) Error() string { return e.Reason }

// Load reads the configuration of a repository from its root. Without the file,
// and where the file does not say where the module is, the module is "." if a
// dagger.json stands there, else "ci" if one stands there, else the error is a
// [*NoModuleError]. What is wrong in the file is an [Errors], including module
// paths without a dagger.json.
func Load(fsys fs.FS) (*Config, error) {
	data, err := readFile(fsys)
	if errors.Is(err, fs.ErrNotExist) {
		for _, name := range misnamed {
			if _, err := fs.Stat(fsys, name); err == nil {
				return nil, Errors{{File: name, Line: 1, Column: 1, Message: "pocketci reads " + FileName + "; rename the file"}}
			}
		}
		found, err := find(fsys)
		if err != nil {
			return nil, err
		}
		return &Config{Modules: []Module{{Path: found}}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", FileName, err)
	}
	r := newReader(FileName)
	c := r.parse(data)
	if r.Failed() {
		return nil, r.Errors()
	}
	for i := range c.Modules {
		m := &c.Modules[i]
		if m.Path == "" {
			if m.Path, err = find(fsys); err != nil {
				return nil, err
			}
			continue
		}
		if _, err := modules.ParseRemote(m.Path); err == nil {
			continue // what is there is seen when it is loaded
		}
		ok, err := isModule(fsys, m.Path)
		switch {
		case err != nil:
			// Such as a symbolic link that leaves the repository.
			r.Fail(r.paths[i], "%v; name a folder of this repository", err)
		case !ok:
			r.Fail(r.paths[i], "no %s in the folder %s; name the folder of a Dagger module, or make one with dagger init", moduleFile, m.Path)
		}
	}
	if r.Failed() {
		return nil, r.Errors()
	}
	return c, nil
}

// readFile reads no more than is needed to see that the file is too large. The
// size is asked for first, since a tree of git's reads a file as a whole.
func readFile(fsys fs.FS) ([]byte, error) {
	info, err := fs.Stat(fsys, FileName)
	if err != nil {
		return nil, err
	}
	if info.Size() > MaxSize {
		return make([]byte, MaxSize+1), nil // Parse says so with its place
	}
	file, err := fsys.Open(FileName)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxSize+1))
}

// find returns the path of the module in a repository that does not name it.
func find(fsys fs.FS) (string, error) {
	for _, dir := range []string{".", "ci"} {
		ok, err := isModule(fsys, dir)
		if err != nil {
			return "", err
		}
		if ok {
			return dir, nil
		}
	}
	return "", &NoModuleError{Reason: fmt.Sprintf("the repository has no Dagger module: there is neither %s nor ci/%s, and no %s says where it is; make one with dagger init, or write module-path into %s", moduleFile, moduleFile, FileName, FileName)}
}

func isModule(fsys fs.FS, dir string) (bool, error) {
	info, err := fs.Stat(fsys, path.Join(dir, moduleFile))
	// ENOTDIR: the folder is a file.
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", path.Join(dir, moduleFile), err)
	}
	return info.Mode().IsRegular(), nil
}
