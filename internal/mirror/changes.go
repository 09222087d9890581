package mirror

import (
	"context"
	"fmt"
	"slices"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
)

// emptyTree is the sha of a tree without entries, which git knows without
// having it.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// changes lists what the event changed, by the rules of the documentation:
// from where the two sides parted to the event's commit. git makes commands on
// the repository that holds the commits.
func (n *need) changes(ctx context.Context, ev *events.Event, command func(...string) git.Command) (Changes, error) {
	unknown := func(format string, args ...any) (Changes, error) {
		return Changes{Unknown: fmt.Sprintf(format, args...)}, nil
	}
	head, from, side := n.head.commit, "", ""
	switch {
	case ev.Name == events.NamePullRequest && n.base == nil:
		return unknown("the pull request names no base")
	case ev.Name == events.NamePullRequest && n.base.commit == "":
		return unknown("the base %s cannot be fetched", n.base.name())
	case ev.Name == events.NamePullRequest:
		from, side = n.base.commit, "the base"
	case !ev.IsPush():
		return unknown("%s events have no diff", ev.Name)
	case n.before != nil && n.before.commit != "":
		from, side = n.before.commit, "the commit before the push"
	case firstPush(ev):
		from = emptyTree
	case n.standard == nil || n.standard.commit == "":
		return unknown("the default branch cannot be fetched")
	default:
		from, side = n.standard.commit, "the default branch"
	}
	if from != emptyTree {
		base, err := command("merge-base", from, head).Line(ctx)
		switch {
		case git.ExitCode(err) == 1:
			return unknown("%s and %s have no common history", short(head), side)
		case err != nil:
			return Changes{}, err
		case base == head:
			return unknown("%s already has %s", side, short(head))
		}
		from = base
	}
	files, err := command("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", from, head).List(ctx)
	if err != nil {
		return Changes{}, err
	}
	slices.Sort(files)
	return Changes{Files: slices.Compact(files)}, nil
}

func (w *want) name() string {
	if w.sha != "" {
		return short(w.sha)
	}
	return w.refs[0]
}

func short(sha string) string { return sha[:min(12, len(sha))] }
