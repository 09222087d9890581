package e2e_test

import (
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// An agent that cannot keep anything does not start, and says why at once.
func TestAgentDoesNotStart(t *testing.T) {
	t.Parallel()
	const newer = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`
	// used is a data directory that an agent has had.
	used := func(t *testing.T, dir string) {
		t.Helper()
		s, err := store.Open(t.Context(), store.Options{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"agent.lock", "agent-name"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("name\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T) (dir, dsn string)
		says    []string
	}{
		"because its data directory is read-only": {
			func(t *testing.T) (string, string) {
				dir := attached(t, "size=1m")
				readOnly(t, dir)
				return dir, ""
			}, []string{"data directory", "read-only file system", "mount its file system for writing"},
		},
		"because its data directory has become read-only": {
			func(t *testing.T) (string, string) {
				dir := attached(t, "size=16m")
				used(t, dir)
				readOnly(t, dir)
				return dir, ""
			}, []string{"data directory", "read-only file system", "mount its file system for writing"},
		},
		"because its disk is full": {
			func(t *testing.T) (string, string) {
				dir := attached(t, "size=1m")
				fill(t, dir)
				return dir, ""
			}, []string{"data directory", "no space left on device", "free some space"},
		},
		"because its disk has become full": {
			func(t *testing.T) (string, string) {
				dir := attached(t, "size=16m")
				used(t, dir)
				fill(t, dir)
				return dir, ""
			}, []string{"data directory", "no space left on device", "free some space"},
		},
		"because its data directory is a file": {
			func(t *testing.T) (string, string) {
				file := filepath.Join(t.TempDir(), "file")
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				return file, ""
			}, []string{"data directory", "not a directory"},
		},
		"because its database is a newer pocketci's": {
			func(t *testing.T) (string, string) {
				dir := t.TempDir()
				used(t, dir)
				if _, err := rawSQLite(t, dir).Exec(newer); err != nil {
					t.Fatal(err)
				}
				return dir, ""
			}, []string{"schema version 99999", "or a newer one"},
		},
		"because its PostgreSQL database is a newer pocketci's": {
			func(t *testing.T) (string, string) {
				dsn, _ := shared(t)
				db, err := sql.Open("pgx", dsn)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if _, err := db.Exec(newer); err != nil {
					t.Fatal(err)
				}
				return t.TempDir(), dsn
			}, []string{"schema version 99999", "or a newer one"},
		},
		"because its database is something else": {
			func(t *testing.T) (string, string) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, store.FileName), bytes.Repeat([]byte("no database\n"), 1000), 0o600); err != nil {
					t.Fatal(err)
				}
				return dir, ""
			}, []string{"not a database"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, dsn := tt.prepare(t)
			agent := exec.CommandContext(t.Context(), agentBinary(), "--listen", "127.0.0.1:0", "--data-dir", dir)
			agent.Env = append(cleanEnv(), "X_HUB_SIGNATURE=secret of the webhook", "POCKETCI_DATABASE="+dsn)
			began := time.Now()
			out, err := agent.CombinedOutput()
			if code := agent.ProcessState.ExitCode(); code != 2 {
				t.Errorf("exit code %d, want 2: %v", code, err)
			}
			// What may go away by itself is waited for, for a minute.
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the agent took %s to say so", took.Round(time.Millisecond))
			}
			for _, text := range tt.says {
				if !strings.Contains(string(out), text) {
					t.Errorf("the agent does not say %q", text)
				}
			}
			if t.Failed() {
				t.Logf("it said:\n%s", out)
			}
		})
	}
}
