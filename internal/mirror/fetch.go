package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/franela/pocketci/internal/git"
)

// attempts is how often a fetch is tried when the server fails.
const attempts = 4

// Refs of ours in a mirror. They keep what was fetched from being collected
// and tell the server what need not be sent again.
const (
	keepCommits = "refs/pocketci/commits/"
	keepTips    = "refs/pocketci/tips/"
)

// mirror is one bare repository. Whoever writes to it holds lock.
type mirror struct {
	set  *Mirrors
	dir  string
	lock *git.Lock
	// remade counts how often the mirror was removed because of damage.
	remade atomic.Int64
	// suspect says that reading failed in a way that damage would explain.
	suspect atomic.Bool

	mu sync.Mutex
	// remote is where the mirror's last event was from.
	remote *remote
	reader weak.Pointer[reader]
}

// session is exclusive use of a mirror for talking to its remote.
type session struct {
	*mirror
	remote *remote
	file   *os.File
}

// open locks the mirror and creates it if need be.
func (mir *mirror) open(ctx context.Context, r *remote) (*session, func(), error) {
	if err := os.MkdirAll(filepath.Dir(mir.dir), 0o700); err != nil {
		return nil, nil, mir.fail(ctx, r, err)
	}
	file, release, err := mir.lock.Acquire(ctx)
	if err != nil {
		return nil, nil, mir.fail(ctx, r, err)
	}
	s := &session{mirror: mir, remote: r, file: file}
	if err := s.create(ctx); err != nil {
		release()
		return nil, nil, mir.fail(ctx, r, err)
	}
	return s, release, nil
}

func (s *session) create(ctx context.Context) error {
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			return s.tidy()
		}
		return err
	}
	temp := s.dir + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	if _, err := (git.Command{Args: []string{"init", "--quiet", "--bare", "--template=", temp}}).Run(ctx); err != nil {
		return err
	}
	if _, err := (git.Command{Dir: temp, Args: []string{"config", "pocketci.url", s.remote.url}}).Run(ctx); err != nil {
		return err
	}
	return os.Rename(temp, s.dir)
}

// git is a command on the mirror that reads.
func (mir *mirror) git(args ...string) git.Command { return git.Command{Dir: mir.dir, Args: args} }

// fetch gets refspecs from the remote in one request. Errors are the context's
// or *Error, with git.ErrUnadvertised in the chain if the server does not offer
// what was asked for.
func (s *session) fetch(ctx context.Context, refspecs ...string) error {
	args := []string{
		"fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--no-recurse-submodules", "--no-show-forced-updates", "--stdin", "--", s.remote.url,
	}
	_, err := s.talk(ctx, args, refspecs...)
	return err
}

// talk runs a git command that needs the network, with the given lines as its
// input, again if the server fails.
func (s *session) talk(ctx context.Context, args []string, lines ...string) ([]byte, error) {
	start := time.Now()
	username, token, err := s.set.login(ctx, s.remote)
	if err != nil {
		return nil, s.wrap(ErrAuth, fmt.Errorf("get a token: %w", err))
	}
	config, env := s.set.access(s.remote, username, token)
	wait := s.set.backoff
	for attempt := 1; ; attempt++ {
		limited, cancel := context.WithTimeoutCause(ctx, s.set.timeout, errTimeout)
		out, err := git.Command{Dir: s.dir, Config: config, Env: env, Lock: s.file,
			Stdin: strings.NewReader(strings.Join(lines, "\n")), Args: args}.Run(limited)
		cancel()
		if err == nil {
			s.set.log.Debug("talked to the server", "phase", args[0], "repository", s.remote.name, "host", s.remote.host,
				"attempt", attempt, "duration", time.Since(start))
			return out, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		verdict := git.Kind(err)
		if errors.Is(err, errTimeout) {
			verdict = ErrUnavailable
		}
		if verdict != ErrUnavailable || attempt == attempts {
			return nil, s.wrap(verdict, err)
		}
		s.set.log.Warn("server failed, trying again", "phase", args[0], "repository", s.remote.name, "host", s.remote.host,
			"attempt", attempt, "error", s.set.redact(err.Error()))
		select {
		case <-time.After(wait + rand.N(wait)):
		case <-ctx.Done():
			return nil, fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
		}
		wait *= 2
	}
}

var errTimeout = errors.New("it took too long")

// login returns what the remote's server is given, or nothing.
func (m *Mirrors) login(ctx context.Context, r *remote) (username, token string, err error) {
	switch {
	case r.scheme == "ssh":
	case r.login != nil && r.login.Get != nil:
		username, token, err = r.login.Get(ctx, r.name)
		if strings.ContainsAny(username+token, "\r\n\x00") {
			return "", "", errors.New("user name or token holds a line break")
		}
		m.hide(token)
	case r.trusted:
		return m.credentials.Username, m.credentials.Token, nil
	}
	return username, token, err
}

// hide keeps a token out of what git prints.
func (m *Mirrors) hide(token string) {
	if token == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.hidden, token) {
		m.hidden = append(m.hidden, token)
	}
	if n := len(m.hidden) - maxHidden; n > 0 {
		m.hidden = slices.Delete(m.hidden, 0, n)
	}
}

// maxHidden is how many tokens are remembered: more than are valid at a time.
const maxHidden = 1000

// access is what git needs to be let in, and what it is allowed to speak.
func (m *Mirrors) access(r *remote, username, token string) ([]git.Setting, []string) {
	if r.scheme == "ssh" {
		return nil, append(m.ssh(r).Env(), git.Allow(r.scheme))
	}
	config, env := git.Login(r.scheme+"://"+r.host, username, token)
	return config, append(env, git.Allow(r.scheme))
}

func (m *Mirrors) ssh(r *remote) git.SSH {
	s := git.SSH{KnownHosts: []string{m.credentials.KnownHostsFile, git.SystemKnownHosts}}
	if m.credentials.KnownHostsFile == "" {
		s.KnownHosts[0], s.AcceptNew = filepath.Join(m.dir, "known_hosts"), true
	}
	if r.trusted {
		s.KeyFile = m.credentials.SSHKeyFile
	}
	return s
}

// redact removes the token from text that git printed.
func (m *Mirrors) redact(s string) string {
	m.mu.Lock()
	hidden := append([]string{m.credentials.Token}, m.hidden...)
	m.mu.Unlock()
	for _, token := range hidden {
		if token != "" {
			s = strings.ReplaceAll(s, token, "***")
		}
	}
	return s
}

// wrap makes an *Error of a failure of git.
func (mir *mirror) wrap(verdict error, r *remote, err error) error {
	e := &Error{Kind: verdict, Host: r.host, Repository: r.name, Detail: mir.set.redact(err.Error()), Err: err}
	if verdict == git.ErrUnadvertised {
		e.Kind, e.Err = ErrCommit, errors.Join(git.ErrUnadvertised, err)
	}
	return e
}

func (s *session) wrap(verdict, err error) error { return s.mirror.wrap(verdict, s.remote, err) }

// fail wraps a local failure. Errors that are wrapped already and those of a
// context that ended stay as they are.
func (mir *mirror) fail(ctx context.Context, r *remote, err error) error {
	if _, ok := errors.AsType[*Error](err); ok || err == nil || ctx.Err() != nil {
		return err
	}
	return mir.wrap(ErrGit, r, err)
}
