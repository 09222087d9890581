package e2e_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/franela/pocketci/internal/store"
)

// lockSQLite has the program sqlite3 lock an agent's database, and returns what
// kills it and with it the lock.
func lockSQLite(t *testing.T, dir, begin string) (unlock func()) {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "sqlite3", "-cmd", ".timeout 20000", filepath.Join(dir, store.FileName))
	in, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatalf("no sqlite3: install the Debian package sqlite3: %v", err)
	}
	unlock = func() {
		_ = shell.Process.Kill()
		_ = shell.Wait() // it was killed
	}
	// It has changed something that is undone when it is killed.
	if _, err := io.WriteString(in, begin+"; DELETE FROM events; SELECT 'locked';\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "locked\n" {
		t.Fatalf("sqlite3 says %q, %v", line, err)
	}
	return unlock
}

// refused sends a delivery some times, which must each time be refused before a
// forge gives up.
func refused(t *testing.T, a *agent, d attempt, times int) {
	t.Helper()
	for range times {
		began := time.Now()
		response, answer, err := a.request("push", d.body, map[string]string{"X-GitHub-Delivery": d.delivery})
		if err != nil {
			t.Fatal(err)
		}
		unavailable(t, response, answer)
		if took := time.Since(began); took > 9*time.Second {
			t.Errorf("the answer took %s; GitHub gives up after 10s", took)
		}
	}
}

// While somebody else has locked the database deliveries are refused. A call
// that runs is given up if that lasts, since nothing can be said of it. Then all
// goes on.
func TestDatabaseLockedBySomebodyElse(t *testing.T) {
	t.Parallel()
	nap := number()
	f, body := sleeper(t, "sleep "+nap)
	a := start(t, f, settings{})
	id := a.deliver("push", body)
	a.printed(id, "begins")
	runs(t, "sleep", nap)
	unlock := lockSQLite(t, a.dataDir, "BEGIN EXCLUSIVE")
	d := attempt{rand.Text(), another(body)}
	refused(t, a, d, 1)
	a.unready("database")
	lost := a.log("it gives up its call", func(l logLine) bool { return strings.Contains(l.Msg, "gives up its work") })
	if !strings.Contains(lost.Error, "no heartbeat was confirmed for 20s") {
		t.Errorf("it does not say why: %s", lost.text)
	}
	gone(t, 15*time.Second, "sleep", nap)
	refused(t, a, d, 1)

	unlock()
	a.send(d)
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
	a.brief()
	sound(t, a.dataDir)
}

// A lock that goes before heartbeats are missed costs no call anything.
func TestDatabaseLockedForAWhile(t *testing.T) {
	t.Parallel()
	f, body := sleeper(t, "sleep 6")
	a := start(t, f, settings{})
	first := a.deliver("push", body)
	a.printed(first, "begins")
	unlock := lockSQLite(t, a.dataDir, "BEGIN IMMEDIATE")
	d := attempt{rand.Text(), another(body)}
	refused(t, a, d, 1)
	unlock()
	survived(t, a, beside(t, a), first, a.send(d))
	sound(t, a.dataDir)
}

// survived checks that both calls were made once and with success.
func survived(t *testing.T, a *agent, s *store.Store, first, second string) {
	t.Helper()
	for _, id := range []string{first, second} {
		if got := a.finish(id).succeeded("onGithubPush"); got != "begins\nended\n" {
			t.Errorf("the call of %s returned %q", id, got)
		}
	}
	oneRunEach(t, s, map[string]bool{first: true, second: true})
	for _, r := range runsOf(t, s) {
		if c := callOf(t, s, r.ID, "onGithubPush"); c.Attempt != 1 {
			t.Errorf("the call of run %d was made %d times", r.Number, c.Attempt)
		}
	}
	if n := a.times("the agent gives up its work"); n != 0 {
		t.Errorf("the agent gave up its work %d times", n)
	}
	a.brief()
}

// With PostgreSQL it may be the table of events alone that is locked, and for
// long: heartbeats go on, and so do calls.
func TestEventsLockedBySomebodyElse(t *testing.T) {
	t.Parallel()
	dsn, s := shared(t)
	f, body := sleeper(t, "sleep 6")
	a := start(t, f, settings{env: []string{"POCKETCI_DATABASE=" + dsn}})
	first := a.deliver("push", body)
	a.printed(first, "begins")
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	d := attempt{rand.Text(), another(body)}
	began := time.Now()
	// Longer than a heartbeat may be missing.
	for time.Since(began) < 21*time.Second {
		refused(t, a, d, 1)
	}
	a.unready("database")
	if _, err := conn.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	survived(t, a, s, first, a.send(d))
}
