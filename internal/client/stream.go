package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// Log yields the lines that an attempt of a call has logged so far. Attempt 0
// is the present one.
func (c *Client) Log(ctx context.Context, call string, attempt int) iter.Seq2[v1.LogLine, error] {
	return func(yield func(v1.LogLine, error) bool) {
		r := get("calls", call, "log")
		r.query = url.Values(params{"format": {"ndjson"}}.number("attempt", int64(attempt)))
		r.accept = "application/x-ndjson"
		res, err := c.send(ctx, r)
		if err != nil {
			yield(v1.LogLine{}, err)
			return
		}
		defer res.Body.Close()
		lines := bufio.NewReader(res.Body)
		for {
			text, err := readLine(lines)
			if errors.Is(err, io.EOF) {
				return
			}
			var line v1.LogLine
			switch {
			case err != nil:
				err = c.broken(ctx, err)
			case text == "":
				continue
			default:
				err = c.decode(text, &line)
			}
			if !yield(line, err) || err != nil {
				return
			}
		}
	}
}

// FollowLog yields the lines of an attempt of a call from its first one on, as
// they are written, until the attempt has ended. Attempt 0 is the present one.
// A broken stream is opened again behind the last line that was read, which is
// told to retry before; retry may be nil.
func (c *Client) FollowLog(ctx context.Context, call string, attempt int, retry Retry) iter.Seq2[v1.LogLine, error] {
	return func(yield func(v1.LogLine, error) bool) {
		stopped := false
		var from int64
		err := keepOpen(ctx, retry, func() (news bool, err error) {
			if attempt == 0 {
				// By its number, since offsets are those of one attempt.
				found, err := c.Call(ctx, call)
				if err != nil {
					return false, err
				}
				attempt = found.Attempt
			}
			r := get("calls", call, "log", "stream")
			r.query = url.Values(params{}.number("attempt", int64(attempt)).number("from", from))
			return c.follow(ctx, r, func(m message) (end bool, err error) {
				if m.event == "end" {
					return true, nil
				}
				var line v1.LogLine
				if err := c.decode(m.data, &line); err != nil {
					return false, err
				}
				if stopped = !yield(line, nil); stopped {
					return true, nil
				}
				offset, err := strconv.ParseInt(m.id, 10, 64)
				if err != nil || offset < from {
					return false, c.strange(fmt.Errorf("a line of the log has the offset %.20q", m.id))
				}
				from = offset
				return false, nil
			})
		})
		if err != nil && !stopped {
			yield(v1.LogLine{}, err)
		}
	}
}

// WatchRun yields a run with its calls at once and then whenever it changes,
// until the given attempt, or a later one, has ended. The run is given by its
// id or number. A broken stream is opened again as with [Client.FollowLog].
func (c *Client) WatchRun(ctx context.Context, run string, attempt int, retry Retry) iter.Seq2[v1.Run, error] {
	return func(yield func(v1.Run, error) bool) {
		stopped := false
		err := keepOpen(ctx, retry, func() (bool, error) {
			ended := false
			news, err := c.follow(ctx, get("runs", run, "stream"), func(m message) (bool, error) {
				if m.data == "" || m.event == "end" {
					return ended, nil
				}
				var r v1.Run
				if err := c.decode(m.data, &r); err != nil {
					return false, err
				}
				ended = Ended(r.State) && r.Attempt >= attempt
				stopped = !yield(r, nil)
				return stopped || ended, nil
			})
			return news, err
		})
		if err != nil && !stopped {
			yield(v1.Run{}, err)
		}
	}
}

// Ended reports whether a state of a run or call is a last one.
func Ended(state string) bool {
	switch state {
	case "queued", "waiting-approval", "running":
		return false
	}
	return true
}

// streamSilence is how long a stream may bring nothing. Agents send a comment
// every 15 seconds.
const streamSilence = 90 * time.Second

var errSilent = stallError(fmt.Sprintf("the connection brought nothing for %s", streamSilence))

// readerFunc is a reader that is a function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// follow reads a stream until handle says that it has ended. A stream that
// ends before is an error that trying again helps.
func (c *Client) follow(ctx context.Context, r request, handle func(message) (end bool, err error)) (news bool, err error) {
	r.accept = eventStream
	heard, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(streamSilence, func() { cancel(errSilent) })
	defer silence.Stop()
	res, err := c.send(heard, r)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	body := readerFunc(func(p []byte) (int, error) {
		silence.Reset(streamSilence)
		return res.Body.Read(p)
	})
	for m, err := range messages(body) {
		if errors.Is(err, errMessageSize) {
			return news, c.strange(err)
		}
		if err != nil {
			return news, c.broken(heard, err)
		}
		end, err := handle(m)
		if end || err != nil {
			return true, err
		}
		news = true
	}
	return news, c.broken(ctx, errCut)
}

// decode reads one value of a stream.
func (c *Client) decode(text string, out any) error {
	if err := json.Unmarshal([]byte(text), out); err != nil {
		return c.strange(err)
	}
	return nil
}
