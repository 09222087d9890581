package store

import (
	"context"
	"errors"
	"fmt"
)

// pruneOldLogs deletes the logs of attempts that ended before a time. The
// attempts say so from the first deletion on, so that nobody takes a part of a
// log for all of it.
func (s *Store) pruneOldLogs(ctx context.Context, before int64) error {
	for _, query := range []string{
		`SELECT call, attempt FROM call_attempts WHERE ended_at <> 0 AND log_size > 0 AND log_gone < 2 AND ended_at < ? LIMIT ?`,
		`SELECT id, attempt FROM calls WHERE ended_at <> 0 AND log_size > 0 AND log_gone < 2 AND ended_at < ? AND holder = '' LIMIT ?`,
	} {
		for deleted := true; deleted; {
			type log struct {
				call    string
				attempt int
			}
			var (
				l    log
				logs []log
			)
			for _, err := range s.each(ctx, []any{&l.call, &l.attempt}, query, before, pruneRuns) {
				if err != nil {
					return fmt.Errorf("find logs to delete: %w", s.failed(err))
				}
				logs = append(logs, l)
			}
			deleted = false
			for _, l := range logs {
				done, err := s.pruneLog(ctx, l.call, l.attempt)
				if err != nil {
					return err
				}
				deleted = deleted || done
			}
		}
	}
	return nil
}

// pruneLog deletes the log of an attempt that has ended, and reports whether it
// did: a call may have been restarted meanwhile.
func (s *Store) pruneLog(ctx context.Context, call string, attempt int) (bool, error) {
	for {
		var (
			more, done bool
			n          int64
		)
		err := s.change(ctx, "prune", "delete log of call "+call, func(t *tx) error {
			more, done = false, false
			_, err := lockCallRun(t, call)
			if errors.Is(err, ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			gone := func(how int) (int64, error) {
				n, err := t.exec(`UPDATE calls SET log_gone = ? WHERE id = ? AND attempt = ? AND ended_at <> 0 AND holder = ''`, how, call, attempt)
				if err != nil || n == 1 {
					return n, err
				}
				return t.exec(`UPDATE call_attempts SET log_gone = ? WHERE call = ? AND attempt = ?`, how, call, attempt)
			}
			if n, err = gone(1); err != nil || n == 0 {
				return err
			}
			n, err = t.exec(`DELETE FROM logs WHERE call = ? AND attempt = ? AND first IN
				(SELECT first FROM logs WHERE call = ? AND attempt = ? LIMIT ?)`, call, attempt, call, attempt, pruneChunks)
			if err != nil {
				return err
			}
			t.ring(TopicCall(call))
			if more = n == pruneChunks; more {
				return nil
			}
			done = true
			_, err = gone(2)
			return err
		})
		if err != nil || !more {
			return done, err
		}
	}
}

// pruneAudit deletes the entries of the audit log that are older than a time.
func (s *Store) pruneAudit(ctx context.Context, before int64) error {
	for {
		var n int64
		err := s.change(ctx, "prune", "shorten the audit log", func(t *tx) (err error) {
			n, err = t.exec(`DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?)`, before, pruneChunks)
			return err
		})
		if err != nil || n < pruneChunks {
			return err
		}
	}
}
