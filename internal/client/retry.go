package client

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bounds of trying again.
const (
	firstWait = 500 * time.Millisecond
	maxWait   = 30 * time.Second
	// giveUp is how long an agent may be away, which is longer than a restart
	// of its machine takes.
	giveUp = 15 * time.Minute
)

// Retry is told why a stream is broken and after what time it is opened again.
type Retry func(err error, wait time.Duration)

// errCut says that a stream ended before it said so.
var errCut = errors.New("the connection was cut")

// keepOpen calls open again and again until it returns nil, an error that
// trying again does not help, or ctx ends. An open that has brought news, or
// lasted, starts the waiting times over.
func keepOpen(ctx context.Context, told Retry, open func() (news bool, err error)) error {
	wait, since := firstWait, time.Now()
	for {
		opened := time.Now()
		news, err := open()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !passing(err) {
			return err
		}
		if news || time.Since(opened) > maxWait {
			wait, since = firstWait, time.Now()
		}
		if away := time.Since(since); away > giveUp {
			return fmt.Errorf("gave up after %s: %w", away.Round(time.Second), err)
		}
		if told != nil {
			told(err, wait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		wait = min(2*wait, maxWait)
	}
}
