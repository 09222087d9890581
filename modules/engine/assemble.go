package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of what one module may consist of. They are far above what people
// write and keep a hostile repository from taking all time and memory.
const (
	maxManifest = 1 << 20 // bytes of a dagger.json
	maxIncludes = 1000    // patterns of a dagger.json, excludes counted
	maxModules  = 1000    // of the same repository
)

// assembly is the part of a repository that a module consists of: its own
// source, its local dependencies (and SDK, if that is local too), and what
// their dagger.json files include. Nothing else of the repository can change
// what the module does, so nothing else is uploaded. No .git and, in a
// repository of other people's, no .env is ever part of it.
type assembly struct {
	fsys   fs.FS
	module string
	// own marks the user's own work tree, whose .env files are honoured.
	own     bool
	visited map[string]bool
	entries map[string]entry
}

// entry is one file: content given in data, else a symbolic link, else the
// file of that name in the repository.
type entry struct {
	data []byte
	link string
	exec bool
}

// assemble collects the module at the given path of fsys. Errors about what
// the repository says are *TreeError.
func assemble(ctx context.Context, fsys fs.FS, module string, own bool) (*assembly, error) {
	a := &assembly{
		fsys: fsys, module: module, own: own,
		visited: map[string]bool{}, entries: map[string]entry{},
	}
	if err := a.add(ctx, module); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *assembly) fault(at, format string, args ...any) error {
	return &TreeError{Module: a.module, Path: at, Reason: fmt.Sprintf(format, args...)}
}

// add collects the module at dir and everything that it depends on.
func (a *assembly) add(ctx context.Context, dir string) error {
	if a.visited[dir] {
		return nil
	}
	a.visited[dir] = true
	name := path.Join(dir, manifestName)
	if len(a.visited) > maxModules {
		return a.fault(name, "is one of more than %d modules that belong together", maxModules)
	}
	data, err := a.manifest(name)
	var fault *TreeError
	if errors.As(err, &fault) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return a.fault(name, "does not exist")
	}
	if err != nil {
		return fmt.Errorf("assemble module %s: read %s: %w", a.module, name, err)
	}
	m, err := parseManifest(data)
	if err != nil {
		return a.fault(name, "cannot be read: %v", err)
	}
	if dir == a.module && m.Blueprint != nil {
		return a.fault(name, "uses a blueprint, which only the dagger program itself can load; name the blueprint's own module in pocketci.yaml instead")
	}
	if len(m.Include) > maxIncludes {
		return a.fault(name, "has more than %d patterns of files to include or exclude", maxIncludes)
	}
	if data, err = m.rewritten(dir == a.module); err != nil {
		return a.fault(name, "cannot be read: %v", err)
	}
	if err := a.collect(ctx, dir, m); err != nil {
		return err
	}
	a.entries[name] = entry{data: data}
	if a.own {
		if env, err := fs.ReadFile(a.fsys, path.Join(dir, ".env")); err == nil {
			a.entries[path.Join(dir, ".env")] = entry{data: env}
		}
	}
	for _, ref := range m.references() {
		target, local, err := a.resolve(dir, ref)
		if err != nil {
			return err
		}
		if local {
			if err := a.add(ctx, target); err != nil {
				return err
			}
		}
	}
	return nil
}

// manifest reads a dagger.json.
func (a *assembly) manifest(name string) ([]byte, error) {
	if err := a.inside(name); err != nil {
		return nil, err
	}
	info, err := fs.Stat(a.fsys, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxManifest {
		return nil, a.fault(name, "is larger than %d bytes", maxManifest)
	}
	return fs.ReadFile(a.fsys, name)
}

// resolve tells a reference to a module of the same repository from one to
// somewhere else, which the engine fetches by itself.
func (a *assembly) resolve(dir string, ref reference) (string, bool, error) {
	if ref.Pin != "" {
		return "", false, nil
	}
	if path.IsAbs(ref.Source) {
		return "", false, a.fault(ref.Source, "is absolute; a dependency is named relative to its module")
	}
	target := path.Join(dir, ref.Source)
	explicit := strings.HasPrefix(ref.Source, ".")
	if !filepath.IsLocal(target) {
		if explicit {
			return "", false, a.fault(ref.Source, "leaves the repository")
		}
		return "", false, nil
	}
	if explicit {
		return target, true, nil
	}
	_, err := fs.Stat(a.fsys, path.Join(target, manifestName))
	return target, err == nil, nil
}

// leaves reports whether a symbolic link points out of the repository.
func leaves(name, target string) bool {
	return path.IsAbs(target) || !filepath.IsLocal(path.Join(path.Dir(name), target))
}

// inside refuses a path that is asked for by name and is, or leads through, a
// symbolic link that leaves the repository.
func (a *assembly) inside(name string) error {
	for ; name != "."; name = path.Dir(name) {
		if target, err := fs.ReadLink(a.fsys, name); err == nil && leaves(name, target) {
			return a.fault(name, "is a symbolic link that leaves the repository")
		}
	}
	return nil
}

// entry takes a file as it is. A symbolic link that leaves the repository is
// left out, as it may lie anywhere in data, unless it is asked for by name.
func (a *assembly) entry(name string, d fs.DirEntry, named bool) (entry, bool, error) {
	switch {
	case d.Type().IsRegular():
		info, err := d.Info()
		if err != nil {
			return entry{}, false, err
		}
		return entry{exec: info.Mode()&0o111 != 0}, true, nil
	case d.Type()&fs.ModeSymlink != 0:
		target, err := fs.ReadLink(a.fsys, name)
		if err != nil {
			return entry{}, false, a.fault(name, "is a symbolic link that cannot be read: %v", err)
		}
		switch {
		case leaves(name, target) && named:
			return entry{}, false, a.fault(name, "is a symbolic link that leaves the repository")
		case leaves(name, target):
			return entry{}, false, nil
		}
		return entry{link: target}, true, nil
	}
	return entry{}, false, nil // sockets, submodules
}

// names gives the assembled files in order.
func (a *assembly) names() []string {
	names := make([]string, 0, len(a.entries))
	for name := range a.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (a *assembly) open(name string, e entry) (io.ReadCloser, error) {
	if e.data != nil {
		return io.NopCloser(strings.NewReader(string(e.data))), nil
	}
	return a.fsys.Open(name)
}

// digest is a hash over the names, kinds and contents of all files.
func (a *assembly) digest(ctx context.Context) (string, error) {
	all := sha256.New()
	fmt.Fprintf(all, "%q\n", a.module)
	for _, name := range a.names() {
		if ctx.Err() != nil {
			return "", fmt.Errorf("assemble module %s: %w", a.module, ctx.Err())
		}
		e := a.entries[name]
		fmt.Fprintf(all, "%q %q %t ", name, e.link, e.exec)
		if e.link == "" {
			f, err := a.open(name, e)
			if err != nil {
				return "", fmt.Errorf("assemble module %s: %w", a.module, err)
			}
			one := sha256.New()
			_, err = io.Copy(one, f)
			_ = f.Close()
			if err != nil {
				return "", fmt.Errorf("assemble module %s: read %s: %w", a.module, name, err)
			}
			fmt.Fprintf(all, "%x", one.Sum(nil))
		}
		fmt.Fprintln(all)
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

// write puts the files below dir, which is empty.
func (a *assembly) write(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("assemble module %s: %w", a.module, err)
	}
	defer root.Close()
	for _, name := range a.names() {
		if ctx.Err() != nil {
			return fmt.Errorf("assemble module %s: %w", a.module, ctx.Err())
		}
		if err := a.writeEntry(root, name, a.entries[name]); err != nil {
			return fmt.Errorf("assemble module %s: write %s: %w", a.module, name, err)
		}
	}
	return nil
}

// writeEntry goes through an os.Root, so that a symbolic link of the
// repository that was written before cannot lead a file out of it.
func (a *assembly) writeEntry(root *os.Root, name string, e entry) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if e.link != "" {
		return root.Symlink(e.link, name)
	}
	mode := fs.FileMode(0o644)
	if e.exec {
		mode = 0o755
	}
	in, err := a.open(name, e)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
