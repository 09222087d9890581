package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// As returns a transport that has the API answer requests in this process, for a
// visitor. The host of a request is only a name. Who the visitor is stands in the
// context, so that headers cannot say otherwise. As with [http.Transport] the
// body of an answer comes as it is made, and is to be closed; closing it ends the
// operation, and returns when that has ended.
func (a *API) As(v Visitor) http.RoundTripper {
	return &inProcess{handler: a, visitor: v, log: a.service.Log}
}

// inProcess has a handler answer requests without a network.
type inProcess struct {
	handler http.Handler
	visitor Visitor
	log     *slog.Logger
}

// errHandler says that an answer is not whole.
var errHandler = errors.New("the API broke its answer off")

// RoundTrip implements [http.RoundTripper].
func (p *inProcess) RoundTrip(out *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(context.WithValue(out.Context(), visitorKey{}, &p.visitor))
	r := out.Clone(ctx)
	r.Header.Del("Authorization") // it is the session that counts
	r.RequestURI, r.RemoteAddr, r.Host = r.URL.RequestURI(), p.visitor.Remote, r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	here, there := net.Pipe()
	x := &exchange{ctx: out.Context(), cancel: cancel, here: here, done: make(chan struct{})}
	w := &writer{header: http.Header{}, pipe: there, begun: make(chan struct{}), silent: r.Method == http.MethodHead}
	w.buffer = bufio.NewWriter(there)
	// Whoever waits at one end of the pipe has nobody to wait for then.
	stop := context.AfterFunc(ctx, func() { _, _ = here.Close(), there.Close() })
	go func() {
		defer close(x.done)
		defer stop()
		x.err = p.serve(w, r)
		_, _ = r.Body.Close(), there.Close() // neither can fail in a way that matters
	}()
	select {
	case <-w.begun:
	case <-x.done: // without having answered
	case <-ctx.Done():
	}
	select {
	case <-w.begun:
	default:
		_ = x.Close()
		return nil, x.failure()
	}
	res := &http.Response{
		StatusCode: w.status, Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: x, ContentLength: -1, Request: out,
	}
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
		res.ContentLength = n
	}
	return res, nil
}

// serve has the handler answer. What it panics with ends this answer and no more.
func (p *inProcess) serve(w *writer, r *http.Request) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value != http.ErrAbortHandler {
			logPanic(p.log, r, value, debug.Stack())
		}
		err = errHandler
	}()
	p.handler.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
	if err := w.buffer.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errHandler, err)
	}
	return nil
}

// exchange is the body of an answer.
type exchange struct {
	// ctx is that of the request as it came.
	ctx    context.Context
	cancel context.CancelFunc
	here   net.Conn
	// done is closed when the handler has returned; err is why its answer is not
	// whole.
	done chan struct{}
	err  error
}

// Read implements [io.Reader].
func (x *exchange) Read(b []byte) (int, error) {
	n, err := x.here.Read(b)
	if err == nil {
		return n, nil
	}
	if cause := context.Cause(x.ctx); cause != nil {
		return n, cause
	}
	if !errors.Is(err, io.EOF) {
		return n, err // it was closed here
	}
	<-x.done
	if x.err != nil {
		return n, x.err
	}
	return n, io.EOF
}

// Close implements [io.Closer].
func (x *exchange) Close() error {
	x.cancel()
	err := x.here.Close()
	<-x.done
	return err
}

// failure is why there is no answer. The handler has ended.
func (x *exchange) failure() error {
	if cause := context.Cause(x.ctx); cause != nil {
		return cause
	}
	return x.err // a handler that does not panic has answered
}

// writer is the other side of an exchange.
type writer struct {
	header, sent http.Header
	status       int
	pipe         net.Conn
	buffer       *bufio.Writer
	once         sync.Once
	// begun is closed when there are a status and headers.
	begun chan struct{}
	// silent answers have no body.
	silent bool
}

// Header implements [http.ResponseWriter].
func (w *writer) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *writer) WriteHeader(status int) {
	if status < http.StatusOK {
		return // it is no answer yet
	}
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		w.silent = w.silent || status == http.StatusNoContent || status == http.StatusNotModified
		close(w.begun)
	})
}

// Write implements [http.ResponseWriter].
func (w *writer) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.silent {
		return len(data), nil
	}
	return w.buffer.Write(data)
}

// FlushError is for [http.ResponseController].
func (w *writer) FlushError() error {
	w.WriteHeader(http.StatusOK)
	return w.buffer.Flush()
}

// SetWriteDeadline is for [http.ResponseController].
func (w *writer) SetWriteDeadline(t time.Time) error { return w.pipe.SetWriteDeadline(t) }
