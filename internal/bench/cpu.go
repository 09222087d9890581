package main

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ownCPU is how long this process has been running on a processor.
func ownCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it has no reason to fail
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cpuOf is the same of another process, in steps of 10 ms, or 0 if there is none.
// The format is that of proc_pid_stat(5).
func cpuOf(pid int) time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in parentheses may have spaces. utime and stime are the 12th and
	// 13th word after it.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	var ticks, more int64
	fmt.Sscan(string(fields[11]), &ticks)
	fmt.Sscan(string(fields[12]), &more)
	return time.Duration(ticks+more) * 10 * time.Millisecond
}
