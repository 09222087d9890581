package e2e_test

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// While the disk is full deliveries are refused, so that the forge keeps them;
// once there is space the agent goes on by itself, and has lost nothing.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := attached(t, "size=16m")
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
	a.unready("data-dir")
	if status, _ := a.get("/healthz"); status != http.StatusOK {
		t.Errorf("with a full disk /healthz says %d", status)
	}
	time.Sleep(5 * time.Second) // the call ends meanwhile, and cannot say so

	empty()
	for _, d := range refused {
		acknowledged[a.send(d)] = true
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
	oneRunEach(t, s, acknowledged)
	for _, r := range runsOf(t, s) {
		if c, err := s.Calls(t.Context(), r.ID); err != nil || len(c) > 0 && c[0].Attempt != 1 {
			t.Errorf("the calls of run %d are %+v, %v", r.Number, c, err)
		}
	}
	a.brief()
	t.Logf("%d deliveries were acknowledged, %d refused and sent again", len(acknowledged), len(refused))
	sound(t, dir)
}

// What was acknowledged before the disk was full, and needs space to be
// fetched, waits for it.
func TestRepositoryThatFindsNoRoom(t *testing.T) {
	t.Parallel()
	dir := attached(t, "size=32m")
	f := newForge(t)
	functions := dang(`
  pub onGithubPush: String! { "ran" }
`)
	a := start(t, f, settings{args: []string{"--data-dir", dir}})
	a.dataDir = dir
	first := a.deliver("push", push(t, f, "", f.repo.Commit("main", "1", functions...)))
	a.finish(first).succeeded("onGithubPush")

	// The database has room for the event, the mirror none for its commit.
	blob := make([]byte, 4<<20)
	rand.Read(blob)
	sha := f.repo.Commit("main", "2", gittest.Write("blob", string(blob)))
	empty := fill(t, dir)
	filler := filepath.Join(dir, "filler")
	info, err := os.Stat(filler)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filler, info.Size()-(2<<20)); err != nil {
		t.Fatal(err)
	}
	second := a.deliver("push", push(t, f, "", sha))
	a.log("its run waits", func(l logLine) bool { return strings.HasPrefix(l.Msg, "the data directory cannot be written; waiting") })
	empty()
	a.finish(second).succeeded("onGithubPush")
	oneRunEach(t, beside(t, a), map[string]bool{first: true, second: true})
	sound(t, dir)
}

// A data directory that becomes read-only while the agent works is like a full
// disk. A file system with open files cannot be mounted again for reading only,
// and becomes so by itself when its disk fails: here new files meet a second
// mount of it, and those of the database a strace that has writing fail.
func TestDataDirectoryBecomesReadOnly(t *testing.T) {
	t.Parallel()
	dir := attached(t, "size=32m")
	f, body := sleeper(t, "sleep 4")
	a := start(t, f, settings{args: []string{"--data-dir", dir}})
	a.dataDir = dir
	first := a.deliver("push", body)
	a.printed(first, "begins")
	mount(t, dir, dir, "", syscall.MS_BIND, "")
	if err := syscall.Mount("", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	writable := unwritable(t, a, store.FileName, store.FileName+"-wal")
	a.unready("database")
	a.unready("data-dir")
	d := attempt{rand.Text(), another(body)}
	for range 10 {
		response, answer, err := a.request("push", d.body, map[string]string{"X-GitHub-Delivery": d.delivery})
		if err != nil {
			t.Fatal(err)
		}
		unavailable(t, response, answer)
	}
	told := a.log("the log says what to do", func(l logLine) bool { return l.Check == "data-dir" })
	for _, text := range []string{"read-only file system", "mount its file system for writing"} {
		if !strings.Contains(told.Cause, text) {
			t.Errorf("the log does not say %q: %s", text, told.text)
		}
	}

	writable()
	if err := syscall.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	second := a.send(d)
	for _, id := range []string{first, second} {
		if got := a.finish(id).succeeded("onGithubPush"); got != "begins\nended\n" {
			t.Errorf("the call of %s returned %q", id, got)
		}
	}
	if status, answer := a.get("/readyz"); status != http.StatusOK {
		t.Errorf("afterwards /readyz says %d %s", status, answer)
	}
	oneRunEach(t, beside(t, a), map[string]bool{first: true, second: true})
	a.brief()
	sound(t, dir)
}

// unwritable has all that an agent writes to some files of its data directory
// fail as on a file system that is read-only, and returns what ends that.
func unwritable(t *testing.T, a *agent, names ...string) (writable func()) {
	t.Helper()
	const writes = "pwrite64,pwritev,write,writev,ftruncate,fallocate"
	args := []string{"-f", "-qq", "-o", os.DevNull, "-p", strconv.Itoa(a.cmd.Process.Pid), "-e", "trace=" + writes, "-e", "inject=" + writes + ":error=EROFS"}
	for _, name := range names {
		args = append(args, "-P", filepath.Join(a.dataDir, name))
	}
	tracer := exec.Command("strace", args...)
	var said bytes.Buffer
	tracer.Stderr = &said
	if err := tracer.Start(); err != nil {
		t.Fatalf("no strace: install the Debian package strace: %v", err)
	}
	writable = sync.OnceFunc(func() {
		_ = tracer.Process.Signal(syscall.SIGTERM) // it lets go of the agent
		_ = tracer.Wait()
		if said.Len() > 0 {
			t.Logf("strace says: %s", said.Bytes())
		}
	})
	t.Cleanup(writable)
	return writable
}
