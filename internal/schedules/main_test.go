package schedules_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/pgtest"
)

var postgres = sync.OnceValues(pgtest.Start)

func TestMain(m *testing.M) {
	code := m.Run()
	if server, err := postgres(); err == nil {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// databases are those that tests run on.
var databases = map[string]func(*testing.T) store.Options{
	"SQLite": func(t *testing.T) store.Options { return store.Options{DataDir: t.TempDir(), Log: logTo(t)} },
	"PostgreSQL": func(t *testing.T) store.Options {
		t.Helper()
		server, err := postgres()
		if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		dsn, err := server.Migrated(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return store.Options{DSN: dsn, Log: logTo(t)}
	},
}

func logTo(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

func open(t *testing.T, o store.Options) *store.Store {
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

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func parse(t *testing.T, text string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entry is a schedule of the agent.
func entry(t *testing.T, name, expression string, p schedule.Policy) schedules.Entry {
	t.Helper()
	return schedules.Entry{Name: name, Filter: name, Schedule: parse(t, expression), Policy: p, Of: schedule.OfAgent}
}

// emptyFS is a tree without files.
type emptyFS struct{}

func (emptyFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
