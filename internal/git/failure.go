package git

import (
	"errors"
	"fmt"
	"regexp"
)

// What went wrong while git talked to a server, as [Kind] tells it.
var (
	// ErrAuth means that the server wants other credentials than it got, or
	// any at all. Some forges answer so for repositories that do not exist.
	ErrAuth = errors.New("access denied")
	// ErrHostKey means that an ssh server has another key than it should have,
	// or that none is known. It is an [ErrAuth].
	ErrHostKey = fmt.Errorf("%w: the host key is not the one that is known", ErrAuth)
	// ErrNotFound means that the server knows no such repository, or hides it
	// from these credentials.
	ErrNotFound = errors.New("repository not found")
	// ErrUnadvertised is a server's refusal to serve an object or ref by the
	// name it was asked for; other ways to get it may work.
	ErrUnadvertised = errors.New("not offered by the server")
	// ErrUnavailable means that the server could not be reached or failed.
	// Later attempts may succeed.
	ErrUnavailable = errors.New("server unavailable")
	// ErrGit is every other failure: a full disk, a damaged repository.
	ErrGit = errors.New("git failed")
)

// verdicts read the error output of git, first match first.
var verdicts = []struct {
	kind    error
	pattern *regexp.Regexp
}{
	{ErrUnadvertised, regexp.MustCompile(`(?i)not our ref|unadvertised object|(couldn't|unable to) find remote ref`)},
	{ErrGit, regexp.MustCompile(`(?i)no space left on device|disk quota exceeded|read-only file system`)},
	{ErrHostKey, regexp.MustCompile(`(?i)host key verification failed`)},
	{ErrAuth, regexp.MustCompile(`(?i)authentication failed|could not read (username|password)|(returned error:|HTTP) 40[13]|permission denied \(|access denied`)},
	{ErrNotFound, regexp.MustCompile(`(?i)repository .*not found|(returned error:|HTTP) (404|410)|does not appear to be a git repository`)},
	{ErrUnavailable, regexp.MustCompile(`(?i)(returned error:|HTTP) (408|429|5\d\d)|could(n't| not) resolve|failed to connect|could not connect|connect to (host|server)|connection (refused|reset|closed|timed out)|timed? ?out|early EOF|unexpected (EOF|disconnect)|RPC failed|hung up|transfer closed|too slow|empty reply|(recv|send) failure|network is unreachable|no route to host|SSL_ERROR|gnutls_handshake|TLS connection|kex_exchange|invalid index-pack output|expected flush`)},
}

// quotedText is what git puts between quotation marks: URLs and names, which
// others chose and which must not be taken for a reason.
var quotedText = regexp.MustCompile(`'[^'\n]*'`)

// Kind tells what a failure of git on the network means: one of this package's Err
// values. Errors that are not git's (the context's) have none.
func Kind(err error) error {
	e, ok := errors.AsType[*Error](err)
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
