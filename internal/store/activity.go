package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
)

const (
	// recentRuns is how many of a repository's last runs are listed, and
	// readRecent how many are looked at for that.
	recentRuns, readRecent = 10, 50
	// readBranch is how many runs of a branch are looked at for a function.
	readBranch = 100
)

// Activity is a repository as its last events left it.
type Activity struct {
	Repository string
	// LastRun is the number of the latest run. Lists are in its order.
	LastRun int64
	// DefaultBranch is the short name that the latest event gives, or empty. Branch
	// is the run that says how it is, nil if there is none: see [Store.BranchRun].
	DefaultBranch string
	Branch        *Run
	// Recent are the last runs that were not skipped, ten at most of the last fifty,
	// the latest first.
	Recent []Run
}

// latestRuns goes through the index runs_repository from one repository to the next
// and takes the last run of each, as [repositories] does.
const latestRuns = `
	WITH RECURSIVE names (repository) AS (
		SELECT min(repository) FROM runs WHERE repository > ''
		UNION ALL
		SELECT (SELECT min(runs.repository) FROM runs WHERE runs.repository > names.repository)
		FROM names WHERE names.repository IS NOT NULL
	)
	SELECT names.repository,
		COALESCE((SELECT number FROM runs WHERE runs.repository >= names.repository AND runs.repository <= names.repository
			ORDER BY runs.repository DESC, number DESC LIMIT 1), 0)
	FROM names WHERE names.repository IS NOT NULL`

// Active lists repositories that have runs, those with the latest run first: up to
// limit of those that may be seen (nil stands for all) and whose latest run has a
// number below before, if that is not 0. It returns how many there are beside and
// behind those listed as well. It reads two entries of an index for each repository
// that there is, and some dozens of rows for each that is listed.
func (s *Store) Active(ctx context.Context, before int64, limit int, visible func(repository string) bool) (list []Activity, more int, err error) {
	var a Activity
	for _, err := range s.each(ctx, []any{&a.Repository, &a.LastRun}, latestRuns) {
		if err != nil {
			return nil, 0, fmt.Errorf("list repositories: %w", s.failed(err))
		}
		if (before == 0 || a.LastRun < before) && (visible == nil || visible(a.Repository)) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b Activity) int { return cmp.Compare(b.LastRun, a.LastRun) })
	more = max(0, len(list)-limit)
	list = list[:len(list)-more]
	for i := range list {
		if err := s.lookAt(ctx, &list[i]); err != nil {
			return nil, 0, err
		}
	}
	return list, more, nil
}

// lookAt fills in what a repository's last events say.
func (s *Store) lookAt(ctx context.Context, a *Activity) error {
	var err error
	if a.DefaultBranch, err = s.DefaultBranch(ctx, a.Repository); err != nil {
		return err
	}
	if a.DefaultBranch != "" {
		r, err := s.BranchRun(ctx, a.Repository, a.DefaultBranch)
		switch {
		case err == nil:
			a.Branch = &r
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	list := newest{[]string{"repository"}, []any{a.Repository}, "number", 0}
	where, args := list.where()
	a.Recent, err = s.listRuns(ctx, func(r *Run) bool { return r.State != StateSkipped }, recentRuns,
		`SELECT `+runColumns+` FROM runs WHERE `+where+` ORDER BY `+list.order()+` LIMIT ?`, append(args, readRecent)...)
	return err
}

// DefaultBranch returns the short name of a repository's default branch, as its latest
// event gives it; empty if that gives none, or there is none.
func (s *Store) DefaultBranch(ctx context.Context, repository string) (string, error) {
	e, err := s.LatestEvent(ctx, repository)
	if errors.Is(err, ErrNotFound) || err == nil && e.Repository == nil {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return e.Repository.DefaultBranch, nil
}

// onBranch are the conditions of the index runs_branch, and that a forge sent it: what
// others call a push has no commits.
var onBranch = ` AND name = 'push' AND state IN ('succeeded', 'failed', 'timed-out', 'invalid') AND length(ref) < 400
	AND vendor IN ('` + strings.Join([]string{events.VendorGithub, events.VendorGitlab, events.VendorGitea, events.VendorBitbucket}, "', '") + `')`

// branchRuns lists the runs that say how a branch is, the latest first.
func branchRuns(columns, repository, branch string) (string, []any) {
	list := newest{[]string{"repository", "ref"}, []any{key(repository), clean("refs/heads/" + branch)}, "number", 0}
	where, args := list.where()
	return `SELECT ` + columns + ` FROM runs WHERE ` + where + onBranch + ` ORDER BY ` + list.order() + ` LIMIT ?`, args
}

// BranchRun returns the run that says how a branch is, given by its short name: that of
// the last push to it which succeeded, failed, timed out or was invalid. Runs that were
// aborted or skipped, or have not ended, say nothing about the code. The error is
// [ErrNotFound] if there is none; names of 400 bytes and more have none.
func (s *Store) BranchRun(ctx context.Context, repository, branch string) (Run, error) {
	query, args := branchRuns(runColumns, repository, branch)
	found, err := s.listRuns(ctx, nil, 1, query, append(args, 1)...)
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Run{}, fmt.Errorf("find how branch %s is: %w", branch, err)
	}
	return found[0], nil
}

// BranchCall is [Store.BranchRun] for a function: its call in the latest of the last
// hundred such runs that has one which ended in one of those states. An empty module
// stands for any.
func (s *Store) BranchCall(ctx context.Context, repository, branch, module, function string) (Call, error) {
	runs, args := branchRuns("id, number", repository, branch)
	which := ""
	args = append(args, readBranch, key(function))
	if module != "" {
		which = ` AND calls.module = ?`
		args = append(args, key(module))
	}
	var id string
	err := s.get(ctx, []any{&id}, `SELECT calls.id FROM (`+runs+`) AS latest CROSS JOIN calls
		WHERE calls.run = latest.id AND calls.planned = 1 AND calls.function = ?`+which+`
		AND calls.state IN ('succeeded', 'failed', 'timed-out', 'invalid') ORDER BY latest.number DESC, calls.position LIMIT 1`, args...)
	if err != nil {
		return Call{}, fmt.Errorf("find how function %s is on branch %s: %w", function, branch, err)
	}
	return s.Call(ctx, id)
}
