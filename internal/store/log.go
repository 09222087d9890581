package store

import (
	"context"
	"fmt"
	"iter"
	"time"
)

const (
	// chunkLimit is the largest piece of a log that is stored as one.
	chunkLimit = 64 << 10
	// readLimit is how much is read at once, with one chunk on top.
	readLimit = 1 << 20
)

// LogChunk is a piece of a log. Its bytes are those that were given.
type LogChunk struct {
	// First is the place of its first byte in the log.
	First int64
	// At is when it was stored.
	At   time.Time
	Data []byte
}

// AppendLog adds to the log of a claimed call. It is durable when AppendLog
// returns, so that callers gather what comes within some tenths of a second.
// What goes beyond the limit of a log is dropped and the log marked as cut,
// which is no error. The errors are [ErrFenced] and [ErrAborted] if the attempt
// is no longer the agent's; output that comes while an aborted call ends is
// still taken.
func (a *Agent) AppendLog(ctx context.Context, c Claim, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	return a.store.change(ctx, "append-log", "store log of call "+c.Call, func(t *tx) error {
		var size, limit int64 = 0, a.store.opts.LogLimit
		var cut bool
		err := t.get([]any{&size, &cut}, `SELECT log_size, log_cut FROM calls WHERE id = ? AND holder = ? AND token = ? AND attempt = ?`+t.d.forUpdate,
			c.Call, a.id, c.token, c.Attempt)
		if err != nil {
			gone, why := a.holds(func(dest []any, query string) error { return t.get(dest, query, c.Call) }, "calls", c)
			if gone != nil {
				return gone
			}
			if why == nil {
				why = ErrAborted // the next attempt waits for this one to end
			}
			return why
		}
		if cut {
			return nil
		}
		kept := data
		if over := size + int64(len(data)) - limit; over > 0 {
			kept, cut = data[:max(0, int64(len(data))-over)], true
		}
		t.bytes = int64(len(kept))
		now, first := a.store.now(), size
		for len(kept) > 0 {
			part := kept[:min(len(kept), chunkLimit)]
			kept = kept[len(part):]
			if _, err := t.exec(`INSERT INTO logs (call, attempt, first, at, data) VALUES (?, ?, ?, ?, ?)`,
				c.Call, c.Attempt, first, now, part); err != nil {
				return err
			}
			first += int64(len(part))
		}
		t.ring(TopicCall(c.Call))
		_, err = t.exec(`UPDATE calls SET log_size = ?, log_cut = ? WHERE id = ?`, first, bit(cut), c.Call)
		return err
	})
}

// ReadLog returns the chunks of a log from the given byte on, about one MiB of
// them, and whether the attempt has ended: then, and only then, an empty result
// is the end of the log. A chunk that begins earlier is cut to begin there. The
// error is [ErrNotFound] if there is no such attempt, and [ErrLogGone] if its log
// has been deleted by [Store.Prune].
func (s *Store) ReadLog(ctx context.Context, call string, attempt int, from int64) (chunks []LogChunk, ended bool, err error) {
	return s.ReadLogPart(ctx, call, attempt, from, readLimit)
}

// ReadLogPart is [Store.ReadLog] for about size bytes, with one chunk on top.
func (s *Store) ReadLogPart(ctx context.Context, call string, attempt int, from int64, size int) (chunks []LogChunk, ended bool, err error) {
	doing := "read log of call " + call
	var (
		state   State
		holder  string
		current int
	)
	// First, so that there can be nothing behind what is read afterwards.
	if err := s.get(ctx, []any{&state, &holder, &current}, `SELECT state, holder, attempt FROM calls WHERE id = ?`, call); err != nil {
		return nil, false, fmt.Errorf("%s: %w", doing, err)
	}
	if attempt > current || attempt < 1 {
		return nil, false, fmt.Errorf("%s: attempt %d: %w", doing, attempt, ErrNotFound)
	}
	ended = attempt < current || state.Final() && holder == ""
	var (
		c    LogChunk
		at   int64
		read int
	)
	for _, err := range s.each(ctx, []any{&c.First, &at, &c.Data}, `SELECT first, at, data FROM logs WHERE call = ? AND attempt = ?
		AND first >= COALESCE((SELECT max(first) FROM logs WHERE call = ? AND attempt = ? AND first <= ?), 0)
		ORDER BY first LIMIT 1000`, call, attempt, call, attempt, from) {
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", doing, s.failed(err))
		}
		chunk := LogChunk{First: c.First, At: fromMicros(at), Data: append([]byte(nil), c.Data...)}
		if skip := from - chunk.First; skip > 0 {
			if skip >= int64(len(chunk.Data)) {
				continue
			}
			chunk.First, chunk.Data = from, chunk.Data[skip:]
		}
		chunks = append(chunks, chunk)
		if read += len(chunk.Data); read >= size {
			break
		}
	}
	// Last, since it is marked before anything is deleted.
	gone := 0
	if err := s.get(ctx, []any{&gone}, `SELECT COALESCE((SELECT log_gone FROM calls WHERE id = ? AND attempt = ?),
		(SELECT log_gone FROM call_attempts WHERE call = ? AND attempt = ?), 0)`, call, attempt, call, attempt); err != nil {
		return nil, false, fmt.Errorf("%s: %w", doing, err)
	}
	if gone != 0 {
		return nil, true, fmt.Errorf("%s: attempt %d: %w", doing, attempt, ErrLogGone)
	}
	return chunks, ended, nil
}

// FollowLog yields a log from the given byte on as it is written, until the
// attempt has ended or ctx does. The place behind the last chunk is where to
// follow on after an interruption.
func (s *Store) FollowLog(ctx context.Context, call string, attempt int, from int64) iter.Seq2[LogChunk, error] {
	return func(yield func(LogChunk, error) bool) {
		woken, unwatch := s.Watch(TopicCall(call))
		defer unwatch()
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			chunks, ended, err := s.ReadLog(ctx, call, attempt, from)
			if err != nil {
				yield(LogChunk{}, err)
				return
			}
			for _, c := range chunks {
				if !yield(c, nil) {
					return
				}
				from = c.First + int64(len(c.Data))
			}
			if len(chunks) > 0 {
				continue
			}
			if ended {
				return
			}
			select {
			case <-woken:
			case <-look.C:
			case <-ctx.Done():
				yield(LogChunk{}, context.Cause(ctx))
				return
			}
		}
	}
}
