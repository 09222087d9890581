package e2e_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store"
)

// attached mounts a file system of its own for a data directory. Without the
// right to do so the test fails, since it would prove nothing.
func attached(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	mount(t, "tmpfs", dir, "tmpfs", 0, options)
	return dir
}

// mount mounts something until the test ends, whoever still uses it then.
func mount(t *testing.T, source, dir, kind string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount(source, dir, kind, flags, options); err != nil {
		t.Fatalf("this test mounts file systems, which takes root and CAP_SYS_ADMIN: mount %s: %v", dir, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) { // not mounted any more
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
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

// oneRunEach checks that each of the acknowledged events has one run, that has
// ended, and that there is no other.
func oneRunEach(t *testing.T, s *store.Store, acknowledged map[string]bool) {
	t.Helper()
	byEvent := map[string]int{}
	for _, r := range runsOf(t, s) {
		byEvent[r.Event]++
		if !r.State.Final() {
			t.Errorf("run %d is %s", r.Number, r.State)
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
}

// unready waits until the agent says that a check does not hold.
func (a *agent) unready(check string) {
	a.t.Helper()
	until(a.t, "the check "+check+" does not hold", 30*time.Second, func() bool {
		status, answer := a.get("/readyz")
		var ready struct{ Checks map[string]string }
		if err := json.Unmarshal([]byte(answer), &ready); err != nil {
			a.t.Fatalf("/readyz says %d %s", status, answer)
		}
		return status == http.StatusServiceUnavailable && ready.Checks[check] != "" && ready.Checks[check] != "ok"
	})
}

// times is how many lines of log have a message that begins so.
func (a *agent) times(message string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.logs {
		if strings.HasPrefix(l.Msg, message) {
			n++
		}
	}
	return n
}

// brief checks that an outage is one in the log, and that nothing but the lines
// of deliveries is repeated in it.
func (a *agent) brief() {
	a.t.Helper()
	for _, message := range []string{"events cannot be stored", "events are stored again"} {
		if n := a.times(message); n != 1 {
			a.t.Errorf("the log says %d times that %s", n, message)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	count := map[string]int{}
	for _, l := range a.logs {
		if l.Level == "WARN" || l.Level == "ERROR" {
			count[l.Msg]++
		}
	}
	for message, n := range count {
		if n > 5 && message != "delivery" {
			a.t.Errorf("the log says %d times: %s", n, message)
		}
	}
}

// send sends a delivery until it is accepted, as a person does who redelivers
// from the webhook's page, and returns the id of its event.
func (a *agent) send(d attempt) (id string) {
	a.t.Helper()
	until(a.t, "a delivery is accepted again", 30*time.Second, func() bool {
		status, answer, err := a.post("push", d.body, map[string]string{"X-GitHub-Delivery": d.delivery})
		id = a.remember([]byte(answer)).ID
		return err == nil && status == http.StatusAccepted
	})
	return id
}
