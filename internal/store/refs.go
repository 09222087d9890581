package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// readRefs is how many of a repository's last runs are looked at for its refs, and
	// listRefs how many refs are listed.
	readRefs, listRefs = 2000, 100
	// recentCalls is how many calls of a function are listed, and readCalls how many are
	// looked at for that.
	recentCalls, readCalls = 10, 100
)

// Refs lists the branches and tags of a repository by their latest runs, the latest
// first: 100 at most, of the last 2000 runs. A ref may have been deleted since.
func (s *Store) Refs(ctx context.Context, repository string) ([]Run, error) {
	list := newest{[]string{"repository"}, []any{key(repository)}, "number", 0}
	where, args := list.where()
	found, err := s.listRuns(ctx, nil, listRefs, `SELECT `+runColumns+` FROM runs WHERE number IN (
		SELECT last FROM (SELECT max(number) AS last FROM (SELECT number, ref FROM runs WHERE `+where+` ORDER BY `+list.order()+` LIMIT ?) AS latest
			WHERE ref LIKE 'refs/heads/%' OR ref LIKE 'refs/tags/%' GROUP BY ref ORDER BY last DESC LIMIT ?) AS refs
		) ORDER BY number DESC`, append(args, readRefs, listRefs)...)
	if err != nil {
		return nil, fmt.Errorf("list the refs of %s: %w", repository, err)
	}
	return found, nil
}

// RecentCall is a call of a function in short.
type RecentCall struct {
	RunNumber          int64
	Ref                string
	State              State
	StartedAt, EndedAt time.Time
}

// RecentCalls lists the last calls of a function that were not skipped, the latest first:
// ten at most of the last hundred, and those of a full ref alone unless that is empty.
func (s *Store) RecentCalls(ctx context.Context, repository, module, function, ref string) ([]RecentCall, error) {
	list := newest{[]string{"repository", "module", "function"}, []any{key(repository), key(module), key(function)}, "number", 0}
	where, args := list.where()
	args = append(args, readCalls)
	of := ""
	if ref != "" {
		of = " AND runs.ref = ?"
		args = append(args, clean(ref))
	}
	var (
		c              RecentCall
		started, ended int64
		calls          = []RecentCall{}
	)
	for _, err := range s.each(ctx, []any{&c.RunNumber, &c.Ref, &c.State, &started, &ended},
		`SELECT latest.run_number, runs.ref, latest.state, latest.started_at, latest.ended_at
		FROM (SELECT number, run, run_number, state, started_at, ended_at FROM calls WHERE `+where+` ORDER BY `+list.order()+` LIMIT ?) AS latest
		CROSS JOIN runs WHERE runs.id = latest.run AND latest.state <> 'skipped'`+of+` ORDER BY latest.number DESC LIMIT ?`, append(args, recentCalls)...) {
		if err != nil {
			return nil, fmt.Errorf("list calls of %s: %w", function, s.failed(err))
		}
		c.StartedAt, c.EndedAt = fromMicros(started), fromMicros(ended)
		calls = append(calls, c)
	}
	return calls, nil
}
