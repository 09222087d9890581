package store_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/pgtest"
)

// postgres is the server that all tests share; each has its own database.
var postgres = sync.OnceValues(pgtest.Start)

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	code := m.Run()
	if server, err := postgres(); err == nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// onBoth runs a test against an empty one of each of the two databases. Nearly
// all of the time is spent waiting for disks, so that they run in parallel.
func onBoth(t *testing.T, test func(t *testing.T, o store.Options)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteOptions(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, postgresOptions(t))
	})
}

func sqliteOptions(t testing.TB) store.Options {
	return store.Options{DataDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// need ends a test whose PostgreSQL could not be started. Where it is not
// installed the test is skipped, but not in CI, where that would prove nothing.
func need(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ownServer starts a PostgreSQL that the test may kill, and that waits for its disk
// as in production.
func ownServer(t testing.TB) (*pgtest.Server, store.Options) {
	t.Helper()
	server, err := pgtest.StartDurable()
	need(t, err)
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return server, store.Options{DSN: dsn, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

// durableOptions are those of a PostgreSQL whose speed is that of production.
func durableOptions(t testing.TB) store.Options {
	t.Helper()
	_, options := ownServer(t)
	return options
}

func postgresOptions(t testing.TB) store.Options {
	t.Helper()
	server, err := postgres()
	need(t, err)
	dsn, err := server.Migrated(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store.Options{DSN: dsn, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
}

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// octocat is who does things in tests.
var octocat = store.Actor{Person: "octocat", Key: "key of octocat", Remote: "192.0.2.1"}

// push is a delivery of a push that differs from all others.
func push(repository, delivery string) store.Delivery {
	id := events.NewID()
	return store.Delivery{
		Hook: "github",
		Event: events.Event{
			ID: id, Delivery: delivery, Vendor: "github", Name: "push", Filter: "main", Kind: "push",
			Repository: &events.Repository{FullName: repository, DefaultBranch: "main"},
			Ref:        "refs/heads/main", Branch: "main", SHA: strings.Repeat("a", 40), Before: strings.Repeat("b", 40),
			Sender: "octocat", Trusted: true, ReceivedAt: time.Now().UTC(),
			Payload: []byte(`{"after":"` + id + `"}`),
		},
	}
}

func accept(t testing.TB, s *store.Store, d store.Delivery) store.Receipt {
	t.Helper()
	r, err := s.Accept(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func join(t testing.TB, s *store.Store, name string) *store.Agent {
	t.Helper()
	a, err := s.Join(t.Context(), name, false)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// clock is a clock that tests set.
type clock struct {
	mu      sync.Mutex
	now     time.Time
	elapsed time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// pass lets time go by; set only moves the hands.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.elapsed = c.now.Add(d), c.elapsed+d
}

func (c *clock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
