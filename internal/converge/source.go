package converge

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/franela/pocketci/internal/converge/apply"
	"github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/signed/fetch"
)

// maxWaiting is how many runs of a source wait for their turn. More are refused.
const maxWaiting = 16

// source is one source with what is kept of it.
type source struct {
	process *Process
	conf    config.Source
	dir     string
	log     *slog.Logger
	journal apply.Journal
	// turn is held by the run that goes on, waiting by those that want it.
	turn, waiting chan struct{}
	// lock keeps other processes from running the source.
	lock *flock.Flock
	// secrets are those of its webhook.
	secrets []string
	// places read what is at its places, by their index.
	places []*fetch.Fetcher
	// said is the last failure that was logged, and complained what was wrong with
	// places while another one served.
	said, complained string
}

func (p *Process) newSource(conf config.Source) (*source, error) {
	s := &source{
		process: p, conf: conf, dir: filepath.Join(p.Config.StateDir, conf.Name), log: p.Log.With("source", conf.Name),
		turn: make(chan struct{}, 1), waiting: make(chan struct{}, maxWaiting),
	}
	if err := private(s.dir); err != nil {
		return nil, err
	}
	s.journal = apply.Journal{Path: s.path("state.json")}
	s.lock = flock.New(s.path("lock"), flock.SetPermissions(0o600))
	for _, secret := range conf.Webhook {
		value, err := p.Secret(secret)
		if err != nil {
			return nil, err
		}
		s.secrets = append(s.secrets, value)
	}
	for _, place := range conf.Pull {
		headers := http.Header{}
		for name, secret := range place.Headers {
			value, err := p.Secret(secret)
			if err != nil {
				return nil, err
			}
			headers.Set(name, value)
		}
		s.places = append(s.places, fetch.New(nil, headers))
	}
	return s, nil
}

func (s *source) path(name string) string { return filepath.Join(s.dir, name) }

func (s *source) root() string {
	if s.conf.Root != "" {
		return s.conf.Root
	}
	return filepath.Dir(s.conf.Pattern)
}

// inherited are the variables that commands have of the process without being asked
// for.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"}

// host is how the source's commands are run.
func (s *source) host() apply.Host {
	var env []string
	for _, name := range slices.Concat(inherited, s.conf.EnvFrom) {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.conf.Env)) {
		env = append(env, name+"="+s.conf.Env[name])
	}
	return apply.Host{Exec: s.conf.Exec, Fixed: s.conf.Fixed, Dir: s.conf.Dir, Env: env, Timeout: s.conf.Timeout}
}

// readable are the variables that the source's patterns may read.
func (s *source) readable() pattern.Environment {
	env := pattern.Environment{}
	for _, name := range s.conf.EnvFrom {
		env[name] = nil
		if value, ok := os.LookupEnv(name); ok {
			env[name] = &value
		}
	}
	for name, value := range s.conf.Env {
		env[name] = &value
	}
	return env
}

func (s *source) applier() *apply.Applier {
	return &apply.Applier{
		Host: s.host(), Save: s.journal.Save, Log: s.log,
		Count: func(o apply.Outcome) { s.process.metrics.command(s.conf.Name, o) },
	}
}

// busyError says that too many runs of a source wait.
type busyError struct{ name string }

func (e *busyError) Error() string {
	return fmt.Sprintf("%d runs of the source %s wait already", maxWaiting, e.name)
}

// exclusive calls do when nothing else runs the source, here or in another process.
func (s *source) exclusive(ctx context.Context, do func() error) error {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return &busyError{s.conf.Name}
	}
	for _, c := range []chan struct{}{s.turn, s.process.room} {
		select {
		case c <- struct{}{}:
			defer func() { <-c }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if _, err := s.lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return fmt.Errorf("wait for another process that runs the source: %w", err)
	}
	defer s.lock.Unlock()
	return do()
}
