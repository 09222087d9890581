package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// SchemaError says that the database was written by a newer version of
// pocketci, which this one must not touch.
type SchemaError struct {
	// Found is the version of the database's schema, Known the newest that
	// this program knows.
	Found, Known int64
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d, and this pocketci knows versions up to %d: use the version of pocketci that made it, or a newer one", e.Found, e.Known)
}

// migrate brings the schema up to date. Each step is a transaction. Of several
// agents that start at once, one does the work: PostgreSQL has a lock for it.
// SQLite has not, and there an agent whose step has been made by another one
// meanwhile fails, sees that the version has moved, and goes on from there.
func (s *Store) migrate(ctx context.Context) error {
	folder := "migrations/sqlite"
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.dialect.goose == database.DialectPostgres {
		folder = "migrations/postgres"
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.write, files, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	for tries := 0; ; tries++ {
		found, err := provider.GetDBVersion(ctx)
		if err == nil && found > known {
			return &SchemaError{Found: found, Known: known}
		}
		if err == nil && found < known {
			_, err = provider.Up(ctx)
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("migrate the database: %w", errors.Join(context.Cause(ctx), err))
		case s.dialect.goose == database.DialectPostgres || tries == 20:
			return fmt.Errorf("migrate the database: %w", s.failed(err))
		}
	}
}
