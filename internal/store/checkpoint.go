package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

const (
	// checkpointEvery is about how many bytes are written to SQLite's log
	// between two checkpoints, commitBytes how many a commit takes at least.
	checkpointEvery = 32 << 20
	commitBytes     = 64 << 10
	// checkpointWait is how long commits may be kept waiting for readers at
	// the end of a checkpoint. If that is not enough, the next one tries again.
	checkpointWait = 20 * time.Millisecond
)

// checkpoints move what SQLite has written from its log to the database beside
// the commits, which would have to wait for that otherwise.
type checkpoints struct {
	db      *sql.DB
	written atomic.Int64
	due     chan struct{}
}

// wrote counts a commit.
func (c *checkpoints) wrote(bytes int64) {
	if c.written.Add(bytes+commitBytes) >= checkpointEvery {
		c.written.Store(0)
		wake(c.due)
	}
}

// checkpoint works as long as the store is open.
func (s *Store) checkpoint() {
	for {
		select {
		case <-s.checkpoints.due:
		case <-s.stopped.Done():
			return
		}
		// The first does the work while others commit. The second finds little
		// left to do, and has the log begin anew, so that it does not grow.
		for _, mode := range []string{"PASSIVE", "RESTART"} {
			if _, err := s.checkpoints.db.ExecContext(context.WithoutCancel(s.stopped), "PRAGMA wal_checkpoint("+mode+")"); err != nil {
				s.log.Warn("cannot move SQLite's log into the database", "mode", mode, "error", s.failed(err))
			}
		}
	}
}
