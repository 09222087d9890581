// Package progress tells a person what is going on and that it still does.
package progress

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// heartbeat is how long a step may be silent before it says that it is alive.
const heartbeat = 10 * time.Second

// Log writes one line per step, with the time since it was made.
type Log struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

// New returns a Log that writes to out.
func New(out io.Writer) *Log {
	return &Log{out: out, start: time.Now()}
}

// Printf writes one line.
func (l *Log) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "engine %7.1fs  %s\n", time.Since(l.start).Seconds(), fmt.Sprintf(format, args...))
}

// Step runs do between two lines, with further lines while it takes long. The
// note that do may set is added to those, so that a long step shows progress.
func (l *Log) Step(ctx context.Context, name string, do func(ctx context.Context, note func(string)) error) error {
	began := time.Now()
	l.Printf("%s …", name)

	var mu sync.Mutex
	var latest string
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		latest = s
	}

	done := make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		ticker := time.NewTicker(heartbeat)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				mu.Lock()
				l.Printf("%s … still running after %s %s", name, time.Since(began).Round(time.Second), latest)
				mu.Unlock()
			}
		}
	})
	err := do(ctx, note)
	close(done)
	ticking.Wait()

	if err != nil {
		l.Printf("%s: failed after %s", name, time.Since(began).Round(10*time.Millisecond))
		return fmt.Errorf("%s: %w", name, err)
	}
	l.Printf("%s: done in %s", name, time.Since(began).Round(10*time.Millisecond))
	return nil
}
