package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/git"
)

// switched is a symbolic link to one of several trees. They and their repository are
// in a directory beside it, .NAME.mirror:
//
//	repository.git
//	trees/SHA-N         the files of a commit; the link leads to one of them
//	trees/SHA-N.index   what git knows of them
//	trees/SHA-N.edits   what differs from the commit although nobody edited it
//	trees/SHA-N.since   another one took its place when this file was written
//	trees/SHA-N.new     one that is being made
type switched struct{ *Tree }

func (s *switched) room() string { return filepath.Join(s.parent, "."+s.base+".mirror") }

func (s *switched) trees() string { return filepath.Join(s.room(), "trees") }

func (s *switched) open(ctx context.Context) (*repository, error) {
	if _, err := s.current(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.trees(), 0o755); err != nil {
		return nil, &Error{Kind: ErrDirectory, Detail: err.Error(), Err: err}
	}
	r := &repository{dir: filepath.Join(s.room(), "repository.git")}
	if exists(r.dir) || r.complete(ctx, s.Tree) {
		return r, r.belongs(ctx, s.Tree)
	}
	return r, r.create(ctx, s.Tree, true)
}

// current is the tree that the link leads to, empty if there is no link yet.
func (s *switched) current() (string, error) {
	info, err := os.Lstat(s.Directory)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", &Error{Kind: ErrDirectory, Detail: err.Error(), Err: err}
	case info.IsDir():
		if entries, err := os.ReadDir(s.Directory); err == nil && len(entries) == 0 {
			return "", nil
		}
	case info.Mode().Type() == fs.ModeSymlink:
		to, err := os.Readlink(s.Directory)
		if err != nil {
			return "", &Error{Kind: ErrDirectory, Detail: err.Error(), Err: err}
		}
		if name, ok := strings.CutPrefix(to, filepath.Join("."+s.base+".mirror", "trees")+string(filepath.Separator)); ok && filepath.Base(name) == name {
			return name, nil
		}
	}
	return "", &Error{Kind: ErrDirectory, Detail: s.Directory + " is there and not the symbolic link of this mirror; move it away, as an atomic mirror makes it itself"}
}

func (s *switched) command(r *repository, tree string, args ...string) git.Command {
	cmd := r.git(args...)
	cmd.WorkTree = filepath.Join(s.trees(), tree)
	name := strings.TrimSuffix(tree, ".new")
	cmd.Env = []string{"GIT_INDEX_FILE=" + filepath.Join(s.trees(), name+".index")}
	return cmd
}

// edits is what differs between the files of a tree and its commit.
func (s *switched) edits(ctx context.Context, r *repository, tree string) ([]byte, error) {
	_, _ = s.command(r, tree, "update-index", "-q", "--refresh").Run(ctx) // it fails where something differs
	return s.command(r, tree, "diff-files", "-z", "--name-status", "--ignore-submodules=all").Run(ctx)
}

func (s *switched) apply(ctx context.Context, r *repository, sha string) (Result, error) {
	current, err := s.current()
	if err != nil {
		return Result{}, err
	}
	before, _, _ := strings.Cut(current, "-")
	result := Result{SHA: sha, Before: before}
	if current == "" || before != sha || !s.untouched(ctx, r, current) {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		if current, err = s.make(ctx, r, sha); err != nil {
			return Result{}, err
		}
		if err := s.lead(current); err != nil {
			return Result{}, fmt.Errorf("switch the link: %w", err)
		}
		result.Changed = true
	}
	return result, s.clean(current)
}

// untouched reports whether the files of a tree are those that were written there.
func (s *switched) untouched(ctx context.Context, r *repository, tree string) bool {
	was, err := os.ReadFile(filepath.Join(s.trees(), tree+".edits"))
	if err != nil {
		return false
	}
	edits, err := s.edits(ctx, r, tree)
	return err == nil && bytes.Equal(was, edits)
}

// make writes the files of a commit and returns the name of the tree.
func (s *switched) make(ctx context.Context, r *repository, sha string) (string, error) {
	name := ""
	for n := 1; ; n++ {
		if name = sha + "-" + strconv.Itoa(n); !exists(filepath.Join(s.trees(), name)) {
			break
		}
	}
	fresh := name + ".new"
	path := filepath.Join(s.trees(), fresh)
	for _, old := range []string{path, filepath.Join(s.trees(), name+".index")} {
		if err := os.RemoveAll(old); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		return "", err
	}
	if _, err := s.command(r, fresh, "read-tree", "--reset", "-u", sha).Run(ctx); err != nil {
		return "", err
	}
	edits, err := s.edits(ctx, r, fresh)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(s.trees(), name+".edits"), edits, 0o644); err != nil {
		return "", err
	}
	return name, os.Rename(path, filepath.Join(s.trees(), name))
}

// lead has the link lead to a tree, at once.
func (s *switched) lead(tree string) error {
	fresh := filepath.Join(s.room(), "link")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Relative to where the link will be, so that all of it can be moved.
	if err := os.Symlink(filepath.Join("."+s.base+".mirror", "trees", tree), fresh); err != nil {
		return err
	}
	if info, err := os.Lstat(s.Directory); err == nil && info.IsDir() {
		if err := os.Remove(s.Directory); err != nil { // only if it is empty
			return err
		}
	}
	return os.Rename(fresh, s.Directory)
}

// clean removes the trees that were replaced long enough ago, and what was never
// finished.
func (s *switched) clean(current string) error {
	entries, err := os.ReadDir(s.trees())
	if err != nil {
		return err
	}
	remove := func(names ...string) error {
		for _, name := range names {
			if err := os.RemoveAll(filepath.Join(s.trees(), name)); err != nil {
				return fmt.Errorf("remove an old tree: %w", err)
			}
		}
		return nil
	}
	kept := map[string]bool{current: true}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || name == current {
			continue
		}
		since := filepath.Join(s.trees(), name+".since")
		info, err := os.Stat(since)
		switch {
		case strings.HasSuffix(name, ".new"), err == nil && time.Since(info.ModTime()) >= s.Keep:
			err = remove(name)
		case err == nil:
			kept[name] = true
		case s.Keep == 0:
			err = remove(name)
		default:
			kept[name] = true
			err = os.WriteFile(since, nil, 0o644)
		}
		if err != nil {
			return err
		}
	}
	if err := remove(current + ".since"); err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if of := strings.TrimSuffix(name, filepath.Ext(name)); !e.IsDir() && !kept[of] {
			if err := remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}
