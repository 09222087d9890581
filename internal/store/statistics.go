package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// FunctionStatistics is what became of one function's calls, as far as their
// runs are kept.
type FunctionStatistics struct {
	Repository, Module, Function string
	// LastCall is the id of the latest call, LastState its state now.
	LastCall  string
	LastState State
	// Days7 and Days30 are over the attempts that ended in the last 7 and 30
	// days.
	Days7, Days30 Statistics
}

// Statistics are over attempts of calls that succeeded, failed or timed out.
// Attempts that ended otherwise say nothing about the function.
type Statistics struct {
	// Calls is how many attempts there were, Succeeded how many of them did.
	Calls, Succeeded int
	// P50 and P90 are the median and the 90th percentile of their durations, by
	// nearest rank: half of them took P50 or less. They are zero without any.
	P50, P90 time.Duration
}

// latestCalls finds the latest call of each function of a repository. It goes
// down the index calls_function from one function to the next, and not over
// their calls. The join is written so that SQLite goes on from what was found.
const latestCalls = `
	WITH RECURSIVE latest (number) AS (
		SELECT (SELECT number FROM calls WHERE repository = ? ORDER BY module DESC, function DESC, number DESC LIMIT 1)
		UNION ALL
		SELECT COALESCE(
			(SELECT number FROM calls WHERE repository = ? AND module = (SELECT module FROM calls AS c WHERE c.number = latest.number)
				AND function < (SELECT function FROM calls AS c WHERE c.number = latest.number) ORDER BY function DESC, number DESC LIMIT 1),
			(SELECT number FROM calls WHERE repository = ? AND module < (SELECT module FROM calls AS c WHERE c.number = latest.number)
				ORDER BY module DESC, function DESC, number DESC LIMIT 1))
		FROM latest WHERE latest.number IS NOT NULL
	)
	SELECT c.module, c.function, c.id, c.state FROM latest CROSS JOIN calls AS c WHERE c.number = latest.number ORDER BY c.module, c.function`

// calledRepositories goes through the same index from one repository to the
// next.
const calledRepositories = `
	WITH RECURSIVE names (repository) AS (
		SELECT min(repository) FROM calls
		UNION ALL
		SELECT (SELECT min(calls.repository) FROM calls WHERE calls.repository > names.repository)
		FROM names WHERE names.repository IS NOT NULL
	)
	SELECT repository FROM names WHERE repository IS NOT NULL ORDER BY repository`

// statisticsLimit is how many attempts of a repository are looked at, of those
// that are the calls' last and of earlier ones each. It bounds the memory that
// they take, to some megabytes.
const statisticsLimit = 100_000

// endedAttempts are the latest attempts in a table of a repository's calls that
// count and ended after a given time. An index holds all that it reads, in its
// order.
func endedAttempts(table string) string {
	return `SELECT module, function, CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END, started_at, ended_at FROM ` + table + `
		WHERE repository = ? AND ended_at >= ? AND ended_at <> 0 AND state IN ('succeeded', 'failed', 'timed-out')
		ORDER BY ended_at DESC LIMIT ?`
}

// FunctionStatistics returns the statistics of all functions of a repository
// that were ever called, as far as that is kept, or of all repositories if it
// is empty. They are in the order of their names.
//
// It reads one entry of an index for each function and for each attempt of the
// last 30 days, one repository after the other, of which it looks at the latest
// 100,000 attempts and as many that were tried again.
func (s *Store) FunctionStatistics(ctx context.Context, repository string) ([]FunctionStatistics, error) {
	names := []string{key(repository)}
	if repository == "" {
		names = nil
		var name string
		for _, err := range s.each(ctx, []any{&name}, calledRepositories) {
			if err != nil {
				return nil, fmt.Errorf("list repositories: %w", s.failed(err))
			}
			names = append(names, name)
		}
	}
	all := []FunctionStatistics{}
	for _, name := range names {
		first := len(all)
		f := FunctionStatistics{Repository: name}
		for _, err := range s.each(ctx, []any{&f.Module, &f.Function, &f.LastCall, &f.LastState}, latestCalls, name, name, name) {
			if err != nil {
				return nil, fmt.Errorf("list functions of %s: %w", name, s.failed(err))
			}
			if f.Function != "" { // or it is a module that could not be loaded
				all = append(all, f)
			}
		}
		if err := s.statistics(ctx, name, all[first:]); err != nil {
			return nil, fmt.Errorf("compute statistics of %s: %w", name, s.failed(err))
		}
	}
	return all, nil
}

// tally gathers the attempts of some days.
type tally struct {
	since     int64
	succeeded int
	took      []time.Duration
}

func (t *tally) add(succeeded bool, at int64, took time.Duration) {
	if at < t.since {
		return
	}
	if succeeded {
		t.succeeded++
	}
	t.took = append(t.took, took)
}

func (t *tally) statistics() Statistics {
	n := len(t.took)
	if n == 0 {
		return Statistics{}
	}
	slices.Sort(t.took)
	rank := func(percent int) time.Duration { return t.took[(n*percent+99)/100-1] }
	return Statistics{Calls: n, Succeeded: t.succeeded, P50: rank(50), P90: rank(90)}
}

// statistics fills in the statistics of functions of one repository.
func (s *Store) statistics(ctx context.Context, repository string, functions []FunctionStatistics) error {
	now := s.clock.Now()
	since7, since30 := micros(now.AddDate(0, 0, -7)), micros(now.AddDate(0, 0, -30))
	type days struct{ days7, days30 tally }
	byName := map[[2]string]*days{}
	for _, f := range functions {
		byName[[2]string{f.Module, f.Function}] = &days{tally{since: since7}, tally{since: since30}}
	}
	for _, table := range []string{"calls", "call_attempts"} {
		var (
			name        [2]string
			succeeded   bool
			started, at int64
		)
		for _, err := range s.each(ctx, []any{&name[0], &name[1], &succeeded, &started, &at}, endedAttempts(table),
			repository, since30, statisticsLimit) {
			if err != nil {
				return err
			}
			d := byName[name]
			if d == nil {
				continue // it was called for the first time just now
			}
			// A clock that was set back makes no duration less than none.
			took := time.Duration(max(at-started, 0)) * time.Microsecond
			d.days7.add(succeeded, at, took)
			d.days30.add(succeeded, at, took)
		}
	}
	for i := range functions {
		f := &functions[i]
		d := byName[[2]string{f.Module, f.Function}]
		f.Days7, f.Days30 = d.days7.statistics(), d.days30.statistics()
	}
	return nil
}
