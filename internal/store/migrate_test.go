package store_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/internal/store"
)

// raw opens the database of a store without the store.
func raw(t testing.TB, o store.Options) *sql.DB {
	t.Helper()
	driver, dsn := "sqlite", "file:"+filepath.Join(o.DataDir, store.FileName)
	if o.DSN != "" {
		driver, dsn = "pgx", o.DSN
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// emptyDatabase is one of PostgreSQL without the schema, which others are made with.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	server, err := postgres()
	need(t, err)
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

func TestManyAgentsStartAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		if o.DSN != "" {
			o.DSN = emptyDatabase(t)
		}
		stores := make([]*store.Store, 8)
		var wg sync.WaitGroup
		for n := range stores {
			wg.Go(func() {
				var err error
				if stores[n], err = store.Open(t.Context(), o); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for n, s := range stores {
			if s == nil {
				continue
			}
			accept(t, s, push("r", string(rune('a'+n))))
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := queued(t, open(t, o)); got != len(stores) {
			t.Errorf("%d runs are queued, want %d", got, len(stores))
		}
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		if o.DSN != "" {
			o.DSN = emptyDatabase(t)
		}
		s, err := store.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := raw(t, o).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`); err != nil {
			t.Fatal(err)
		}
		_, err = store.Open(t.Context(), o)
		var newer *store.SchemaError
		if !errors.As(err, &newer) || newer.Found != 99999 || newer.Known < 1 {
			t.Errorf("opening gives %v, want a *SchemaError", err)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		options store.Options
		want    string
		err     error
	}{
		"nothing given":     {store.Options{}, "neither a data directory nor a database", nil},
		"no such directory": {store.Options{DataDir: "/nowhere/at/all"}, "unable to open", store.ErrUnavailable},
		"another database":  {store.Options{DSN: "mysql://root:hunter2@localhost/x"}, "postgres://", nil},
		"not an address":    {store.Options{DSN: "postgres://user:hunter2@local host:x/"}, "address of the database", nil},
		"nobody there":      {store.Options{DSN: "postgres://user:hunter2@127.0.0.1:1/x"}, "not available", store.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(t.Context(), tc.options)
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.err != nil && !errors.Is(err, tc.err) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}
