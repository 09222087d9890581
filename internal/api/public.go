package api

import (
	"context"
	"errors"

	"github.com/franela/pocketci/internal/store"
)

// ofRepository is the input of an operation that the public may use. It says what
// repository the operation reads, and of which it then reads nothing else: an empty
// name is for more than one. The error is [store.ErrNotFound] if there is none.
type ofRepository interface {
	repository(ctx context.Context, s *service) (string, error)
}

func (in *RunID) repository(ctx context.Context, s *service) (string, error) {
	r, err := s.find(ctx, in.ID)
	return r.Repository, err
}

func (in *CallID) repository(ctx context.Context, s *service) (string, error) {
	c, err := s.Store.Call(ctx, in.ID)
	return c.Repository, err
}

func (in *runQuery) repository(context.Context, *service) (string, error) { return in.Repository, nil }

// errPrivate says that a repository is not for everybody any more.
var errPrivate = errors.New("the repository is not public")

// permit returns the problem of somebody without a key who asks for what is not
// public. It is the one place where that is decided. Whether there is something
// that is not public he does not learn.
func (s *service) permit(ctx context.Context, c *caller, in any) error {
	of, ok := in.(ofRepository)
	if !ok {
		return unauthorized("", "this needs an API key")
	}
	name, err := of.repository(ctx, s)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return absent("there is nothing that is public")
	case err != nil:
		return err
	case name == "":
		return unauthorized("", "this needs an API key")
	case !c.public(name):
		return absent("there is nothing that is public")
	}
	c.check = func(context.Context) error {
		if !c.public(name) {
			return errPrivate
		}
		return nil
	}
	return nil
}
