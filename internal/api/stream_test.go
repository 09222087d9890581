package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// message is a server-sent event.
type message struct{ id, event, data string }

// following is a stream that is read.
type following struct {
	// messages ends with the stream.
	messages chan message
	// beats has the comments.
	beats chan struct{}
	// hangUp ends the stream from the client's side.
	hangUp context.CancelFunc
}

// follow opens a stream. Headers are pairs of name and value.
func (f *fixture) follow(path string, headers ...string) *following {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.t.Context())
	f.t.Cleanup(cancel)
	r := f.request(f.keys[v1.ScopeRead], http.MethodGet, path, nil).WithContext(ctx)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := f.server.Client().Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		body, _ := io.ReadAll(response.Body)
		f.t.Fatalf("%s gives %d, %s: %s", path, response.StatusCode, response.Header.Get("Content-Type"), body)
	}
	s := &following{messages: make(chan message, 1000), beats: make(chan struct{}, 1000), hangUp: cancel}
	go func() {
		defer close(s.messages)
		defer response.Body.Close()
		lines := bufio.NewReader(response.Body)
		var m message
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "id":
				m.id = value
			case "event":
				m.event = value
			case "data":
				m.data = value
			case ":":
				select {
				case s.beats <- struct{}{}:
				default:
				}
			case "":
				if m != (message{}) {
					s.messages <- m
				}
				m = message{}
			}
		}
	}()
	return s
}

// next is the next message, which must come.
func (s *following) next(t *testing.T) message {
	t.Helper()
	select {
	case m, more := <-s.messages:
		if !more {
			t.Fatal("the stream has ended")
		}
		return m
	case <-time.After(time.Minute):
		t.Fatal("nothing comes")
	}
	panic("unreachable")
}

// over waits for the end of the stream, before which nothing may come.
func (s *following) over(t *testing.T) {
	t.Helper()
	select {
	case m, more := <-s.messages:
		if more {
			t.Errorf("there is another message: %+v", m)
		}
	case <-time.After(time.Minute):
		t.Fatal("the stream does not end")
	}
}

func endOf(t *testing.T, m message) v1.End {
	t.Helper()
	var end v1.End
	if err := json.Unmarshal([]byte(m.data), &end); m.event != "end" || err != nil {
		t.Fatalf("%+v is no end (%v)", m, err)
	}
	return end
}

func TestFollowingALog(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "x")
	c := f.claimed(r)
	stored := f.write(c, output(1), output(2))
	s := f.follow("/calls/" + c.Call + "/log/stream")
	place := 0
	for line := range strings.Lines(stored) {
		place += len(line)
		if m := s.next(t); m.data != strings.TrimSuffix(line, "\n") || m.id != strconv.Itoa(place) || m.event != "" {
			t.Errorf("got %+v, want %s behind %d", m, line, place)
		}
	}
	// A line comes when it is whole.
	third := `{"time":"2026-11-22T12:00:00Z","state":"output","text":"drei 🚀"}`
	f.append(c, third[:20])
	f.append(c, third[20:])
	f.append(c, "\r\n")
	place += len(third) + 2
	if m := s.next(t); m.data != third || m.id != strconv.Itoa(place) {
		t.Errorf("got %+v, want %s behind %d", m, third, place)
	}
	f.finish(c, store.StateFailed)
	if end := endOf(t, s.next(t)); end.State != "failed" || end.Reason != "exit code 1" || end.Attempt != 1 {
		t.Errorf("the end is %+v", end)
	}
	s.over(t)
	// What was interrupted goes on where it was, wherever that is.
	first := strings.Index(stored, "\n") + 1
	for name, resumed := range map[string]*following{
		"header":          f.follow("/calls/"+c.Call+"/log/stream", "Last-Event-ID", strconv.Itoa(first)),
		"from":            f.follow(fmt.Sprintf("/calls/%s/log/stream?from=%d", c.Call, first)),
		"in a line":       f.follow(fmt.Sprintf("/calls/%s/log/stream?from=%d", c.Call, first-3)),
		"header and from": f.follow("/calls/"+c.Call+"/log/stream?from=0", "Last-Event-ID", strconv.Itoa(first)),
	} {
		if m := resumed.next(t); m.id != strconv.Itoa(len(stored)) || !strings.Contains(m.data, "line 2") {
			t.Errorf("%s: it goes on with %+v", name, m)
		}
		if m := resumed.next(t); m.data != third {
			t.Errorf("%s: then comes %+v", name, m)
		}
		endOf(t, resumed.next(t))
		resumed.over(t)
	}
	s = f.follow("/calls/"+c.Call+"/log/stream", "Last-Event-ID", strconv.Itoa(place))
	endOf(t, s.next(t))
	s.over(t)
	// The next attempt has a log of its own.
	if _, err := f.store.Restart(t.Context(), r.Run, store.RestartAll, store.Actor{Person: "test"}); err != nil {
		t.Fatal(err)
	}
	s = f.follow("/calls/" + c.Call + "/log/stream?attempt=1")
	for range 3 {
		s.next(t)
	}
	if end := endOf(t, s.next(t)); end.State != "failed" || end.Attempt != 1 {
		t.Errorf("the end of attempt 1 is %+v", end)
	}
	s = f.follow("/calls/" + c.Call + "/log/stream")
	c = f.claimed(r)
	f.write(c, output(7))
	if m := s.next(t); !strings.Contains(m.data, "line 7") {
		t.Errorf("attempt 2 has %+v", m)
	}
	f.finish(c, store.StateSucceeded)
	if end := endOf(t, s.next(t)); end.State != "succeeded" || end.Attempt != 2 {
		t.Errorf("the end of attempt 2 is %+v", end)
	}
}

// The log is in the store, so that a stream goes on after the agent was
// started again, also if that was in mid-call.
func TestFollowingOverARestart(t *testing.T) {
	f := newFixture(t)
	c := f.claimed(f.planned("a/b", "x"))
	f.write(c, output(1))
	s := f.follow("/calls/" + c.Call + "/log/stream")
	last := s.next(t)
	f.stop()
	s.over(t)
	g := newFixture(t, func(o *api.Options, _ *http.Server) { o.Store = f.store })
	g.keys = f.keys
	f.write(c, output(2))
	s = g.follow("/calls/"+c.Call+"/log/stream", "Last-Event-ID", last.id)
	if m := s.next(t); !strings.Contains(m.data, "line 2") {
		t.Errorf("it goes on with %+v", m)
	}
	f.finish(c, store.StateSucceeded)
	endOf(t, s.next(t))
}

func TestFollowingARun(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "x")
	s := f.follow(fmt.Sprintf("/runs/%d/stream", r.Number))
	shown := func() v1.Run {
		t.Helper()
		var run v1.Run
		m := s.next(t)
		if err := json.Unmarshal([]byte(m.data), &run); err != nil || m.event != "" {
			t.Fatalf("%+v: %v", m, err)
		}
		return run
	}
	if run := shown(); run.ID != r.Run || run.State != "running" || run.Calls[0].State != "queued" || run.Plan != nil {
		t.Errorf("first it is %+v", run)
	}
	c := f.claimed(r)
	if run := shown(); run.Calls[0].State != "running" || run.Calls[0].Command != "dagger call x" {
		t.Errorf("then it is %+v", run)
	}
	f.finish(c, store.StateFailed)
	if run := shown(); run.State != "failed" || run.Calls[0].State != "failed" {
		t.Errorf("at the end it is %+v", run)
	}
	if end := endOf(t, s.next(t)); end.State != "failed" || end.Attempt != 1 {
		t.Errorf("the end is %+v", end)
	}
	s.over(t)
}

// Streams without news are kept, and outlive what the server gives requests.
func TestStreamsThatLast(t *testing.T) {
	f := newFixture(t, func(o *api.Options, s *http.Server) {
		o.KeepAlive = 250 * time.Millisecond
		s.ReadTimeout, s.WriteTimeout = 2*time.Second, 2*time.Second // which other requests keep
	})
	r := f.planned("a/b", "x")
	c := f.claimed(r)
	log, run := f.follow("/calls/"+c.Call+"/log/stream"), f.follow("/runs/"+r.Run+"/stream")
	run.next(t)
	for range 10 {
		<-log.beats
		<-run.beats
	}
	f.write(c, output(1))
	log.next(t)
	f.finish(c, store.StateSucceeded)
	endOf(t, log.next(t))
	run.next(t)
	endOf(t, run.next(t))
}

// Whoever loses the key loses the stream.
func TestStreamsEndWithTheirKey(t *testing.T) {
	f := newFixture(t, func(o *api.Options, _ *http.Server) { o.KeepAlive = 10 * time.Millisecond })
	r := f.planned("a/b", "x")
	log, run := f.follow("/calls/"+f.claimed(r).Call+"/log/stream"), f.follow("/runs/"+r.Run+"/stream")
	run.next(t)
	<-log.beats
	keys, err := f.store.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := f.store.DeleteKey(t.Context(), k.ID, store.Actor{Person: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	log.over(t)
	run.over(t)
}

// A client that goes away or reads nothing leaves nothing behind; goleak looks
// at the end of all tests. Neither keeps others from reading.
func TestClientsThatAreNoGood(t *testing.T) {
	closed := make(chan string, 100)
	f := newFixture(t, func(o *api.Options, s *http.Server) {
		o.Stall = time.Second
		s.ConnState = func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed <- c.RemoteAddr().String()
			}
		}
		s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			// Else the system takes it all for the client.
			if err := c.(*net.TCPConn).SetWriteBuffer(16 << 10); err != nil {
				t.Error(err)
			}
			return ctx
		}
	})
	r := f.planned("a/b", "x")
	c := f.claimed(r)
	gone := f.follow("/calls/" + c.Call + "/log/stream")
	goneToo := f.follow("/runs/" + r.Run + "/stream")
	gone.hangUp()
	goneToo.hangUp()
	for range gone.messages {
	}
	for range goneToo.messages {
	}
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(16 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET %s/calls/%s/log/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", v1.Prefix, c.Call, f.keys[v1.ScopeRead])
	good := f.follow("/calls/" + c.Call + "/log/stream")
	long := v1.LogLine{Time: noon, State: "output", Text: strings.Repeat("x", 500_000)}
	for range 15 {
		f.write(c, long)
		good.next(t)
	}
	f.finish(c, store.StateSucceeded)
	endOf(t, good.next(t))
	for address := range closed { // the server gives up
		if address == conn.LocalAddr().String() {
			break
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil || strings.Contains(string(data), "event: end") {
		t.Errorf("a client that reads nothing got all %d bytes", len(data))
	}
}

// When the server stops its streams end at once.
func TestStreamsEndWithTheServer(t *testing.T) {
	f := newFixture(t)
	r := f.planned("a/b", "x")
	log, run := f.follow("/calls/"+f.claimed(r).Call+"/log/stream"), f.follow("/runs/"+r.Run+"/stream")
	run.next(t)
	f.stop()
	log.over(t)
	run.over(t)
}
