package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// live is the connection to a page that is kept up to date, by server-sent events. The
// event patch holds elements that take the places of those with the same ids; end is
// the last event.
type live struct {
	v       *visit
	page    *page
	control *http.ResponseController

	mu sync.Mutex
	// sent are the sums of the parts as the browser has them.
	sent map[string][sha256.Size]byte
}

// rendered is a part of a page that was rendered before, for many.
type rendered []byte

// push renders a part of a page, unless it is [rendered], and sends it unless the browser has it already. Key
// names the part among those of the same name.
type push func(part, key string, data any) error

// live keeps a page up to date for as long as f runs. It ends when f returns, with the
// visitor, or once the session has ended. What f returns is not for people.
func (v *visit) live(name string, f func(ctx context.Context, send push) error) error {
	return v.stream(name, func(ctx context.Context, l *live) error { return f(ctx, l.push) })
}

// stream is [visit.live] for who sends other events as well.
func (v *visit) stream(name string, f func(ctx context.Context, l *live) error) error {
	p, known := v.site.pages[name]
	if !known {
		return fmt.Errorf("there is no page %s", name)
	}
	depart, room := v.site.follow(v)
	if !room {
		return v.crowded()
	}
	defer depart()
	l := &live{v: v, page: p, control: http.NewResponseController(v.w), sent: map[string][sha256.Size]byte{}}
	v.w.Header().Set("Content-Type", "text/event-stream")
	// nginx would gather what is sent.
	v.w.Header().Set("X-Accel-Buffering", "no")
	if v.r.Method == http.MethodHead {
		return nil // it could wait for ever for what is not sent
	}
	// Where there are no deadlines, none need to be moved, here and below.
	_ = l.control.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithCancelCause(v.ctx())
	var beating sync.WaitGroup
	beating.Go(func() { cancel(l.beat(ctx)) })
	err := l.write([]byte(":\n\n"))
	if err == nil {
		err = f(ctx, l)
	}
	if err == nil {
		err = l.write([]byte("event: end\ndata:\n\n"))
	}
	cancel(nil)
	beating.Wait()
	if err != nil && ctx.Err() == nil {
		// The browser comes again.
		v.site.Log.Debug("a page is not kept up to date any more", "path", v.r.URL.Path, "error", err)
	}
	return nil
}

func (l *live) push(part, key string, data any) error {
	out, done := data.(rendered)
	if !done {
		var err error
		if out, err = l.page.part(part, data); err != nil {
			return err
		}
	}
	id, sum := part+" "+key, sha256.Sum256(out)
	l.mu.Lock()
	known := l.sent[id] == sum
	l.sent[id] = sum
	l.mu.Unlock()
	if known {
		return nil
	}
	return l.send("", "patch", out)
}

// send sends an event with lines of HTML. A browser that comes again says the id of the
// last one that had some.
func (l *live) send(id, name string, out []byte) error { return l.write(message(id, name, out)) }

// message is an event as it is sent.
func message(id, name string, out []byte) []byte {
	var b bytes.Buffer
	if id != "" {
		b.WriteString("id: " + id + "\n")
	}
	b.WriteString("event: " + name + "\n")
	for line := range bytes.SplitSeq(out, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(bytes.ReplaceAll(line, []byte("\r"), nil))
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return b.Bytes()
}

func (l *live) write(text []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.control.SetWriteDeadline(time.Now().Add(l.v.site.Stall))
	if _, err := l.v.w.Write(text); err != nil {
		return fmt.Errorf("send to the browser: %w", err)
	}
	return l.control.Flush()
}

// errEnded is why nothing more is sent.
var errEnded = errors.New("the session has ended")

// beat keeps the connection in use, and returns when the visitor has gone or may look no
// more.
func (l *live) beat(ctx context.Context) error {
	beats := time.NewTicker(l.v.site.KeepAlive)
	defer beats.Stop()
	for {
		select {
		case <-beats.C:
		case <-ctx.Done():
			return nil
		}
		if l.v.me != nil {
			if _, err := l.v.api.Me(ctx); err != nil && ctx.Err() == nil {
				return errors.Join(errEnded, err)
			}
		}
		if err := l.write([]byte(":\n\n")); err != nil {
			return err
		}
	}
}

// patienceLimit is how long a page may take that has modules loaded.
const patienceLimit = 6 * time.Minute

// patient lets an answer take longer than the server gives requests, as modules may have to
// be loaded first.
func (v *visit) patient() {
	control := http.NewResponseController(v.w)
	// Where there are no deadlines, none need to be moved. That for reading would end the
	// context of the request.
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Now().Add(patienceLimit))
}
