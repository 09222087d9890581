package mirror

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// errEscape is the error for symbolic links that lead out of the tree.
var errEscape = errors.New("symbolic link leads out of the repository")

// maxLinks is how many symbolic links one path may go through, as on Linux.
const maxLinks = 40

// treeFS is the tree of a commit. It reads what is asked for, when it is asked
// for. Times are all zero: they are not in git.
type treeFS struct {
	reader *reader
	commit string

	mu   sync.Mutex
	root plumbing.Hash
	dirs map[plumbing.Hash][]node
}

var (
	_ fs.ReadDirFS  = (*treeFS)(nil)
	_ fs.ReadFileFS = (*treeFS)(nil)
	_ fs.StatFS     = (*treeFS)(nil)
	_ fs.ReadLinkFS = (*treeFS)(nil)
)

func newTreeFS(r *reader, commit string) *treeFS {
	return &treeFS{reader: r, commit: commit, dirs: map[plumbing.Hash][]node{}}
}

// entries returns what a directory holds.
func (t *treeFS) entries(dir node) ([]node, error) {
	if dir.mode&fs.ModeIrregular != 0 {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if nodes, ok := t.dirs[dir.hash]; ok {
		return nodes, nil
	}
	nodes, err := t.reader.listing(dir.hash)
	if err == nil {
		t.dirs[dir.hash] = nodes
	}
	return nodes, err
}

func (t *treeFS) top() (node, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.root.IsZero() {
		root, err := t.reader.root(t.commit)
		if err != nil {
			return node{}, err
		}
		t.root = root
	}
	return node{name: ".", mode: fs.ModeDir | 0o755, hash: t.root}, nil
}

// find walks to a path and through the symbolic links on it, that at its end
// only if follow is set.
func (t *treeFS) find(op, name string, follow bool) (node, error) {
	fail := func(err error) (node, error) { return node{}, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	top, err := t.top()
	if err != nil {
		return fail(err)
	}
	var trail []node // the directories that lead to here, without top
	rest := split(name)
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case ".":
			continue
		case "..":
			if len(trail) == 0 {
				return fail(errEscape)
			}
			trail = trail[:len(trail)-1]
			continue
		}
		dir := top
		if len(trail) > 0 {
			dir = trail[len(trail)-1]
		}
		if !dir.mode.IsDir() {
			return fail(fs.ErrNotExist)
		}
		nodes, err := t.entries(dir)
		if err != nil {
			return fail(err)
		}
		i, ok := slices.BinarySearchFunc(nodes, part, func(n node, name string) int { return strings.Compare(n.name, name) })
		if !ok {
			return fail(fs.ErrNotExist)
		}
		n := nodes[i]
		if n.mode&fs.ModeSymlink == 0 || len(rest) == 0 && !follow {
			trail = append(trail, n)
			continue
		}
		if links++; links > maxLinks {
			return fail(errors.New("too many symbolic links"))
		}
		target, err := t.reader.target(n.hash)
		if err != nil {
			return fail(err)
		}
		if path.IsAbs(string(target)) {
			return fail(errEscape)
		}
		rest = slices.Concat(split(string(target)), rest)
	}
	if len(trail) == 0 {
		return top, nil
	}
	return trail[len(trail)-1], nil
}

// split cuts a path into its parts. Those of a link's target may be "..".
func split(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" })
}

// Open implements fs.FS.
func (t *treeFS) Open(name string) (fs.File, error) {
	n, err := t.find("open", name, true)
	if err != nil {
		return nil, err
	}
	n.name = path.Base(name)
	if n.mode.IsDir() {
		entries, err := t.dirEntries(n)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openDir{info: info{t, n}, name: name, entries: entries}, nil
	}
	data, err := t.reader.content(n.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	n.size = int64(len(data))
	return &openFile{info: info{t, n}, Reader: bytes.NewReader(data)}, nil
}

// ReadFile implements fs.ReadFileFS.
func (t *treeFS) ReadFile(name string) ([]byte, error) {
	n, err := t.find("read", name, true)
	if err != nil {
		return nil, err
	}
	if n.mode.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	data, err := t.reader.content(n.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// ReadDir implements fs.ReadDirFS.
func (t *treeFS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	entries, err := t.dirEntries(n)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return entries, nil
}

func (t *treeFS) dirEntries(n node) ([]fs.DirEntry, error) {
	nodes, err := t.entries(n)
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, len(nodes))
	for i, child := range nodes {
		entries[i] = info{t, child}
	}
	return entries, nil
}

// Stat implements fs.StatFS.
func (t *treeFS) Stat(name string) (fs.FileInfo, error) { return t.stat("stat", name, true) }

// Lstat implements fs.ReadLinkFS.
func (t *treeFS) Lstat(name string) (fs.FileInfo, error) { return t.stat("lstat", name, false) }

func (t *treeFS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := t.find(op, name, follow)
	if err != nil {
		return nil, err
	}
	n.name = path.Base(name)
	return info{t, n}.Info()
}

// ReadLink implements fs.ReadLinkFS.
func (t *treeFS) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := t.reader.target(n.hash)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target), nil
}

// info is a node as fs.DirEntry and fs.FileInfo.
type info struct {
	tree *treeFS
	node node
}

func (i info) Name() string       { return i.node.name }
func (i info) IsDir() bool        { return i.node.mode.IsDir() }
func (i info) Type() fs.FileMode  { return i.Mode().Type() }
func (i info) Mode() fs.FileMode  { return i.node.mode &^ fs.ModeIrregular }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }
func (i info) Size() int64        { return max(0, i.node.size) }

// Info implements fs.DirEntry. It is here that the size is looked up.
func (i info) Info() (fs.FileInfo, error) {
	if i.node.size < 0 && !i.node.mode.IsDir() {
		size, err := i.tree.reader.size(i.node.hash)
		if err != nil {
			return nil, &fs.PathError{Op: "stat", Path: i.node.name, Err: err}
		}
		i.node.size = size
	}
	return i, nil
}

type openFile struct {
	info info
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info    info
	name    string
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n >= len(d.entries) {
		if n > 0 && len(d.entries) == 0 {
			return nil, io.EOF
		}
		n = len(d.entries)
	}
	entries := slices.Clone(d.entries[:n])
	d.entries = d.entries[n:]
	return entries, nil
}
