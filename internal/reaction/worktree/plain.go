package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/franela/pocketci/internal/git"
)

// plain is a directory with a .git in it.
type plain struct{ *Tree }

func (p *plain) open(ctx context.Context) (*repository, error) {
	r := &repository{dir: filepath.Join(p.Directory, ".git")}
	entries, err := os.ReadDir(p.Directory)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(p.Directory, 0o755); err != nil {
			return nil, &Error{Kind: ErrDirectory, Detail: err.Error(), Err: err}
		}
	case err != nil:
		return nil, &Error{Kind: ErrDirectory, Detail: err.Error(), Err: err}
	}
	info, err := os.Lstat(r.dir)
	switch {
	case err == nil && !info.IsDir():
		return nil, &Error{Kind: ErrDirectory, Detail: r.dir + " is not a directory: it is a work tree of a repository elsewhere"}
	case err == nil, r.complete(ctx, p.Tree):
		return r, r.belongs(ctx, p.Tree)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, &Error{Kind: ErrDirectory, Detail: err.Error(), Err: err}
	}
	// What an attempt has left that was cut off is not somebody's.
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() != filepath.Base(r.dir)+".pocketci" }) {
		return nil, &Error{Kind: ErrDirectory, Detail: fmt.Sprintf("%s is not empty and not a clone of %s; empty it, move it away or name another directory", p.Directory, p.Address)}
	}
	return r, r.create(ctx, p.Tree, false)
}

func (p *plain) apply(ctx context.Context, r *repository, sha string) (Result, error) {
	command := func(args ...string) git.Command {
		cmd := r.git(args...)
		cmd.WorkTree = p.Directory
		return cmd
	}
	// What differs from the commit: nothing if it cannot be told, for then the
	// reset tells.
	edits := func() []byte {
		out, _ := command("status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all", "--no-renames").Run(ctx)
		return out
	}
	head := "ref: " + p.ref() + "\n"
	if p.Tag != "" {
		head = sha + "\n"
	}
	found, _ := os.ReadFile(filepath.Join(r.dir, "HEAD"))
	before, err := r.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}").Line(ctx)
	if err != nil {
		before = ""
	}
	edited := edits()
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	if !bytes.Equal(found, []byte(head)) {
		// Whatever branch somebody has checked out stays what it is.
		if err := replaceFile(filepath.Join(r.dir, "HEAD"), head); err != nil {
			return Result{}, err
		}
	}
	if err := p.reset(ctx, r, command, sha); err != nil {
		return Result{}, err
	}
	now, err := r.git("rev-parse", "--verify", "HEAD^{commit}").Line(ctx)
	if err == nil && now != sha {
		err = fmt.Errorf("after the reset to %s the directory is at %s", sha, now)
	}
	if err != nil {
		return Result{}, err
	}
	// Line endings may make files differ for ever from what is committed, which
	// is nobody's edit.
	changed := before != sha || !bytes.Equal(edited, edits())
	return Result{SHA: sha, Before: before, Changed: changed}, nil
}

// reset makes the files be those of the commit, also where the index or the branch
// cannot be read because the machine lost its power.
func (p *plain) reset(ctx context.Context, r *repository, command func(...string) git.Command, sha string) error {
	_, err := command("reset", "--quiet", "--hard", sha, "--").Run(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}
	lost := []string{filepath.Join(r.dir, "index")}
	if p.Branch != "" {
		lost = append(lost, filepath.Join(r.dir, filepath.FromSlash(p.ref())))
	}
	for _, path := range lost {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what cannot be read: %w", err)
		}
	}
	_, err = command("reset", "--quiet", "--hard", sha, "--").Run(ctx)
	return err
}

// replaceFile writes a file in full or not at all.
func replaceFile(path, content string) error {
	fresh := path + ".pocketci"
	if err := os.WriteFile(fresh, []byte(content), 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
