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
	lock *lock
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
	file, release, err := mir.lock.acquire(ctx)
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
	if _, err := (git{args: []string{"init", "--quiet", "--bare", "--template=", temp}}).run(ctx); err != nil {
		return err
	}
	if _, err := (git{gitDir: temp, args: []string{"config", "pocketci.url", s.remote.url}}).run(ctx); err != nil {
		return err
	}
	return os.Rename(temp, s.dir)
}

// git is a command on the mirror that reads.
func (mir *mirror) git(args ...string) git { return git{gitDir: mir.dir, args: args} }

// fetch gets refspecs from the remote in one request. Errors are the context's
// or *Error, with errUnadvertised in the chain if the server does not offer
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
		out, err := git{gitDir: s.dir, config: config, env: env, lock: s.file,
			stdin: strings.NewReader(strings.Join(lines, "\n")), args: args}.run(limited)
		cancel()
		if err == nil {
			s.set.log.Debug("talked to the server", "phase", args[0], "repository", s.remote.name, "host", s.remote.host,
				"attempt", attempt, "duration", time.Since(start))
			return out, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		verdict := kind(err)
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

// access is what git needs to be let in, and what it is allowed to speak. The
// helper answers for exactly the trusted server: git asks anew after a
// redirect to another one, and gets nothing. Its printf is built into the
// shell, so that no secret is ever an argument of a process.
func (m *Mirrors) access(r *remote, username, token string) ([]setting, []string) {
	var config []setting
	env := []string{"GIT_ALLOW_PROTOCOL=" + r.scheme}
	if r.scheme == "http" {
		env[0] += ":https"
	}
	switch {
	case r.scheme == "ssh":
		env = append(env, "GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND="+m.ssh(r))
	case token != "":
		config = append(config, setting{
			"credential." + r.scheme + "://" + r.host + ".helper",
			`!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$POCKETCI_GIT_USERNAME" "$POCKETCI_GIT_TOKEN"; }; f`,
		})
		env = append(env, "POCKETCI_GIT_USERNAME="+username, "POCKETCI_GIT_TOKEN="+token)
	}
	return config, env
}

func (m *Mirrors) ssh(r *remote) string {
	known, strict := m.credentials.KnownHostsFile, "yes"
	if known == "" {
		known, strict = filepath.Join(m.dir, "known_hosts"), "accept-new"
	}
	key := "none"
	if r.trusted && m.credentials.SSHKeyFile != "" {
		key = m.credentials.SSHKeyFile
	}
	quoted := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	return "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o ConnectTimeout=30" +
		" -o StrictHostKeyChecking=" + strict + " -o " + quoted(`UserKnownHostsFile="`+known+`"`) + " -o " + quoted(`IdentityFile="`+key+`"`)
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
	if verdict == errUnadvertised {
		e.Kind, e.Err = ErrCommit, errors.Join(errUnadvertised, err)
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
