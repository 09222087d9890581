package api

import (
	"bytes"
	"encoding/json"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// lineLimit is the longest line of a log that is put together. What is longer
// was not written by an agent.
const lineLimit = 4 << 20

// lines puts a log together from its chunks.
type lines struct {
	// skip is set while the rest of a line passes that was begun before.
	skip bool
	// rest is a line that has not ended, next the place behind it.
	rest []byte
	next int64
}

// from returns lines that begin at the first one that begins at a place or
// behind it, and where to read from to have it.
func from(place int64) (*lines, int64) {
	if place <= 0 {
		return &lines{}, 0
	}
	// The byte in front is the end of a line if one begins here.
	return &lines{skip: true, next: place - 1}, place - 1
}

// add takes the next chunk and calls each with its lines, without their ends,
// and the place behind each.
func (l *lines) add(c store.LogChunk, each func(line []byte, behind int64) error) error {
	data := c.Data
	l.next = c.First
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			l.next += int64(len(data))
			if !l.skip {
				l.rest = append(l.rest, data...)
			}
			if len(l.rest) > lineLimit {
				l.rest, l.skip = nil, true
			}
			return nil
		}
		l.next += int64(i) + 1
		line := data[:i]
		if len(l.rest) > 0 {
			line = append(l.rest, line...)
			l.rest = nil
		}
		data = data[i+1:]
		if l.skip {
			l.skip = false
			continue
		}
		if err := each(line, l.next); err != nil {
			return err
		}
	}
}

// oneLine makes a line of a log fit for a line of a stream, and returns nil if
// it is not one of a log: the last one of a log that was cut can be a part.
func oneLine(line []byte) []byte {
	if !json.Valid(line) {
		return nil
	}
	if bytes.IndexByte(line, '\r') < 0 {
		return line
	}
	var b bytes.Buffer
	if json.Compact(&b, line) != nil {
		return nil
	}
	return b.Bytes()
}

// readLine reads a line of a log, and reports false if it is not one.
func readLine(line []byte) (l v1.LogLine, ok bool) {
	err := json.Unmarshal(line, &l)
	return l, err == nil
}
