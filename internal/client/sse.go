package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// messageLimit is the largest message of a stream, in bytes: a line of a log
// with everything that JSON adds to it.
const messageLimit = 64 << 20

// message is one of a stream of server-sent events.
type message struct {
	id, event, data string
}

// errMessageSize says that a stream is none that an agent sends.
var errMessageSize = fmt.Errorf("a message is larger than %d MiB", messageLimit>>20)

// messages reads server-sent events as the HTML standard defines them, but that
// a message may have a name and no data. The sequence ends with the stream;
// what comes after the last empty line is no message.
func messages(r io.Reader) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		lines := bufio.NewReader(r)
		var (
			m     message
			data  strings.Builder
			parts int
		)
		for first := true; ; first = false {
			line, err := readLine(lines)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(message{}, err)
				return
			}
			if first {
				line = strings.TrimPrefix(line, "\ufeff")
			}
			if line == "" {
				if parts > 0 || m.event != "" {
					m.data = data.String()
					if !yield(m, nil) {
						return
					}
				}
				data.Reset()
				// The id holds until there is another.
				m, parts = message{id: m.id}, 0
				continue
			}
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "event":
				m.event = value
			case "data":
				if data.Len()+len(value) > messageLimit {
					yield(message{}, errMessageSize)
					return
				}
				if parts++; parts > 1 {
					data.WriteByte('\n')
				}
				data.WriteString(value)
			case "id":
				if !strings.Contains(value, "\x00") {
					m.id = value
				}
			}
		}
	}
}

// readLine reads up to the next line feed and returns the line without its end.
// A last line without one gives [io.EOF].
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > messageLimit {
			return "", errMessageSize
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return "", err
		}
		return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
	}
}
