package doctest_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var publicKey = regexp.MustCompile(`ed25519:[A-Za-z0-9+/=]+:deploy`)

// The tutorial of docs/converge.md, followed word by word by who has another directory
// and another address.
func TestConvergeTutorial(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("no curl: install the Debian package curl")
	}
	v := newFollower(t)
	// A host of its own, where nobody else is given a port.
	pid := os.Getpid()
	address := fmt.Sprintf("127.%d.%d.%d:4000", 64+pid>>16&63, pid>>8&255, pid&255)
	target, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	here := strings.NewReplacer("/srv/tutorial", target, "/var/lib/pocketci-converge", state, "127.0.0.1:4000", address)
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(v.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key, out, steps := "", "", 0
	for _, b := range readPage(t, "docs/converge.md").blocks {
		if b.section != "A tutorial" {
			continue
		}
		text := here.Replace(b.text)
		switch {
		case b.language == "yaml":
			write("converge.yaml", publicKey.ReplaceAllString(text, key))
		case b.language == "jsonnet":
			first, _, _ := strings.Cut(text, "\n")
			write(strings.TrimPrefix(first, "// "), text)
		case b.language == "sh" && strings.HasPrefix(text, "pocketci converge "):
			v.background(text, address)
		case b.language == "sh":
			out = v.must("", text)
			steps++
			if found := publicKey.FindString(out); found != "" {
				key = found
			}
		default:
			rest := out
			for line := range strings.Lines(text) {
				line = strings.TrimSpace(line)
				_, after, ok := strings.Cut(rest, line)
				if !ok {
					t.Errorf("docs/converge.md:%d: %q is not printed, or not in this order:\n%s", b.line, line, out)
				}
				rest = after
			}
		}
	}
	if steps < 5 || key == "" {
		t.Errorf("the tutorial has %d steps, and the key %q", steps, key)
	}
}

// newFollower is a shell with the command line.
func newFollower(t *testing.T) *shell {
	t.Helper()
	bin := t.TempDir()
	if err := os.Symlink(program(t, "pocketci"), filepath.Join(bin, "pocketci")); err != nil {
		t.Fatal(err)
	}
	return &shell{t: t, dir: t.TempDir(), env: append(os.Environ(),
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())}
}

// background runs a command until the end of the test, and returns once it listens.
func (s *shell) background(script, address string) {
	s.t.Helper()
	command := exec.Command("bash", "-c", "exec "+script)
	command.Dir, command.Env = s.dir, s.env
	var log strings.Builder
	command.Stderr = &log
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil || s.t.Failed() {
			s.t.Errorf("%s: %v\n%s", script, err, log.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not listen: %v", script, err)
		}
	}
}
