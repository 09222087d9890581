package mirror

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
	"weak"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// cacheSize limits what one mirror keeps of its objects in memory.
const cacheSize = 8 * cache.MiByte

// reader reads the objects of one mirror. All snapshots of a mirror share it,
// and it is gone when none is left.
type reader struct {
	mirror *mirror

	mu    sync.Mutex
	store *filesystem.Storage
}

// objects returns the mirror's reader.
func (mir *mirror) objects() *reader {
	mir.mu.Lock()
	defer mir.mu.Unlock()
	if r := mir.reader.Value(); r != nil {
		return r
	}
	r := &reader{mirror: mir}
	mir.reader = weak.Make(r)
	return r
}

// settle is how long to wait before objects that were opened a moment ago are
// opened once more: git moves them from one file to another while a fetch or
// its maintenance goes on, and looks again by itself where go-git does not.
var settle = []time.Duration{20 * time.Millisecond, 100 * time.Millisecond}

// read calls f with the objects, one caller at a time. What was fetched since
// the objects were opened is not seen by them, so they are opened anew when
// something is missing.
func (r *reader) read(f func(*filesystem.Storage) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh := r.store == nil
	for waits := settle; ; {
		if r.store == nil {
			r.store = filesystem.NewStorage(osfs.New(r.mirror.dir), cache.NewObjectLRU(cacheSize))
		}
		err := f(r.store)
		if err == nil {
			return nil
		}
		r.store = nil
		switch {
		case !fresh:
			fresh = true
		case len(waits) > 0:
			time.Sleep(waits[0])
			waits = waits[1:]
		default:
			r.mirror.suspect.Store(true)
			return err
		}
	}
}

// node is one entry of a tree.
type node struct {
	name string
	mode fs.FileMode
	hash plumbing.Hash
	// size is that of a file, -1 as long as nobody asked.
	size int64
}

// listing returns the entries of a tree, sorted by name. Names that no file
// system has are left out: they can only be meant to do harm.
func (r *reader) listing(hash plumbing.Hash) ([]node, error) {
	var nodes []node
	err := r.read(func(store *filesystem.Storage) error {
		tree, err := object.GetTree(store, hash)
		if err != nil {
			return err
		}
		nodes = make([]node, 0, len(tree.Entries))
		for _, e := range tree.Entries {
			if e.Name == "" || e.Name == "." || e.Name == ".." || strings.EqualFold(e.Name, ".git") ||
				strings.Contains(e.Name, "/") || !utf8.ValidString(e.Name) {
				continue
			}
			nodes = append(nodes, node{name: e.Name, mode: fileMode(e.Mode), hash: e.Hash, size: -1})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", hash, err)
	}
	slices.SortFunc(nodes, func(a, b node) int { return strings.Compare(a.name, b.name) })
	return nodes, nil
}

// root returns the tree of a commit.
func (r *reader) root(commit string) (plumbing.Hash, error) {
	var hash plumbing.Hash
	err := r.read(func(store *filesystem.Storage) error {
		c, err := object.GetCommit(store, plumbing.NewHash(commit))
		if err == nil {
			hash = c.TreeHash
		}
		return err
	})
	if err != nil {
		return hash, fmt.Errorf("read commit %s: %w", commit, err)
	}
	return hash, nil
}

// content returns a file.
func (r *reader) content(hash plumbing.Hash) ([]byte, error) {
	var data []byte
	err := r.read(func(store *filesystem.Storage) error {
		blob, err := object.GetBlob(store, hash)
		if err != nil {
			return err
		}
		in, err := blob.Reader()
		if err != nil {
			return err
		}
		data, err = io.ReadAll(in)
		return errors.Join(err, in.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", hash, err)
	}
	return data, nil
}

// maxTarget is the longest target of a symbolic link that is followed, which is
// what Linux allows (PATH_MAX).
const maxTarget = 4096

// target returns the target of a symbolic link, which git keeps as a file of
// any length.
func (r *reader) target(hash plumbing.Hash) ([]byte, error) {
	size, err := r.size(hash)
	if err != nil {
		return nil, err
	}
	if size > maxTarget {
		return nil, errors.New("the target of the symbolic link is too long")
	}
	return r.content(hash)
}

// size returns the length of a file without reading it.
func (r *reader) size(hash plumbing.Hash) (int64, error) {
	var size int64
	err := r.read(func(store *filesystem.Storage) (err error) {
		size, err = store.EncodedObjectSize(hash)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read object %s: %w", hash, err)
	}
	return size, nil
}

// fileMode translates git's mode. A submodule is an empty directory, as after
// a clone without submodules.
func fileMode(m filemode.FileMode) fs.FileMode {
	switch m {
	case filemode.Dir, filemode.Submodule:
		mode := fs.ModeDir | 0o755
		if m == filemode.Submodule {
			mode |= fs.ModeIrregular
		}
		return mode
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Executable:
		return 0o755
	}
	return 0o644
}
