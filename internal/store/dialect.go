package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/database"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is everything in which the two databases differ, apart from the
// schemas in migrations and the connections made below. Queries are written
// for SQLite.
type dialect struct {
	goose database.Dialect
	// numbered says that placeholders are $1, $2, … and not ?.
	numbered bool
	// forUpdate, forShare and skipLocked are put behind a SELECT to lock its
	// rows. SQLite has a single writer and needs no locks on rows.
	forUpdate, forShare, skipLocked string
	// insert begins the statements of the intake. SQLite copies every page that
	// a statement of several rows changes, to be able to undo that statement
	// alone, unless it is told that nobody needs that: whoever uses it has the
	// whole transaction undone.
	insert string
	// writers is how many goroutines store events.
	writers int
	// transient reports whether an error of the database may go away by
	// itself, again whether the transaction is to be tried again at once.
	transient, again func(error) bool
}

// rebind turns the placeholders of a query into the dialect's. No query has a
// question mark in a literal.
func (d *dialect) rebind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 32)
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		query = after
	}
}

// busyTimeout is how long SQLite waits for another process to end its
// transaction. It is shorter than any forge waits for an answer.
const busyTimeout = 5 * time.Second

func (s *Store) openSQLite(ctx context.Context, path string) error {
	s.dialect = &dialect{
		goose:   database.DialectSQLite3,
		insert:  "INSERT OR FAIL",
		writers: 1,
		transient: func(err error) bool {
			failure, ok := errors.AsType[*sqlite.Error](err)
			if !ok {
				return false
			}
			switch failure.Code() & 0xff { // the rest says more about the same
			case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
				sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM,
				sqlite3.SQLITE_PROTOCOL:
				return true
			}
			return false
		},
		again: func(error) bool { return false },
	}
	open := func(connections int, wait time.Duration, pragmas ...string) (*sql.DB, error) {
		query := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
			fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds())}, pragmas...)}
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+query.Encode())
		if err != nil {
			return nil, err
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db, nil
	}
	var err error
	// The first has an effect only before the first table is made. The last is a
	// safety net: commits do not make checkpoints as a rule, see [checkpoints].
	// Pages are of 4 kB as SQLite's are if nothing is said: larger ones are
	// written whole for one entry of an index that is in no order.
	if s.write, err = open(1, busyTimeout, "auto_vacuum(incremental)", "journal_mode(wal)", "synchronous(full)",
		"cache_size(-16000)", "wal_autocheckpoint(30000)"); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return errors.Join(err, s.write.Close())
	}
	if s.read, err = open(4, busyTimeout, "query_only(1)"); err != nil {
		return errors.Join(err, s.write.Close())
	}
	s.checkpoints = &checkpoints{due: make(chan struct{}, 1)}
	if s.checkpoints.db, err = open(1, checkpointWait, "synchronous(full)"); err != nil {
		return errors.Join(err, s.write.Close(), s.read.Close())
	}
	s.workers.Go(s.checkpoint)
	return nil
}

func (s *Store) openPostgres(ctx context.Context, dsn string) error {
	s.dialect = &dialect{
		goose:    database.DialectPostgres,
		insert:   "INSERT",
		writers:  2,
		numbered: true, forUpdate: " FOR UPDATE", forShare: " FOR SHARE", skipLocked: " FOR UPDATE SKIP LOCKED",
		transient: func(err error) bool {
			if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
				switch failure.Code[:2] {
				// Classes of errors in appendix A of PostgreSQL's manual:
				// connection, resources, intervention by an operator, system,
				// and a transaction that lost against another.
				case "08", "53", "57", "58", "40", "28", "3D":
					return true
				}
				return failure.Code == "25006" // read-only
			}
			if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
				return true
			}
			_, network := errors.AsType[net.Error](err)
			return network || pgconn.SafeToRetry(err) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
				errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) ||
				strings.Contains(err.Error(), "conn closed")
		},
		again: func(err error) bool {
			failure, ok := errors.AsType[*pgconn.PgError](err)
			return ok && (failure.Code == "40P01" || failure.Code == "40001")
		},
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx leaves the password out of its message.
		return fmt.Errorf("read the address of the database: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	// Whatever the server's default is, an acknowledgement means durable.
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["application_name"] = "pocketci"
	s.write = stdlib.OpenDB(*config)
	s.write.SetMaxOpenConns(16)
	s.write.SetMaxIdleConns(16)
	s.write.SetConnMaxIdleTime(5 * time.Minute)
	s.read = s.write
	if err := s.migrate(ctx); err != nil {
		return errors.Join(err, s.write.Close())
	}
	s.toTell = &announcements{topics: map[string]bool{}, some: make(chan struct{}, 1)}
	s.workers.Go(s.tell)
	s.workers.Go(func() { s.listen(config) })
	return nil
}

// failed puts [ErrUnavailable] in the chain of errors that may go away.
func (s *Store) failed(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrUnavailable):
		return err
	case s.stopped.Err() != nil:
		return fmt.Errorf("%w: %w", ErrClosed, err)
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn), s.dialect.transient(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
