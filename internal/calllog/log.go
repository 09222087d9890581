package calllog

import (
	"bytes"
	"context"
	"fmt"
	"sync"
)

const (
	// markEvery is how many lines lie between two places that are kept.
	markEvery = 256
	// tailBytes is how much of the end of a log is kept.
	tailBytes = 128 << 10
)

// Log is what is known of the log of one attempt.
type Log struct {
	key    key
	source Source
	// weight belongs to the [Logs] that keep it.
	weight int

	mu    sync.Mutex
	ended bool
	// place is behind all that was read, lines how many lines ended before it, and
	// rest what stands between the last of them and the place.
	place int64
	lines int64
	rest  []byte
	// long is set while a line passes that is longer than is read.
	long bool
	// marks are where the lines 1, 257, 513 and so on begin.
	marks []int64
	// tail are the last lines, tailFirst is the number of the first of them.
	tail      []byte
	tailFirst int64
	steps     steps
}

func newLog(source Source, k key) *Log {
	return &Log{key: k, source: source, tailFirst: 1, steps: newSteps()}
}

// size is how many bytes are kept, roughly.
func (l *Log) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 512 + cap(l.rest) + 8*cap(l.marks) + cap(l.tail) + l.steps.size
}

// update reads what has been written since the last time. Whoever asks for the same
// log meanwhile waits, and has nothing left to read.
func (l *Log) update(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.ended {
		chunks, ended, err := l.source.ReadLogPart(ctx, l.key.call, l.key.attempt, l.place, readBytes)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			if c.First != l.place {
				return fmt.Errorf("read log of call %s: it goes on at byte %d, not %d", l.key.call, c.First, l.place)
			}
			l.add(c.Data)
		}
		if len(chunks) == 0 {
			l.ended = ended
			return nil
		}
	}
	return nil
}

func (l *Log) add(data []byte) {
	for len(data) > 0 {
		begin := l.place - int64(len(l.rest))
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			l.place += int64(len(data))
			if !l.long {
				l.rest = append(l.rest, data...)
			}
			if len(l.rest) > lineLimit {
				l.long, l.rest = true, nil
			}
			return
		}
		line := data[:i]
		if len(l.rest) > 0 {
			l.rest = append(l.rest, line...)
			line = l.rest
		}
		if l.long {
			line = nil
		}
		if l.lines%markEvery == 0 {
			l.marks = append(l.marks, begin)
		}
		l.place += int64(i) + 1
		l.lines++
		l.keep(line)
		l.steps.add(l.lines, line)
		l.rest, l.long = nil, false
		data = data[i+1:]
	}
}

// keep adds a line to the tail, whose older half is dropped once it is too long.
func (l *Log) keep(line []byte) {
	if len(l.tail)+len(line)+1 > tailBytes {
		for len(l.tail) > tailBytes/2 || len(l.tail) > 0 && len(l.tail)+len(line)+1 > tailBytes {
			n := bytes.IndexByte(l.tail, '\n') + 1
			l.tail = l.tail[n:]
			l.tailFirst++
		}
		l.tail = append(make([]byte, 0, min(tailBytes, 2*len(l.tail)+len(line)+1)), l.tail...)
	}
	l.tail = append(append(l.tail, line...), '\n')
}

// errStop ends a walk.
var errStop = fmt.Errorf("enough")

// walk calls each with the lines from a number up to another one, as far as there are
// any. A line that is too long to be read is nil.
func (l *Log) walk(ctx context.Context, from, to int64, each func(number int64, line []byte) error) error {
	from = max(from, 1)
	l.mu.Lock()
	to = min(to, l.lines)
	if from > to {
		l.mu.Unlock()
		return nil
	}
	if from >= l.tailFirst {
		// A copy, since the tail goes on to change.
		tail := l.tail
		for range from - l.tailFirst {
			tail = tail[bytes.IndexByte(tail, '\n')+1:]
		}
		tail = bytes.Clone(tail)
		l.mu.Unlock()
		return divide(tail, from, to, each)
	}
	mark := (from - 1) / markEvery
	place := l.marks[mark]
	l.mu.Unlock()

	n := mark*markEvery + 1
	var rest []byte
	for long := false; n <= to; {
		chunks, _, err := l.source.ReadLogPart(ctx, l.key.call, l.key.attempt, place, readBytes)
		if err != nil || len(chunks) == 0 {
			return err
		}
		for _, c := range chunks {
			place = c.First + int64(len(c.Data))
			for data := c.Data; len(data) > 0; {
				i := bytes.IndexByte(data, '\n')
				if i < 0 {
					if !long {
						rest = append(rest, data...)
					}
					if len(rest) > lineLimit {
						long, rest = true, nil
					}
					break
				}
				line := data[:i]
				if len(rest) > 0 {
					line = append(rest, line...)
				}
				if long {
					line = nil
				}
				rest, long, data = nil, false, data[i+1:]
				if n >= from {
					if err := each(n, line); err != nil {
						return err
					}
				}
				if n++; n > to {
					return nil
				}
			}
		}
	}
	return nil
}

func divide(data []byte, n, to int64, each func(number int64, line []byte) error) error {
	for ; len(data) > 0 && n <= to; n++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		if err := each(n, line); err != nil {
			return err
		}
		data = rest
	}
	return nil
}
