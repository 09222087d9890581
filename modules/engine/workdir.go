package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// workRoot creates dir/sessions, below which every session gets its
// directories, and removes what killed processes left there.
func workRoot(dir string) (string, error) {
	root, err := filepath.Abs(filepath.Join(dir, "sessions"))
	if err != nil {
		return "", fmt.Errorf("find session directory: %w", err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", fmt.Errorf("make session directory: %w", err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", fmt.Errorf("find session directory: %w", err)
	}
	sweep(root)
	return root, nil
}

// checkAbove refuses a directory with a .env or .git in it or above it. The
// dagger program looks for both from its work directory upwards and evaluates
// the ${…} and cmd:// in a .env, so that either would reach into a session.
func checkAbove(dir string) error {
	for {
		for _, name := range []string{".env", ".git"} {
			_, err := os.Lstat(filepath.Join(dir, name))
			if err == nil {
				return fmt.Errorf("sessions cannot be kept below %s: it holds a %s, which would reach into them; choose another data directory", dir, name)
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("look for %s above the session directory: %w", name, err)
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

// scratch is the directory of one session. An exclusive lock on it says that
// its owner lives; what is left of one that was killed is swept later.
type scratch struct {
	path string
	lock *os.File
}

func newScratch(root string) (*scratch, error) {
	path, err := os.MkdirTemp(root, "s-")
	if err != nil {
		return nil, fmt.Errorf("make session directory: %w", err)
	}
	lock, err := os.Open(path)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	for _, sub := range []string{"work", "module"} {
		if err == nil {
			err = os.Mkdir(filepath.Join(path, sub), 0o700)
		}
	}
	if err != nil {
		_ = os.RemoveAll(path)
		return nil, fmt.Errorf("make session directory: %w", err)
	}
	return &scratch{path: path, lock: lock}, nil
}

// work is the session's work directory. It stays empty.
func (s *scratch) work() string { return filepath.Join(s.path, "work") }

// module is where the module's tree is assembled.
func (s *scratch) module() string { return filepath.Join(s.path, "module") }

func (s *scratch) remove() {
	_ = os.RemoveAll(s.path)
	_ = s.lock.Close()
}

// sweep removes the directories of sessions whose owner is gone.
func sweep(root string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, entry := range entries {
		path := filepath.Join(root, entry.Name())
		// A young one may be about to be locked by its owner.
		if info, err := entry.Info(); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(path)
		}
		_ = f.Close()
	}
}
