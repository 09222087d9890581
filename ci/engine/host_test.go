//go:build linux

package main_test

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostState is what an engine must leave as it was.
type hostState struct {
	files   map[string]string
	rules   []string
	forward string
}

// otherRules are those that belong to one container of some other engine: they
// come and go while a developer uses his.
var otherRules = regexp.MustCompile(`CNI-[0-9a-f]{24}|-[sd] 10\.\d+\.\d+\.\d+/32`)

func lookAtHost(t *testing.T) hostState {
	t.Helper()
	state := hostState{files: map[string]string{}}
	names, err := filepath.Glob("/usr/bin/*tables*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "/etc/resolv.conf", "/etc/dagger", "/etc/dnsmasq-resolv.conf", "/run/pocketci-engine", "/opt/cni") {
		state.files[name] = fingerprint(name)
	}
	for _, line := range packetFilter(t) {
		if !otherRules.MatchString(line) {
			state.rules = append(state.rules, line)
		}
	}
	forward, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		t.Fatal(err)
	}
	state.forward = string(forward)
	return state
}

// fingerprint tells a file's kind, target and contents.
func fingerprint(name string) string {
	info, err := os.Lstat(name)
	if err != nil {
		return "absent"
	}
	target, _ := os.Readlink(name)
	content, _ := os.ReadFile(name)
	return fmt.Sprintf("%s %s %x", info.Mode(), target, sha256.Sum256(content))
}

// packetFilter returns the rules and chains without counters and comments.
func packetFilter(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("/usr/sbin/iptables-save").Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, ":"):
			// Built-in chains appear when a table is first looked at.
			if name, policy, _ := strings.Cut(line, " "); strings.HasPrefix(policy, "-") {
				lines = append(lines, name)
			}
		case strings.HasPrefix(line, "-A"):
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func (s hostState) compareFiles(t *testing.T, before hostState) {
	t.Helper()
	for name, want := range before.files {
		if got := s.files[name]; got != want {
			t.Errorf("%s was %q, is %q", name, want, got)
		}
	}
}

// requireNothingLeft looks for remains of a stopped engine.
func (e *engine) requireNothingLeft(t *testing.T, before hostState) {
	t.Helper()
	after := lookAtHost(t)
	after.compareFiles(t, before)
	if !slices.Equal(before.rules, after.rules) {
		t.Errorf("packet filter rules were\n%s\nare\n%s", strings.Join(before.rules, "\n"), strings.Join(after.rules, "\n"))
	}
	if before.forward != after.forward {
		t.Errorf("forwarding was %q, is %q", before.forward, after.forward)
	}

	network := e.network()
	for _, line := range packetFilter(t) {
		if strings.Contains(line, network) {
			t.Errorf("rule left: %s", line)
		}
	}
	if _, err := net.InterfaceByName(network + "0"); err == nil {
		t.Errorf("bridge %s0 left", network)
	}
	for _, pattern := range []string{"/sys/fs/cgroup/*/pocketci-" + e.name, "/sys/fs/cgroup/pocketci-" + e.name} {
		if left, _ := filepath.Glob(pattern); len(left) > 0 {
			t.Errorf("control groups left: %q", left)
		}
	}

	lock, err := os.OpenFile(filepath.Join(e.state, "root", "dagger-engine.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		t.Errorf("the engine's lock is not free: %v", err)
	}
}

// withoutNetwork runs do while containers of the engine reach nothing outside.
func (e *engine) withoutNetwork(t *testing.T, do func()) {
	t.Helper()
	rule := []string{"FORWARD", "-i", e.network() + "0", "-j", "REJECT"}
	if out, err := exec.Command("/usr/sbin/iptables", append([]string{"-I"}, rule...)...).CombinedOutput(); err != nil {
		t.Fatalf("close the network: %v\n%s", err, out)
	}
	defer func() {
		if out, err := exec.Command("/usr/sbin/iptables", append([]string{"-D"}, rule...)...).CombinedOutput(); err != nil {
			t.Errorf("open the network again: %v\n%s", err, out)
		}
	}()
	do()
}

// network returns the name of the engine's network, as derived from its name.
func (e *engine) network() string {
	hash := sha256.Sum256([]byte(e.name))
	return fmt.Sprintf("pci%x", hash[:4])
}

func (e *engine) pid(t *testing.T) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(e.state, "engine.pid"))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(content), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

func kill(pid int) error { return syscall.Kill(pid, syscall.SIGKILL) }

// suspend stops the engine itself, which is the child of process 1 of its
// namespace, for some time.
func suspend(pid int) error { return signalChild(pid, syscall.SIGSTOP) }

func resume(pid int) error { return signalChild(pid, syscall.SIGCONT) }

func signalChild(pid int, signal syscall.Signal) error {
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return err
	}
	var child int
	if _, err := fmt.Sscan(string(children), &child); err != nil {
		return fmt.Errorf("child of process %d: %w", pid, err)
	}
	return syscall.Kill(child, signal)
}

// processRuns reports whether a process with that very command line exists.
func processRuns(args []string) bool {
	want := strings.Join(args, "\x00") + "\x00"
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(names, func(name string) bool {
		content, err := os.ReadFile(name)
		return err == nil && string(content) == want
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after two minutes: %s", what)
		}
	}
}
