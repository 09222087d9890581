package gittest

import (
	"fmt"
	"os"
)

// Stage is a [T] for programs that are no tests, such as the demo. Close puts
// away what was made on it. It is not safe for use from several goroutines.
type Stage struct {
	// Name is the program's, for messages and names of directories.
	Name string

	cleanups []func()
}

// Helper does nothing; a test would mark the function as not worth naming.
func (s *Stage) Helper() {}

// Fatalf ends the program. It is for what cannot fail on a sane machine.
func (s *Stage) Fatalf(format string, args ...any) {
	s.Close()
	fmt.Fprintf(os.Stderr, s.Name+": "+format+"\n", args...)
	os.Exit(1)
}

// TempDir makes a directory that is removed at the end.
func (s *Stage) TempDir() string {
	dir, err := os.MkdirTemp("", "pocketci-"+s.Name+"-")
	if err != nil {
		s.Fatalf("make a directory: %v", err)
	}
	s.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Cleanup has f called at the end, last in first out.
func (s *Stage) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }

// Close calls everything that Cleanup was given.
func (s *Stage) Close() { s.Unwind(0) }

// Mark returns a point that Unwind goes back to.
func (s *Stage) Mark() int { return len(s.cleanups) }

// Unwind calls what Cleanup was given since the mark.
func (s *Stage) Unwind(mark int) {
	for len(s.cleanups) > mark {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		last()
	}
}
