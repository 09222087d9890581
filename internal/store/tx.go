package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// tx is a transaction that takes queries as they are written for SQLite.
type tx struct {
	ctx   context.Context
	tx    *sql.Tx
	d     *dialect
	rings []string
	// ends are those that the transaction brings about.
	ends []End
	// prepared are queries that need not be read again.
	prepared map[string]*sql.Stmt
	// bytes is about how much it has written beyond what every transaction
	// does.
	bytes int64
}

// change runs f in a transaction that writes. It is durable when change
// returns nil. A transaction that the database ends in favour of another one
// is run again, so that f must change nothing but the database. The operation
// is one of a few words for [Options.Observe], doing says more for errors.
func (s *Store) change(ctx context.Context, operation, doing string, f func(*tx) error) (err error) {
	defer s.observe(operation, s.clock.Elapsed(), &err)
	err = s.try(ctx, f)
	for tries := 0; err != nil && tries < 5 && s.dialect.again(err) && ctx.Err() == nil; tries++ {
		err = s.try(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, s.failed(err))
	}
	return nil
}

// observe tells who watches the store how long it took since start.
func (s *Store) observe(operation string, start time.Duration, err *error) {
	if s.opts.Observe != nil {
		s.opts.Observe(operation, s.clock.Elapsed()-start, *err)
	}
}

func (s *Store) try(ctx context.Context, f func(*tx) error) error {
	if s.stopped.Err() != nil && ctx.Value(lastWords{}) == nil {
		return ErrClosed
	}
	inner, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	t := &tx{ctx: ctx, tx: inner, d: s.dialect}
	if err := f(t); err != nil {
		// If this fails as well, the connection goes and the transaction
		// with it.
		_ = inner.Rollback()
		return err
	}
	if err := inner.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.announce(t.rings)
	if s.opts.Ended != nil {
		for _, e := range t.ends {
			s.opts.Ended(e)
		}
	}
	if s.checkpoints != nil {
		s.checkpoints.wrote(t.bytes)
	}
	return nil
}

// lastWords marks the context of what may still be written while the store
// closes.
type lastWords struct{}

// exec returns how many rows were changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	result, err := t.tx.ExecContext(t.ctx, t.d.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// get reads one row. The error is [sql.ErrNoRows] if there is none.
func (t *tx) get(dest []any, query string, args ...any) error {
	return t.tx.QueryRowContext(t.ctx, t.d.rebind(query), args...).Scan(dest...)
}

// each runs a query and yields once for every row, which it has scanned into
// dest before.
func (t *tx) each(dest []any, query string, args ...any) iter.Seq2[int, error] {
	return rows(dest, func() (*sql.Rows, error) {
		if prepared := t.prepared[query]; prepared != nil {
			return t.tx.StmtContext(t.ctx, prepared).QueryContext(t.ctx, args...)
		}
		return t.tx.QueryContext(t.ctx, t.d.rebind(query), args...)
	})
}

// ring has everybody woken who watches the topic, once the transaction has
// been committed. What is rung for one run is rung for all of them.
func (t *tx) ring(topic string) {
	t.rings = append(t.rings, topic)
	if strings.HasPrefix(topic, topicRun) && !slices.Contains(t.rings, TopicRuns) {
		t.rings = append(t.rings, TopicRuns)
	}
}

// each is [tx.each] outside of a transaction.
func (s *Store) each(ctx context.Context, dest []any, query string, args ...any) iter.Seq2[int, error] {
	return rows(dest, func() (*sql.Rows, error) { return s.read.QueryContext(ctx, s.dialect.rebind(query), args...) })
}

// get is [tx.get] outside of a transaction. No row is [ErrNotFound].
func (s *Store) get(ctx context.Context, dest []any, query string, args ...any) error {
	err := s.read.QueryRowContext(ctx, s.dialect.rebind(query), args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return s.failed(err)
}

func rows(dest []any, query func() (*sql.Rows, error)) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		found, err := query()
		if err != nil {
			yield(0, err)
			return
		}
		defer found.Close()
		n := 0
		for ; found.Next(); n++ {
			if err := found.Scan(dest...); err != nil {
				yield(n, err)
				return
			}
			if !yield(n, nil) {
				return
			}
		}
		if err := found.Err(); err != nil {
			yield(n, err)
		}
	}
}

// places returns n groups of placeholders, (?,?),(?,?), of the given width.
func places(n, width int) string {
	group := "(" + strings.TrimSuffix(strings.Repeat("?,", width), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(group+",", n), ",")
}

// clean makes a text that both databases store: PostgreSQL takes neither NUL
// nor invalid UTF-8.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// checkJSON is the check that the databases do not make, since their JSON
// types differ. Nothing at all is allowed.
func checkJSON(what string, data json.RawMessage) error {
	if len(data) > 0 && (!json.Valid(data) || !utf8.Valid(data)) {
		return fmt.Errorf("%s is not JSON", what)
	}
	return nil
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
