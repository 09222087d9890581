package main

import (
	"context"
	"fmt"
	"os"
)

// stage holds what the demo has to put away. It stands in for a test where
// gittest wants one.
type stage struct {
	ctx      context.Context
	cleanups []func()
}

// Helper does nothing; it is there for gittest.
func (s *stage) Helper() {}

// Fatalf ends the demo. It is for what cannot fail on a sane machine.
func (s *stage) Fatalf(format string, args ...any) {
	s.close()
	fmt.Fprintf(os.Stderr, "demo: "+format+"\n", args...)
	os.Exit(1)
}

// TempDir makes a directory that is removed at the end.
func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp("", "pocketci-demo-")
	if err != nil {
		s.Fatalf("make a directory: %v", err)
	}
	s.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Cleanup has f called at the end, last in first out.
func (s *stage) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *stage) close() {
	for len(s.cleanups) > 0 {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		last()
	}
}
