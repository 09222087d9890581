// Package calllog finds lines and steps in the logs of calls without reading a log
// from its beginning each time, and without holding one in memory.
//
// Lines have numbers, from 1 on, which are their positions in the log of an attempt
// and never change. What is kept of a log is where each 256th line begins, its steps,
// and its last lines, which is what everybody who follows a log asks for.
package calllog

import (
	"container/list"
	"context"
	"sync"

	"github.com/franela/pocketci/internal/store"
)

const (
	// keptBytes bounds what is kept of all logs together.
	keptBytes = 48 << 20
	// readBytes is how much of a log is read at once, with one chunk on top.
	readBytes = 256 << 10
	// lineLimit is the longest line in bytes that is read. What is longer was not
	// written by an agent.
	lineLimit = 4 << 20
)

// Source is where logs are stored; it is a [store.Store].
type Source interface {
	// ReadLogPart returns chunks of a log from a byte on, as [store.Store.ReadLogPart]
	// does.
	ReadLogPart(ctx context.Context, call string, attempt int, from int64, size int) (chunks []store.LogChunk, ended bool, err error)
}

// Logs are the logs of all calls. What it knows of those that nobody has asked for in
// a while is forgotten. Its methods may be called from several goroutines.
type Logs struct {
	source Source

	mu     sync.Mutex
	known  map[key]*list.Element // of *Log
	recent *list.List            // the one that was asked for last is in front
	weight int
}

type key struct {
	call    string
	attempt int
}

// New returns the logs of a source.
func New(source Source) *Logs {
	return &Logs{source: source, known: map[key]*list.Element{}, recent: list.New()}
}

// Log returns the log of an attempt as it is now. The errors are those of the source:
// [store.ErrNotFound] and [store.ErrLogGone] among them.
func (l *Logs) Log(ctx context.Context, call string, attempt int) (*Log, error) {
	log := l.find(key{call, attempt})
	err := log.update(ctx)
	// What somebody has read who did not wait for the rest is of use to the next one.
	l.weigh(log, err == nil || ctx.Err() != nil)
	if err != nil {
		return nil, err
	}
	return log, nil
}

// Forget drops what is known of the log of an attempt.
func (l *Logs) Forget(call string, attempt int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.known[key{call, attempt}]; e != nil {
		l.drop(e)
	}
}

func (l *Logs) find(k key) *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.known[k]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*Log)
	}
	log := newLog(l.source, k)
	l.known[k] = l.recent.PushFront(log)
	return log
}

// weigh takes account of what a log has grown by. One that cannot be read is not kept.
func (l *Logs) weigh(log *Log, readable bool) {
	weight := log.size()
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.known[log.key]
	if e == nil || e.Value.(*Log) != log {
		return // forgotten meanwhile
	}
	l.weight += weight - log.weight
	log.weight = weight
	if !readable {
		l.drop(e)
	}
	for l.weight > keptBytes && l.recent.Len() > 1 {
		l.drop(l.recent.Back())
	}
}

func (l *Logs) drop(e *list.Element) {
	log := l.recent.Remove(e).(*Log)
	delete(l.known, log.key)
	l.weight -= log.weight
	log.weight = 0
}
