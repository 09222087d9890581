package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/franela/pocketci/internal/metrics"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/store"
)

// pruneEvery is how often what is not to be kept is deleted.
const pruneEvery = time.Hour

// keepEventFiles is how long event files stay for commands that are pasted on
// this machine; the store makes them again at any time.
const keepEventFiles = 7 * 24 * time.Hour

// sample is how much there must be room for in the data directory.
const sample = 256 << 10

// openStore opens the database, in the data directory if no address is given. A
// database that is starting is waited for.
func (p *process) openStore(address string) error {
	options := store.Options{
		DSN: address, DataDir: p.o.dataDir,
		Depth: p.o.queue, MaxLost: cmp.Or(p.o.maxLost, -1), LogLimit: p.o.logLimit << 20,
		Log: p.log,
		// Nothing ends before there is an agent.
		Ended: func(e store.End) { p.agent.Ended(e) },
		Observe: func(operation string, d time.Duration, err error) {
			p.metrics.Store(operation, d, err)
			if operation == "beat" {
				p.metrics.Heartbeat(err == nil)
			}
		},
	}
	deadline := time.Now().Add(storeWait)
	for {
		s, err := store.Open(context.Background(), options)
		if err == nil {
			p.store = s
			p.metrics = metrics.New(versionText(), s)
			return nil
		}
		if !errors.Is(err, store.ErrUnavailable) || time.Now().After(deadline) {
			return err
		}
		p.log.Warn("the database does not answer; trying again", "error", err)
		time.Sleep(pingEvery)
	}
}

// retain deletes what is not to be kept until stop is done.
func (p *process) retain(stop context.Context) {
	const day = 24 * time.Hour
	keep := store.Retention{
		Age:  time.Duration(p.o.keepDays) * day,
		Logs: time.Duration(p.o.keepLogDays) * day,
		Runs: p.o.keepRuns,
	}
	for {
		if err := runs.Prune(p.events(), keepEventFiles); err != nil {
			p.log.Warn("delete old event files", "error", err)
		}
		deleted, err := p.store.Prune(stop, keep)
		switch {
		case err != nil && stop.Err() == nil:
			p.log.Warn("delete old runs", "error", err)
		case deleted > 0:
			p.log.Info("deleted old runs", "runs", deleted)
		}
		select {
		case <-time.After(pruneEvery):
		case <-stop.Done():
			return
		}
	}
}

// writable reports whether files can be made in a directory, and filled. The
// error says what to do.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err == nil {
		// First, so that nothing stays behind if the process is killed. A file
		// without content can be made on a disk that is full.
		err = os.Remove(f.Name())
		_, failed := f.Write(make([]byte, sample))
		err = errors.Join(err, failed, f.Close())
	}
	if err == nil {
		return nil
	}
	advice := "let the agent's user write there"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		advice = "free some space"
	case errors.Is(err, syscall.EROFS):
		advice = "mount its file system for writing"
	}
	return fmt.Errorf("data directory is not writable: %w: %s, or name another directory with --data-dir", err, advice)
}
