package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

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
	if secret == "" {
		return store.Session{}, "", huma.Error401Unauthorized("signing in needs an API key")
	}
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

// errPrivate ends what a stranger follows.
var errPrivate = errors.New("the repository is not public any more")

// seen returns a problem if the caller may not read what belongs to a repository: the
// same as if it were not there. What he follows of it ends once he may not any more.
func seen(ctx context.Context, repository string) error {
	c := who(ctx)
	if !c.sees(repository) {
		return errHidden
	}
	if c.limited {
		c.check = func(context.Context) error {
			if !c.sees(repository) {
				return errPrivate
			}
			return nil
		}
	}
	return nil
}

// errHidden is what strangers get for what there is not, and for what they may not see.
var errHidden = fmt.Errorf("%w: there is nothing that is public", store.ErrNotFound)

// hide has strangers not learn whether what they ask for is there.
func hide(ctx context.Context, err error) error {
	c, known := ctx.Value(callerKey{}).(*caller)
	if known && c.limited && errors.Is(err, store.ErrNotFound) {
		return errHidden
	}
	return err
}
