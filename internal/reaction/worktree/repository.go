package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/git"
)

const (
	// target is where the commit is kept that the directory is to have.
	target = "refs/pocketci/target"
	// lockName and busyName are files in the repository. The lock is held by one
	// process at a time and the programs that it starts. The other one is there
	// while it works, and stays if it is killed.
	lockName = "pocketci-lock"
	busyName = "pocketci-busy"
	// abandoned is the age from which a lock of git's is nobody's any more.
	abandoned = 10 * time.Minute
	// lockWait is how long another process is waited for.
	lockWait = 30 * time.Second
)

// repository is the git directory of a tree.
type repository struct {
	dir  string
	file *os.File // of the lock, while it is held
}

func (r *repository) git(args ...string) git.Command {
	return git.Command{Dir: r.dir, Lock: r.file, Args: args}
}

// enter takes the repository for this process, and heals what an earlier one has
// left behind that was killed.
func (r *repository) enter(ctx context.Context, ref string) (leave func(), err error) {
	limited, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	file, unlock, err := git.NewLock(filepath.Join(r.dir, lockName)).Acquire(limited)
	if err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			err = &Error{Kind: ErrBusy, Detail: "another agent, or what a killed one has left running, holds " + filepath.Join(r.dir, lockName)}
		}
		return nil, err
	}
	r.file = file
	release := func() {
		r.file = nil
		unlock()
	}
	err = r.heal()
	if err == nil {
		err = r.headed(ref)
	}
	if err != nil {
		release()
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(r.dir, busyName), nil, 0o600); err != nil {
		release()
		return nil, fmt.Errorf("mark the repository as in use: %w", err)
	}
	return func() {
		if ctx.Err() == nil { // else git was stopped, and may have left something
			_ = os.Remove(filepath.Join(r.dir, busyName)) // it costs the next one a look
		}
		release()
	}, nil
}

// heal removes the locks of a git that was killed. Programs that we started hold our
// own lock until they end, so that no lock of theirs is in use now; those of people
// are left alone for a while.
func (r *repository) heal() error {
	ours := exists(filepath.Join(r.dir, busyName))
	var stale []string
	err := filepath.WalkDir(r.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		below, _ := filepath.Rel(r.dir, path)
		if d.IsDir() {
			top, _, _ := strings.Cut(below, string(filepath.Separator))
			if top != "." && top != "refs" && top != "objects" && top != "logs" {
				return fs.SkipDir
			}
			return nil
		}
		lock := strings.HasSuffix(d.Name(), ".lock")
		if !lock && !strings.HasPrefix(d.Name(), "tmp_") {
			return nil
		}
		info, err := d.Info()
		switch {
		case err != nil: // it has just ended
		case ours || time.Since(info.ModTime()) > abandoned:
			stale = append(stale, path)
		case lock && !strings.HasPrefix(below, "objects"):
			return &Error{Kind: ErrBusy, Detail: fmt.Sprintf("there is %s; if nobody runs git in there, it is removed once it is %s old", path, abandoned)}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range stale {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove what a killed git has left: %w", err)
		}
	}
	return nil
}

// headed gives the repository a HEAD if its own cannot be read because the machine
// lost its power. Without one it is no repository to git.
func (r *repository) headed(ref string) error {
	path := filepath.Join(r.dir, "HEAD")
	data, err := os.ReadFile(path)
	if err == nil && (strings.HasPrefix(string(data), "ref: refs/") || commitPattern.MatchString(strings.TrimSpace(string(data)))) {
		return nil
	}
	return replaceFile(path, "ref: "+ref+"\n")
}

var commitPattern = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// settled packs the repository when it has come to hold many files.
func (r *repository) settled(ctx context.Context) {
	gc := r.git("gc", "--auto", "--quiet")
	gc.Config = []git.Setting{{Key: "gc.auto", Value: "6700"}, {Key: "gc.autoPackLimit", Value: "50"}, {Key: "gc.autoDetach", Value: "false"}}
	_, _ = gc.Run(ctx) // it is as good without, and tried again the next time
}

// create makes a repository that has nothing yet, in full or not at all.
func (r *repository) create(ctx context.Context, t *Tree, bare bool) error {
	fresh := r.dir + ".pocketci"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("make the repository: %w", err)
	}
	if err := r.build(ctx, t, fresh, bare); err != nil {
		return fmt.Errorf("make the repository: %w", err)
	}
	if err := os.Rename(fresh, r.dir); err != nil {
		return fmt.Errorf("make the repository: %w", err)
	}
	return nil
}

func (r *repository) build(ctx context.Context, t *Tree, dir string, bare bool) error {
	kind := "false"
	if bare {
		kind = "true"
	}
	for _, c := range []git.Command{
		{Args: []string{"init", "--quiet", "--bare", "--template=", dir}},
		{Dir: dir, Args: []string{"config", "core.bare", kind}},
		{Dir: dir, Args: []string{"config", "remote." + t.Remote + ".fetch", "+refs/heads/*:refs/remotes/" + t.Remote + "/*"}},
		{Dir: dir, Args: []string{"config", "remote." + t.Remote + ".url", t.Address.String()}},
	} {
		if _, err := c.Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replace makes the repository anew in the place of one that is damaged. The files of
// the work tree stay for as long.
func (r *repository) replace(ctx context.Context, t *Tree) error {
	bare, err := r.git("config", "--bool", "core.bare").Line(ctx)
	if err != nil {
		return err
	}
	fresh := r.dir + ".pocketci"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := r.build(ctx, t, fresh, bare == "true"); err != nil {
		return err
	}
	// Whoever comes in between finds the new one; see complete.
	if err := os.RemoveAll(r.dir); err != nil {
		return err
	}
	return os.Rename(fresh, r.dir)
}

// complete puts a repository into its place that was made to replace a damaged one,
// if that was cut off. It reports whether there is one now.
func (r *repository) complete(ctx context.Context, t *Tree) bool {
	fresh := &repository{dir: r.dir + ".pocketci"}
	if !exists(fresh.dir) || fresh.belongs(ctx, t) != nil {
		return false
	}
	return os.Rename(fresh.dir, r.dir) == nil
}

// belongs returns an error unless the repository is a clone of the tree's, and has
// the remote point there.
func (r *repository) belongs(ctx context.Context, t *Tree) error {
	key := "remote." + t.Remote + ".url"
	config := func(args ...string) git.Command {
		return git.Command{Lock: r.file, Args: append([]string{"config", "--file", filepath.Join(r.dir, "config")}, args...)}
	}
	found, err := config("--null", "--get-regexp", `^remote\..*\.url$`).List(ctx)
	if err != nil && git.ExitCode(err) != 1 {
		return &Error{Kind: ErrDirectory, Detail: fmt.Sprintf("%s is no repository that can be read: %v", r.dir, err), Err: err}
	}
	same := false
	for _, entry := range found {
		name, url, _ := strings.Cut(entry, "\n")
		address, err := git.ParseAddress(url)
		if err != nil || !address.Same(t.Address) {
			continue
		}
		if same = true; name == key && url == t.Address.String() {
			return nil
		}
	}
	if !same {
		return &Error{Kind: ErrDirectory, Detail: fmt.Sprintf("%s is a clone, and not one of %s; move it away or name another directory", t.Directory, t.Address)}
	}
	_, err = config("--replace-all", key, t.Address.String()).Run(ctx)
	return err
}
