package converge_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A command beside a process that runs leaves alone what that one writes, and what a
// crash has left goes.
func TestFilesThatAreWritten(t *testing.T) {
	t.Parallel()
	h := newHost(t, pushed)
	h.start()
	written := filepath.Join(h.state, "listen", ".new-1")
	left := filepath.Join(h.state, "listen", ".new-2")
	for _, name := range []string{written, left} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(left, before, before); err != nil {
		t.Fatal(err)
	}
	h.stop()
	h.start()
	h.stop()
	if _, err := os.Stat(written); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("what was left: %v", err)
	}
}
