package agent

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"
)

const (
	// roomWait is how long a run or call waits for a data directory that can
	// be written again. One that takes more than there will ever be fails
	// after that, so that it does not keep a place for ever.
	roomWait = time.Hour
	// roomEvery is the longest time between two tries meanwhile.
	roomEvery = 30 * time.Second
)

// noRoom reports whether something failed for want of space in the data
// directory, or because that has become read-only. It says nothing about the
// repository.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}

// withRoom does what writes to the data directory, again while there is no room
// for it: what was acknowledged does not fail because of a disk that is full
// for a while. It returns the last error otherwise.
func (a *Agent) withRoom(ctx context.Context, log *slog.Logger, do func() error) error {
	begun, wait := time.Now(), a.cfg.PingEvery
	for waited := false; ; waited = true {
		err := do()
		if !noRoom(err) || ctx.Err() != nil || time.Since(begun) >= roomWait {
			if waited && err == nil {
				log.Info("the data directory can be written again", "after", time.Since(begun))
			}
			return err
		}
		if !waited {
			log.Error("the data directory cannot be written; waiting until it can: free some space, or make it writable",
				"limit", roomWait, "error", a.cfg.Mask(err.Error()))
		}
		pause(ctx, wait)
		wait = min(2*wait, roomEvery)
	}
}
