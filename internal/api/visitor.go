package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// Visitor is somebody who looks at the pages.
type Visitor struct {
	// Session is the token of who has signed in, empty for a stranger.
	Session string
	// Remote is the address of the client.
	Remote string
	// Public reports whether a stranger may read a repository's runs. Nil is for
	// none that he may.
	Public func(repository string) bool
}

// visitorKey is what the [*Visitor] of a request is under in its context. No request
// from outside has one.
type visitorKey struct{}

// SignIn makes a session of the key that a secret belongs to. Wrong secrets count as
// requests with a wrong key do, and give the same problems.
func (a *API) SignIn(ctx context.Context, remote, secret string) (store.Session, string, error) {
	s := a.service
	if err := s.paced(remote); err != nil {
		return store.Session{}, "", err
	}
	session, token, err := s.Store.CreateSession(ctx, secret, store.Actor{Remote: remote})
	if err = s.unknown(remote, err); err != nil {
		return store.Session{}, "", s.problem(ctx, "sign-in", err)
	}
	return session, token, nil
}

// SignOut ends a session, if there is one.
func (a *API) SignOut(ctx context.Context, token, remote string) error {
	return a.service.Store.DeleteSession(ctx, token, store.Actor{Remote: remote})
}

// visitor returns who a visitor is, or the problem if that is nobody who may use an
// operation.
func (s *service) visitor(ctx context.Context, v *Visitor, needed v1.Scope, public bool) (*caller, error) {
	if v.Session == "" {
		if !public {
			return nil, unauthorized("", "this needs an API key")
		}
		return &caller{
			actor:   store.Actor{Person: "a stranger", Remote: v.Remote},
			limited: true, public: v.Public,
			check: func(context.Context) error { return nil },
		}, nil
	}
	session, err := s.Store.Session(ctx, v.Session)
	switch {
	case errors.Is(err, store.ErrNoSession):
		return nil, unauthorized(`, error="invalid_token"`, "the session has ended")
	case err != nil:
		return nil, err
	}
	if err := permit(session.Key, needed); err != nil {
		return nil, err
	}
	return &caller{
		key:   session.Key,
		actor: store.Actor{Person: session.Key.Name, Key: session.Key.ID, Remote: v.Remote},
		check: func(ctx context.Context) error {
			if _, err := s.Store.Session(ctx, v.Session); errors.Is(err, store.ErrNoSession) {
				return err
			}
			return nil // a database that is away ends nobody's session
		},
	}, nil
}

// sees reports whether a caller may read what belongs to a repository.
func (c *caller) sees(repository string) bool {
	return !c.limited || c.public != nil && repository != "" && c.public(repository)
}

// seen returns a problem if the caller may not read what belongs to a repository: the
// same as if it were not there.
func seen(ctx context.Context, repository string) error {
	if who(ctx).sees(repository) {
		return nil
	}
	return fmt.Errorf("of a repository that is not public: %w", store.ErrNotFound)
}

// As returns a transport for requests in this process, which are made as a visitor. A
// request ends with its context, and when the body of its answer is closed.
func (a *API) As(v Visitor) http.RoundTripper { return &local{a, &v} }

type local struct {
	api     *API
	visitor *Visitor
}

// RoundTrip implements [http.RoundTripper].
func (l *local) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), visitorKey{}, l.visitor))
	in := r.Clone(ctx)
	in.RemoteAddr, in.RequestURI = l.visitor.Remote, r.URL.RequestURI()
	// Who asks is the visitor, and nobody else.
	in.Header.Del("Authorization")
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, write := io.Pipe()
	out := &reply{header: http.Header{}, body: write, begun: make(chan struct{})}
	go func() {
		defer func() {
			switch fault := recover(); fault {
			case nil:
				out.WriteHeader(http.StatusOK)
				_ = write.Close()
			default: // it has been logged if it was no [http.ErrAbortHandler]
				_ = write.CloseWithError(io.ErrUnexpectedEOF)
				out.abandon()
			}
			_ = in.Body.Close()
		}()
		l.api.ServeHTTP(out, in)
	}()
	select {
	case <-out.begun:
	case <-ctx.Done():
		cancel()
		_ = body.Close()
		return nil, context.Cause(r.Context())
	}
	if out.status == 0 {
		cancel()
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		Status: http.StatusText(out.status), StatusCode: out.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.sent, Body: &pipe{body, cancel}, ContentLength: -1, Request: r,
	}, nil
}

// pipe is the body of an answer.
type pipe struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the request as well.
func (p *pipe) Close() error {
	p.cancel()
	return p.PipeReader.Close()
}

// reply passes on what a handler answers.
type reply struct {
	header, sent http.Header
	body         *io.PipeWriter
	once         sync.Once
	status       int
	begun        chan struct{}
}

func (o *reply) Header() http.Header { return o.header }

func (o *reply) WriteHeader(status int) {
	o.once.Do(func() {
		o.status, o.sent = status, o.header.Clone()
		close(o.begun)
	})
}

// abandon says that there will be no answer, if none has been begun.
func (o *reply) abandon() { o.once.Do(func() { close(o.begun) }) }

func (o *reply) Write(data []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	return o.body.Write(data)
}

// FlushError is for [http.ResponseController]: nothing is held back.
func (o *reply) FlushError() error {
	o.WriteHeader(http.StatusOK)
	return nil
}
