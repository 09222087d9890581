package main

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/pgtest"
)

// The first key of agents that share PostgreSQL is made through a variable with
// its address.
func TestFirstKeyInPostgres(t *testing.T) {
	server, err := pgtest.Start()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DATABASE", dsn)
	var stdout, stderr bytes.Buffer
	if code := execute(t.Context(), []string{"keys", "create", "mona", "--database-env", "DATABASE"}, strings.NewReader(""), &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	s, err := store.Open(t.Context(), store.Options{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	key, err := s.Authenticate(t.Context(), strings.TrimSpace(stdout.String()))
	if err != nil || key.Name != "mona" || key.Scope != store.KeyScopeAdmin {
		t.Errorf("the key is %v, %v", key, err)
	}
}
