package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/modules"
)

// ErrRevision means that a revision to compare a work tree with is not in its
// history.
var ErrRevision = errors.New("unknown revision")

// LocalOptions say where the changes of a local directory come from. If both
// are zero, they are those between the commits that the event names.
type LocalOptions struct {
	// Changes are the changed files; an empty list that is not nil means
	// that nothing has changed.
	Changes []string
	// Base is a revision. What has changed since HEAD left it, committed or
	// not, untracked files included and ignored ones not, are the changes.
	Base string
}

// Local gives a directory of the user's own as it is, with or without a git
// repository at its top. It writes nothing to it and needs no network. A Base
// that cannot be compared with is ErrRevision.
func Local(ctx context.Context, dir string, ev *events.Event, o LocalOptions) (*Snapshot, error) {
	if o.Changes != nil && o.Base != "" {
		return nil, errors.New("give either a list of changes or a base, not both")
	}
	given := dir
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", given, cause(err))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open directory %s: %w", given, cause(err))
	}
	l := local{dir: dir}
	snap := &Snapshot{Tree: modules.Tree{FS: root.FS(), Dir: dir}}
	snap.refs = once(func(ctx context.Context) (Refs, error) { return l.refs(ctx) })
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
		l.history = true
		// Exit code 1 is that of a repository without commits.
		snap.SHA, err = l.git("rev-parse", "--quiet", "--verify", "HEAD^{commit}").Line(ctx)
		if err != nil && git.ExitCode(err) != 1 {
			return nil, fmt.Errorf("read the repository at %s: %w", dir, err)
		}
		snap.Tree.Commit = snap.SHA
		if ev != nil && ev.SHA != "" {
			snap.SHA = l.peeled(ctx, ev.SHA)
			if ev.IsPush() || ev.Name == events.NamePullRequest {
				// The event may be of a commit that is not here.
				snap.Message, _ = message(ctx, l.git, snap.SHA)
			}
		}
	}
	switch {
	case o.Changes != nil:
		snap.Changes.Files = normal(o.Changes)
	case o.Base != "":
		snap.Changes, err = l.since(ctx, o.Base)
	default:
		snap.Changes, err = l.changes(ctx, ev)
	}
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// cause drops the path from a file system error that is told with another.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// normal cleans paths that a person typed.
func normal(paths []string) []string {
	files := []string{}
	for _, p := range paths {
		if p = strings.TrimPrefix(path.Clean(filepath.ToSlash(p)), "/"); p != "." && p != "" {
			files = append(files, p)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// local is a directory of the user's own.
type local struct {
	dir string
	// history says that it is the top of a git repository.
	history bool
}

// git is a command in the directory. Repositories above it are not its own.
// What the user has configured holds, as it decides which files are ignored.
func (l local) git(args ...string) git.Command {
	return git.Command{
		WorkTree: l.dir, Own: true, Args: args,
		Config: []git.Setting{{Key: "core.fsmonitor", Value: "false"}, {Key: "core.quotePath", Value: "false"}},
		Env:    []string{"GIT_CEILING_DIRECTORIES=" + filepath.Dir(l.dir)},
	}
}

// peeled returns the commit that an event names, which for an annotated tag is
// named by the tag's own object. An object that the history does not have stays
// as it is.
func (l local) peeled(ctx context.Context, sha string) string {
	commit, err := l.git("rev-parse", "--quiet", "--verify", "--end-of-options", sha+"^{commit}").Line(ctx)
	if err != nil {
		return sha
	}
	return commit
}

// since lists what differs between the work tree and where it left base.
func (l local) since(ctx context.Context, base string) (Changes, error) {
	if !l.history {
		return Changes{}, fmt.Errorf("compare with %s: %w: %s is not the top of a git repository", base, ErrRevision, l.dir)
	}
	if _, err := l.git("rev-parse", "--quiet", "--verify", "--end-of-options", base+"^{commit}").Line(ctx); err != nil {
		return Changes{}, l.unless(ctx, err, fmt.Errorf("compare with %s: %w in %s", base, ErrRevision, l.dir))
	}
	from, err := l.git("merge-base", "--end-of-options", base, "HEAD").Line(ctx)
	if git.ExitCode(err) == 1 {
		return Changes{}, fmt.Errorf("compare with %s: %w: it and HEAD have no common history", base, ErrRevision)
	}
	if err != nil {
		return Changes{}, fmt.Errorf("compare with %s: %w", base, err)
	}
	files, err := l.git("diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=dirty", "--end-of-options", from, "--").List(ctx)
	if err != nil {
		return Changes{}, fmt.Errorf("compare with %s: %w", base, err)
	}
	untracked, err := l.git("ls-files", "-z", "--others", "--exclude-standard").List(ctx)
	if err != nil {
		return Changes{}, fmt.Errorf("list untracked files: %w", err)
	}
	files = append(files, untracked...)
	for i, f := range files {
		// A repository inside this one is listed as a directory.
		files[i] = strings.TrimSuffix(f, "/")
	}
	slices.Sort(files)
	if len(files) == 0 {
		if head, err := l.git("rev-parse", "--verify", "HEAD").Line(ctx); err == nil && head == from {
			return Changes{Unknown: fmt.Sprintf("nothing differs from %s", base)}, nil
		}
	}
	return Changes{Files: slices.Compact(files)}, nil
}

// unless returns other, or err if it is the context's.
func (l local) unless(ctx context.Context, err, other error) error {
	if ctx.Err() != nil {
		return err
	}
	return other
}

// changes lists what the event changed, where the history has its commits.
func (l local) changes(ctx context.Context, ev *events.Event) (Changes, error) {
	const hint = "; name the changed files with --changes, or what to compare with by --base"
	if !ev.IsPush() && ev.Name != events.NamePullRequest {
		return Changes{Unknown: fmt.Sprintf("%s events have no diff", ev.Name)}, nil
	}
	if !l.history {
		return Changes{Unknown: "the directory is not the top of a git repository" + hint}, nil
	}
	if ev.Repository == nil {
		return Changes{Unknown: "the event names no repository" + hint}, nil
	}
	n, err := needOf(ev)
	if err != nil {
		return Changes{Unknown: err.Error() + hint}, nil
	}
	for _, w := range n.all() {
		if err := l.find(ctx, w); err != nil {
			return Changes{}, err
		}
	}
	if n.before != nil && n.before.commit == "" {
		n.standard = standardBranch(ev)
		if err := l.find(ctx, n.standard); err != nil {
			return Changes{}, err
		}
	}
	if n.head.sha == "" {
		return Changes{Unknown: "the event names no commit" + hint}, nil
	}
	if n.head.commit == "" {
		return Changes{Unknown: fmt.Sprintf("the history has no commit %s", short(n.head.sha)) + hint}, nil
	}
	changes, err := n.changes(ctx, ev, l.git)
	if err != nil {
		return Changes{}, fmt.Errorf("list the changes: %w", err)
	}
	if changes.Unknown != "" {
		changes.Unknown += hint
	}
	return changes, nil
}

// find looks for a wanted commit: the sha, else the refs, first as the remote
// was last seen and then as they are here.
func (l local) find(ctx context.Context, w *want) error {
	names := []string{w.sha}
	if w.sha == "" {
		names = nil
		for _, ref := range w.refs {
			if branch, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
				names = append(names, "refs/remotes/origin/"+branch)
			}
			names = append(names, ref)
		}
	}
	for _, name := range names {
		sha, err := l.git("rev-parse", "--quiet", "--verify", "--end-of-options", name+"^{commit}").Line(ctx)
		if err == nil {
			w.got, w.commit = sha, sha
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// refs lists the branches and tags that are here, and the branches that the
// remote had when it was last seen.
func (l local) refs(ctx context.Context) (Refs, error) {
	if !l.history {
		return Refs{}, nil
	}
	out, err := l.git("for-each-ref", "--format=%(objectname)%09%(refname)", "refs/heads", "refs/tags", "refs/remotes/origin").Run(ctx)
	if err != nil {
		return Refs{}, fmt.Errorf("list branches and tags: %w", err)
	}
	refs := parseRefs(strings.ReplaceAll(string(out), "\trefs/remotes/origin/", "\trefs/heads/"))
	for _, list := range []*[]string{&refs.Branches, &refs.Tags} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	refs.Branches = slices.DeleteFunc(refs.Branches, func(b string) bool { return b == "HEAD" })
	return refs, nil
}
