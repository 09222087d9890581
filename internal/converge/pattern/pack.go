package pattern

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	jsonnet "github.com/google/go-jsonnet"
)

// Pack reads a pattern's file and everything that it imports, all of which must be
// below the directory root; a symbolic link that leads out of it is refused. The
// pattern is not rendered, which is for the host that it is meant for.
func Pack(root, file string) (Files, error) {
	name, err := below(root, file)
	if err != nil {
		return Files{}, err
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return Files{}, fmt.Errorf("open the root of the pattern: %w", err)
	}
	defer dir.Close()
	files := Files{Entrypoint: name, Files: map[string]string{}}
	from := &rootImporter{dir: dir, files: files.Files}
	if _, _, err := from.Import("", name); err != nil {
		return Files{}, err
	}
	if files.rendered() {
		// It asks for each import by the path that the file which has it was
		// found at, and makes what it says absolute only in its answer.
		vm := jsonnet.MakeVM()
		vm.Importer(from)
		if _, err := vm.FindDependencies("", []string{name}); err != nil {
			return Files{}, fmt.Errorf("read the pattern: %w", err)
		}
	}
	if err := files.Check(); err != nil {
		return Files{}, err
	}
	return files, nil
}

// below returns the path of a file below the root, with slashes.
func below(root, file string) (string, error) {
	absolute, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("find the root of the pattern: %w", err)
	}
	target, err := filepath.Abs(file)
	if err != nil {
		return "", fmt.Errorf("find the pattern: %w", err)
	}
	name, err := filepath.Rel(absolute, target)
	if err == nil {
		err = checkPath(filepath.ToSlash(name))
	}
	if err != nil {
		return "", fmt.Errorf("the pattern %s is not below the root %s; give another --root", file, root)
	}
	return filepath.ToSlash(name), nil
}

// rootImporter reads files below a directory and keeps what it read.
type rootImporter struct {
	dir   *os.Root
	files map[string]string
	size  int
	found map[string]jsonnet.Contents
}

// Import implements [jsonnet.Importer].
func (r *rootImporter) Import(importedFrom, imported string) (jsonnet.Contents, string, error) {
	name, err := resolve(importedFrom, imported)
	if err != nil {
		return jsonnet.Contents{}, "", err
	}
	if c, ok := r.found[name]; ok {
		return c, name, nil
	}
	data, err := r.read(name)
	if err != nil {
		return jsonnet.Contents{}, "", err
	}
	if r.found == nil {
		r.found = map[string]jsonnet.Contents{}
	}
	r.files[name] = string(data)
	// The same contents each time are what the importer promises.
	r.found[name] = jsonnet.MakeContents(string(data))
	return r.found[name], name, nil
}

func (r *rootImporter) read(name string) ([]byte, error) {
	f, err := r.dir.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("read a file of the pattern: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read a file of the pattern: %s is no regular file", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read a file of the pattern: %w", err)
	}
	if r.size += len(data); r.size > MaxBytes || len(r.files) > MaxFiles {
		return nil, fmt.Errorf("the pattern is larger than %d bytes or %d files with all that it imports", MaxBytes, MaxFiles)
	}
	return data, nil
}

// Find returns the patterns and libraries below a directory, with slashes, sorted:
// files that end in .jsonnet, .libsonnet, .yaml, .yml and .json. Hidden folders are
// left out, and symbolic links are not followed.
func Find(root string) ([]string, error) {
	var list []string
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && len(d.Name()) > 1 && d.Name()[0] == '.' {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && slices.Contains([]string{".jsonnet", ".libsonnet", ".yaml", ".yml", ".json"}, path.Ext(d.Name())) {
			list = append(list, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find patterns: %w", err)
	}
	return list, nil
}
