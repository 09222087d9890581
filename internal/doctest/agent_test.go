package doctest_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/modules/engine"
)

// agent is an agent process.
type agent struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	ended chan error
}

// startAgent starts an agent and waits until it listens. It ends with the test.
func startAgent(t *testing.T, env []string, args ...string) *agent {
	t.Helper()
	a := &agent{t: t, cmd: exec.Command(program(t, "agent"), args...), ended: make(chan error, 1)}
	a.cmd.Env = env
	stderr, err := a.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.cmd.Process.Kill() })
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			if _, rest, ok := strings.Cut(lines.Text(), `msg="agent listens" address=`); ok {
				found, _, _ := strings.Cut(rest, " ")
				address <- found
			}
		}
		a.ended <- a.cmd.Wait()
	}()
	select {
	case found := <-address:
		a.url = "http://" + found
	case err := <-a.ended:
		t.Fatalf("the agent ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("the agent does not listen")
	}
	return a
}

// stop has the agent stop in order.
func (a *agent) stop() {
	a.t.Helper()
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	select {
	case err := <-a.ended:
		if err != nil {
			a.t.Errorf("the agent did not stop in order: %v", err)
		}
	case <-time.After(time.Minute):
		a.t.Error("the agent does not stop")
	}
}

// visitor is somebody who follows a page on the machine of an agent without an
// engine.
type visitor struct {
	*shell
	agent        *agent
	data, secret string
	start        func() *agent
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(program(t, "pocketci"), filepath.Join(bin, "pocketci")); err != nil {
		t.Fatal(err)
	}
	v := &visitor{data: filepath.Join(t.TempDir(), "data"), secret: rand.Text()}
	v.shell = &shell{t: t, dir: t.TempDir(), env: append(os.Environ(),
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"),
		"HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "DATA="+v.data, "SECRET="+v.secret)}
	v.start = func() *agent {
		env := append(os.Environ(), "X_HUB_SIGNATURE="+v.secret, engine.EnvRunnerHost+"=unix:///nonexistent/engine.sock")
		v.agent = startAgent(t, env, "--listen", "127.0.0.1:0", "--data-dir", v.data)
		v.env = append(v.env, "SERVER="+v.agent.url)
		return v.agent
	}
	v.start()
	return v
}

// The examples of the API guide, one after the other.
func TestExamplesOfTheAPI(t *testing.T) {
	t.Parallel()
	v := newVisitor(t)
	page := readPage(t, "docs/api.md")
	want := map[string][]string{
		"Keys":                       {`"name":"mona"`, `"scope":"admin"`, `"name":"dashboard"`, `"secret":"pci_`},
		"Errors":                     {`"status":401`},
		"Events":                     {`"repository":"octo/hello"`, `"after": "1111111111111111111111111111111111111111"`, `"repository_name": "octo/hello"`, `"run":`},
		"Runs and calls":             {`"state":"queued"`, `"runs":[`, `"calls":[]`, `"reason":"aborted by mona: wrong branch"`, `"attempt":2`},
		"Following":                  {"data: {", `"cause":"restart by mona"`},
		"What is going on":           {`"waiting":[{`, `"why":"nothing"`, "data: {", `"state":"none"`},
		"Repositories and functions": {`"repository":"octo/hello"`, `"functions":[]`, `"reason":"flaky"`},
		"By hand":                    {`"run":`},
		"Other sources":              {`"schedules":[]`, `"mirrors":[]`, `"sources":[]`},
		"The agent":                  {`"engine":`, `"action":"call"`, "pocketci_queue_depth"},
	}
	const mark = "=== section "
	var script strings.Builder
	for _, b := range page.blocksOf("sh") {
		script.WriteString("echo '" + mark + b.section + "'\n" + b.text)
	}
	out := v.must("", script.String())
	said := map[string]string{}
	for _, part := range strings.Split(out, mark)[1:] {
		section, text, _ := strings.Cut(part, "\n")
		said[section] += text
	}
	if len(said) != len(want) {
		t.Errorf("docs/api.md has examples in %d sections, want %d", len(said), len(want))
	}
	for section, texts := range want {
		for _, text := range texts {
			if !strings.Contains(said[section], text) {
				t.Errorf("%s: the examples print no %s:\n%s", section, text, said[section])
			}
		}
	}
	for _, b := range page.blocksOf("json") {
		if b.section != "Errors" {
			continue
		}
		var shown, answered any
		if err := json.Unmarshal([]byte(b.text), &shown); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(said["Errors"]), &answered); err != nil {
			t.Fatalf("%v: %s", err, said["Errors"])
		}
		if diff := cmp.Diff(shown, answered); diff != "" {
			t.Errorf("docs/api.md:%d (-docs +agent):\n%s", b.line, diff)
		}
	}
	v.agent.stop()
}

// The commands of the operating guide for the first key, and for a backup and
// its restore.
func TestOperatingGuide(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sqlite3"); err != nil {
		t.Fatal("no sqlite3: install the Debian package sqlite3")
	}
	v := newVisitor(t)
	backup := t.TempDir()
	commands := map[string][]string{}
	for _, b := range readPage(t, "docs/operating.md").blocksOf("sh") {
		text := strings.NewReplacer("/var/lib/pocketci", v.data, "/backup", backup).Replace(b.text)
		commands[b.section] = append(commands[b.section], text)
	}
	key := strings.TrimSpace(v.must("", commands["The first key"][0]))
	if !strings.HasPrefix(key, "pci_") {
		t.Errorf("the first key is printed as %q", key)
	}
	deliver := func() {
		t.Helper()
		for _, b := range readPage(t, "docs/api.md").blocksOf("sh") {
			if strings.HasPrefix(b.text, "BODY=") {
				v.must("", b.text)
			}
		}
	}
	events := func() int {
		t.Helper()
		v.env = append(v.env, "POCKETCI_KEY="+key)
		var list struct{ Events []json.RawMessage }
		if err := json.Unmarshal([]byte(v.must("", `POCKETCI_SERVER=$SERVER pocketci events list --json`)), &list); err != nil {
			t.Fatal(err)
		}
		return len(list.Events)
	}
	deliver()
	v.must("", commands["Backup and restore"][0])
	if n := events(); n != 1 {
		t.Fatalf("there are %d events, want 1", n)
	}
	// What comes after the backup is unknown to who starts from it.
	v.must("", `POCKETCI_SERVER=$SERVER pocketci replay "$(POCKETCI_SERVER=$SERVER pocketci events list --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -1)"`)
	if n := events(); n != 2 {
		t.Fatalf("there are %d events after a replay, want 2", n)
	}
	v.agent.stop()
	for _, name := range []string{"pocketci.db-wal", "pocketci.db-shm"} {
		if err := os.RemoveAll(filepath.Join(v.data, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(backup, "pocketci.db"), filepath.Join(v.data, "pocketci.db")); err != nil {
		t.Fatal(err)
	}
	v.start()
	if n := events(); n != 1 {
		t.Errorf("there are %d events after the restore, want 1", n)
	}
	v.agent.stop()
}
