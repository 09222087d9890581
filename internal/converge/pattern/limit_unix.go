//go:build unix

package pattern

import "syscall"

// maxMemory is how much address space a process that renders has. Go reserves some
// hundred megabytes that it does not use.
const maxMemory = 2 << 30

func limitMemory() error {
	return syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: maxMemory, Max: maxMemory})
}
