package mirror

import (
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/internal/git"
)

// What went wrong with a repository. Every *Error has exactly one of them in
// its chain.
var (
	// ErrURL means that the clone URL of a payload is one that git must not
	// be given, or that this agent does not allow.
	ErrURL = errors.New("clone URL refused")
	// ErrAuth means that the server wants other credentials than it got, or
	// any at all. Some forges answer so for repositories that do not exist.
	ErrAuth = git.ErrAuth
	// ErrNotFound means that the server knows no such repository, or hides it
	// from these credentials.
	ErrNotFound = git.ErrNotFound
	// ErrCommit means that the repository does not have the event's commit
	// or ref, as when it was removed by a forced push.
	ErrCommit = errors.New("commit not found")
	// ErrUnavailable means that the server could not be reached or failed,
	// and did so at every attempt. Later attempts may succeed.
	ErrUnavailable = git.ErrUnavailable
	// ErrGit is every other failure: a full disk, a damaged repository.
	ErrGit = git.ErrGit
)

// Error is a failure to get something from a repository. It names host and
// repository and never holds a secret.
type Error struct {
	// Kind is one of this package's Err values.
	Kind error
	// Host and Repository say where; Host is empty if the URL is unusable.
	Host, Repository string
	// Detail is what git or the check had to say.
	Detail string
	// Err is the cause, nil if there is nothing beyond Detail.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Repository)
	if e.Host != "" {
		fmt.Fprintf(&b, " on %s", e.Host)
	}
	fmt.Fprintf(&b, ": %v", e.Kind)
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	return b.String()
}

// Unwrap returns Kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}
