package main

import (
	"context"
	"fmt"
	"os"
)

// stage puts away what the measurements leave behind. It stands in for a test
// where gittest wants one.
type stage struct {
	ctx      context.Context
	cleanups []func()
}

// Helper does nothing; it is there for gittest.
func (s *stage) Helper() {}

// Fatalf ends the program. It is for what cannot fail on a sane machine.
func (s *stage) Fatalf(format string, args ...any) {
	s.close()
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
	os.Exit(1)
}

// TempDir makes a directory that is removed at the end.
func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp("", "pocketci-bench-")
	if err != nil {
		s.Fatalf("make a directory: %v", err)
	}
	s.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Cleanup has f called at the end, last in first out.
func (s *stage) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *stage) close() { s.unwind(0) }

// unwind calls what Cleanup was given, all but the first n.
func (s *stage) unwind(n int) {
	for len(s.cleanups) > n {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		last()
	}
}
