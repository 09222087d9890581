// Package store keeps an agent's state where a crash cannot take it: events,
// runs, calls, their attempts and their logs, in SQLite or PostgreSQL with the
// same behaviour. The queue is those tables.
//
// An event is acknowledged once [Store.Accept] has returned, and is then on
// disk together with its run. An [Agent] claims runs to plan and calls to make
// them; each claim carries a token that grows with every claim of the same row,
// and what an agent reports under an older token is refused. An agent that has
// been silent for too long loses its claims to the others.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// FileName is the name of the SQLite database in the data directory.
const FileName = "pocketci.db"

// Options say where the state is and how much of it there may be. The zero
// values of all but DSN and DataDir are replaced by the defaults named here.
type Options struct {
	// DSN is the address of a PostgreSQL database, postgres://…, in the form
	// that libpq defines. Empty stands for SQLite in DataDir.
	DSN string
	// DataDir holds the SQLite database. It must exist.
	DataDir string
	// Depth is how many runs may wait to be planned before further events are
	// refused with [ErrFull]; 10,000 by default.
	Depth int
	// Twins is the time within which a push of the same content under another
	// delivery id is taken for a copy; a minute by default, negative for
	// never.
	Twins time.Duration
	// Silence is how long an agent may be unheard before the others take its
	// work over; 30 s by default. It gives up its work by itself after two
	// thirds of that, and is to be heard three times in it.
	Silence time.Duration
	// MaxLost is how often a run or call may lose its agent and still be tried
	// again; 2 by default, negative for never.
	MaxLost int
	// LogLimit is the largest log of one attempt in bytes; what comes after it
	// is dropped. 64 MiB by default.
	LogLimit int64
	// Observe, if it is not nil, is told how long each transaction that writes
	// took, tries and waiting included, and each [Store.Accept]. The operation
	// is one of a few fixed words, such as accept, claim and finish. It is
	// called by several goroutines at once and must not keep them.
	Observe func(operation string, d time.Duration, err error)
	// Ended, if it is not nil, is told when an attempt of a run has come to its
	// end: the run is in a final state, and what was aborted of it is not being
	// made any more. Of all stores that are open on a database, the one that
	// brought it about is told, once, whatever it was: a last call, an abort, a
	// newer run, an agent that is lost. What is stored as skipped at once has
	// not begun, and does not end. It is called by several goroutines at once
	// and must not keep them. A crash takes with it what was not yet told.
	Ended func(End)
	// Clock tells the time; nil is the system's.
	Clock Clock
	// Log is nil for slog's default.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Depth == 0 {
		o.Depth = 10_000
	}
	if o.Twins == 0 {
		o.Twins = time.Minute
	}
	if o.Silence == 0 {
		o.Silence = 30 * time.Second
	}
	if o.MaxLost == 0 {
		o.MaxLost = 2
	}
	if o.LogLimit == 0 {
		o.LogLimit = 64 << 20
	}
	if o.Clock == nil {
		o.Clock = NewClock()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Errors that callers branch on. See also [StateError] and [SchemaError].
var (
	// ErrUnavailable says that the database cannot be used at the moment: it
	// is gone, locked by somebody else, full or read-only. The same request
	// may succeed later. It does not say that nothing was written.
	ErrUnavailable = errors.New("the database is not available")
	// ErrFull says that there is no room for another event in the queue.
	ErrFull = errors.New("the queue is full")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("the store is closed")
	// ErrNotFound says that there is nothing with the given id.
	ErrNotFound = errors.New("not found")
	// ErrFenced says that a claim is no longer its holder's: the agent was
	// silent for too long and its work given to somebody else.
	ErrFenced = errors.New("the claim belongs to somebody else by now")
	// ErrAborted says that what was claimed has been aborted.
	ErrAborted = errors.New("it was aborted")
	// ErrLost says that the agent has been declared silent, or must assume so.
	ErrLost = errors.New("the agent has lost its claims")
	// ErrNoWork says that nothing can be claimed at the moment.
	ErrNoWork = errors.New("there is no work")
	// ErrNothingToRestart says that a run has no call that the restart asks
	// for.
	ErrNothingToRestart = errors.New("there is nothing to restart")
	// ErrNoKey says that a secret belongs to no API key.
	ErrNoKey = errors.New("there is no such API key")
	// ErrKeyExpired says that the API key of a secret has expired.
	ErrKeyExpired = errors.New("the API key expired")
	// ErrNoSession says that a token belongs to no session, or to one that has ended.
	ErrNoSession = errors.New("there is no such session")
	// ErrBadKey says that an API key cannot be made as it is asked for.
	ErrBadKey = errors.New("such a key cannot be made")
	// ErrLogGone says that a log has been deleted to make room.
	ErrLogGone = errors.New("the log is no longer kept")
)

// Store is the state of one or several agents. Its methods may be called from
// several goroutines, and several stores may be open on one database. Errors
// of the database have [ErrUnavailable] in their chain if trying again later
// makes sense.
type Store struct {
	opts    Options
	dialect *dialect
	// SQLite has one writer at a time: write is a single connection there, and
	// those who wait for it queue up in this process instead of in SQLite's
	// busy loop. With PostgreSQL both are the same pool.
	write, read *sql.DB
	clock       Clock
	// opened is the time of day at which the store was opened, openedAt the
	// clock's time elapsed then.
	opened   time.Time
	openedAt time.Duration
	log      *slog.Logger
	bell     *bell
	// toTell is for PostgreSQL alone, checkpoints for SQLite.
	toTell      *announcements
	checkpoints *checkpoints

	intake chan *pending
	// unread ends when nothing more is read from intake.
	unread context.Context
	room   room
	uses   uses
	// prepared belongs to who writes the intake to SQLite.
	prepared map[string]*sql.Stmt
	// ready are the sizes of batches whose queries are prepared.
	ready [batchLimit + 1]bool

	stop    context.CancelFunc
	stopped context.Context
	workers sync.WaitGroup
	closing sync.Once
}

// Open opens the state, makes it if there is none, and brings the schema of an
// older version up to date. It returns a [*SchemaError] if the schema is of a
// newer version of pocketci, and [ErrUnavailable] if there is no database.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	s := &Store{opts: o, clock: o.Clock, log: o.Log, bell: newBell(), intake: make(chan *pending, batchLimit), prepared: map[string]*sql.Stmt{}}
	// Without its monotonic reading, which would count in place of Elapsed.
	s.opened, s.openedAt = o.Clock.Now().Round(0), o.Clock.Elapsed()
	s.stopped, s.stop = context.WithCancel(context.Background())
	var err error
	switch {
	case o.DSN == "":
		if o.DataDir == "" {
			return nil, errors.New("open store: neither a data directory nor a database is given")
		}
		err = s.openSQLite(ctx, filepath.Join(o.DataDir, FileName))
	case strings.HasPrefix(o.DSN, "postgres://"), strings.HasPrefix(o.DSN, "postgresql://"):
		err = s.openPostgres(ctx, o.DSN)
	default:
		// The DSN may hold a password, so that it is not repeated here.
		err = errors.New("the address of the database does not begin with postgres://")
	}
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("open store: %w", err)
	}
	// More writers than one let PostgreSQL put their commits on disk together.
	var (
		writers sync.WaitGroup
		ended   context.CancelFunc
	)
	s.unread, ended = context.WithCancel(context.Background())
	for range s.dialect.writers {
		writers.Go(s.writeIntake)
	}
	s.workers.Go(func() {
		writers.Wait()
		ended()
	})
	return s, nil
}

// Close ends the store. Events that wait to be accepted are accepted first;
// later ones give [ErrClosed].
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.stop()
		s.workers.Wait()
		err = s.write.Close()
		if s.read != s.write {
			err = errors.Join(err, s.read.Close())
		}
		if s.checkpoints != nil {
			err = errors.Join(err, s.checkpoints.db.Close())
		}
	})
	if err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

// Ping reports whether the database can be written now, or else
// [ErrUnavailable] or the context's error. It writes, since a disk that cannot be
// written is not noticed before, and asks for the tables that an event needs,
// of which somebody may have locked one in PostgreSQL.
func (s *Store) Ping(ctx context.Context) error {
	return s.change(ctx, "ping", "ping", func(t *tx) error {
		for _, query := range []string{
			`INSERT INTO turns (queue, repository, turn) VALUES ('', '', 0) ON CONFLICT (queue, repository) DO UPDATE SET turn = turns.turn + 1`,
			`UPDATE events SET filter = filter WHERE id = ''`,
			`UPDATE runs SET filter = filter WHERE id = ''`,
		} {
			if _, err := t.exec(query); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) now() int64 { return micros(s.clock.Now()) }
