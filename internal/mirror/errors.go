package mirror

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// What went wrong with a repository. Every *Error has exactly one of them in
// its chain.
var (
	// ErrURL means that the clone URL of a payload is one that git must not
	// be given, or that this agent does not allow.
	ErrURL = errors.New("clone URL refused")
	// ErrAuth means that the server wants other credentials than it got, or
	// any at all. Some forges answer so for repositories that do not exist.
	ErrAuth = errors.New("access denied")
	// ErrNotFound means that the server knows no such repository, or hides it
	// from these credentials.
	ErrNotFound = errors.New("repository not found")
	// ErrCommit means that the repository does not have the event's commit
	// or ref, as when it was removed by a forced push.
	ErrCommit = errors.New("commit not found")
	// ErrUnavailable means that the server could not be reached or failed,
	// and did so at every attempt. Later attempts may succeed.
	ErrUnavailable = errors.New("server unavailable")
	// ErrGit is every other failure: a full disk, a damaged repository.
	ErrGit = errors.New("git failed")
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

// errUnadvertised is a server's refusal to serve an object or ref by the name
// it was asked for; other ways to get it may work.
var errUnadvertised = errors.New("not offered by the server")

// verdicts read the error output of git, first match first.
var verdicts = []struct {
	kind    error
	pattern *regexp.Regexp
}{
	{errUnadvertised, regexp.MustCompile(`(?i)not our ref|unadvertised object|(couldn't|unable to) find remote ref`)},
	{ErrGit, regexp.MustCompile(`(?i)no space left on device|disk quota exceeded|read-only file system`)},
	{ErrAuth, regexp.MustCompile(`(?i)authentication failed|could not read (username|password)|(returned error:|HTTP) 40[13]|permission denied \(|access denied|host key verification failed`)},
	{ErrNotFound, regexp.MustCompile(`(?i)repository .*not found|(returned error:|HTTP) (404|410)|does not appear to be a git repository`)},
	{ErrUnavailable, regexp.MustCompile(`(?i)(returned error:|HTTP) (408|429|5\d\d)|could(n't| not) resolve|failed to connect|could not connect|connect to (host|server)|connection (refused|reset|closed|timed out)|timed? ?out|early EOF|unexpected (EOF|disconnect)|RPC failed|hung up|transfer closed|too slow|empty reply|(recv|send) failure|network is unreachable|no route to host|SSL_ERROR|gnutls_handshake|TLS connection|kex_exchange|invalid index-pack output|expected flush`)},
}

// quotedText is what git puts between quotation marks: URLs and names, which
// others chose and which must not be taken for a reason.
var quotedText = regexp.MustCompile(`'[^'\n]*'`)

// kind tells what a failure of git on the network means. Errors that are not
// git's (the context's) have none.
func kind(err error) error {
	e, ok := errors.AsType[*gitError](err)
	if !ok {
		return nil
	}
	said := quotedText.ReplaceAllString(e.stderr, "''")
	for _, v := range verdicts {
		if v.pattern.MatchString(said) {
			return v.kind
		}
	}
	return ErrGit
}
