package worktree

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/internal/git"
)

// What keeps a directory from being up to date, beside what package git says of
// servers. Every [*Error] has exactly one of them in its chain.
var (
	// ErrDirectory means that there is something at the directory which is not
	// the clone of this repository, and must not be written over.
	ErrDirectory = errors.New("the directory cannot be used")
	// ErrRef means that the repository has no such branch or tag.
	ErrRef = errors.New("the ref is gone")
	// ErrTrigger means that the trigger cannot be touched.
	ErrTrigger = errors.New("the trigger cannot be touched")
	// ErrBusy means that somebody else runs git in the directory. Later attempts
	// may succeed.
	ErrBusy = errors.New("another git works in the directory")
)

// Error is why an update has failed. It never holds a secret.
type Error struct {
	// Kind is one of this package's Err values or of package git's.
	Kind error
	// Detail is what git or the system had to say.
	Detail string
	// Err is the cause, nil if there is nothing beyond Detail.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Kind.Error()
	}
	return fmt.Sprintf("%v: %s", e.Kind, e.Detail)
}

// Unwrap returns Kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// Temporary reports whether the same attempt may succeed a moment later.
func (e *Error) Temporary() bool {
	return errors.Is(e.Kind, git.ErrUnavailable) || errors.Is(e.Kind, ErrBusy)
}

// Reason is the kind in words that stay the same for what stays wrong.
func (e *Error) Reason() string { return e.Kind.Error() }

// wrap makes an *Error of a failure that has no kind yet, unless it is the context's.
func (t *Tree) wrap(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*Error](err); ok || ctx.Err() != nil {
		return err
	}
	return &Error{Kind: git.ErrGit, Detail: err.Error(), Err: err}
}

// suspicious reports whether a failure may come from a damaged repository, as no
// other explanation was found for it.
func suspicious(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return !ok || errors.Is(e.Kind, git.ErrGit)
}
