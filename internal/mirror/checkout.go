package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/modules"
)

// Checkout gives the files of a tree of this set as a directory: as a clone
// without submodules and LFS has them, with symbolic links as such and without
// .git, or, if withGit is set, with one that is complete in itself, in which
// git log and git describe work, and which holds no credential and no other
// commits. Conversions of line endings that .gitattributes asks for are made;
// filters are not run and export-ignore does not count.
//
// Callers that want the same at the same time share one directory and must not
// write to it. After the last release it is kept for a while, and the next
// commit of the repository may be checked out in its place, which touches only
// what differs.
func (m *Mirrors) Checkout(ctx context.Context, tree modules.Tree, withGit bool) (dir string, release func(), err error) {
	mir, err := m.holder(tree)
	if err != nil {
		return "", nil, err
	}
	c, err := m.checkouts.get(ctx, checkoutKey{mirror: mir.dir, withGit: withGit}, tree.Commit,
		func(ctx context.Context, dir, old string) error {
			start := time.Now()
			build := mir.checkout
			if withGit {
				build = mir.checkoutWithGit
			}
			err := build(ctx, dir, old, tree.Commit)
			if err != nil && mir.restore(ctx, tree.Commit, err) {
				if err = empty(dir); err == nil {
					err = build(ctx, dir, "", tree.Commit)
				}
			}
			if err != nil {
				return fmt.Errorf("check out %s: %w", short(tree.Commit), err)
			}
			m.log.Debug("checked out", "phase", "checkout", "commit", tree.Commit, "reused", old != "", "duration", time.Since(start))
			return nil
		})
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(c.dir, "src"), func() { m.checkouts.put(c) }, nil
}

// holder returns the mirror that holds a tree.
func (m *Mirrors) holder(tree modules.Tree) (*mirror, error) {
	if tree.GitDir == "" || !shaPattern.MatchString(tree.Commit) {
		return nil, errors.New("check out: the tree is not that of a commit")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	mir := m.mirrors[tree.GitDir]
	if mir == nil {
		return nil, fmt.Errorf("check out: %s is no mirror of this set", tree.GitDir)
	}
	return mir, nil
}

// checkout puts the files of a commit into dir/src. If old is not empty, dir
// holds that commit already. The index lies beside src.
func (mir *mirror) checkout(ctx context.Context, dir, old, commit string) error {
	src := filepath.Join(dir, "src")
	if old != "" {
		// Conversions apply to files as they are written. When their rules
		// change, all files must be.
		rules, err := mir.git("diff-tree", "-r", "-z", "--name-only", "--end-of-options", old, commit, "--", ":(glob)**/.gitattributes").List(ctx)
		if err != nil {
			return err
		}
		if len(rules) > 0 {
			if err := empty(dir); err != nil {
				return err
			}
		}
	}
	if err := os.MkdirAll(src, 0o755); err != nil {
		return err
	}
	cmd := mir.git("read-tree", "--reset", "-u", commit)
	cmd.WorkTree, cmd.Env = src, []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}
	_, err := cmd.Run(ctx)
	return err
}

// Files writes the files at the given paths of a commit, directories with all
// that is below them, or without paths all files, to the directory dest, which
// must be empty or not exist. What Checkout says about files holds here too;
// paths that are not in the tree are left out. The tree may be of any bare
// repository.
func Files(ctx context.Context, tree modules.Tree, dest string, paths ...string) (err error) {
	if tree.GitDir == "" || !shaPattern.MatchString(tree.Commit) {
		return errors.New("write files: the tree is not that of a commit")
	}
	temp, err := os.MkdirTemp("", "pocketci-index-")
	if err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	defer func() {
		if err = errors.Join(err, os.RemoveAll(temp)); err != nil {
			err = fmt.Errorf("write files of %s: %w", short(tree.Commit), err)
		}
	}()
	if dest, err = filepath.Abs(dest); err != nil {
		return err
	}
	if err := os.MkdirAll(dest, 0o755); err != nil {
		return err
	}
	command := func(args ...string) git.Command {
		return git.Command{
			Dir: tree.GitDir, WorkTree: dest, Args: args,
			Env: []string{"GIT_INDEX_FILE=" + filepath.Join(temp, "index"), "GIT_LITERAL_PATHSPECS=1"},
		}
	}
	if len(paths) == 0 {
		_, err := command("read-tree", "--reset", "-u", tree.Commit).Run(ctx)
		return err
	}
	if _, err := command("read-tree", tree.Commit).Run(ctx); err != nil {
		return err
	}
	names, err := command(append([]string{"ls-files", "-z", "--cached", "--"}, paths...)...).Run(ctx)
	if err != nil {
		return err
	}
	write := command("checkout-index", "-z", "--stdin")
	write.Stdin = bytes.NewReader(names)
	_, err = write.Run(ctx)
	return err
}

// empty removes what is in a directory.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
