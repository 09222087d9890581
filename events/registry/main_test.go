package registry_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

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

// databases are those that the source has to do its work on, each new.
var databases = map[string]func(*testing.T) store.Options{
	"SQLite": func(t *testing.T) store.Options { return store.Options{DataDir: t.TempDir()} },
	"PostgreSQL": func(t *testing.T) store.Options {
		t.Helper()
		server, err := postgres()
		if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		dsn, err := server.Database(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return store.Options{DSN: dsn}
	},
}
