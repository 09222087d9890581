package api

import (
	"context"
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/internal/store"
)

// SignIn begins a session for who has the secret of an API key, and returns it
// with its token. Remote is the address of the client: secrets that are wrong
// count as they do for requests, so that after some the error has the status 429
// and a header Retry-After. It is a [huma.StatusError] in any case, with the
// status that a request with such a key would get; one that is wrong has 401.
func (a *API) SignIn(ctx context.Context, remote, secret string) (store.Session, string, error) {
	s := a.service
	session, token, err := s.signIn(ctx, remote, secret)
	if err != nil {
		return store.Session{}, "", s.problem(ctx, "sign-in", err)
	}
	return session, token, nil
}

func (s *service) signIn(ctx context.Context, remote, secret string) (store.Session, string, error) {
	if secret == "" {
		return store.Session{}, "", huma.Error401Unauthorized("signing in needs an API key")
	}
	if err := s.paced(remote); err != nil {
		return store.Session{}, "", err
	}
	session, token, err := s.Store.CreateSession(ctx, secret, store.Actor{Remote: remote})
	switch {
	case errors.Is(err, store.ErrNoKey):
		s.failures.failed(remote)
		return store.Session{}, "", huma.Error401Unauthorized("there is no such API key")
	case errors.Is(err, store.ErrKeyExpired):
		s.failures.failed(remote)
		return store.Session{}, "", huma.Error401Unauthorized("the API key has expired")
	}
	return session, token, err
}

// SignOut ends the session of a token, which counts no longer from then on. One
// that has ended already is no error. The error is a [huma.StatusError].
func (a *API) SignOut(ctx context.Context, token, remote string) error {
	err := a.service.Store.DeleteSession(ctx, token, store.Actor{Remote: remote})
	if err == nil || errors.Is(err, store.ErrNoSession) {
		return nil
	}
	return a.service.problem(ctx, "sign-out", err)
}

// Visitor is who makes requests in the agent's own process, for a page that is
// shown to somebody.
type Visitor struct {
	// Session is the token of a session. Empty stands for somebody who has not
	// signed in, and may do what operations for the public do.
	Session string
	// Remote is the address that the page is shown at.
	Remote string
	// Public reports whether everybody may read the runs of a repository. Nil is
	// for none that are.
	Public func(repository string) bool
}

// visitorKey has the visitor in the context of a request. It is there for requests
// in process alone: no header makes a visitor of somebody.
type visitorKey struct{}

func visitorOf(ctx context.Context) (*Visitor, bool) {
	v, ok := ctx.Value(visitorKey{}).(*Visitor)
	return v, ok
}

// visitor is who a request in process is made for, or the problem.
func (s *service) visitor(ctx context.Context, v *Visitor, public bool) (*caller, error) {
	if v.Session == "" {
		if !public || v.Public == nil {
			return nil, unauthorized("", "this needs an API key")
		}
		return &caller{public: v.Public, actor: store.Actor{Remote: v.Remote}}, nil
	}
	session, err := s.Store.Session(ctx, v.Session)
	switch {
	case errors.Is(err, store.ErrNoSession), errors.Is(err, store.ErrKeyExpired):
		return nil, unauthorized(`, error="invalid_token"`, "the session has ended")
	case err != nil:
		return nil, err
	}
	return s.holder(session.Key, v.Remote, func(ctx context.Context) error {
		_, err := s.Store.Session(ctx, v.Session)
		return err
	}), nil
}
