package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// processes are the ids of all processes of the machine with the given words in
// a row in their command line. Containers are processes of the machine too.
func processes(words ...string) []int {
	var found []int
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		args := arguments(name)
		for i := range args {
			if rest := args[i:]; len(rest) >= len(words) && slices.Equal(rest[:len(words)], words) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

func arguments(name string) []string {
	data, err := os.ReadFile(name)
	if err != nil || len(data) == 0 {
		return nil // it has ended, or is the kernel's
	}
	return strings.Split(string(bytes.TrimRight(data, "\x00")), "\x00")
}

// until waits for a condition that nobody announces.
func until(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}

// runs waits until there is a process with the words in its command line.
func runs(t *testing.T, words ...string) {
	t.Helper()
	until(t, strings.Join(words, " ")+" runs", patience, func() bool { return len(processes(words...)) > 0 })
}

// gone waits until there is no process with the words in its command line.
func gone(t *testing.T, limit time.Duration, words ...string) {
	t.Helper()
	until(t, strings.Join(words, " ")+" is gone", limit, func() bool { return len(processes(words...)) == 0 })
}

// children are the ids of all processes below a process.
func children(pid int) []int {
	parents := map[int][]int{}
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		// The name in parentheses may hold anything; the parent's id is the
		// second field after it (proc_pid_stat(5)).
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		parents[parent] = append(parents[parent], child)
	}
	var all []int
	for next := parents[pid]; len(next) > 0; {
		all = append(all, next[0])
		next = append(next[1:], parents[next[0]]...)
	}
	return all
}

// alive reports whether a process is there and no zombie.
func alive(pid int) bool {
	return len(arguments("/proc/"+strconv.Itoa(pid)+"/cmdline")) > 0
}
