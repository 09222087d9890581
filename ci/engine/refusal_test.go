//go:build linux

package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// run returns what a command printed and its exit code.
func run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestWithDockerNothingIsBuilt(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	cmd := exec.Command(program, "start", "--cache", cache)
	// make test has the variable set.
	cmd.Env = append(os.Environ(), "POCKETCI_ENGINE_IGNORE_DOCKER=", "PATH="+bin+":"+os.Getenv("PATH"))
	stdout, stderr, code := run(t, cmd)
	if code != 0 || stdout != "" || !strings.Contains(stderr, "Docker answers") {
		t.Errorf("exit %d, stdout %q, stderr %q; want exit 0, no variables and the reason", code, stdout, stderr)
	}
	if left, err := os.ReadDir(cache); err != nil || len(left) > 0 {
		t.Errorf("cache holds %v, %v; want nothing", left, err)
	}
}

func TestWithoutDockerAndRootOneClearError(t *testing.T) {
	cmd := exec.Command(program, "start", "--ignore-docker", "--cache", filepath.Join(os.TempDir(), "pocketci-none"))
	cmd.Env = []string{"HOME=/nonexistent", "PATH=" + os.Getenv("PATH")}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	stdout, stderr, code := run(t, cmd)
	if code != 1 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "root on Debian") {
		t.Errorf("exit %d, stdout %q, stderr %q; want exit 1 and one line that says what is needed", code, stdout, stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "unknown command"},
		{"an unknown command", []string{"restart"}, "unknown command"},
		{"an unknown flag", []string{"start", "--nmae", "x"}, "nmae"},
		{"an argument too many", []string{"start", "dev"}, "unexpected argument"},
		{"a name with a slash", []string{"start", "--name", "../x"}, "engine name"},
		{"a network name too long for an interface", []string{"start", "--network", "fifteen-letters"}, "network name"},
		{"a range that is none", []string{"start", "--network-cidr", "10.0.0.1/20"}, "network range"},
		{"a socket path too long for the kernel", []string{"start", "--socket", "/" + strings.Repeat("x", 108)}, "socket path"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stderr, code := run(t, exec.Command(program, test.args...))
			if code != 2 || !strings.Contains(stderr, test.want) {
				t.Errorf("exit %d, stderr %q; want exit 2 and %q", code, stderr, test.want)
			}
		})
	}
}
