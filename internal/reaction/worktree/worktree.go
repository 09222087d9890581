// Package worktree keeps a directory of the host at what a branch or tag of a
// repository has, whatever was done to either of them: a fetch, a comparison and a
// hard reset. The remote is right, always.
//
// A plain directory is a clone as anybody would make one. With [Options.Atomic] it is
// a symbolic link instead, to a tree that is complete, and is switched to the next.
package worktree

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/franela/pocketci/internal/git"
)

// Options say what is to be where.
type Options struct {
	// Address is where the repository is.
	Address git.Address
	// Directory is the absolute path of the work tree. It is created.
	Directory string
	// Branch or Tag is the short name of what it is kept at; the other is empty.
	Branch, Tag string
	// Remote is the name of the remote in the clone.
	Remote string
	// Key opens the repository over ssh; nil is none.
	Key *Key
	// KnownHosts are files with the keys of ssh servers. A server that is in none
	// of them is not talked to.
	KnownHosts []string
	// Login returns a user name and a token for http and https, empty if there are
	// none. Nil is the same. Its errors hold neither.
	Login func(ctx context.Context) (username, token string, err error)
	// Trigger is a file that is touched after a change, empty for none.
	Trigger string
	// Atomic has the directory be a symbolic link, and Keep is how long a tree
	// stays at least after another one has taken its place.
	Atomic bool
	Keep   time.Duration
	// Timeout limits a fetch, 10 minutes if zero.
	Timeout time.Duration
	Log     *slog.Logger
}

// Tree is a directory that is kept up to date. One goroutine at a time may use it.
type Tree struct {
	Options
	parent, base string
}

// Result is what an update has done.
type Result struct {
	// SHA is the commit that the directory has now, Before the one that it had,
	// which is empty for none.
	SHA, Before string
	// Changed says that files may have changed: it was cloned, is at another
	// commit, or somebody had edited it.
	Changed bool
	// Touched says that the trigger was touched.
	Touched bool
}

// New returns the tree. Nothing is looked at before the first update.
func New(o Options) *Tree {
	o.Remote = cmp.Or(o.Remote, "origin")
	o.Timeout = cmp.Or(o.Timeout, 10*time.Minute)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Tree{Options: o, parent: filepath.Dir(o.Directory), base: filepath.Base(o.Directory)}
}

// layout is how a tree lies on the disk.
type layout interface {
	// open makes the repository if it is not there.
	open(ctx context.Context) (*repository, error)
	// apply makes the files be those of a commit.
	apply(ctx context.Context, r *repository, sha string) (Result, error)
}

// Update brings the directory to what the branch or tag has now. Achieved is the
// commit of the last update that succeeded in all it had to do, empty if there was
// none: where another one is there now, the trigger is touched, even if an update
// that was cut off has brought it there. Touch has it touched in any case.
//
// An update may be cut off at any time, and the next one heals what it left. The
// errors are [*Error] or the context's.
func (t *Tree) Update(ctx context.Context, achieved string, touch bool) (Result, error) {
	var l layout = &plain{t}
	if t.Atomic {
		l = &switched{t}
	}
	result, err := t.update(ctx, l)
	if err != nil && ctx.Err() == nil && suspicious(err) && t.damaged(ctx, l) {
		t.Log.Warn("the repository is damaged, making it anew", "directory", t.Directory, "error", err)
		result, err = t.update(ctx, l)
	}
	if err != nil {
		return Result{}, t.wrap(ctx, err)
	}
	result.Changed = result.Changed || result.SHA != achieved
	if t.Trigger != "" && (result.Changed || touch) {
		if err := touchFile(t.Trigger); err != nil {
			return Result{}, &Error{Kind: ErrTrigger, Detail: err.Error(), Err: err}
		}
		result.Touched = true
	}
	return result, nil
}

// ref is the full name of what the tree is kept at.
func (t *Tree) ref() string {
	if t.Tag != "" {
		return "refs/tags/" + t.Tag
	}
	return "refs/heads/" + t.Branch
}

func (t *Tree) update(ctx context.Context, l layout) (Result, error) {
	r, err := l.open(ctx)
	if err != nil {
		return Result{}, err
	}
	release, err := r.enter(ctx, t.ref())
	if err != nil {
		return Result{}, err
	}
	defer release()
	if err := t.fetch(ctx, r); err != nil {
		return Result{}, err
	}
	sha, err := r.git("rev-parse", "--verify", "--quiet", target+"^{commit}").Line(ctx)
	if err != nil {
		if git.ExitCode(err) == 1 {
			return Result{}, &Error{Kind: ErrRef, Detail: t.ref() + " is not a commit"}
		}
		return Result{}, err
	}
	result, err := l.apply(ctx, r, sha)
	if err != nil {
		return Result{}, err
	}
	r.settled(ctx)
	return result, nil
}

// damaged reports whether the repository was damaged, in which case it is gone now
// and is made anew at the next opportunity.
func (t *Tree) damaged(ctx context.Context, l layout) bool {
	r, err := l.open(ctx)
	if err != nil {
		return false
	}
	release, err := r.enter(ctx, t.ref())
	if err != nil {
		return false
	}
	defer release()
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if _, err := r.git("fsck", "--connectivity-only", "--no-dangling", "--no-progress").Run(limited); err == nil || limited.Err() != nil {
		return false
	}
	if err := r.replace(ctx, t); err != nil {
		t.Log.Error("make the damaged repository anew", "directory", t.Directory, "error", err)
		return false
	}
	return true
}

// checkTimeout limits how long a repository is examined for damage. One that is too
// big for that counts as sound.
const checkTimeout = 5 * time.Minute

// exists reports whether there is something at a path, whatever it is.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
