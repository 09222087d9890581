package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/modules"
)

// overlayIdentity makes the commit of an overlay the same whenever it is made
// of the same trees, so that what is built on it stays cached.
var overlayIdentity = []string{
	"GIT_AUTHOR_NAME=pocketci", "GIT_AUTHOR_EMAIL=", "GIT_AUTHOR_DATE=@0 +0000",
	"GIT_COMMITTER_NAME=pocketci", "GIT_COMMITTER_EMAIL=", "GIT_COMMITTER_DATE=@0 +0000",
}

// Overlay gives the tree under with everything at the given paths, files or
// directories with all that is below them, replaced by what the tree over has
// there: what only under has is gone. Where over has a directory and under a file,
// over's stands. Paths are relative to the root, slash-separated and clean; the
// root itself cannot be one. Both trees are of the same repository of this set.
//
// The result is a commit that the mirror keeps, with the commit of under as its
// parent. It is the same commit for the same trees and paths.
func (m *Mirrors) Overlay(ctx context.Context, under, over modules.Tree, paths []string) (_ modules.Tree, err error) {
	fail := func(err error) (modules.Tree, error) {
		return modules.Tree{}, fmt.Errorf("lay %s over %s: %w", short(over.Commit), short(under.Commit), err)
	}
	mir, err := m.holder(under)
	if err != nil {
		return fail(err)
	}
	if over.GitDir != under.GitDir || !shaPattern.MatchString(over.Commit) {
		return fail(errors.New("the trees are not of one repository"))
	}
	for _, p := range paths {
		if p == "." || !filepath.IsLocal(p) || p != path.Clean(p) {
			return fail(fmt.Errorf("%q is no path below the root", printable(p)))
		}
	}
	start := time.Now()
	temp, err := os.MkdirTemp("", "pocketci-overlay-")
	if err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	o := overlay{mir, filepath.Join(temp, "index")}
	commit, err := o.make(ctx, under.Commit, over.Commit, paths)
	if err != nil {
		return fail(err)
	}
	m.log.Debug("laid a tree over another", "phase", "overlay", "under", under.Commit, "over", over.Commit, "commit", commit, "duration", time.Since(start))
	return mir.tree(commit), nil
}

// overlay is an index in which trees are put together. No file is written.
type overlay struct {
	mir   *mirror
	index string
}

func (o *overlay) git(args ...string) git.Command {
	cmd := o.mir.git(args...)
	cmd.Env = append([]string{"GIT_INDEX_FILE=" + o.index, "GIT_LITERAL_PATHSPECS=1"}, overlayIdentity...)
	return cmd
}

func (o *overlay) make(ctx context.Context, under, over string, paths []string) (string, error) {
	if _, err := o.git("read-tree", under).Run(ctx); err != nil {
		return "", err
	}
	if len(paths) > 0 {
		if err := o.replace(ctx, over, paths); err != nil {
			return "", err
		}
	}
	tree, err := o.git("write-tree").Line(ctx)
	if err != nil {
		return "", err
	}
	message := o.git("commit-tree", "-p", under, tree)
	message.Stdin = strings.NewReader(fmt.Sprintf("Commit %s under the rules of %s\n", under, over))
	commit, err := message.Line(ctx)
	if err != nil {
		return "", err
	}
	// What no ref holds, git may remove.
	_, err = o.git("update-ref", keepCommits+commit, commit).Run(ctx)
	return commit, err
}

// replace takes the paths out of the index and puts those of a commit in.
func (o *overlay) replace(ctx context.Context, over string, paths []string) error {
	// A file or link of under's in the place of a directory on the way to a
	// path is part of what is replaced.
	var places []string
	for _, p := range paths {
		for ; p != "."; p = path.Dir(p) {
			places = append(places, p)
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	isPath := func(p string) bool { return slices.Contains(paths, p) }

	listed, err := o.git(append([]string{"ls-files", "-z", "--cached", "--"}, places...)...).List(ctx)
	if err != nil {
		return err
	}
	var edits bytes.Buffer
	for _, name := range listed {
		// Directories on the way are listed with all that is in them.
		inside := slices.Contains(places, name)
		for p := name; p != "." && !inside; p = path.Dir(p) {
			inside = isPath(p)
		}
		if inside {
			fmt.Fprintf(&edits, "0 %s\t%s\x00", strings.Repeat("0", 40), name)
		}
	}
	entries, err := o.git(append([]string{"ls-tree", "-r", "-z", "--full-tree", over, "--"}, paths...)...).Run(ctx)
	if err != nil {
		return err
	}
	edits.Write(entries)
	cmd := o.git("update-index", "--replace", "-z", "--index-info")
	cmd.Stdin = &edits
	_, err = cmd.Run(ctx)
	return err
}
