package e2e_test

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// attached mounts a file system of its own for a data directory, and skips the
// test where that is not allowed.
func attached(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	switch err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); {
	case errors.Is(err, syscall.EPERM):
		t.Skip("this test mounts a file system, which only root may do")
	case err != nil:
		t.Fatalf("mount a file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// readOnly makes a mounted file system one that cannot be written.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatalf("mount the file system again for reading only: %v", err)
	}
}

// fill takes all space that a file system has left, and returns what gives it
// back.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for block := make([]byte, 64<<10); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// unavailable checks that a delivery was answered as one that the forge is to
// send again later.
func unavailable(t *testing.T, response *http.Response, answer string) {
	t.Helper()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !strings.Contains(answer, "error") {
		t.Errorf("a delivery is answered with %s, Retry-After %q: %s", response.Status, response.Header.Get("Retry-After"), answer)
	}
}

// sound checks that an agent's database is not damaged.
func sound(t *testing.T, dir string) {
	t.Helper()
	var verdict string
	if err := rawSQLite(t, dir).QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("the database is damaged: %s, %v", verdict, err)
	}
}

// rawSQLite opens the database of a data directory without the store.
func rawSQLite(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// While the disk is full deliveries are refused, so that the forge keeps them;
// once there is space the agent goes on by itself, and has lost nothing.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := attached(t, "size=64m")
	f := newForge(t)
	sha := f.repo.Commit("main", "1", join(rootfs(t), dang(`
  pub onGithubPush(src: Directory!): String! { shell(src, "echo begins; sleep 5; echo ended").stdout }
`))...)
	a := start(t, f, settings{args: []string{"--data-dir", dir}})
	a.dataDir = dir
	first := a.deliver("push", push(t, f, "", sha))
	a.printed(first, "begins")
	empty := fill(t, dir)

	// Some space is left in what the database has already. The deletion of a
	// branch is stored and needs no space for files.
	acknowledged := map[string]bool{first: true}
	var refused []attempt
	for len(refused) < 3 {
		if len(acknowledged) > 200 {
			t.Fatal("deliveries are accepted although the disk is full")
		}
		d := attempt{rand.Text(), append(payload(t, "push_deleted", f, nil), bytes.Repeat([]byte(" "), 200<<10)...)}
		d.body = append(d.body, []byte(strings.Repeat("\n", len(acknowledged)+len(refused)))...)
		response, answer, err := a.request("push", d.body, map[string]string{"X-GitHub-Delivery": d.delivery})
		switch {
		case err != nil:
			t.Fatal(err)
		case response.StatusCode == http.StatusAccepted:
			acknowledged[a.remember([]byte(answer)).ID] = true
		default:
			unavailable(t, response, answer)
			refused = append(refused, d)
		}
	}
	if status, answer := a.get("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("with a full disk /readyz says %d %s", status, answer)
	}
	if status, _ := a.get("/healthz"); status != http.StatusOK {
		t.Errorf("with a full disk /healthz says %d", status)
	}
	time.Sleep(5 * time.Second) // the call ends meanwhile, and cannot say so

	empty()
	for _, d := range refused {
		until(t, "deliveries are accepted again", 30*time.Second, func() bool {
			status, answer, err := a.post("push", d.body, map[string]string{"X-GitHub-Delivery": d.delivery})
			if err == nil && status == http.StatusAccepted {
				acknowledged[a.remember([]byte(answer)).ID] = true
				return true
			}
			return false
		})
	}
	if got := a.finish(first).succeeded("onGithubPush"); got != "begins\nended\n" {
		t.Errorf("the call that ended while the disk was full returned %q", got)
	}
	last := a.deliver("push", another(push(t, f, "", sha)))
	if got := a.finish(last).succeeded("onGithubPush"); got != "begins\nended\n" {
		t.Errorf("the call after it returned %q", got)
	}
	acknowledged[last] = true
	if status, answer := a.get("/readyz"); status != http.StatusOK {
		t.Errorf("with space again /readyz says %d %s", status, answer)
	}
	s := beside(t, a)
	byEvent := map[string]int{}
	for _, r := range runsOf(t, s) {
		byEvent[r.Event]++
		if !r.State.Final() {
			t.Errorf("run %d is %s", r.Number, r.State)
		}
		if c, err := s.Calls(t.Context(), r.ID); err != nil || len(c) > 0 && c[0].Attempt != 1 {
			t.Errorf("the calls of run %d are %+v, %v", r.Number, c, err)
		}
	}
	for id := range acknowledged {
		if byEvent[id] != 1 {
			t.Errorf("event %s was acknowledged and has %d runs", id, byEvent[id])
		}
	}
	if len(byEvent) != len(acknowledged) {
		t.Errorf("%d events have runs, and %d were acknowledged", len(byEvent), len(acknowledged))
	}
	t.Logf("%d deliveries were acknowledged, %d refused and sent again", len(acknowledged), len(refused))
	sound(t, dir)
}

// While somebody else has locked the database deliveries are refused and calls
// are given up, since nothing can be said of them. Then all goes on.
func TestDatabaseLockedBySomebodyElse(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	a := start(t, f, settings{})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	runs(t, "sleep", nap)
	conn, err := rawSQLite(t, a.dataDir).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{`PRAGMA busy_timeout = 10000`, `BEGIN EXCLUSIVE`} {
		if _, err := conn.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	delivery := rand.Text()
	again := func() (*http.Response, string) {
		response, answer, err := a.request("push", another(body), map[string]string{"X-GitHub-Delivery": delivery})
		if err != nil {
			t.Fatal(err)
		}
		return response, answer
	}
	began := time.Now()
	response, answer := again()
	unavailable(t, response, answer)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the answer took %s; GitHub gives up after 10s", took)
	}
	if status, _ := a.get("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("with a locked database /readyz says %d", status)
	}
	a.log("it gives up its call", func(l logLine) bool { return strings.Contains(l.Msg, "gives up its work") })
	gone(t, 15*time.Second, "sleep", nap)

	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	until(t, "the delivery is accepted", 30*time.Second, func() bool {
		response, _ = again()
		return response.StatusCode == http.StatusAccepted
	})
	until(t, "the call is made again", patience, func() bool { return a.says(a.runs[id], "started") == 2 })
	runs(t, "sleep", nap)
	s := beside(t, a)
	if all := runsOf(t, s); len(all) != 2 {
		t.Errorf("there are %d runs of two deliveries", len(all))
	}
	for _, r := range runsOf(t, s) {
		if err := s.Abort(t.Context(), r.ID, somebody, ""); err != nil {
			t.Error(err)
		}
	}
	gone(t, 15*time.Second, "sleep", nap)
	sound(t, a.dataDir)
}

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
			}, []string{"data directory", "read-only file system"},
		},
		"because its data directory has become read-only": {
			func(t *testing.T) (string, string) {
				dir := attached(t, "size=16m")
				used(t, dir)
				readOnly(t, dir)
				return dir, ""
			}, []string{"data directory", "read-only file system"},
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
