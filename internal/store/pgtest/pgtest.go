// Package pgtest runs a real PostgreSQL server for tests: a new cluster in a
// temporary directory, gone with the process that started it even if that is
// killed.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/franela/pocketci/internal/store"
)

// ErrMissing says that PostgreSQL is not installed, or that it cannot be run:
// it refuses to run as root, and then needs the user postgres.
var ErrMissing = errors.New("there is no PostgreSQL to test with; install Debian's package postgresql")

// Server is a running PostgreSQL server that is reachable on a socket in its
// own directory only.
type Server struct {
	dir       string
	bin       string
	user      string
	as        *syscall.SysProcAttr
	cmd       *exec.Cmd
	hold      *os.File
	fsync     string
	databases atomic.Int64

	mu       sync.Mutex
	template string // the name of a database with the schema, empty until there is one
}

// Start makes a cluster and starts its server, which does not wait for the disk:
// what is committed outlives the server's processes but not the machine, which
// no test takes away. Waiting was nearly all of the time of such tests.
func Start() (*Server, error) { return start("off") }

// StartDurable is [Start] with a server that waits for the disk as in
// production: to measure it, and to kill it where it would be killed there.
func StartDurable() (*Server, error) { return start("on") }

func start(fsync string) (*Server, error) {
	s := &Server{user: "postgres", fsync: fsync}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	switch path, err := exec.LookPath("initdb"); {
	case err == nil:
		s.bin = filepath.Dir(path)
	case len(found) > 0:
		s.bin = filepath.Dir(found[len(found)-1])
	default:
		return nil, ErrMissing
	}
	var err error
	if s.dir, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		if err := s.leaveRoot(); err != nil {
			return nil, errors.Join(err, os.RemoveAll(s.dir))
		}
	}
	// Checksums find what a crash has torn. The new files need not be on the disk.
	out, err := s.command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", s.user, "-A", "trust", "-E", "UTF8", "--locale=C", "-k", "--no-sync").CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make PostgreSQL cluster: %w: %s", err, out), os.RemoveAll(s.dir))
	}
	if err := s.Launch(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// leaveRoot has the commands run as the user postgres.
func (s *Server) leaveRoot() error {
	account, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return os.Chown(s.dir, uid, gid)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	return cmd
}

// Launch starts the server again after [Server.Kill], and returns when it
// answers.
func (s *Server) Launch() error {
	read, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	// The shell outlives this process by the moment that it takes to see the
	// pipe close, and takes the server with it.
	s.cmd = s.command("sh", "-c", `"$@" & server=$!; cat >/dev/null; kill -INT $server 2>/dev/null; wait $server`, "sh",
		filepath.Join(s.bin, "postgres"), "-D", s.data(), "-k", s.dir,
		"-c", "listen_addresses=", "-c", "fsync="+s.fsync, "-c", "max_connections=200", "-c", "log_min_messages=error")
	var log bytes.Buffer
	s.cmd.Stdin, s.cmd.Stderr, s.hold = read, &log, hold
	if s.cmd.SysProcAttr == nil {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// Interrupts at the terminal are for the tests.
	attr := *s.cmd.SysProcAttr
	attr.Setpgid = true
	s.cmd.SysProcAttr = &attr
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := read.Close(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.dsn("postgres"))
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("start PostgreSQL: %w", err), s.stop())
		}
	}
}

func (s *Server) dsn(database string) string {
	return "postgres://" + s.user + "@/" + database + "?" + url.Values{"host": {s.dir}}.Encode()
}

// Database makes an empty database and returns its address.
func (s *Server) Database(ctx context.Context) (string, error) {
	name, err := s.create(ctx, "template1")
	return s.dsn(name), err
}

// Migrated makes a database with the store's schema and returns its address. The
// schema is made once and copied, which takes a fraction of the time.
func (s *Server) Migrated(ctx context.Context) (string, error) {
	template, err := s.migrate(ctx)
	if err != nil {
		return "", err
	}
	name, err := s.create(ctx, template)
	return s.dsn(name), err
}

// migrate returns the name of the database with the schema, and makes it at first.
func (s *Server) migrate(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.template != "" {
		return s.template, nil
	}
	name, err := s.create(ctx, "template1")
	if err != nil {
		return "", err
	}
	made, err := store.Open(ctx, store.Options{DSN: s.dsn(name)})
	if err == nil {
		err = made.Close()
	}
	if err != nil {
		return "", fmt.Errorf("make the schema: %w", err)
	}
	s.template = name
	return name, nil
}

// create makes a database as a copy of another one and returns its name.
func (s *Server) create(ctx context.Context, template string) (string, error) {
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return "", fmt.Errorf("make database: %w", err)
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return "", fmt.Errorf("make database: %w", err)
	}
	return name, nil
}

// Kill ends the server as a crash would: without a checkpoint.
func (s *Server) Kill() error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	// The server's own immediate shutdown; its processes leave together.
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	return s.stop()
}

func (s *Server) pid() (int, error) {
	data, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(data, []byte("\n"))
	return strconv.Atoi(string(first))
}

// stop ends the server and waits for it.
func (s *Server) stop() error {
	if err := s.hold.Close(); err != nil {
		return err
	}
	// How it ended does not matter.
	_ = s.cmd.Wait()
	return nil
}

// Stop ends the server and removes all that it has stored.
func (s *Server) Stop() error {
	return errors.Join(s.stop(), os.RemoveAll(s.dir))
}
