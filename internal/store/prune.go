package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Retention says what is kept. What has not ended is kept in any case.
type Retention struct {
	// Age is how long runs that have ended are kept with their event, calls
	// and logs; zero is for ever. Redeliveries are recognised for that long.
	Age time.Duration
	// Runs is how many runs of each repository are kept; zero is all.
	Runs int
	// Logs is how long the logs of attempts that have ended are kept, if that is
	// shorter; zero is as long as their runs.
	Logs time.Duration
	// Audit is how long the audit log is kept; zero is for ever.
	Audit time.Duration
}

const (
	// pruneRuns and pruneChunks are how much one transaction deletes, so that
	// deliveries do not wait for long.
	pruneRuns   = 20
	pruneChunks = 500
	// keepVersions is how long the version of a module stays that no run is of.
	keepVersions = time.Hour
	// vacuumPages is how many pages SQLite gives back at a time.
	vacuumPages = 1000
)

// Prune deletes what is not to be kept, in small transactions, and returns how
// many runs that were. It may be stopped at any time. SQLite gives the space
// back to the file system. A clock that was set forth since the store was opened
// makes nothing older.
func (s *Store) Prune(ctx context.Context, keep Retention) (int, error) {
	deleted := 0
	earliest, _ := s.bounds()
	if keep.Age > 0 {
		n, err := s.pruneAll(ctx, `ended_at < ?`, micros(earliest.Add(-keep.Age)))
		deleted += n
		if err != nil {
			return deleted, err
		}
	}
	if keep.Runs > 0 {
		var (
			repository   string
			repositories []string
		)
		for _, err := range s.each(ctx, []any{&repository}, `SELECT repository FROM runs GROUP BY repository HAVING count(*) > ?`, keep.Runs) {
			if err != nil {
				return deleted, fmt.Errorf("count runs: %w", s.failed(err))
			}
			repositories = append(repositories, repository)
		}
		for _, repository := range repositories {
			n, err := s.pruneAll(ctx, `repository = ? AND number < (SELECT min(number) FROM
				(SELECT number FROM runs WHERE repository = ? ORDER BY number DESC LIMIT ?) AS kept)`, repository, repository, keep.Runs)
			deleted += n
			if err != nil {
				return deleted, err
			}
		}
	}
	if keep.Logs > 0 {
		if err := s.pruneOldLogs(ctx, micros(earliest.Add(-keep.Logs))); err != nil {
			return deleted, err
		}
	}
	if err := s.pruneModules(ctx, micros(earliest.Add(-keepVersions))); err != nil {
		return deleted, err
	}
	if err := s.pruneSessions(ctx, earliest); err != nil {
		return deleted, err
	}
	if keep.Audit > 0 {
		if err := s.pruneAudit(ctx, micros(earliest.Add(-keep.Audit))); err != nil {
			return deleted, err
		}
	}
	err := s.change(ctx, "prune", "forget what is long over", func(t *tx) error {
		// A clock that is set back must not make them last.
		now, window := s.now(), int64(max(s.opts.Twins, 0)/time.Microsecond)
		if _, err := t.exec(`DELETE FROM pushes WHERE received_at < ? OR received_at > ?`, now-window, now+window); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM agents WHERE ended_at <> 0 AND ended_at < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE holder = agents.id AND holder <> '')
			AND NOT EXISTS (SELECT 1 FROM calls WHERE holder = agents.id AND holder <> '')`, micros(earliest)-int64(24*time.Hour/time.Microsecond))
		return err
	})
	if err != nil {
		return deleted, err
	}
	return deleted, s.vacuum(ctx)
}

// pruneAll deletes the runs that a condition selects and that have ended.
func (s *Store) pruneAll(ctx context.Context, where string, args ...any) (int, error) {
	deleted := 0
	for last := int64(0); ; {
		var (
			id     string
			number int64
			ids    []string
		)
		for _, err := range s.each(ctx, []any{&id, &number}, `SELECT id, number FROM runs WHERE ended_at <> 0 AND holder = '' AND `+where+
			` AND number > ? AND NOT EXISTS (SELECT 1 FROM calls WHERE run = runs.id AND holder <> '') ORDER BY number LIMIT ?`,
			append(args[:len(args):len(args)], last, pruneRuns)...) {
			if err != nil {
				return deleted, fmt.Errorf("find runs to delete: %w", s.failed(err))
			}
			ids, last = append(ids, id), number
		}
		if len(ids) == 0 {
			return deleted, nil
		}
		for _, id := range ids {
			if err := s.pruneLogs(ctx, id); err != nil {
				return deleted, err
			}
		}
		batch := 0
		err := s.change(ctx, "prune", "delete runs", func(t *tx) error {
			batch = 0
			for n := len(ids) - 1; n >= 0; n-- { // newer before older, as everywhere
				done, err := pruneRun(t, ids[n])
				if err != nil {
					return err
				}
				if done {
					batch++
				}
			}
			return nil
		})
		if err != nil {
			return deleted, err
		}
		deleted += batch
	}
}

// pruneLogs deletes most of the logs of a run's calls. A run that is restarted
// at this moment has lost the logs of its last attempts, as it would have a
// moment later.
func (s *Store) pruneLogs(ctx context.Context, run string) error {
	for {
		var n int64
		err := s.change(ctx, "prune", "delete logs of run "+run, func(t *tx) error {
			r, err := lockRun(t, `id = ?`, run)
			if errors.Is(err, ErrNotFound) || err == nil && !r.state.Final() {
				n = 0
				return nil
			}
			if err != nil {
				return err
			}
			n, err = t.exec(`DELETE FROM logs WHERE (call, attempt, first) IN (SELECT l.call, l.attempt, l.first FROM logs AS l
				JOIN calls AS c ON c.id = l.call WHERE c.run = ? LIMIT ?)`, run, pruneChunks)
			return err
		})
		if err != nil || n < pruneChunks {
			return err
		}
	}
}

// pruneRun deletes a run unless it has been restarted meanwhile, and its event
// with the last of its runs.
func pruneRun(t *tx, id string) (bool, error) {
	r, err := lockRun(t, `id = ?`, id)
	if errors.Is(err, ErrNotFound) || err == nil && (!r.state.Final() || r.holder != "") {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, statement := range []string{
		`DELETE FROM logs WHERE call IN (SELECT id FROM calls WHERE run = ?)`,
		`DELETE FROM call_attempts WHERE call IN (SELECT id FROM calls WHERE run = ?)`,
		`DELETE FROM calls WHERE run = ?`,
		`DELETE FROM statuses WHERE run = ?`,
		`DELETE FROM run_attempts WHERE run = ?`,
		`DELETE FROM runs WHERE id = ?`,
	} {
		if _, err := t.exec(statement, id); err != nil {
			return false, err
		}
	}
	for _, statement := range []string{
		`DELETE FROM redeliveries WHERE event = ? AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.event = redeliveries.event)`,
		`DELETE FROM events WHERE id = ? AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.event = events.id)`,
	} {
		if _, err := t.exec(statement, r.event); err != nil {
			return false, err
		}
	}
	return true, nil
}

// vacuum gives the pages that deleting has freed back to the file system.
// PostgreSQL does so by itself.
func (s *Store) vacuum(ctx context.Context) error {
	if s.dialect.numbered {
		return nil
	}
	for {
		before, after := 0, 0
		err := s.change(ctx, "prune", "give space back", func(t *tx) error {
			if err := t.get([]any{&before}, `PRAGMA freelist_count`); err != nil {
				return err
			}
			if _, err := t.exec(fmt.Sprintf(`PRAGMA incremental_vacuum(%d)`, vacuumPages)); err != nil {
				return err
			}
			return t.get([]any{&after}, `PRAGMA freelist_count`)
		})
		if err != nil || after == 0 || after >= before {
			return err
		}
	}
}
